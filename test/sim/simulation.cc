#include "test/sim/simulation.h"

#include <cstdio>
#include <utility>

#include "larnax/error.h"

namespace larnax::sim {
namespace {

constexpr char kRoot[] = "/data/archive";
constexpr int64_t kStartMs = 1'795'000'000'000;  // 2026-11-18

template <typename T>
T Pick(io::Random& random, std::initializer_list<T> values) {
  return values.begin()[random.Below(values.size())];
}

DatabaseOptions DrawOptions(io::Random& random) {
  DatabaseOptions options;
  options.wal_segment_bytes = Pick<int64_t>(random, {4 << 10, 32 << 10, 1 << 20});
  options.wal_sync_interval_ms = 1000;
  options.max_future_ms = Pick<int64_t>(random, {60'000, 600'000});
  options.flush_interval_ms = Pick<int64_t>(random, {5'000, 50'000});
  options.flush_samples = Pick<int64_t>(random, {30, 300, 3000});
  options.head_limit_samples = Pick<int64_t>(random, {150, 500, 1 << 20, 1 << 20});
  options.min_free_disk_bytes = Pick<int64_t>(random, {0, 16 << 10});
  options.merge_fan_in = Pick(random, {2, 3, 8});
  options.max_file_bytes = Pick<int64_t>(random, {4 << 10, 256 << 20});
  options.max_columns = Pick(random, {2, 9, 256});
  options.wide_compat = random.Chance(0.2);
  options.max_request_bytes = 1 << 20;
  options.max_labels_per_series = 60;
  options.max_label_value_bytes = 1000;
  return options;
}

}  // namespace

Simulation::Simulation(const SimulationOptions& options)
    : options_(options),
      random_(options.seed),
      clock_(kStartMs),
      disk_(random_.Next()),
      executor_(clock_, random_.Next()),
      database_options_(DrawOptions(random_)),
      lying_(random_.Chance(0.1) && options.faults.lying_sync),
      exchange_supported_(random_.Chance(0.8)),
      model_(lying_),
      plain_(disk_, kRoot) {
  const uint64_t sync = random_.Below(10);
  database_options_.wal_sync = sync == 0   ? WalSync::kOff
                               : sync == 1 ? WalSync::kInterval
                                           : WalSync::kBatch;
  if (options.wal_sync) database_options_.wal_sync = *options.wal_sync;
  if (database_options_.wal_sync != WalSync::kBatch && !options.expect_batch) {
    ack_safety_ = Safety::kWritten;
  }
  disk_.set_lying_sync(lying_);
  disk_.set_counters_of(
      [this](const std::string& path) -> io::SimCounters& { return fault_counts_.Of(path); });
  if (random_.Chance(0.3)) base_operation_ns_ = static_cast<int64_t>(random_.Below(20'000'000));
  SetBaseSpeed();
  traffic_ = std::make_unique<Traffic>(random_.Next(), database_options_);
  Say("lying=" + std::to_string(lying_) +
      " sync=" + std::to_string(static_cast<int>(database_options_.wal_sync)) +
      " segment=" + std::to_string(database_options_.wal_segment_bytes) +
      " flush_samples=" + std::to_string(database_options_.flush_samples) +
      " head_limit=" + std::to_string(database_options_.head_limit_samples) +
      " min_free=" + std::to_string(database_options_.min_free_disk_bytes) +
      " fan_in=" + std::to_string(database_options_.merge_fan_in) +
      " max_file=" + std::to_string(database_options_.max_file_bytes) +
      " columns=" + std::to_string(database_options_.max_columns));
}

Simulation::~Simulation() { EndProcess(); }

void Simulation::Say(const std::string& what) {
  trace_.Add(what);
  if (options_.verbose) {
    std::printf("  %4d %lld ms  %s\n", step_, static_cast<long long>(clock_.NowMs()), what.c_str());
  }
}

arrow::Status Simulation::OpenOnce() {
  process_ = std::make_unique<ProcessFileSystem>(disk_, trace_, random_.Next());
  process_->set_exchange_supported(exchange_supported_);
  process_->set_prints_calls(options_.prints_calls);
  process_->set_forgotten(options_.forgotten);
  process_->set_death_after_failure(death_after_failure_);
  const db::Environment environment{.fs = process_.get(),
                                    .clock = &clock_,
                                    .executor = &executor_,
                                    .seed = random_.Next() | 1,
                                    .recovery_threads = 1,
                                    .build = std::to_string(random_.Below(3))};
  const bool stopped_early = options_.faults.kills && process_number_ > 0 && random_.Chance(0.2);
  if (stopped_early) process_->DieAtCall(1 + static_cast<int64_t>(random_.Below(40)));
  ++process_number_;
  fault_counts_.set_recovering(true);
  auto opened = db::DatabaseImpl::Open(environment, kRoot, database_options_, {});
  fault_counts_.set_recovering(false);
  ARROW_ASSIGN_OR_RAISE(database_, std::move(opened));
  process_->Spare();
  if (process_->is_dead()) return arrow::Status::IOError("the process is dead");
  if (random_.Chance(0.7)) {
    process_->set_observer([this](bool in_data) {
      if (!is_recovered_ || is_between_calls_ || !callback_failure_.ok()) return;
      is_between_calls_ = true;
      callback_failure_ = BetweenCalls(in_data);
      is_between_calls_ = false;
    });
  }
  return arrow::Status::OK();
}

/// Do what other threads and processes might do between two calls of a flush, merge or commit.
arrow::Status Simulation::BetweenCalls(bool in_data) {
  if (in_data && flipped_.empty() && random_.Chance(0.1)) {
    Count("plain reads during changes");
    ARROW_RETURN_NOT_OK(LookPlainly(false));
  }
  switch (random_.Below(1500)) {
    case 0:
      Count("reads during changes");
      return Select({});
    case 1:
      Count("reads during changes");
      return Select(DrawRequest());
    case 2:
      Count("writes during changes");
      return Write();
    case 3:
      Count("read-only opens during changes");
      return ReadOnly();
    default:
      return arrow::Status::OK();
  }
}

void Simulation::EndProcess() {
  if (process_ == nullptr) return;
  process_->set_observer({});
  process_->Die();
  open_read_.reset();
  executor_.DropAll();
  database_.reset();
  process_.reset();
  waiting_writes_ = 0;
  is_recovered_ = false;
  had_faults_ = false;
  plain_samples_ = 0;
}

/// Open until it succeeds: the process may die, and faults may strike, in recovery too.
arrow::Result<bool> Simulation::Open() {
  for (int attempt = 1;; ++attempt) {
    const arrow::Status opened = OpenOnce();
    if (opened.ok()) return true;
    const bool was_dead = process_->is_dead();
    Say("open failed: " + opened.message());
    EndProcess();
    if (was_dead) {
      Count("deaths during recovery");
      fault_counts_.Count("ends of the process", Phase::kRecovery);
      // Told apart by the caller: a power cut here loses what only a kill had left.
      return arrow::Status::Cancelled("died");
    }
    if (lying_ && KindOf(opened) == ErrorKind::kCorrupt &&
        opened.message().find('/') != std::string::npos) {
      Count("archives lost by lying syncs");
      return false;
    }
    if (!HasFaults()) {
      return arrow::Status::Invalid("cannot open: ", opened.message());
    }
    Count("opens that failed by faults");
    disk_.Kill();
    if (attempt >= 3 || random_.Chance(0.5)) ARROW_RETURN_NOT_OK(StopFaults());
  }
}

arrow::Result<bool> Simulation::OpenFirst() {
  if (random_.Chance(0.3)) TroubleRecovery();
  const auto opened = Open();
  if (!opened.ok() && opened.status().IsCancelled()) {
    return Recover(options_.faults.power_cuts && random_.Chance(0.5));
  }
  ARROW_RETURN_NOT_OK(opened);
  ARROW_RETURN_NOT_OK(StopFaults());
  is_recovered_ = true;
  return *opened;
}

arrow::Result<bool> Simulation::Recover(bool power_cut) {
  EndProcess();
  Safety survived = Safety::kWritten;
  while (true) {
    if (power_cut) {
      disk_.Crash();
      survived = Safety::kDurable;
    } else {
      disk_.Kill();
    }
    Say(power_cut ? "power cut" : "killed");
    ARROW_RETURN_NOT_OK(random_.Chance(0.8) ? StopFaults() : UnflipBits());
    if (random_.Chance(0.2)) TroubleRecovery();
    const auto opened = Open();
    if (opened.ok() && !*opened) {
      archive_lost_ = true;
      return false;
    }
    if (opened.ok()) break;
    if (!opened.status().IsCancelled()) return opened.status();
    power_cut = options_.faults.power_cuts && random_.Chance(0.5);
  }
  ARROW_RETURN_NOT_OK(StopFaults());
  ARROW_RETURN_NOT_OK(CheckRecovered(survived));
  // Misfortunes come in rows: what one end has left is what the next one tears.
  const bool may_die = options_.faults.kills || options_.faults.power_cuts;
  if (may_die && random_.Chance(0.2)) {
    process_->DieAtCall(1 + static_cast<int64_t>(random_.Below(10)));
  }
  return true;
}

arrow::Status Simulation::CheckRecovered(Safety survived) {
  const arrow::Status folders = [&] {
    const Calm calm(disk_);
    return plain_.CheckFolders();
  }();
  if (!folders.ok()) {
    if (!lying_) return folders;
    Count("archives lost by lying syncs");
    archive_lost_ = true;
    return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto stream, database_->Select({}));
  const auto found = ReadAll(*stream);
  if (lying_ && !found.ok() && KindOf(found.status()) == ErrorKind::kCorrupt) {
    Count("archives lost by lying syncs");
    archive_lost_ = true;
    return arrow::Status::OK();
  }
  ARROW_RETURN_NOT_OK(found.status());
  ARROW_RETURN_NOT_OK(model_.Recover(*found, survived));
  Count("recoveries checked");
  is_recovered_ = true;
  trace_.Add("recovered", static_cast<uint64_t>(model_.sample_count()));
  if (survived > ack_safety_ || lying_) {
    known_metadata_.clear();
    known_exemplars_.clear();
  }
  ARROW_RETURN_NOT_OK(CheckMetadata());
  ARROW_RETURN_NOT_OK(CheckExemplars());
  return LookPlainly(false);
}

arrow::Status Simulation::Restart() {
  Say("close");
  open_read_.reset();
  is_closing_ = true;
  const arrow::Status closed = database_->Close();
  is_closing_ = false;
  if (process_->is_dead()) return arrow::Status::OK();
  if (!closed.ok()) {
    if (!HasFaults()) return arrow::Status::Invalid("cannot close: ", closed.message());
    Count("closes that failed by faults");
    return Recover(false).status();
  }
  if (waiting_writes_ != 0) {
    return arrow::Status::Invalid("closed without an answer to ", waiting_writes_, " writes");
  }
  model_.NoteFlushed(model_.next_write());
  const Model::Content before = model_.Select({}, {});
  EndProcess();
  disk_.Kill();
  Count("clean restarts");
  ARROW_RETURN_NOT_OK(StopFaults());
  if (random_.Chance(0.2)) TroubleRecovery();
  const auto opened = Open();
  if (!opened.ok() && opened.status().IsCancelled()) {
    return Recover(options_.faults.power_cuts && random_.Chance(0.5)).status();
  }
  ARROW_RETURN_NOT_OK(opened.status());
  if (!*opened) {
    return arrow::Status::Invalid("an archive was lost by a clean restart");
  }
  ARROW_RETURN_NOT_OK(StopFaults());
  ARROW_ASSIGN_OR_RAISE(const auto stream, database_->Select({}));
  ARROW_ASSIGN_OR_RAISE(const Model::Content found, ReadAll(*stream));
  ARROW_RETURN_NOT_OK(CompareContent(model_, before, found, "after a clean restart"));
  return CheckRecovered(Safety::kWritten);
}

/// With nothing wrong and nothing in memory, a write must be taken.
arrow::Status Simulation::CheckWritesAgain() {
  const int64_t postponed = tally_["writes postponed"];
  ARROW_RETURN_NOT_OK(Write());
  executor_.RunUntilIdle();
  if (process_->is_dead()) return arrow::Status::OK();
  if (waiting_writes_ != 0 || tally_["writes postponed"] != postponed) {
    return arrow::Status::Invalid("a write is postponed though all is well again");
  }
  return callback_failure_;
}

/// End all faults, and let everything that waits come to an end.
arrow::Status Simulation::Settle() {
  ARROW_RETURN_NOT_OK(StopFaults());
  executor_.RunUntilIdle();
  if (process_->is_dead()) return arrow::Status::OK();
  if (waiting_writes_ != 0) {
    return arrow::Status::Invalid(waiting_writes_, " writes were never answered");
  }
  return callback_failure_;
}

arrow::Status Simulation::Finish() {
  is_between_calls_ = true;  // From here on nothing comes in between.
  process_->Spare();
  ARROW_RETURN_NOT_OK(Settle());
  if (process_->is_dead()) {
    ARROW_ASSIGN_OR_RAISE(const bool alive, Recover(options_.faults.power_cuts));
    if (!alive || archive_lost_) return arrow::Status::OK();
    process_->Spare();
  }
  ARROW_RETURN_NOT_OK(Select({}));
  ARROW_RETURN_NOT_OK(Flush());
  ARROW_RETURN_NOT_OK(LookPlainly(true));
  ARROW_RETURN_NOT_OK(CheckWritesAgain());
  ARROW_RETURN_NOT_OK(Flush());
  ARROW_RETURN_NOT_OK(Merge(true));
  ARROW_RETURN_NOT_OK(LookPlainly(true));
  ARROW_RETURN_NOT_OK(Select({}));
  ARROW_RETURN_NOT_OK(FinishStream());
  ARROW_RETURN_NOT_OK(Restart());
  if (process_ == nullptr || process_->is_dead()) return arrow::Status::OK();
  return callback_failure_;
}

arrow::Status Simulation::Run() {
  ARROW_ASSIGN_OR_RAISE(const bool is_open, OpenFirst());
  if (!is_open || archive_lost_) return arrow::Status::OK();
  for (step_ = 1; step_ <= options_.steps; ++step_) {
    ARROW_RETURN_NOT_OK(Step());
    if (archive_lost_) return arrow::Status::OK();
    if (process_->is_dead()) {
      const bool power_cut =
          options_.faults.power_cuts && (!options_.faults.kills || random_.Chance(0.6));
      Count(power_cut ? "power cuts within an operation" : "kills within an operation");
      const Phase phase = fault_counts_.PhaseOf(process_->last_path());
      fault_counts_.Count("ends of the process", phase);
      fault_counts_.set_last_phase(phase);
      ARROW_ASSIGN_OR_RAISE(const bool alive, Recover(power_cut));
      if (!alive || archive_lost_) return arrow::Status::OK();
      fault_counts_.set_last_phase(Phase::kIdle);
    }
    ARROW_RETURN_NOT_OK(callback_failure_);
  }
  return Finish();
}

Tally Simulation::tally() const {
  Tally tally = tally_;
  for (const auto& [kind, phases] : fault_counts_.table()) {
    for (const int64_t count : phases) tally[kind] += count;
  }
  return tally;
}

}  // namespace larnax::sim
