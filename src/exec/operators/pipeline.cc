#include "exec/operators/pipeline.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "io/executor.h"
#include "larnax/error.h"

namespace larnax::exec {

void TaskNotes::Count(const RangeWindows& windows) {
  samples += windows.samples;
  for (size_t step = 0; step < samples_at.size(); ++step) {
    samples_at[step] += windows.end[step] - windows.begin[step];
  }
}

void TaskNotes::Count(const InstantWindows& windows) {
  samples += windows.samples;
  for (size_t step = 0; step < samples_at.size(); ++step) {
    samples_at[step] += windows.index[step] == InstantWindows::kNone ? 0 : 1;
  }
}

bool PipelineOperator::Slot::TryRun() {
  int expected = kWaiting;
  if (!state.compare_exchange_strong(expected, kRunning)) return false;
  try {
    answer = task(&notes);
    for (const RowTransform& transform : *transforms) {
      if (!answer->ok()) break;
      answer = transform(std::move(*answer).ValueUnsafe(), &notes);
    }
    if (answer->ok()) (*answer)->CountRows();
  } catch (const std::exception&) {
    // Memory ran out before a limit was reached, and may not do for an error. Whoever waits must
    // learn that nobody runs this any more.
    answer.reset();
  }
  // What the task holds (a batch of samples) may go before the answer is fetched.
  task = nullptr;
  state.store(kDone, std::memory_order_release);
  state.notify_all();
  return true;
}

PipelineOperator::~PipelineOperator() {
  for (const auto& slot : slots_) {
    int expected = Slot::kWaiting;
    if (slot->state.compare_exchange_strong(expected, Slot::kDropped)) continue;
    slot->state.wait(Slot::kRunning, std::memory_order_acquire);
  }
}

// The step of the query for which a step of this operator is evaluated: the first one not before
// it.
size_t PipelineOperator::QueryStepOf(size_t step) const {
  const QueryContext& query = context_->query;
  const int64_t time_ms = grid_.TimeAt(step);
  if (query.step_ms == 0 || time_ms <= query.start_ms) return 0;
  const auto steps = static_cast<size_t>((time_ms - query.start_ms - 1) / query.step_ms + 1);
  return std::min(steps, context_->steps - 1);
}

void PipelineOperator::AddSamples(const TaskNotes& notes) {
  QueryStats& stats = context_->stats;
  if (reads_series_) {
    stats.samples_taken += notes.samples;
    for (size_t step = 0; step < notes.samples_at.size(); ++step) {
      stats.samples_taken_at[QueryStepOf(step)] += notes.samples_at[step];
    }
  }
  switch (role_) {
    case StepRole::kInner:
      return;
    case StepRole::kOnce:
      stats.samples += notes.samples * static_cast<int64_t>(context_->steps);
      for (int64_t& samples : stats.samples_at) samples += notes.samples;
      return;
    case StepRole::kSteps:
      stats.samples += notes.samples;
      for (size_t step = 0; step < notes.samples_at.size(); ++step) {
        stats.samples_at[step] += notes.samples_at[step];
      }
      return;
  }
}

arrow::Status PipelineOperator::Fill() {
  for (const auto& prepare : preparations_) ARROW_RETURN_NOT_OK(prepare());
  preparations_.clear();
  while (!ended_ && slots_.size() < context_->parallel) {
    ARROW_ASSIGN_OR_RAISE(MorselTask task, NextTask());
    if (task == nullptr) {
      ended_ = true;
      return arrow::Status::OK();
    }
    auto slot = std::make_shared<Slot>();
    slot->task = std::move(task);
    slot->transforms = transforms_;
    if (!context_->stats.samples_at.empty()) slot->notes.samples_at.resize(grid_.count);
    slots_.push_back(slot);
    // The first one is this thread's own.
    if (context_->executor == nullptr || slots_.size() == 1) continue;
    context_->executor->Post([slot] { slot->TryRun(); });
  }
  return arrow::Status::OK();
}

arrow::Result<StepVector> PipelineOperator::NextBatch() {
  while (true) {
    ARROW_RETURN_NOT_OK(context_->budget->Check());
    ARROW_RETURN_NOT_OK(Fill());
    if (slots_.empty()) return NewVector();
    const std::shared_ptr<Slot> slot = slots_.front();
    if (!slot->TryRun()) {
      // Another thread has it: help with the others meanwhile.
      for (size_t i = 1; i < slots_.size() && slot->state.load() == Slot::kRunning; ++i) {
        slots_[i]->TryRun();
      }
      slot->state.wait(Slot::kRunning, std::memory_order_acquire);
    }
    slots_.pop_front();
    context_->annotations.Merge(slot->notes.annotations);
    AddSamples(slot->notes);
    if (!slot->answer) return MakeError(ErrorKind::kOverloaded, "query failed: out of memory");
    if (!slot->answer->ok()) return slot->answer->status();
    if (!(*slot->answer)->empty()) return std::move(*slot->answer);
  }
}

arrow::Result<StepVector> PipelineOperator::DoNext() {
  if (same_labels_ == SameLabels::kCannotBe) return NextBatch();
  if (merged_) return NewVector();
  merged_ = true;
  StepVector all = NewVector();
  while (true) {
    ARROW_ASSIGN_OR_RAISE(StepVector batch, NextBatch());
    if (batch.empty()) break;
    all.Append(std::move(batch));
  }
  if (same_labels_ == SameLabels::kRefuse) {
    ARROW_RETURN_NOT_OK(RefuseSameLabels(all));
  } else {
    ARROW_RETURN_NOT_OK(MergeSameLabels(&all));
  }
  return all;
}

arrow::Result<MorselTask> MapOperator::NextTask() {
  ARROW_ASSIGN_OR_RAISE(StepVector batch, input_->Next());
  if (batch.empty()) return MorselTask();
  auto held = std::make_shared<StepVector>(std::move(batch));
  return MorselTask([held](TaskNotes*) -> arrow::Result<StepVector> { return std::move(*held); });
}

PipelineOperator* StreamingPipeline(VectorOperator* input) {
  auto* pipeline = dynamic_cast<PipelineOperator*>(input);
  return pipeline != nullptr && pipeline->streams() ? pipeline : nullptr;
}

std::unique_ptr<PipelineOperator> AsPipeline(ExecutionContext* context, VectorOperatorPtr input) {
  if (PipelineOperator* const pipeline = StreamingPipeline(input.get())) {
    input.release();
    return std::unique_ptr<PipelineOperator>(pipeline);
  }
  return std::make_unique<MapOperator>(context, std::move(input));
}

}  // namespace larnax::exec
