// Drives a log through power cuts, deaths of the process and failing disks, and compares what is
// replayed with what an oracle knows was appended and acknowledged. A failure names its seed.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "head/log.h"
#include "head/log_fixture.h"
#include "io/random.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

using io::SimError;
using io::SimOperation;

enum class Fate {
  kPending,       ///< Appended: may be there or not.
  kLost,          ///< Reported as dropped: may be there or not, until a replay without it.
  kAcknowledged,  ///< Must be there.
  kGone,          ///< A replay came without it: must not be there.
};

/// What was appended, in order.
class Oracle {
 public:
  struct Entry {
    LogPosition end;
    Fate fate = Fate::kPending;
  };

  std::string NextPayload(io::Random& random) {
    const size_t id = entries_.size();
    std::string payload = std::to_string(id) + ":";
    const size_t length = random.Below(20) == 0 ? random.Below(3000) : random.Below(120);
    io::Random content(id);
    for (size_t i = 0; i < length; ++i) payload += static_cast<char>(content.Next());
    return payload;
  }
  void Add(LogPosition end, std::string payload) {
    entries_.push_back({end, Fate::kPending});
    payloads_.push_back(std::move(payload));
  }

  void Acknowledge(const Log& log, SyncMode mode) {
    for (; first_open_ < entries_.size(); ++first_open_) {
      Entry& entry = entries_[first_open_];
      const auto committed = log.IsCommitted(entry.end);
      if (!committed.ok()) {
        entry.fate = Fate::kLost;
        continue;
      }
      const bool is_safe = mode == SyncMode::kBatch ? *committed : entry.end <= log.durable();
      if (!is_safe) break;
      entry.fate = Fate::kAcknowledged;
    }
  }

  /// The process is gone: what it had not committed never will be.
  void EndProcess() { first_open_ = entries_.size(); }

  /// Compare with what was replayed behind `from`; returns how many acknowledged are missing.
  int Check(const std::vector<std::string>& replayed, LogPosition from) {
    int missing = 0;
    size_t next = 0;
    for (size_t id = 0; id < entries_.size(); ++id) {
      Entry& entry = entries_[id];
      if (entry.end <= from) continue;
      const bool is_there = next < replayed.size() && replayed[next] == payloads_[id];
      if (is_there) ++next;
      if (!is_there && entry.fate == Fate::kAcknowledged) ++missing;
      EXPECT_FALSE(is_there && entry.fate == Fate::kGone) << "came back: record " << id;
      // Replay makes durable what it hands out.
      entry.fate = is_there ? Fate::kAcknowledged : Fate::kGone;
    }
    EXPECT_EQ(next, replayed.size()) << "replayed what was not appended, or out of order";
    return missing;
  }

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
  std::vector<std::string> payloads_;
  size_t first_open_ = 0;
};

class Simulation {
 public:
  Simulation(uint64_t seed, SyncMode mode) : random_(seed), fixture_(seed), mode_(mode) {}

  /// Several lives of a process; returns how many acknowledged records were missing.
  int Run(bool is_lying = false) {
    int missing = 0;
    for (int life = 0; life < 6; ++life) {
      const auto log = fixture_.Open({.segment_bytes = 1500,
                                      .mode = mode_,
                                      .after_segment = from_.segment,
                                      .salt_seed = random_.Next() | 1});
      if (log == nullptr) return missing;
      fixture_.fs.set_lying_sync(is_lying);
      SetFailures();
      const uint64_t steps = random_.Below(120);
      for (uint64_t step = 0; step < steps; ++step) Step(*log);
      fixture_.fs.ClearFailures();
      fixture_.fs.set_capacity_bytes(std::nullopt);
      oracle_.EndProcess();
      if (random_.Below(3) == 0) {
        fixture_.fs.Kill();
      } else {
        fixture_.fs.Crash();
      }
      fixture_.fs.set_lying_sync(false);
      missing += Replay();
      if (testing::Test::HasFailure() || is_damaged_) return missing;
    }
    return missing;
  }

  bool is_damaged() const { return is_damaged_; }
  const Oracle& oracle() const { return oracle_; }
  io::SimCounters counters() const { return fixture_.fs.counters(); }

 private:
  void SetFailures() {
    switch (random_.Below(5)) {
      case 0:
        return fixture_.fs.FailRandomly(SimOperation::kWrite, 0.1, SimError::kIo);
      case 1:
        fixture_.fs.FailRandomly(SimOperation::kTruncate, 0.5, SimError::kIo);
        return fixture_.fs.FailRandomly(SimOperation::kSync, 0.1, SimError::kIo);
      case 2:
        fixture_.fs.FailRandomly(SimOperation::kSync, 0.05, SimError::kIo);
        return fixture_.fs.FailRandomly(SimOperation::kCreate, 0.3, SimError::kDiskFull);
      default:
        return;
    }
  }

