#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "exec/functions/function_lists.h"
#include "exec/functions/natural_order.h"

namespace larnax::exec {
namespace {

void WarnIfIneffective(const CallContext& call, Annotations* annotations) {
  if (call.grid.count == 1) return;
  annotations->Warn(
      "sort is ineffective for range queries since results are always ordered by labels",
      call.position());
}

// Takes histograms out, which have no order.
void DropHistograms(StepVector* vector) {
  const size_t steps = vector->steps();
  for (StepSeries& row : vector->series) {
    if (row.histograms == nullptr) continue;
    for (size_t step = 0; step < steps; ++step) {
      if (row.IsHistogram(step)) ClearPresent(row.present, step);
    }
    row.histograms = nullptr;
  }
}

void DropEmptyRows(StepVector* vector) {
  std::erase_if(vector->series, [steps = vector->steps()](const StepSeries& row) {
    return !AnyPresent(row.present, steps);
  });
}

// `sort` and `sort_desc`: NaN comes last in both.
template <bool kDescending>
arrow::Result<StepVector> SortByValue(const CallContext& call, std::vector<Argument>* arguments,
                                      Annotations* annotations) {
  WarnIfIneffective(call, annotations);
  StepVector vector = std::move((*arguments)[0].vector);
  DropHistograms(&vector);
  DropEmptyRows(&vector);
  if (call.grid.count != 1) return vector;
  std::stable_sort(vector.series.begin(), vector.series.end(),
                   [](const StepSeries& a, const StepSeries& b) {
                     const double x = a.values[0];
                     const double y = b.values[0];
                     if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
                     return kDescending ? x > y : x < y;
                   });
  return vector;
}

// `sort_by_label` and `sort_by_label_desc`: by the given labels, then by all.
template <bool kDescending>
arrow::Result<StepVector> SortByLabel(const CallContext& call, std::vector<Argument>* arguments,
                                      Annotations* annotations) {
  WarnIfIneffective(call, annotations);
  StepVector vector = std::move((*arguments)[0].vector);
  if (call.grid.count != 1) return vector;
  DropEmptyRows(&vector);
  const auto compare = [&](const StepSeries& a, const StepSeries& b) {
    for (size_t i = 1; i < call.call->args.size(); ++i) {
      const std::string_view name = call.strings[i];
      const int order = CompareNaturally(a.labels.Get(name), b.labels.Get(name));
      if (order != 0) return order;
    }
    return CompareLabels(a.labels, b.labels);
  };
  std::stable_sort(vector.series.begin(), vector.series.end(),
                   [&](const StepSeries& a, const StepSeries& b) {
                     return kDescending ? compare(b, a) < 0 : compare(a, b) < 0;
                   });
  return vector;
}

constexpr Function kFunctions[] = {
    {.name = "sort", .vector = &SortByValue<false>},
    {.name = "sort_desc", .vector = &SortByValue<true>},
    {.name = "sort_by_label", .vector = &SortByLabel<false>},
    {.name = "sort_by_label_desc", .vector = &SortByLabel<true>},
};

}  // namespace

std::span<const Function> SortFunctions() { return kFunctions; }

}  // namespace larnax::exec
