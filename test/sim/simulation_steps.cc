#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "larnax/error.h"
#include "test/sim/simulation.h"

// What senders and the passing of time do to the database.
namespace larnax::sim {
namespace {

// A write on its way: its answer may come within Ingest or later.
struct Waiting {
  Request request;
  bool head_is_full = false;
  bool taken = false;
  int64_t write = 0;
  std::optional<arrow::Result<WriteReport>> early;
};

}  // namespace

arrow::Status Simulation::Step() {
  struct Choice {
    uint64_t weight;
    arrow::Status (*run)(Simulation&);
  };
  static constexpr Choice kChoices[] = {
      {40, [](Simulation& sim) { return sim.Write(); }},
      {16, [](Simulation& sim) { return sim.RunTasks(); }},
      {10, [](Simulation& sim) { return sim.Select(sim.DrawRequest()); }},
      {6, [](Simulation& sim) { return sim.AskForLabels(); }},
      {6, [](Simulation& sim) { return sim.Flush(); }},
      {4, [](Simulation& sim) { return sim.Merge(sim.random_.Chance(0.3)); }},
      {8, [](Simulation& sim) { return sim.PassTime(); }},
      {3, [](Simulation& sim) { return sim.LookPlainly(false); }},
      {1, [](Simulation& sim) { return sim.ReadOnly(); }},
      {1,
       [](Simulation& sim) {
         return sim.options_.faults.bit_flips ? sim.ReadWithFlips() : arrow::Status::OK();
       }},
      {1,
       [](Simulation& sim) {
         return sim.options_.faults.bit_flips ? sim.StartDamagedCopies() : arrow::Status::OK();
       }},
      {3, [](Simulation& sim) { return sim.OpenStream(); }},
      {1, [](Simulation& sim) { return sim.CheckMetadata(); }},
      {1, [](Simulation& sim) { return sim.CheckExemplars(); }},
      {8, [](Simulation& sim) { return sim.ChangeFaults(); }},
      {2, [](Simulation& sim) { return sim.Restart(); }},
      {4,
       [](Simulation& sim) {
         if (sim.options_.faults.kills || sim.options_.faults.power_cuts) {
           sim.process_->DieAtCall(1 + static_cast<int64_t>(sim.random_.Below(80)));
         }
         return arrow::Status::OK();
       }},
      {2,
       [](Simulation& sim) {
         if (sim.options_.faults.kills || sim.options_.faults.power_cuts) sim.process_->Die();
         return arrow::Status::OK();
       }},
  };
  uint64_t total = 0;
  for (const Choice& choice : kChoices) total += choice.weight;
  uint64_t drawn = random_.Below(total);
  for (const Choice& choice : kChoices) {
    if (drawn < choice.weight) return choice.run(*this);
    drawn -= choice.weight;
  }
  return arrow::Status::OK();
}

arrow::Status Simulation::CheckAnswer(const arrow::Result<WriteReport>& result,
                                      const Request& request, bool head_is_full) {
  trace_.Add("answer", result.ok() ? static_cast<uint64_t>(result->samples) : uint64_t{1} << 60);
  if (result.ok()) {
    Count("writes acknowledged");
    int64_t refused = 0;
    for (const Refusal& refusal : result->refused) refused += refusal.count;
    if (request.is_malformed) return arrow::Status::Invalid("a malformed body was acknowledged");
    const auto is_histogram = [](const SentSample& each) { return each.value.is_histogram; };
    const int64_t histograms =
        std::count_if(request.good.begin(), request.good.end(), is_histogram);
    const int64_t floats = std::ssize(request.good) - histograms;
    if (result->samples != floats || result->histograms != histograms ||
        result->exemplars != std::ssize(request.exemplars) || refused != request.bad_count) {
      return arrow::Status::Invalid("a report is wrong: samples=", result->samples,
                                    " expected=", floats, " histograms=", result->histograms,
                                    " expected=", histograms, " exemplars=", result->exemplars,
                                    " expected=", request.exemplars.size(), " refused=", refused,
                                    " expected=", request.bad_count);
    }
    if (histograms > 0) Count("writes with histograms");
    if (!request.exemplars.empty()) Count("writes with exemplars");
    return arrow::Status::OK();
  }
  const ErrorKind kind = KindOf(result.status());
  const bool is_later = kind == ErrorKind::kOverloaded || kind == ErrorKind::kClosed;
  const bool is_faulty = HasFaults() || faults_linger_;
  if (is_later && (is_faulty || head_is_full || is_closing_ || process_->is_dead())) {
    Count("writes postponed");
    if (kind == ErrorKind::kOverloaded && head_is_full && !is_faulty) {
      fault_counts_.Count("writes refused: memory is full", Phase::kLog);
    }
    return arrow::Status::OK();
  }
  const bool is_bad = kind == ErrorKind::kBadSample || kind == ErrorKind::kTooLarge ||
                      kind == ErrorKind::kUnsupported;
  const bool has_good = !request.good.empty() || !request.exemplars.empty();
  if (is_bad && (request.is_malformed || (!has_good && request.bad_count > 0))) {
    Count("writes refused");
    return arrow::Status::OK();
  }
  return arrow::Status::Invalid("a write failed: ", result.status().ToString());
}

arrow::Status Simulation::Write() {
  auto waiting = std::make_shared<Waiting>();
  waiting->request = traffic_->Make(clock_.NowMs());
  ARROW_ASSIGN_OR_RAISE(const DatabaseStatus status, database_->Status(0));
  // Histograms count by their size: nearly full is full enough, and one may fill a small head.
  waiting->head_is_full = database_options_.head_limit_samples < 10'000 &&
                          (status.head_samples + 1) * 100 > database_options_.head_limit_samples;
  const Request& request = waiting->request;
  const WriteMessage message{
      .content_type = request.content_type,
      .content_encoding = request.content_encoding,
      .body = {reinterpret_cast<const uint8_t*>(request.body.data()), request.body.size()}};
  for (const auto& metadata : request.metadata) sent_metadata_.insert(metadata);
  sent_exemplars_.insert(request.exemplars.begin(), request.exemplars.end());
  database_->Ingest(message, [this, waiting](arrow::Result<WriteReport> result) {
    if (!waiting->taken) {
      waiting->early = std::move(result);
      return;
    }
    --waiting_writes_;
    if (result.ok()) {
      const bool is_safe = !errors_on_ || ack_safety_ == Safety::kDurable;
      model_.Acknowledge(waiting->write, is_safe ? ack_safety_ : Safety::kNone);
      if (is_safe) {
        for (const auto& metadata : waiting->request.metadata) known_metadata_.insert(metadata);
        const auto& exemplars = waiting->request.exemplars;
        known_exemplars_.insert(exemplars.begin(), exemplars.end());
      }
    }
    const arrow::Status checked = CheckAnswer(result, waiting->request, false);
    if (callback_failure_.ok()) callback_failure_ = checked;
  });
  waiting->taken = true;
  Say("write good=" + std::to_string(request.good.size()) +
      " bad=" + std::to_string(request.bad_count) + (waiting->early ? " answered" : ""));
  if (!waiting->early) {
    waiting->write = model_.Store(request.good);
    ++waiting_writes_;
    return arrow::Status::OK();
  }
  if (waiting->early->ok() && (!request.good.empty() || !request.exemplars.empty())) {
    return arrow::Status::Invalid("a write was acknowledged before it could be on disk");
  }
  return CheckAnswer(*waiting->early, request, waiting->head_is_full);
}

arrow::Status Simulation::RunTasks() {
  for (uint64_t i = random_.Below(5); i > 0; --i) executor_.RunOne();
  return arrow::Status::OK();
}

arrow::Status Simulation::Flush() {
  const int64_t before = model_.next_write();
  const arrow::Status flushed = database_->Flush();
  Say("flush " + flushed.message());
  if (process_->is_dead()) return arrow::Status::OK();
  if (!flushed.ok()) {
    if (!HasFaults()) return arrow::Status::Invalid("a flush failed: ", flushed.ToString());
    Count("flushes that failed");
    return arrow::Status::OK();
  }
  Count("flushes");
  model_.NoteFlushed(before);
  if (before != model_.next_write()) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(CheckExperiments());
  return random_.Chance(0.3) ? LookPlainly(true) : arrow::Status::OK();
}

arrow::Status Simulation::Merge(bool everything) {
  const arrow::Status merged = database_->Merge(everything);
  Say("merge " + merged.message());
  if (process_->is_dead()) return arrow::Status::OK();
  if (!merged.ok()) {
    if (!HasFaults()) return arrow::Status::Invalid("a merge failed: ", merged.ToString());
    Count("merges that failed");
    return arrow::Status::OK();
  }
  Count("merges");
  return random_.Chance(0.3) ? LookPlainly(false) : arrow::Status::OK();
}

arrow::Status Simulation::PassTime() {
  if (options_.faults.clock_jumps && random_.Chance(0.15)) {
    constexpr int64_t kJumps[] = {-86'400'000, -3'600'000, -1'000, 1'000, 3'600'000, 86'400'000};
    const int64_t jump_ms = kJumps[random_.Below(std::size(kJumps))];
    clock_.JumpWallMs(jump_ms);
    fault_counts_.Count(jump_ms < 0 ? "clock jumps backward" : "clock jumps forward", Phase::kIdle);
    Say("clock jumps by " + std::to_string(jump_ms) + " ms");
    return arrow::Status::OK();
  }
  // Nights pass, too: then days are over and get sealed.
  if (random_.Chance(0.15)) clock_.AdvanceMs(static_cast<int64_t>(random_.Below(172'800'000)));
  constexpr uint64_t kLengths[] = {10, 1'000, 10'000, 60'000};
  const auto length_ms = static_cast<int64_t>(random_.Below(kLengths[random_.Below(4)]));
  Say("time passes: " + std::to_string(length_ms) + " ms");
  executor_.RunFor(length_ms);
  return arrow::Status::OK();
}

}  // namespace larnax::sim
