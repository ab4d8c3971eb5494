#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "exec/operator.h"
#include "exec/sample_windows.h"

namespace larnax::exec {

/// What a task tells besides its answer; of its own, so that tasks need no lock.
struct TaskNotes {
  void Count(const RangeWindows& windows);
  void Count(const InstantWindows& windows);
  void CountAt(size_t step, size_t count) {
    samples += static_cast<int64_t>(count);
    if (!samples_at.empty()) samples_at[step] += static_cast<int64_t>(count);
  }

  Annotations annotations;
  int64_t samples = 0;              ///< That windows and steps looked at.
  std::vector<int64_t> samples_at;  ///< The same of each step; empty: not asked for.
};

/// Makes a batch. Runs on any thread, at most once; must not touch what other tasks write.
using MorselTask = std::function<arrow::Result<StepVector>(TaskNotes*)>;
/// Turns a batch into another of the same steps, series by series. Runs on any thread, also several
/// at once.
using RowTransform = std::function<arrow::Result<StepVector>(StepVector, TaskNotes*)>;

/// An operator whose batches are made independently of each other: by tasks, which run in parallel
/// where there is an executor. Batches come in the order of the tasks, so that answers do not
/// depend on threads.
class PipelineOperator : public VectorOperator {
 public:
  /// What to do where series may have got the same labels.
  enum class SameLabels { kCannotBe, kRefuse, kMerge };

  PipelineOperator(ExecutionContext* context, StepGrid grid)
      : VectorOperator(context, grid), role_(context->role) {}
  ~PipelineOperator() override;

  /// Whether all that was added so far may be done without seeing all batches.
  bool streams() const { return same_labels_ == SameLabels::kCannotBe; }
  /// Do something before the first task, on the query's own thread.
  void AddPreparation(std::function<arrow::Status()> prepare) {
    preparations_.push_back(std::move(prepare));
  }
  /// Do something more to every batch, in the same task.
  /// Before the first batch was asked for.
  void AddTransform(RowTransform transform) { transforms_->push_back(std::move(transform)); }
  void set_same_labels(SameLabels same_labels) {
    same_labels_ = std::max(same_labels_, same_labels);
  }

 protected:
  /// The next task; an empty one marks the end. Called on the query's own thread.
  /// Tasks may outlive what derives from this, so they own what they need.
  virtual arrow::Result<MorselTask> NextTask() = 0;
  /// Tasks count samples that they made themselves, not those of series.
  void set_reads_no_series() { reads_series_ = false; }

 private:
  // A task and its answer. Claimed by whoever changes the state from kWaiting.
  struct Slot {
    enum State : int { kWaiting, kRunning, kDone, kDropped };
    MorselTask task;
    std::shared_ptr<const std::vector<RowTransform>> transforms;
    TaskNotes notes;
    std::optional<arrow::Result<StepVector>> answer;  // Done and nothing: memory ran out.
    std::atomic<int> state{kWaiting};

    bool TryRun();
  };

  arrow::Result<StepVector> DoNext() final;
  arrow::Result<StepVector> NextBatch();
  arrow::Status Fill();
  void AddSamples(const TaskNotes& notes);
  size_t QueryStepOf(size_t step) const;

  const StepRole role_;
  std::shared_ptr<std::vector<RowTransform>> transforms_ =
      std::make_shared<std::vector<RowTransform>>();
  std::vector<std::function<arrow::Status()>> preparations_;
  SameLabels same_labels_ = SameLabels::kCannotBe;
  std::deque<std::shared_ptr<Slot>> slots_;
  bool ended_ = false;
  bool merged_ = false;
  bool reads_series_ = true;
};

/// Applies transforms to the batches of an operator that is no pipeline itself.
class MapOperator final : public PipelineOperator {
 public:
  MapOperator(ExecutionContext* context, VectorOperatorPtr input)
      : PipelineOperator(context, input->grid()), input_(std::move(input)) {
    set_single_name(input_->has_single_name());
  }

 private:
  arrow::Result<MorselTask> NextTask() override;

  VectorOperatorPtr input_;
};

/// `input` if it is a pipeline that streams, else null.
PipelineOperator* StreamingPipeline(VectorOperator* input);
/// `input` if it is a pipeline that streams, else a MapOperator over it.
std::unique_ptr<PipelineOperator> AsPipeline(ExecutionContext* context, VectorOperatorPtr input);

}  // namespace larnax::exec
