#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "answer/writers.h"
#include "larnax/samples.h"

namespace larnax::answer {

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

 private:
  std::unique_ptr<SampleStream> stream_;
  SamplesOptions options_;
  SampleBatch batch_;
  size_t next_ = 0;
  int64_t yielded_ = 0;
  bool truncated_ = false;
  bool done_ = false;
};

/// One row of a table: a float or a histogram sample, borrowed from its series.
struct SampleRow {
  int64_t time_ms = 0;
  int64_t start_ms = 0;
  double value = 0;
  const NativeHistogram* histogram = nullptr;  ///< Null: it is a float.
  bool stale = false;
};

/// Floats of one series that come one after the other, none a stale marker; borrowed from it.
struct FloatRun {
  std::span<const int64_t> time_ms;
  std::span<const double> value;
  std::span<const int64_t> start_ms;  ///< Empty: none known.
};

/// Walks the rows of all series of a cursor, by time within each.
class RowCursor {
 public:
  RowCursor(std::unique_ptr<SampleStream> stream, SamplesOptions options)
      : cursor_(std::move(stream), options) {}

  /// Move to the next row; false at the end. `*new_series` is set where its series is another.
  arrow::Result<bool> Next(SampleRow* row, bool* new_series);
  /// Move over at most `limit` further rows of the current series that are plain floats; none when
  /// the next row is another, or the series has histograms.
  FloatRun TakeFloats(int64_t limit);
  const SeriesSamples& series() const { return *series_; }
  const ReadStats& stats() const { return cursor_.stats(); }

 private:
  bool TakeRow(SampleRow* row);

  SampleCursor cursor_;
  const SeriesSamples* series_ = nullptr;
  size_t float_ = 0;  // The next of each kind.
  size_t histogram_ = 0;
  bool is_new_ = false;
};

/// Sorts the labels of a series into the columns of a table and the rest.
class LabelSpread {
 public:
  explicit LabelSpread(const std::vector<LabelColumn>& columns);

  void Spread(LabelsView labels);
  /// Values of the columns, empty where a label is absent; borrowed from the labels.
  const std::vector<std::string_view>& values() const { return values_; }
  const std::vector<Label>& others() const { return others_; }

 private:
  std::unordered_map<std::string, size_t> column_of_;
  std::vector<std::string_view> values_;
  std::vector<Label> others_;
};

}  // namespace larnax::answer
