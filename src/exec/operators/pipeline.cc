#include "exec/operators/pipeline.h"

#include <algorithm>
#include <exception>
#include <mutex>
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

// A task and its answer. Claimed by whoever changes the state from kWaiting.
struct PipelineOperator::Slot {
  enum State : int { kWaiting, kRunning, kMade, kDelivering, kDone, kDropped };
  MorselTask task;
  std::shared_ptr<const std::vector<RowTransform>> transforms;
  std::shared_ptr<Outlet> outlet;  // Where the answer goes; null: it stays here.
  TaskNotes notes;
  std::optional<arrow::Result<StepVector>> answer;  // Done and nothing: memory ran out.
  std::atomic<int> state{kWaiting};

  bool TryRun();
  // Sets it done; false where there is no answer that the sink took.
  bool Deliver(const BatchSink& sink);
  void WaitUntilDone() {
    for (int now = state; now != kDone; now = state) state.wait(now);
  }
  bool has_answer() const { return answer && answer->ok(); }

 private:
  // Memory that runs out may not do for an error either, and is told by there being no answer:
  // whoever waits must learn that nobody works on this any more.
  template <typename F>
  void Do(F&& f) {
    try {
      f();
    } catch (const std::exception&) {
      answer.reset();
    }
  }
  void Set(State to) {
    state.store(to, std::memory_order_release);
    state.notify_all();
  }
};

// Gives answers to a sink, in the order of their slots and one at a time. Whoever made the one whose
// turn it is does so, and goes on with those that were made meanwhile. Safe to use from any thread.
class PipelineOperator::Outlet {
 public:
  // \param sink  Outlives the last call but Stop's.
  explicit Outlet(const BatchSink& sink) : sink_(sink) {}

  void Add(std::shared_ptr<Slot> slot) {
    const std::lock_guard lock(mutex_);
    slots_.push_back(std::move(slot));
  }
  void DeliverMade() {
    std::unique_lock lock(mutex_);
    while (!busy_ && !stopped_ && !slots_.empty() && slots_.front()->state == Slot::kMade) {
      const std::shared_ptr<Slot> slot = std::move(slots_.front());
      slots_.pop_front();
      slot->state = Slot::kDelivering;
      busy_ = true;
      lock.unlock();
      const bool taken = slot->Deliver(sink_);
      lock.lock();
      busy_ = false;
      // What is wrong with it ends the query: the sink is in no state for those after it.
      stopped_ |= !taken;
    }
  }
  // Nothing more is given, but for what is being given.
  void Stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    slots_.clear();
  }

 private:
  const BatchSink& sink_;
  std::mutex mutex_;  // Guards what follows.
  std::deque<std::shared_ptr<Slot>> slots_;
  bool busy_ = false;
  bool stopped_ = false;
};

bool PipelineOperator::Slot::TryRun() {
  int expected = kWaiting;
  if (!state.compare_exchange_strong(expected, kRunning)) return false;
  Do([this] {
    answer = task(&notes);
    for (const RowTransform& transform : *transforms) {
      if (!answer->ok()) break;
      answer = transform(std::move(*answer).ValueUnsafe(), &notes);
    }
  });
  // What the task holds (a batch of samples) may go before the answer is fetched.
  task = nullptr;
  if (outlet == nullptr) {
    Set(kDone);
  } else {
    Set(kMade);
    outlet->DeliverMade();
  }
  return true;
}

bool PipelineOperator::Slot::Deliver(const BatchSink& sink) {
  if (has_answer() && !(*answer)->empty()) {
    Do([&] {
      // It goes before whoever waits goes on.
      const StepVector batch = std::exchange(**answer, StepVector());
      const arrow::Status status = sink(batch, &notes.annotations);
      if (!status.ok()) answer = status;
    });
  }
  const bool taken = has_answer();
  Set(kDone);
  return taken;
}

void PipelineOperator::Stop() {
  if (outlet_ != nullptr) outlet_->Stop();
  for (const auto& slot : slots_) {
    int expected = Slot::kWaiting;
    if (slot->state.compare_exchange_strong(expected, Slot::kDropped)) continue;
    slot->state.wait(Slot::kRunning, std::memory_order_acquire);
    slot->state.wait(Slot::kDelivering, std::memory_order_acquire);
  }
  slots_.clear();
}

PipelineOperator::~PipelineOperator() { Stop(); }

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
    slot->outlet = outlet_;
    if (!context_->stats.samples_at.empty()) slot->notes.samples_at.resize(grid_.count);
    slots_.push_back(slot);
    if (outlet_ != nullptr) outlet_->Add(slot);
    // The first one is this thread's own.
    if (context_->executor == nullptr || slots_.size() == 1) continue;
    context_->executor->Post([slot] { slot->TryRun(); });
  }
  return arrow::Status::OK();
}

// The first slot that was not taken yet, when it is done; null at the end.
arrow::Result<std::shared_ptr<PipelineOperator::Slot>> PipelineOperator::NextDone() {
  ARROW_RETURN_NOT_OK(context_->budget->Check());
  ARROW_RETURN_NOT_OK(Fill());
  if (slots_.empty()) return nullptr;
  const std::shared_ptr<Slot> slot = slots_.front();
  // Where another thread has it: help with the others meanwhile.
  for (size_t i = 0; i < slots_.size() && slot->state != Slot::kDone; ++i) slots_[i]->TryRun();
  slot->WaitUntilDone();
  slots_.pop_front();
  context_->annotations.Merge(slot->notes.annotations);
  AddSamples(slot->notes);
  if (!slot->answer) return MakeError(ErrorKind::kLimit, "query failed: memory ran out");
  ARROW_RETURN_NOT_OK(slot->answer->status());
  return slot;
}

arrow::Result<StepVector> PipelineOperator::NextBatch() {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto slot, NextDone());
    if (slot == nullptr) return NewVector();
    if (!(*slot->answer)->empty()) return std::move(*slot->answer);
  }
}

arrow::Status PipelineOperator::ForEachBatch(const BatchSink& sink) {
  // Next counts what comes out.
  if (!streams() || context_->executor == nullptr || context_->analyze) {
    return VectorOperator::ForEachBatch(sink);
  }
  // The sink must not be used when this returns, or throws.
  struct Stopper {
    PipelineOperator* pipeline;
    ~Stopper() { pipeline->Stop(); }
  } stopper{this};
  outlet_ = std::make_shared<Outlet>(sink);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto slot, NextDone());
    if (slot == nullptr) return arrow::Status::OK();
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

std::unique_ptr<PipelineOperator> AsPipeline(ExecutionContext* context, VectorOperatorPtr input) {
  auto* pipeline = dynamic_cast<PipelineOperator*>(input.get());
  if (pipeline != nullptr && pipeline->streams()) {
    input.release();
    return std::unique_ptr<PipelineOperator>(pipeline);
  }
  return std::make_unique<MapOperator>(context, std::move(input));
}

}  // namespace larnax::exec
