#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "exec/annotations.h"
#include "exec/function.h"
#include "exec/query_budget.h"
#include "exec/types.h"
#include "io/clock.h"
#include "io/task_runner.h"

namespace larnax::io {
class Executor;
}

namespace larnax::exec {

class SelectPool;

/// A node of the plan as it is shown, and what its operator did.
struct PlanNode {
  std::string text;
  std::vector<std::unique_ptr<PlanNode>> children;
  int64_t series = 0;
  int64_t samples = 0;
  int64_t time_ns = 0;
};

/// How what an operator looks at counts for the query's own steps.
enum class StepRole : uint8_t {
  kSteps,  ///< Its steps are the query's.
  kOnce,   ///< Its one step stands for all of them.
  kInner,  ///< Not: it works for a subquery, whose windows count instead.
};

/// What the operators of one query share. Only what says so may be used from other threads than
/// the query's own.
struct ExecutionContext {
  QueryContext query;
  QueryBudget* budget = nullptr;     ///< Any thread.
  const io::Clock* clock = nullptr;  ///< Any thread.
  io::Executor* executor = nullptr;  ///< Null: everything runs on the query's own thread.
  size_t parallel = 1;               ///< Morsels in work at once.
  io::TaskRunner tasks;              ///< Runs parts of an operator's work; empty: no other threads.
  SelectPool* selects = nullptr;
  Annotations annotations;
  QueryStats stats;
  bool analyze = false;              ///< Count what operators put out.
  bool plan_only = false;            ///< Nothing is to be evaluated.
  size_t steps = 1;                  ///< Of the query.
  StepRole role = StepRole::kSteps;  ///< Of operators that are being made.
};

/// Puts out an instant vector over all steps of a grid, batch by batch. Every series comes once,
/// whole. Not synchronized.
class VectorOperator {
 public:
  VectorOperator(ExecutionContext* context, StepGrid grid) : context_(context), grid_(grid) {}
  virtual ~VectorOperator() = default;
  VectorOperator(const VectorOperator&) = delete;
  VectorOperator& operator=(const VectorOperator&) = delete;

  /// The next batch; an empty one marks the end.
  arrow::Result<StepVector> Next();
  const StepGrid& grid() const { return grid_; }
  /// Where to count; may be null.
  void set_plan(PlanNode* plan) { plan_ = plan; }
  /// All series have the same `__name__`, or none has one that could still be dropped.
  bool has_single_name() const { return has_single_name_; }
  void set_single_name(bool single) { has_single_name_ = single; }

 protected:
  virtual arrow::Result<StepVector> DoNext() = 0;
  StepVector NewVector() const { return {grid_.count, context_->budget->meter()}; }
  /// Check that so many rows more may be held: before all of them are made. \retval kLimit
  arrow::Status CheckRows(size_t rows) const {
    const double bytes = static_cast<double>(rows) * static_cast<double>(grid_.count) * 8;
    return context_->budget->CheckBytes(bytes < 9e18 ? static_cast<int64_t>(bytes)
                                                     : std::numeric_limits<int64_t>::max());
  }

  ExecutionContext* const context_;
  const StepGrid grid_;

 private:
  PlanNode* plan_ = nullptr;
  bool has_single_name_ = false;
};
using VectorOperatorPtr = std::unique_ptr<VectorOperator>;

/// An operator that makes its whole answer at once.
class WholeOperator : public VectorOperator {
 public:
  using VectorOperator::VectorOperator;

 protected:
  virtual arrow::Result<StepVector> Evaluate() = 0;

 private:
  arrow::Result<StepVector> DoNext() final {
    if (done_) return NewVector();
    done_ = true;
    return Evaluate();
  }
  bool done_ = false;
};

/// A scalar at every step of a grid.
class ScalarOperator {
 public:
  virtual ~ScalarOperator() = default;
  /// Shape [steps of the grid]. Called once.
  virtual arrow::Result<std::vector<double>> Evaluate() = 0;
};
using ScalarOperatorPtr = std::unique_ptr<ScalarOperator>;

/// Read an operator to its end.
arrow::Result<StepVector> Drain(VectorOperator* input);

/// Merge rows of equal labels that are never present at the same step.
///
/// The first of them keeps its place. Presumes that values may be written to.
/// \retval kExecution Two of them are present at the same step.
arrow::Status MergeSameLabels(StepVector* vector);
/// Fail where two rows have the same labels. \retval kExecution
arrow::Status RefuseSameLabels(const StepVector& vector);

}  // namespace larnax::exec
