#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

#include "exec/annotations.h"
#include "exec/types.h"
#include "larnax/query.h"
#include "promql/ast.h"

namespace larnax::exec {

class QueryBudget;

/// What holds for a whole query.
struct QueryContext {
  int64_t start_ms = 0;
  int64_t end_ms = 0;
  int64_t step_ms = 0;  ///< 0 in an instant query, as `step()` says.
  int64_t lookback_ms = 0;
  QueryFeatures features;
};

/// What holds for one call of a function, for all of its series. Everything is borrowed.
struct CallContext {
  const QueryContext* query = nullptr;
  StepGrid grid;                        ///< Of the result; one step for an invariant call.
  const promql::Expr* expr = nullptr;   ///< The call itself.
  const promql::Call* call = nullptr;   ///< `expr`'s node; `call->args` may be fewer than allowed.
  const QueryBudget* budget = nullptr;  ///< For kernels that take long to ask; null: no limits.

  /// By argument: the values of a scalar argument at each step, shape [grid.count]; empty for
  /// others, and for those left out.
  std::vector<std::span<const double>> scalars;
  /// By argument: the text of a string argument.
  std::vector<std::string_view> strings;

  promql::PositionRange position() const { return expr->position; }
  bool HasScalar(size_t i) const { return i < scalars.size() && !scalars[i].empty(); }
};

/// The windows of a range vector argument: at step k, samples in (RefTime(k) - range_ms,
/// RefTime(k)].
struct RangeSpec {
  int64_t range_ms = 0;      ///< > 0.
  int64_t first_ref_ms = 0;  ///< End of the window of step 0, offset and `@` applied.
  int64_t ref_step_ms = 0;   ///< 0 under `@`: all windows are the same.
  bool anchored = false;     ///< `anchored` stands after the range.
  bool smoothed = false;     ///< `smoothed` stands after the range.
  bool is_subquery = false;
  int64_t lookback_ms = 0;

  int64_t RefTime(size_t step) const {
    return first_ref_ms + static_cast<int64_t>(step) * ref_step_ms;
  }
};

/// Samples of one kind of one series, and which of them each window holds.
///
/// Stale markers are gone. Under `anchored` and `smoothed` there are also samples before the first
/// window and after the last: up to `lookback_ms` before a window's start, and (`smoothed`) up to
/// `lookback_ms` after its end; a kernel looks for them at indexes begin[k] - 1 and end[k]. Without
/// these there may be samples outside of all windows too: only the windows count.
template <typename T>
struct WindowedSamples {
  std::span<const int64_t> time_ms;   ///< Shape [n], strictly ascending.
  std::span<const T> value;           ///< Shape [n].
  std::span<const int64_t> start_ms;  ///< Shape [n], or empty: none known, or not to be used.
  /// Shape [grid.count] each, ascending: window k holds samples begin[k] .. end[k]-1.
  std::span<const uint32_t> begin;
  std::span<const uint32_t> end;
  /// Where a kernel may keep what follows from times and windows alone, for other series that share
  /// them within the call. Null: nowhere.
  std::shared_ptr<const void>* derived = nullptr;

  bool empty() const { return time_ms.empty(); }
};

/// One series of a range vector with its windows at all steps.
struct RangeSeries {
  LabelsView labels;       ///< With the metric's name, also where the result will not have it.
  bool drop_name = false;  ///< The name is marked as dropped already (a subquery's).
  WindowedSamples<double> floats;
  WindowedSamples<HistogramPtr> histograms;  ///< Usually empty.
};

/// Where a kernel puts the samples of one series. Nothing is present at first.
class SeriesWriter {
 public:
  /// \param vector, row  Borrowed; `row` is a row of `vector`.
  SeriesWriter(StepVector* vector, StepSeries* row) : vector_(vector), row_(row) {}
  ~SeriesWriter() { vector_->CountHistograms(); }
  SeriesWriter(const SeriesWriter&) = delete;
  SeriesWriter& operator=(const SeriesWriter&) = delete;

