#include <cmath>

#include "exec/functions/element.h"
#include "exec/functions/function_lists.h"

namespace larnax::exec {
namespace {

using model::FloatHistogram;

double Count(const FloatHistogram& h) { return h.count; }
double Sum(const FloatHistogram& h) { return h.sum; }
double Average(const FloatHistogram& h) { return h.sum / h.count; }
double Variance(const FloatHistogram& h) { return model::HistogramVariance(h); }
double Deviation(const FloatHistogram& h) { return std::sqrt(model::HistogramVariance(h)); }

template <double (*kOfHistogram)(const FloatHistogram&)>
arrow::Status OfHistogram(const CallContext&, const StepSeries& series, SeriesWriter* out,
                          Annotations*) {
  MapHistograms(series, out, [](const FloatHistogram& h) { return kOfHistogram(h); });
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "histogram_count", .element = &OfHistogram<&Count>, .drops_only_name = true},
    {.name = "histogram_sum", .element = &OfHistogram<&Sum>, .drops_only_name = true},
    {.name = "histogram_avg", .element = &OfHistogram<&Average>, .drops_only_name = true},
    {.name = "histogram_stddev", .element = &OfHistogram<&Deviation>, .drops_only_name = true},
    {.name = "histogram_stdvar", .element = &OfHistogram<&Variance>, .drops_only_name = true},
};

}  // namespace

std::span<const Function> HistogramFunctions() { return kFunctions; }

}  // namespace larnax::exec
