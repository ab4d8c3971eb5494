#include "test/promql/histogram_literal.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "larnax/error.h"
#include "model/histogram_layout.h"
#include "test/promql/series_notation.h"

namespace larnax::promqltest {
namespace {

using model::FloatHistogram;

arrow::Status Malformed(std::string_view what, std::string_view text) {
  return MakeError(ErrorKind::kBadQuery,
                   "histogram: " + std::string(what) + ": " + std::string(text));
}

arrow::Result<int32_t> ParseInteger(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Malformed("not an integer", text);
  }
  return value;
}

arrow::Result<double> ParseDouble(std::string_view text) {
  const std::optional<double> value = ParseNumber(text);
  if (!value) return Malformed("not a number", text);
  return *value;
}

arrow::Result<std::vector<double>> ParseList(std::string_view text) {
  if (!text.starts_with('[') || !text.ends_with(']')) return Malformed("not a list", text);
  text = text.substr(1, text.size() - 2);
  std::vector<double> values;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) return values;
    const size_t size = std::min(text.find_first_of(" \t"), text.size());
    ARROW_ASSIGN_OR_RAISE(values.emplace_back(), ParseDouble(text.substr(0, size)));
    text.remove_prefix(size);
  }
}

arrow::Result<CounterResetHint> ParseHint(std::string_view text) {
  if (text == "unknown") return CounterResetHint::kUnknown;
  if (text == "reset") return CounterResetHint::kReset;
  if (text == "not_reset") return CounterResetHint::kNotReset;
  if (text == "gauge") return CounterResetHint::kGauge;
  return Malformed("not a counter reset hint", text);
}

// Removes the next `key:value` from `*text`.
arrow::Result<std::pair<std::string_view, std::string_view>> TakeField(std::string_view* text) {
  const size_t colon = text->find(':');
  if (colon == std::string_view::npos) return Malformed("no value", *text);
  const std::string_view key = text->substr(0, colon);
  std::string_view rest = text->substr(colon + 1);
  const size_t size = rest.starts_with('[') ? rest.find(']') + 1 : rest.find_first_of(" \t");
  if (size == 0) return Malformed("list without end", *text);
  const std::string_view value = rest.substr(0, size);
  rest.remove_prefix(value.size());
  *text = rest;
  return std::pair(key, value);
}

struct Offsets {
  int32_t positive = 0;
  int32_t negative = 0;
};

arrow::Status SetField(std::string_view key, std::string_view value, HistogramLiteral* literal,
                       Offsets* offsets) {
  FloatHistogram& h = literal->histogram;
  if (key == "schema") return ParseInteger(value).Value(&h.schema);
  if (key == "offset") return ParseInteger(value).Value(&offsets->positive);
  if (key == "n_offset") return ParseInteger(value).Value(&offsets->negative);
  if (key == "count") return ParseDouble(value).Value(&h.count);
  if (key == "sum") return ParseDouble(value).Value(&h.sum);
  if (key == "z_bucket") return ParseDouble(value).Value(&h.zero_count);
  if (key == "z_bucket_w") return ParseDouble(value).Value(&h.zero_threshold);
  if (key == "buckets") return ParseList(value).Value(&h.positive);
  if (key == "n_buckets") return ParseList(value).Value(&h.negative);
  if (key == "custom_values") return ParseList(value).Value(&h.custom_bounds);
  if (key == "counter_reset_hint") {
    literal->names_hint = true;
    return ParseHint(value).Value(&h.counter_reset_hint);
  }
  return Malformed("unknown key", key);
}

// What arrives is looked at by the same rule; finer schemas than these are made coarser there.
bool HasBuckets(const FloatHistogram& h) {
  model::HistogramLayout layout;
  layout.schema = h.schema;
  for (const BucketSpan& span : h.positive_spans) layout.positive.Add(span.offset, span.length);
  for (const BucketSpan& span : h.negative_spans) layout.negative.Add(span.offset, span.length);
  layout.positive_buckets = h.positive.size();
  layout.negative_buckets = h.negative.size();
  for (const double bound : h.custom_bounds) layout.bounds.Add(bound);
  return h.schema <= FloatHistogram::kMaxSchema && CheckLayout(layout) == model::LayoutFault::kNone;
}

}  // namespace

arrow::Result<HistogramLiteral> ParseHistogramLiteral(std::string_view text) {
  const std::string_view whole = text;
  HistogramLiteral literal;
  Offsets offsets;
  std::set<std::string_view> seen;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (text.empty()) break;
    ARROW_ASSIGN_OR_RAISE(const auto field, TakeField(&text));
    if (!seen.insert(field.first).second) return Malformed("repeated key", field.first);
    ARROW_RETURN_NOT_OK(SetField(field.first, field.second, &literal, &offsets));
  }
  FloatHistogram& h = literal.histogram;
  const auto span = [](int32_t offset, const std::vector<double>& counts) {
    std::vector<BucketSpan> spans;
    if (!counts.empty()) spans.push_back({offset, static_cast<uint32_t>(counts.size())});
    return spans;
  };
  h.positive_spans = span(offsets.positive, h.positive);
  h.negative_spans = span(offsets.negative, h.negative);
  if (!HasBuckets(h)) return Malformed("no such buckets", whole);
  return literal;
}

}  // namespace larnax::promqltest
