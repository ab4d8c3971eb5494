#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "larnax/labels.h"
#include "larnax/samples.h"
#include "wire/remote_write/negotiation.h"
#include "wire/write_request.h"

namespace larnax::wire {

/// The fields of a native histogram sample, as the message has them.
struct HistogramFields {
  bool is_float = false;  ///< Which of the count, zero count and bucket fields are sent.
  uint64_t count_int = 0;
  double count_float = 0;
  double sum = 0;
  int32_t schema = 0;
  double zero_threshold = 0;
  uint64_t zero_count_int = 0;
  double zero_count_float = 0;
  std::vector<BucketSpan> negative_spans;
  std::vector<int64_t> negative_deltas;  ///< Integer buckets, each less its predecessor.
  std::vector<double> negative_counts;   ///< Float buckets.
  std::vector<BucketSpan> positive_spans;
  std::vector<int64_t> positive_deltas;
  std::vector<double> positive_counts;
  uint32_t reset_hint = 0;  ///< 0 unknown, 1 yes, 2 no, 3 gauge.
  int64_t time_ms = 0;
  std::vector<double> custom_bounds;
  int64_t start_ms = 0;  ///< 0 = unknown; remote write 2.0 only.
};

/// Write a message `Histogram`.
std::string EncodeHistogram(const HistogramFields& fields);

/// Build a remote write request of either version, series by series. Reusable after Clear.
class RequestEncoder {
 public:
  explicit RequestEncoder(WriteVersion version);

  /// Begin a series. `label_bytes` has the form of LabelsView; it need not be canonical.
  void BeginSeries(std::string_view label_bytes);
  /// Append a sample to the series begun last; `start_ms` is sent by version 2 only.
  void AddSample(int64_t time_ms, double value, int64_t start_ms = 0);
  /// Append a message of EncodeHistogram.
  void AddHistogram(std::string_view message);
  void AddExemplar(std::string_view label_bytes, double value, int64_t time_ms);
  /// Describe a metric; version 2 sends it with the series begun last, whatever `metric` says.
  void AddMetadata(const DecodedMetadata& metadata);
  /// Give the message; valid until the next call.
  std::string_view Finish();
  /// Forget everything but the version.
  void Clear();

 private:
  void EndSeries();
  uint32_t SymbolOf(std::string_view text);
  void AppendReferences(std::string_view label_bytes, std::string* out);

  WriteVersion version_;
  bool in_series_ = false;
  std::string series_;   // The current TimeSeries.
  std::string part_;     // Scratch for one of its fields.
  std::string body_;     // Finished TimeSeries, keys included.
  std::string message_;  // Version 2: symbols, then body_.
  std::unordered_map<std::string, uint32_t> symbols_;
  std::string encoded_symbols_;
};

}  // namespace larnax::wire
