#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "exec/functions/function_lists.h"
#include "exec/functions/range/float_windows.h"
#include "exec/label_edit.h"

namespace larnax::exec {
namespace {

const std::vector<Matcher>* MatchersOf(const promql::Expr& expr) {
  const promql::Expr& bare = promql::Unwrap(expr);
  if (const auto* selector = bare.As<promql::VectorSelector>()) return &selector->matchers;
  if (const auto* range = bare.As<promql::MatrixSelector>()) return &range->selector.matchers;
  return nullptr;
}

// The labels that a selector asks for by equality and with no other condition, as label bytes.
std::string LabelsAskedFor(const promql::Expr& expr) {
  const std::vector<Matcher>* matchers = MatchersOf(expr);
  if (matchers == nullptr) return {};
  std::map<std::string_view, std::string_view> labels;
  std::vector<std::string_view> equal;
  std::vector<std::string_view> excluded;
  for (const Matcher& matcher : *matchers) {
    if (matcher.name() == kMetricLabel) continue;
    const bool is_negative =
        matcher.type() == MatchType::kNotEqual || matcher.type() == MatchType::kNotRegex;
    if (is_negative && matcher.MatchesEmpty()) {
      // Prometheus has these behind all others when it looks.
      excluded.push_back(matcher.name());
      continue;
    }
    const bool seen = std::find(equal.begin(), equal.end(), matcher.name()) != equal.end();
    if (matcher.type() == MatchType::kEqual && !seen) {
      labels[matcher.name()] = matcher.value();
      equal.push_back(matcher.name());
    } else {
      labels.erase(matcher.name());
    }
  }
  for (const std::string_view name : excluded) labels.erase(name);
  std::string bytes;
  for (const auto& [name, value] : labels) {
    if (!value.empty()) AppendLabel(name, value, &bytes);
  }
  return bytes;
}

arrow::Result<StepVector> Absent(const CallContext& call, std::vector<Argument>* arguments,
                                 Annotations*) {
  const StepVector& vector = (*arguments)[0].vector;
  const size_t steps = call.grid.count;
  std::vector<PresenceWord> absent(PresenceWordCount(steps));
  SetAllPresent(absent.data(), steps);
  for (const StepSeries& row : vector.series) {
    for (size_t word = 0; word < absent.size(); ++word) absent[word] &= ~row.present[word];
  }
  StepVector result(steps, vector.meter());
  if (!AnyPresent(absent.data(), steps)) return result;
  const LabelsView labels = result.StoreLabels(LabelsAskedFor(*call.call->args[0]));
  StepSeries& row = result.Add(labels, false);
  std::fill_n(row.values, steps, 1.0);
  std::copy(absent.begin(), absent.end(), row.present);
  return result;
}

// What of the range vector is there at all.
arrow::Status AnySample(const CallContext&, const RangeSpec&, const RangeSeries& series,
                        SeriesWriter* out, Annotations*) {
  for (size_t step = 0; step < out->steps(); ++step) {
    if (CountInWindow(series.floats, step) + CountInWindow(series.histograms, step) > 0) {
      out->SetFloat(step, 1);
    }
  }
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "absent", .vector = &Absent},
    {.name = "absent_over_time", .range = &AnySample, .vector = &Absent},
};

}  // namespace

std::span<const Function> AbsentFunctions() { return kFunctions; }

}  // namespace larnax::exec
