// Input: a byte that says when to ask, then the text of a query.
//
// Whatever the text: it is answered over a few awkward series within the limits it is given, or
// refused as a query, as one that these samples do not allow, or as one that costs too much. An
// instant query answers as a range query of one step does, and as it does when the series come one
// at a time.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "exec/engine.h"
#include "exec/memory_source_for_test.h"
#include "larnax/error.h"

namespace larnax::exec {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int kMinutes = 20;

Labels LabelsOf(const char* metric, std::vector<std::pair<std::string, std::string>> pairs) {
  pairs.emplace_back("__name__", metric);
  return Labels::Make(std::move(pairs)).ValueOrDie();
}

NativeHistogram HistogramOf(int minute, int32_t schema) {
  NativeHistogram h;
  h.schema = schema;
  if (schema == NativeHistogram::kCustomBounds) h.custom_bounds = {0.5, 1, 2.5};
  h.zero_threshold = schema == NativeHistogram::kCustomBounds ? 0 : 0.001;
  h.positive_spans = {{0, 2}, {1, 1}};
  h.positive = {1.0 + minute, 2, 3.0 * minute};
  h.zero_count = minute;
  h.sum = 7.5 * minute;
  h.count = h.zero_count + h.positive[0] + h.positive[1] + h.positive[2];
  return h;
}

// Counters that reset, gauges with odd values, classic buckets, histograms, gaps and ends.
MemorySource MakeSource() {
  MemorySource source;
  const double odd[] = {0.0,   -0.0, std::nan(""), std::numeric_limits<double>::infinity(),
                        -7.25, 1e300};
  for (int minute = 0; minute < kMinutes; ++minute) {
    const int64_t at = minute * kMinuteMs;
    source.Add(LabelsOf("c", {{"job", "a"}, {"i", "1"}}), at, minute % 7 * 10.0, at - 5);
    source.Add(LabelsOf("c", {{"job", "a"}, {"i", "2"}}), at, minute * 1.5);
    if (minute % 3 != 0) source.Add(LabelsOf("c", {{"job", "b"}}), at, minute * 2.0);
    source.Add(LabelsOf("g", {{"job", "a"}}), at, odd[minute % 6]);
    source.Add(LabelsOf("g", {{"job", "b"}, {"x", "y"}}), at + 1, -minute);
    for (const char* le : {"0.1", "1", "+Inf"}) {
      const double count = minute * static_cast<double>(le[0] == '+' ? 3 : le[0] - '0' + 1);
      source.Add(LabelsOf("b_bucket", {{"le", le}, {"job", "a"}}), at, count);
    }
    source.Add(LabelsOf("h", {{"job", "a"}}), at, HistogramOf(minute, minute < 9 ? 0 : 1));
    source.Add(LabelsOf("h", {{"job", "b"}}), at,
               HistogramOf(minute, NativeHistogram::kCustomBounds));
    source.Add(LabelsOf("target_info", {{"job", "a"}, {"version", "1"}}), at, 1);
  }
  const int64_t end = kMinutes * kMinuteMs;
  source.Add(LabelsOf("c", {{"job", "b"}}), end, std::bit_cast<double>(kStaleBits));
  source.Add(LabelsOf("h", {{"job", "a"}}), end, 3.0);
  return source;
}

QueryRequest RequestFor(uint8_t when, std::string_view text) {
  QueryRequest request;
  request.text = text;
  request.start_ms = (when & 0x1F) * kMinuteMs + (when >> 5);
  request.timeout_ms = 2000;
  request.max_samples = 200'000;
  request.max_memory_bytes = 64 << 20;
  request.threads = 1;
  request.features = {.experimental_functions = true,
                      .extended_range_selectors = true,
                      .binop_fill_modifiers = true,
                      .delayed_name_removal = (when & 0x20) != 0,
                      .use_start_timestamps = (when & 0x40) != 0,
                      .type_and_unit_labels = (when & 0x80) != 0};
  return request;
}

arrow::Result<QueryResult> Run(Engine* engine, MemorySource* source, const QueryRequest& request) {
  auto result = engine->Run(*source, request);
  if (!result.ok()) {
    const ErrorKind kind = KindOf(result.status());
    LARNAX_CHECK(kind == ErrorKind::kBadQuery || kind == ErrorKind::kExecution ||
                 kind == ErrorKind::kLimit || kind == ErrorKind::kTimeout);
  }
  return result;
}

std::string BitsOf(double value) {
  return std::isnan(value) ? "NaN " : std::to_string(std::bit_cast<uint64_t>(value)) + " ";
}

std::string TextOf(const NativeHistogram& histogram) {
  std::string text = "h" + std::to_string(histogram.schema) + " ";
  for (const double value : {histogram.count, histogram.sum, histogram.zero_count}) {
    text += BitsOf(value);
  }
  for (const std::vector<double>* side : {&histogram.positive, &histogram.negative}) {
    for (const double value : *side) text += BitsOf(value);
  }
  return text;
}

// Each series with its only point, in the order of labels.
std::vector<std::pair<std::string, std::string>> PointsOf(const QueryResult& result) {
  std::vector<std::pair<std::string, std::string>> points;
  for (const QuerySeries& series : result.series) {
    std::string text;
    for (const double value : series.value) text += BitsOf(value);
    for (const QueryHistogram& point : series.histograms) {
      text += TextOf(*point.histogram);
    }
    if (!text.empty()) points.emplace_back(series.labels.bytes(), std::move(text));
  }
  std::sort(points.begin(), points.end());
  return points;
}

bool IsTooMuch(const arrow::Status& status) {
  return KindOf(status) == ErrorKind::kLimit || KindOf(status) == ErrorKind::kTimeout;
}

void CheckQuery(uint8_t when, std::string_view text) {
  static MemorySource source = MakeSource();
  static Engine engine({.threads = 1});
  QueryRequest request = RequestFor(when, text);
  source.batch_series = 16;
  const auto instant = Run(&engine, &source, request);
  source.batch_series = 1;
  const auto single = Run(&engine, &source, request);
  if (!instant.ok() && IsTooMuch(instant.status())) return;
  if (!single.ok() && IsTooMuch(single.status())) return;
  LARNAX_CHECK(instant.ok() == single.ok());
  if (instant.ok()) LARNAX_CHECK(PointsOf(*instant).size() == PointsOf(*single).size());
  source.batch_series = 16;
  request.step_ms = 1;
  request.end_ms = request.start_ms;
  const auto range = Run(&engine, &source, request);
  // A query may ask for its step, which the two do not share.
  const bool is_comparable =
      instant.ok() && range.ok() && text.find("step") == text.npos &&
      (instant->type == QueryValueType::kVector || instant->type == QueryValueType::kScalar);
  if (is_comparable) LARNAX_CHECK(PointsOf(*instant) == PointsOf(*range));
  request.step_ms = 90'000;
  request.end_ms = request.start_ms + 4 * kMinuteMs;
  (void)Run(&engine, &source, request);
}

}  // namespace
}  // namespace larnax::exec

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Long texts cost time and find nothing that short ones do not.
  if (size == 0 || size > 2048) return 0;
  larnax::exec::CheckQuery(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
