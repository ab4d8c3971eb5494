#pragma once

#include <memory>
#include <string>

#include <arrow/result.h>

#include "http/samples/samples_body.h"
#include "larnax/samples.h"

namespace larnax::http {

/// Tell whether a value is a stale marker; compares bits.
bool IsStale(double value);

/// Walks the series of a stream one by one, up to a limit.
class SampleCursor {
 public:
  SampleCursor(std::unique_ptr<SampleStream> stream, SamplesOptions options)
      : stream_(std::move(stream)), options_(options) {}

  /// Move to the next series with samples; nullptr at the end. The pointer is valid until the
  /// next call.
  arrow::Result<const SeriesSamples*> Next();
  /// Whether there were more series than the limit; known at the end.
  bool truncated() const { return truncated_; }
  const SamplesOptions& options() const { return options_; }
  const ReadStats& stats() const { return stream_->stats(); }
  /// The trailer fields of the answer.
  std::string Trailer() const;

 private:
  std::unique_ptr<SampleStream> stream_;
  SamplesOptions options_;
  SampleBatch batch_;
  size_t next_ = 0;
  int64_t yielded_ = 0;
  bool truncated_ = false;
  bool done_ = false;
};

}  // namespace larnax::http
