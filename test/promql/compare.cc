#include "test/promql/compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/number_text.h"

namespace larnax::promqltest {
namespace {

using arrow::Status;
using model::FloatHistogram;

constexpr double kTolerance = 1e-6;

// A value of an answer, or one that is expected.
struct Point {
  int64_t time_ms = 0;
  double value = 0;
  std::optional<FloatHistogram> histogram = std::nullopt;
  bool names_hint = false;
};

std::string ToText(const Point& point) {
  if (!point.histogram) {
    std::string text;
    if (std::bit_cast<uint64_t>(point.value) == kStaleBits) return "stale";
    base::AppendShortest(point.value, &text);
    return text;
  }
  constexpr const char* kHints[] = {"unknown", "reset", "not_reset", "gauge"};
  const FloatHistogram& h = *point.histogram;
  return h.ToString() + " schema=" + std::to_string(h.schema) +
         " hint=" + kHints[static_cast<int>(h.counter_reset_hint)];
}

std::string TimeText(int64_t time_ms) { return "at " + std::to_string(time_ms) + " ms"; }

Point ToPoint(const SeriesItem& item, int64_t time_ms) {
  Point point{.time_ms = time_ms, .value = item.value, .names_hint = item.names_hint};
  if (item.histogram != nullptr) {
    point.histogram = *item.histogram;
    point.histogram->Compact();
  }
  return point;
}

// Floats and histograms of a series by time.
std::vector<Point> PointsOf(const QuerySeries& series) {
  std::vector<Point> points;
  for (size_t i = 0; i < series.value.size(); ++i) {
    points.push_back({.time_ms = (*series.time_ms)[i], .value = series.value[i]});
  }
  for (const QueryHistogram& at : series.histograms) {
    Point point{.time_ms = at.time_ms};
    point.histogram = FloatHistogram::FromNative(*at.histogram);
    point.histogram->Compact();
    points.push_back(std::move(point));
  }
  std::ranges::sort(points, {}, &Point::time_ms);
  return points;
}

Status ComparePoint(const Point& expected, const Point& got) {
  const bool same_kind = expected.histogram.has_value() == got.histogram.has_value();
  bool equal = same_kind;
  if (same_kind && expected.histogram) {
    equal = AlmostEqual(*expected.histogram, *got.histogram);
    if (expected.names_hint &&
        expected.histogram->counter_reset_hint != got.histogram->counter_reset_hint) {
      equal = false;
    }
  } else if (same_kind) {
    equal = AlmostEqual(expected.value, got.value);
  }
  if (equal) return Status::OK();
  return Status::Invalid("expected ", ToText(expected), ", got ", ToText(got));
}

Status InSeries(const Labels& labels, const Status& status) {
  if (status.ok()) return status;
  return Status::Invalid(labels.ToString(), " ", status.message());
}

Status ComparePoints(const std::vector<Point>& expected, const std::vector<Point>& got) {
  for (size_t i = 0; i < std::min(expected.size(), got.size()); ++i) {
    if (expected[i].time_ms != got[i].time_ms) {
      return Status::Invalid("expected ", ToText(expected[i]), " ", TimeText(expected[i].time_ms),
                             ", got ", ToText(got[i]), " ", TimeText(got[i].time_ms));
    }
    const Status status = ComparePoint(expected[i], got[i]);
    if (!status.ok()) {
      return Status::Invalid(TimeText(got[i].time_ms), ": ", status.message());
    }
  }
  if (expected.size() != got.size()) {
    const Point& first = expected.size() > got.size() ? expected[got.size()] : got[expected.size()];
    return Status::Invalid("expected ", expected.size(), " points, got ", got.size(),
                           "; one side has ", ToText(first), " ", TimeText(first.time_ms));
  }
  return Status::OK();
}

Status CheckSorted(const std::vector<QuerySeries>& series) {
  for (size_t i = 1; i < series.size(); ++i) {
    if (CompareLabels(series[i - 1].labels, series[i].labels) >= 0) {
      return Status::Invalid("not sorted by labels: ", series[i - 1].labels.ToString(), " before ",
                             series[i].labels.ToString());
    }
  }
  return Status::OK();
}

// Matches series by labels; `compare` is called for each pair with its place in the answer.
template <typename Compare>
Status CompareSeries(const EvalCommand& eval, const std::vector<QuerySeries>& got,
                     const Compare& compare) {
  std::map<std::string_view, size_t> expected;
  for (size_t i = 0; i < eval.series.size(); ++i) expected[eval.series[i].labels.bytes()] = i;
  for (size_t i = 0; i < got.size(); ++i) {
    const auto at = expected.find(got[i].labels.bytes());
    if (at == expected.end()) {
      const std::vector<Point> points = PointsOf(got[i]);
      return Status::Invalid("series not expected: ", got[i].labels.ToString(), " ",
                             points.empty() ? "" : ToText(points[0]));
    }
    ARROW_RETURN_NOT_OK(InSeries(got[i].labels, compare(at->second, i)));
    expected.erase(at);
  }
  if (expected.empty()) return Status::OK();
  const ExpectedSeries& missing = eval.series[expected.begin()->second];
  return Status::Invalid("series missing: ", missing.labels.ToString());
}

Status CompareVector(const EvalCommand& eval, const std::vector<QuerySeries>& got, bool ordered) {
  if (eval.scalar) return Status::Invalid("expected a scalar, got a vector");
  return CompareSeries(eval, got, [&](size_t expected, size_t i) {
    const std::vector<Point> points = PointsOf(got[i]);
    if (points.size() != 1) return Status::Invalid("has ", points.size(), " values");
    if (ordered && expected != i) {
      return Status::Invalid("expected at place ", expected + 1, ", got at ", i + 1);
    }
    return ComparePoint(ToPoint(eval.series[expected].items[0], 0), points[0]);
  });
}

Status CompareMatrix(const EvalCommand& eval, const ExpectedGrid& grid,
                     const std::vector<QuerySeries>& got) {
  if (eval.ordered) return Status::Invalid("expect ordered has no meaning for a range");
  ARROW_RETURN_NOT_OK(CheckSorted(got));
  return CompareSeries(eval, got, [&](size_t expected, size_t i) {
    std::vector<Point> points;
    int64_t time_ms = grid.start_ms;
    for (const SeriesItem& item : eval.series[expected].items) {
      if (time_ms > grid.end_ms) return Status::Invalid("more values expected than steps");
      if (!item.is_gap) points.push_back(ToPoint(item, time_ms));
      time_ms += grid.step_ms;
    }
    return ComparePoints(points, PointsOf(got[i]));
  });
}

Status CompareScalar(const EvalCommand& eval, double got) {
  std::optional<double> expected = eval.scalar;
  if (!expected && eval.series.size() == 1 && eval.series[0].items[0].histogram == nullptr) {
    expected = eval.series[0].items[0].value;
  }
  if (!expected) return Status::Invalid("got a scalar");
  return ComparePoint({.value = *expected}, {.value = got});
}

Status CompareKind(const char* kind, const std::vector<TextPattern>& expected, bool none,
                   const std::vector<std::string>& got) {
  if (none && !got.empty()) return Status::Invalid(kind, " not expected: ", got[0]);
  if (expected.empty()) return Status::OK();
  for (const TextPattern& pattern : expected) {
    if (std::ranges::none_of(got, [&](const auto& text) { return pattern.Matches(text); })) {
      return Status::Invalid(kind, " missing: ", pattern.ToString(), "; got ", got.size(),
                             got.empty() ? "" : ", first: ", got.empty() ? "" : got[0]);
    }
  }
  for (const std::string& text : got) {
    if (std::ranges::none_of(expected, [&](const auto& p) { return p.Matches(text); })) {
      return Status::Invalid(kind, " not expected: ", text);
    }
  }
  return Status::OK();
}

bool AlmostEqual(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return promqltest::AlmostEqual(x, y); });
}

}  // namespace