  /// Shape [steps]: kernels may write all values at once, present or not, ...
  double* values() { return row_->values; }
  /// ... and presence as words or by the functions of types.h.
  PresenceWord* present() { return row_->present; }
  size_t steps() const { return vector_->steps(); }
  const StepSeries& row() const { return *row_; }

  void SetFloat(size_t step, double value) { row_->SetFloat(step, value); }
  void SetHistogram(size_t step, HistogramPtr histogram) {
    vector_->SetHistogram(row_, step, std::move(histogram));
  }
  void SetHistogram(size_t step, model::FloatHistogram histogram) {
    vector_->PutHistogram(row_, step, std::move(histogram));
  }

 private:
  StepVector* vector_;
  StepSeries* row_;
};

/// An argument of a kernel that sees whole vectors.
struct Argument {
  promql::ValueType type = promql::ValueType::kNone;
  /// Of kVector. Of kMatrix: what the function's own range kernel made of it.
  StepVector vector;
  std::vector<double> scalar;  ///< Of kScalar; shape [grid.count].
  std::string text;            ///< Of kString.
};

/// Evaluate all windows of one series: `rate`, `max_over_time`, ... Called from several threads
/// with different series; must not keep state. Scalar and string arguments are in `call`; the range
/// vector is the argument of type kMatrix.
using RangeKernel = arrow::Status (*)(const CallContext& call, const RangeSpec& spec,
                                      const RangeSeries& series, SeriesWriter* out,
                                      Annotations* annotations);

/// Evaluate all steps of one series of the vector argument: `abs`, `clamp`, `histogram_sum`,
/// `hour`,
/// ... Otherwise as RangeKernel.
using ElementKernel = arrow::Status (*)(const CallContext& call, const StepSeries& series,
                                        SeriesWriter* out, Annotations* annotations);

/// Evaluate a whole vector at all steps: `label_replace`, `absent`, `histogram_quantile`, `sort`.
///
/// `arguments` may be changed and moved from. Rows of the result may be rows of an argument whose
/// memory is kept (`result.KeepAllOf`, or simply move the argument out and edit its rows); values
/// of an argument may be written to. Several rows of one label set are allowed: the engine merges
/// those that are never present at the same step, and fails the query where they are.
using VectorKernel = arrow::Result<StepVector> (*)(const CallContext& call,
                                                   std::vector<Argument>* arguments,
                                                   Annotations* annotations);

/// Evaluate a scalar function at all steps: `time`, `pi`, `scalar`. \param out  Shape [grid.count].
using ScalarKernel = arrow::Status (*)(const CallContext& call, std::vector<Argument>* arguments,
                                       std::span<double> out, Annotations* annotations);

/// How a function is evaluated. What the engine does for every function:
/// - a missing vector argument of a date function is `vector(time())`;
/// - kRange and kElement: the name is dropped (or marked) unless `keeps_name`; series without any
///   sample are left out; repeated label sets are refused. A kVector kernel does labels and marks
///   itself: see DropName();
/// - `timestamp` and `start_timestamp` of a plain selector, and `info`'s reading of info series,
///   which `info` gets as its argument 1, with sample times, whether or not a selector was written.
struct Function {
  std::string_view name;
  /// Exactly one is set, or `range` together with `vector` (`absent_over_time`): then the range
  /// kernel makes the kMatrix argument of the vector kernel, with labels left alone.
  RangeKernel range = nullptr;
  ElementKernel element = nullptr;
  VectorKernel vector = nullptr;
  ScalarKernel scalar = nullptr;
  bool keeps_name = false;
  /// kElement: drop only `__name__`, not `__type__` and `__unit__`.
  bool drops_only_name = false;
  /// The value depends on the step's time even where the arguments do not (`hour`, `timestamp`,
  /// `predict_linear`, `time`).
  bool depends_on_time = false;
};

/// Find how a function is evaluated; null when there is none. In exec/functions/registry.cc.
const Function* FindFunctionKernel(std::string_view name);

/// Drop the name of a row, now or (with delayed name removal) by its mark.
/// \param vector  Gets the new labels; `row` is one of its rows.
void DropName(const QueryContext& query, StepVector* vector, StepSeries* row);

}  // namespace larnax::exec
