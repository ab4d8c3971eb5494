#include <algorithm>
#include <limits>
#include <numbers>
#include <vector>

#include "exec/functions/extremes.h"
#include "exec/functions/function_lists.h"

namespace larnax::exec {
namespace {

double Seconds(int64_t time_ms) { return static_cast<double>(time_ms) / 1000; }

arrow::Status Time(const CallContext& call, std::vector<Argument>*, std::span<double> out,
                   Annotations*) {
  for (size_t step = 0; step < out.size(); ++step) out[step] = Seconds(call.grid.TimeAt(step));
  return arrow::Status::OK();
}

arrow::Status Pi(const CallContext&, std::vector<Argument>*, std::span<double> out, Annotations*) {
  std::fill(out.begin(), out.end(), std::numbers::pi);
  return arrow::Status::OK();
}

double StartOf(const QueryContext& query) { return Seconds(query.start_ms); }
double EndOf(const QueryContext& query) { return Seconds(query.end_ms); }
double RangeOf(const QueryContext& query) { return Seconds(query.end_ms - query.start_ms); }
double StepOf(const QueryContext& query) { return Seconds(query.step_ms); }

template <double (*kOfQuery)(const QueryContext&)>
arrow::Status QueryTime(const CallContext& call, std::vector<Argument>*, std::span<double> out,
                        Annotations*) {
  std::fill(out.begin(), out.end(), kOfQuery(*call.query));
  return arrow::Status::OK();
}

template <double (*kChoose)(double, double)>
arrow::Status OfTwo(const CallContext& call, std::vector<Argument>*, std::span<double> out,
                    Annotations*) {
  for (size_t step = 0; step < out.size(); ++step) {
    out[step] = kChoose(call.scalars[0][step], call.scalars[1][step]);
  }
  return arrow::Status::OK();
}

// The value of the only float at each step, NaN where there is none or more.
arrow::Status Scalar(const CallContext&, std::vector<Argument>* arguments, std::span<double> out,
                     Annotations*) {
  std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());
  std::vector<uint8_t> found(out.size(), 0);
  for (const StepSeries& row : (*arguments)[0].vector.series) {
    ForEachPresent(row.present, out.size(), [&](size_t step) {
      if (row.IsHistogram(step)) return;
      out[step] = found[step] != 0 ? std::numeric_limits<double>::quiet_NaN() : row.values[step];
      found[step] = 1;
    });
  }
  return arrow::Status::OK();
}

arrow::Result<StepVector> Vector(const CallContext& call, std::vector<Argument>* arguments,
                                 Annotations*) {
  StepVector result(call.grid.count, (*arguments)[0].vector.meter());
  StepSeries& row = result.Add(LabelsView(), false);
  std::copy_n(call.scalars[0].begin(), call.grid.count, row.values);
  SetAllPresent(row.present, call.grid.count);
  return result;
}

constexpr Function kFunctions[] = {
    {.name = "time", .scalar = &Time, .depends_on_time = true},
    {.name = "pi", .scalar = &Pi},
    {.name = "start", .scalar = &QueryTime<&StartOf>, .depends_on_time = true},
    {.name = "end", .scalar = &QueryTime<&EndOf>, .depends_on_time = true},
    {.name = "range", .scalar = &QueryTime<&RangeOf>, .depends_on_time = true},
    {.name = "step", .scalar = &QueryTime<&StepOf>, .depends_on_time = true},
    {.name = "max_of", .scalar = &OfTwo<&MaxOf>},
    {.name = "min_of", .scalar = &OfTwo<&MinOf>},
    {.name = "scalar", .scalar = &Scalar},
    {.name = "vector", .vector = &Vector},
};

}  // namespace

std::span<const Function> ScalarFunctions() { return kFunctions; }

}  // namespace larnax::exec