bool AlmostEqual(double a, double b) {
  const bool a_stale = std::bit_cast<uint64_t>(a) == kStaleBits;
  const bool b_stale = std::bit_cast<uint64_t>(b) == kStaleBits;
  if (a_stale || b_stale) return a_stale && b_stale;
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (a == b) return true;
  constexpr double kMinNormal = std::numeric_limits<double>::min();
  const double size = std::abs(a) + std::abs(b);
  const double difference = std::abs(a - b);
  if (a == 0 || b == 0 || size < kMinNormal) return difference < kTolerance * kMinNormal;
  return difference / std::min(size, std::numeric_limits<double>::max()) < kTolerance;
}

bool AlmostEqual(const FloatHistogram& a, const FloatHistogram& b) {
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold &&
         a.custom_bounds == b.custom_bounds && a.positive_spans == b.positive_spans &&
         a.negative_spans == b.negative_spans && AlmostEqual(a.count, b.count) &&
         AlmostEqual(a.sum, b.sum) && AlmostEqual(a.zero_count, b.zero_count) &&
         AlmostEqual(a.positive, b.positive) && AlmostEqual(a.negative, b.negative);
}

Status CompareAnswer(const EvalCommand& eval, const QueryResult& result) {
  if (eval.is_range) {
    if (result.type != QueryValueType::kMatrix) return Status::Invalid("expected a matrix");
    return CompareMatrix(eval, {eval.start_ms, eval.end_ms, eval.step_ms}, result.series);
  }
  if (eval.string) {
    if (result.type != QueryValueType::kString) return Status::Invalid("expected a string");
    if (result.text == *eval.string) return Status::OK();
    return Status::Invalid("expected \"", *eval.string, "\", got \"", result.text, "\"");
  }
  if (eval.range_vector) {
    if (result.type != QueryValueType::kMatrix) return Status::Invalid("expected a matrix");
    return CompareMatrix(eval, *eval.range_vector, result.series);
  }
  switch (result.type) {
    case QueryValueType::kScalar:
      if (result.series.size() != 1 || result.series[0].value.size() != 1) {
        return Status::Invalid("a scalar without a value");
      }
      return CompareScalar(eval, result.series[0].value[0]);
    case QueryValueType::kVector:
      return CompareVector(eval, result.series, eval.ordered);
    case QueryValueType::kMatrix:
      return Status::Invalid("got a matrix");
    case QueryValueType::kString:
      return Status::Invalid("got a string");
  }
  return Status::OK();
}