  void Step(Log& log) {
    switch (random_.Below(12)) {
      case 0:
      case 1:
      case 2:
        ARROW_UNUSED(log.Commit());
        break;
      case 3:
        if (mode_ != SyncMode::kBatch) ARROW_UNUSED(log.Sync());
        break;
      case 4:
        if (random_.Below(5) == 0) return Flush(log);
        if (random_.Below(5) == 0) {
          const int64_t free_bytes = static_cast<int64_t>(random_.Below(4000));
          fixture_.fs.set_capacity_bytes(random_.Below(2) == 0 ? std::optional(free_bytes)
                                                               : std::nullopt);
        }
        return;
      default: {
        std::string payload = oracle_.NextPayload(random_);
        const LogPosition end = LogFixture::Append(log, payload);
        oracle_.Add(end, std::move(payload));
      }
    }
    oracle_.Acknowledge(log, mode_);
  }

  /// As if samples went to files: the log before a position is needed no more.
  void Flush(Log& log) {
    oracle_.Acknowledge(log, mode_);
    const auto& entries = oracle_.entries();
    if (entries.empty()) return;
    const auto& entry = entries[random_.Below(entries.size())];
    if (entry.fate != Fate::kAcknowledged || entry.end <= from_) return;
    from_ = entry.end;
    ASSERT_TRUE(log.RemoveBefore(from_.segment).ok());
  }

  int Replay() {
    std::vector<std::string> records;
    const int threads = random_.Below(8) == 0 ? 2 : 1;
    if (random_.Below(4) == 0) {
      // Looking changes nothing.
      ARROW_UNUSED(fixture_.Replay(&records, from_, {.read_only = true}));
    }
    const auto report = fixture_.Replay(&records, from_, {.threads = threads});
    if (!report.ok()) {
      EXPECT_EQ(KindOf(report.status()), ErrorKind::kCorrupt) << report.status();
      is_damaged_ = true;
      return 0;
    }
    return oracle_.Check(records, from_);
  }

  io::Random random_;
  LogFixture fixture_;
  SyncMode mode_;
  Oracle oracle_;
  LogPosition from_;
  bool is_damaged_ = false;
};

void Add(const io::SimCounters& counters, std::map<std::string, int64_t>* total) {
  (*total)["crashes"] += counters.crashes;
  (*total)["kills"] += counters.kills;
  (*total)["lost writes"] += counters.lost_writes;
  (*total)["torn writes"] += counters.torn_writes;
  (*total)["scattered writes"] += counters.scattered_writes;
  (*total)["zeroed writes"] += counters.zeroed_writes;
  (*total)["lost entry changes"] += counters.lost_entry_changes;
  (*total)["failed writes"] += counters.failed_writes;
  (*total)["short writes"] += counters.short_writes;
  (*total)["failed syncs"] += counters.failed_syncs;
  (*total)["failed creates"] += counters.failed_creates;
  (*total)["failed truncates"] += counters.failed_truncates;
  (*total)["full disk"] += counters.disk_full_errors;
}

class LogCrash : public testing::TestWithParam<SyncMode> {};

std::string ModeName(const testing::TestParamInfo<SyncMode>& mode) {
  switch (mode.param) {
    case SyncMode::kBatch:
      return "Batch";
    case SyncMode::kInterval:
      return "Interval";
    case SyncMode::kOff:
      return "Off";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Modes, LogCrash,
                         testing::Values(SyncMode::kBatch, SyncMode::kInterval, SyncMode::kOff),
                         ModeName);

TEST_P(LogCrash, AcknowledgedIsReplayedExactlyAndInOrder) {
  std::map<std::string, int64_t> total;
  int64_t acknowledged = 0;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation simulation(seed, GetParam());
    EXPECT_EQ(simulation.Run(), 0) << "acknowledged records are missing";
    EXPECT_FALSE(simulation.is_damaged());
    if (HasFailure()) return;
    Add(simulation.counters(), &total);
    for (const auto& entry : simulation.oracle().entries()) {
      acknowledged += entry.fate == Fate::kAcknowledged ? 1 : 0;
    }
  }
  EXPECT_GT(acknowledged, 10'000);
  for (const auto& [name, count] : total) EXPECT_GT(count, 10) << name;
}

TEST(LyingSync, IsSeenByTheOracle) {
  // The oracle has to notice when a disk does not keep its promise, else it proves nothing.
  int lost_count = 0;
  int damage_count = 0;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Simulation simulation(seed, SyncMode::kBatch);
    lost_count += simulation.Run(true) > 0 ? 1 : 0;
    damage_count += simulation.is_damaged() ? 1 : 0;
    if (HasFailure()) return;
  }
  EXPECT_GT(lost_count, 20);
  EXPECT_GT(damage_count, 20);
}

}  // namespace
}  // namespace larnax::head
