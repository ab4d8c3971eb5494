#pragma once

#include <memory>
#include <vector>

#include "exec/function.h"
#include "exec/operators/pipeline.h"
#include "exec/sample_windows.h"
#include "exec/select/select_pool.h"

namespace larnax::exec {

/// An instant selector at every step.
struct InstantSpec {
  enum class Value : uint8_t {
    kSample,
    kSampleTime,  ///< `timestamp(x)`: when it was sampled, in seconds.
    kStartTime,   ///< `start_timestamp(x)`.
  };
  RefTimes refs;
  int64_t lookback_ms = 0;
  bool smoothed = false;
  Value value = Value::kSample;
  bool sample_times = false;   ///< Fill StepSeries::sample_time_ms.
  bool detect_resets = false;  ///< Histograms of unknown hint are compared with those before.
  promql::PositionRange position;
};

/// Puts out the series of an instant selector.
class InstantSelector final : public PipelineOperator {
 public:
  /// \param reader  Registered in the context's pool.
  InstantSelector(ExecutionContext* context, StepGrid grid, size_t reader, InstantSpec spec);

 private:
  arrow::Result<MorselTask> NextTask() override;

  size_t reader_;
  std::shared_ptr<const InstantSpec> spec_;
};

/// A call of a range function. Scalar and string arguments are evaluated before the first task.
struct RangeCall {
  CallContext call;
  RangeKernel kernel = nullptr;
  RangeSpec spec;
  bool drops_name = false;
  bool detect_resets = false;  ///< As in InstantSpec.
  /// Owners of what `call.scalars` points to, by argument.
  std::vector<std::vector<double>> scalars;
  std::vector<ScalarOperatorPtr> scalar_operators;  ///< By argument; null for others.

  RefTimes refs() const { return {spec.first_ref_ms, spec.ref_step_ms, call.grid.count}; }
  /// Evaluate the scalar arguments.
  arrow::Status Prepare();
};

/// A range function over samples.
class RangeFunction final : public PipelineOperator {
 public:
  RangeFunction(ExecutionContext* context, size_t reader, std::shared_ptr<RangeCall> call);

 private:
  arrow::Result<MorselTask> NextTask() override;

  size_t reader_;
  bool prepared_ = false;
  std::shared_ptr<RangeCall> call_;
};

/// A range function over a subquery.
class SubqueryFunction final : public PipelineOperator {
 public:
  SubqueryFunction(ExecutionContext* context, VectorOperatorPtr input,
                   std::shared_ptr<RangeCall> call);

 private:
  arrow::Result<MorselTask> NextTask() override;

  VectorOperatorPtr input_;
  bool prepared_ = false;
  std::shared_ptr<RangeCall> call_;
  std::shared_ptr<const TimestampVector> grid_times_;
};

/// Histograms of one series as the engine has them, stale markers left out.
struct ConvertedHistograms {
  std::vector<HistogramPtr> value;
  std::vector<int64_t> time_ms;
  std::vector<int64_t> start_ms;  ///< Empty: none known.

  class Memory;
  std::shared_ptr<Memory> memory;  ///< Of the histograms.
  NativeHistogram made;            ///< The last one that was not made before.
};

/// Convert stored histograms.
/// \param budget  May be null.
/// \param out     Replaced; its memory is used again, unless someone else has a histogram of it.
/// \retval kTimeout, kCancelled, kLimit
arrow::Status ConvertHistograms(std::span<const HistogramSample> samples, const QueryBudget* budget,
                                ConvertedHistograms* out);

/// Tell whether the batch that a row's labels stand in is small enough to be kept for their sake.
bool WorthKeeping(const SampleMorsel& morsel);

}  // namespace larnax::exec