Status CompareMiddleStep(const EvalCommand& eval, int64_t time_ms, const QueryResult& result,
                         bool is_scalar) {
  if (result.type != QueryValueType::kMatrix) return Status::Invalid("expected a matrix");
  ARROW_RETURN_NOT_OK(CheckSorted(result.series));
  std::vector<QuerySeries> middle;
  for (const QuerySeries& series : result.series) {
    QuerySeries one;
    one.labels = series.labels;
    for (size_t i = 0; i < series.value.size(); ++i) {
      if ((*series.time_ms)[i] != time_ms) continue;
      one.time_ms = std::make_shared<const TimestampVector>(TimestampVector{time_ms});
      one.value = {series.value[i]};
    }
    for (const QueryHistogram& at : series.histograms) {
      if (at.time_ms == time_ms) one.histograms.push_back(at);
    }
    if (!one.value.empty() || !one.histograms.empty()) middle.push_back(std::move(one));
  }
  if (!is_scalar) return CompareVector(eval, middle, false);
  if (middle.size() != 1 || middle[0].value.size() != 1) {
    return Status::Invalid("a scalar without a value");
  }
  return CompareScalar(eval, middle[0].value[0]);
}

Status CompareAnnotations(const EvalCommand& eval, const QueryResult& result) {
  ARROW_RETURN_NOT_OK(CompareKind("warning", eval.warnings, eval.no_warnings, result.warnings));
  return CompareKind("info", eval.infos, eval.no_infos, result.infos);
}

}  // namespace larnax::promqltest
