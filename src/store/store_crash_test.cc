// Power cuts and deaths of the process at random points of flushes and merges, and what readers
// without a manifest see at every step in between.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "base/civil_time.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "store/manifest/archive_layout.h"
#include "store/read/sample_select.h"
#include "store/store.h"
#include "store/store_fixture.h"
#include "store/watched_file_system.h"
#include "test/matchers.h"

namespace larnax::store {
namespace {

constexpr int64_t kDay = base::kDayMs;
constexpr int64_t kFirst = 20'700 * kDay;
constexpr char kRoot[] = "/archive";

using Row = std::tuple<std::string, int64_t, uint64_t>;  // Labels, time, bits.
using Point = std::pair<std::string, int64_t>;

// Reads the archive as a glob over samples/date=*/*.parquet does.
class PlainReader {
 public:
  explicit PlainReader(io::FileSystem* fs) : fs_(fs) {}

  // Names of the files below samples/, per day folder.
  std::map<std::string, std::vector<std::string>> List(Tree tree) const {
    std::map<std::string, std::vector<std::string>> found;
    const std::string root = io::JoinPath(kRoot, TreeFolder(tree, kSamplesTable));
    const auto days = fs_->List(root);
    if (!days.ok()) return found;
    for (const auto& day : *days) {
      const auto files = fs_->List(io::JoinPath(root, day.name));
      if (!files.ok()) continue;
      for (const auto& file : *files) {
        if (file.name != kSchemaFile) found[day.name].push_back(file.name);
      }
    }
    return found;
  }

  // Every row that a reader sees now, as often as it is there.
  std::multiset<Row> Rows() {
    std::multiset<Row> rows;
    for (const auto& [day, files] : List(Tree::kData)) {
      for (const std::string& name : files) {
        const auto& own = RowsOf(day, name);
        rows.insert(own.begin(), own.end());
      }
    }
    return rows;
  }

 private:
  const std::vector<Row>& RowsOf(const std::string& day, const std::string& name) {
    const auto found = rows_.find(name);
    if (found != rows_.end()) return found->second;
    return rows_.emplace(name, Load(day, name)).first->second;
  }

  std::vector<Row> Load(const std::string& day, const std::string& name) {
    std::vector<Row> rows;
    const std::string base = std::string(kRoot) + "/";
    auto data = fs_->OpenReadable(base + "samples/" + day + "/" + name);
    auto series = fs_->OpenReadable(base + "series/samples/" + day + "/" + name);
    if (!series.ok()) {
      // The index's folder is swapped after that of the rows.
      const std::string stem = name.substr(0, name.size() - kParquetSuffix.size());
      series = fs_->OpenReadable(base + LooseFile(Tree::kSeries, kStagingFolder, stem));
    }
    if (!data.ok() || !series.ok()) {
      ADD_FAILURE() << "rows without an index: " << name;
      return rows;
    }
    const auto reader = columns::SamplesReader::Open(std::move(*data), nullptr);
    const auto index = columns::SeriesIndex::Open(std::move(*series), nullptr);
    EXPECT_OK(reader);
    EXPECT_OK(index);
    if (!reader.ok() || !index.ok()) return rows;
    const auto numbers = (*index)->Match({}, TimeRange(), nullptr);
    const auto labels = (*index)->LabelsOf(*numbers, nullptr);
    const auto extents = (*index)->Extents(*numbers, nullptr);
    std::vector<int64_t> times;
    std::vector<double> values;
    const columns::RowRange all{.first = 0, .count = (*reader)->rows()};
    EXPECT_OK((*reader)->ReadTimes(std::span(&all, 1), &times, nullptr));
    EXPECT_OK((*reader)->ReadValues(std::span(&all, 1), &values, nullptr));
    for (size_t i = 0; i < extents->size(); ++i) {
      const std::string set((*labels)[i].bytes());
      const auto first = static_cast<size_t>((*extents)[i].row_start);
      for (size_t row = first; row < first + static_cast<size_t>((*extents)[i].row_count); ++row) {
        rows.emplace_back(set, times[row], std::bit_cast<uint64_t>(values[row]));
      }
    }
    return rows;
  }

  io::FileSystem* fs_;
  std::map<std::string, std::vector<Row>> rows_;  // By file name, which is never used again.
};

class CrashSimulation {
 public:
  explicit CrashSimulation(uint64_t seed) : random_(seed), fs_(seed), reader_(&fs_) {
    options_.merge.fan_in = 3;
    options_.max_columns = 8;
    options_.writer.row_group_rows = 64;
    // Small outputs, so that days are cut into several files.
    if (random_.Chance(0.5)) options_.merge.max_file_bytes = 1000;
    lacks_exchange_ = random_.Chance(0.2);
  }

  ~CrashSimulation() { Restart(); }  // Files go while the hooks are there.

  void Run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      if (store_ == nullptr) Open();
      if (store_ == nullptr) continue;
      PlanEnd();
      PlanErrors();
      const uint64_t kind = random_.Below(10);
      if (kind < 5) {
        Flush();
      } else {
        Merge(kind == 9);
      }
      fs_.ClearFailures();
      if (countdown_ == 0) {
        End();
      } else {
        countdown_ = -1;
        Check("after a step");
      }
      if (random_.Chance(0.1)) now_ms_ += kDay / 2;
      if (random_.Chance(0.05)) Restart();
    }
    EXPECT_GT(flushes_, 0);
  }

  int merges() const { return merges_; }
  int crashes() const { return crashes_; }

 private:
  // Lets the process end at some change from now on.
  void PlanEnd() {
    countdown_ = random_.Chance(0.5) ? static_cast<int64_t>(1 + random_.Below(60)) : -1;
  }

  void PlanErrors() {
    if (!random_.Chance(0.3)) return;
    const auto operation = static_cast<io::SimOperation>(random_.Below(4));
    const auto error = random_.Chance(0.5) ? io::SimError::kIo : io::SimError::kDiskFull;
    fs_.FailNth(operation, static_cast<int64_t>(1 + random_.Below(20)), error);
    if (random_.Chance(0.2)) fs_.FailRandomly(operation, 0.2, error);
  }

  void Open() {
    watched_ = std::make_unique<WatchedFileSystem>(&fs_);
    watched_->lacks_exchange = lacks_exchange_;
    watched_->before_change = [this](const std::string&) {
      return countdown_ < 0 || --countdown_ > 0;
    };
    watched_->after_change = [this](const std::string& operation) { CheckPlain(operation); };
    if (random_.Chance(0.3)) PlanEnd();
    auto store = Store::Open(*watched_, kRoot, options_, now_ms_);
    if (countdown_ == 0) {
      End();
      return;
    }
    countdown_ = -1;
    ASSERT_OK(store);
    store_ = std::move(*store);
    SettlePending();
    head_.Restart(store_->files_through_ms());
    Check("opened");
    CheckFolders();
  }

  // After a restart the manifest tells whether the last flush counts.
  void SettlePending() {
    if (!pending_samples_.empty() && store_->wal_position() == pending_end_) Commit();
    EXPECT_EQ(store_->wal_position(), committed_end_);
  }

  void Commit() {
    AddToOracle(pending_samples_, &oracle_);
    committed_end_ = pending_end_;
    pending_ = nullptr;
    pending_samples_.clear();
    ++flushes_;
  }

  void Flush() {
    if (pending_ == nullptr) {
      const int64_t span_ms = random_.Chance(0.2) ? 20 * kDay : 2 * kDay;
      if (pending_samples_.empty()) {
        pending_samples_ =
            DrawSamples(random_, 40, kFirst + static_cast<int64_t>(random_.Below(kDay)), span_ms);
        if (random_.Chance(0.3)) SendAgain();
      }
      pending_end_ = {.segment = 1, .offset_bytes = committed_end_.offset_bytes + 1};
      pending_ = head_.Freeze(pending_samples_, pending_end_);
    }
    // Samples of a flush that failed are not in the oracle, but may be seen by plain readers.
    AddPoints(pending_samples_, &visible_);
    const auto flushed = store_->Flush(*pending_, now_ms_);
    if (flushed.ok()) {
      head_.NoteFlushed(*pending_);
      Commit();
    }
  }

  // A sender repeats what it sent before.
  void SendAgain() {
    for (const auto& [labels, samples] : oracle_) {
      if (!random_.Chance(0.2)) continue;
      for (const auto& [time_ms, sample] : samples) {
        pending_samples_.insert(pending_samples_.begin(),
                                {.labels = Labels(LabelsView(labels)),
                                 .time_ms = time_ms,
                                 .value = std::bit_cast<double>(sample.bits),
                                 .start_ms = sample.start_ms});
      }
    }
  }

  void Merge(bool everything) {
    const auto merged = store_->MergeOnce(now_ms_, everything);
    if (merged.ok() && *merged) ++merges_;
  }

  // The process died, or the power was cut.
  void End() {
    ++crashes_;
    stream_files_ = nullptr;
    store_ = nullptr;
    if (random_.Chance(0.5)) {
      fs_.Crash();
    } else {
      fs_.Kill();
    }
    countdown_ = -1;
    pending_ = nullptr;  // Its samples come again from the log.
  }

  void Restart() {
    stream_files_ = nullptr;
    store_ = nullptr;
    pending_ = nullptr;
  }

  static void AddPoints(const std::vector<TestSample>& samples, std::set<Point>* points) {
    for (const TestSample& sample : samples) {
      points->emplace(sample.labels.bytes(), sample.time_ms);
    }
  }

  // What the store answers equals the oracle; an older version stays readable.
  void Check(const std::string& when) {
    if (store_ == nullptr) return;
    io::SimClock clock;
    auto stream = store_->Select({}, {}, clock);
    ASSERT_OK(stream) << when;
    const auto got = ReadAll(**stream);
    ASSERT_OK(got) << when;
    // A part of a flush that failed may be in files: of several days each is committed alone.
    Oracle with_pending = oracle_;
    AddToOracle(pending_samples_, &with_pending);
    const std::string lost = Difference(oracle_, *got);
    if (!lost.empty() && !IsBetween(*got, with_pending)) {
      ADD_FAILURE() << when << ": " << lost;
    }
    if (stream_files_ != nullptr) {
      SelectRequest request;
      auto old = SelectSamples({.files = stream_files_, .head = {}, .files_may_vanish = false},
                               request, clock);
      EXPECT_OK(old);
      if (old.ok()) {
        EXPECT_OK(ReadAll(**old));
      }
    }
    if (random_.Chance(0.3)) stream_files_ = store_->Current();
  }

  // Every sample is the oracle's, or the pending flush's; none of the oracle's is missing.
  bool IsBetween(const Oracle& got, const Oracle& with_pending) const {
    for (const auto& [labels, samples] : oracle_) {
      for (const auto& [time_ms, sample] : samples) {
        const auto series = got.find(labels);
        if (series == got.end() || !series->second.contains(time_ms)) return false;
      }
    }
    for (const auto& [labels, samples] : got) {
      for (const auto& [time_ms, sample] : samples) {
        const auto old = oracle_.find(labels);
        if (old != oracle_.end()) {
          const auto at = old->second.find(time_ms);
          if (at != old->second.end() && at->second == sample) continue;
        }
        const auto fresh = with_pending.find(labels);
        if (fresh == with_pending.end()) return false;
        const auto at = fresh->second.find(time_ms);
        if (at == fresh->second.end() || !(at->second == sample)) return false;
      }
    }
    return true;
  }

  // Folders hold what the manifest lists, and nothing is left lying about.
  void CheckFolders() {
    for (const Tree tree : kTrees) {
      std::map<std::string, std::vector<std::string>> want;
      for (const auto& file : store_->Current()->files) {
        const FileEntry& entry = file->entry();
        want["date=" + base::FormatDay(entry.day)].push_back(entry.name + ".parquet");
      }
      for (auto& [day, names] : want) std::sort(names.begin(), names.end());
      EXPECT_EQ(want, reader_.List(tree));
    }
    for (const std::string_view folder : {kStagingFolder, kRetiredFolder}) {
      const auto entries = fs_.List(io::JoinPath(kRoot, folder));
      ASSERT_OK(entries);
      EXPECT_THAT(*entries, testing::IsEmpty()) << folder;
    }
  }

  // What a reader without a manifest sees, between any two changes.
  void CheckPlain(const std::string& operation) {
    auto listing = reader_.List(Tree::kData);
    if (listing == last_listing_) return;
    last_listing_ = std::move(listing);
    const std::multiset<Row> rows = reader_.Rows();
    std::set<Point> seen;
    const Row* previous = nullptr;
    for (const Row& row : rows) {
      const Point point(std::get<0>(row), std::get<1>(row));
      if (previous != nullptr && *previous == row) {
        FAIL() << "a row is seen twice: " << LabelsView(point.first).ToString() << " @"
               << point.second << " after " << operation;
      }
      previous = &row;
      const auto old = oracle_.find(point.first);
      const bool is_known = old != oracle_.end() && old->second.contains(point.second);
      if (!is_known && !visible_.contains(point)) {
        FAIL() << "a row that nobody wrote: " << LabelsView(point.first).ToString();
      }
      seen.insert(point);
    }
    // Without Exchange a day may be away for a moment.
    if (lacks_exchange_) return;
    for (const auto& [labels, samples] : oracle_) {
      for (const auto& [time_ms, sample] : samples) {
        ASSERT_TRUE(seen.contains({labels, time_ms}))
            << "a row is not seen: " << LabelsView(labels).ToString() << " @" << time_ms
            << " after " << operation;
      }
    }
  }

  io::Random random_;
  io::SimFileSystem fs_;
  PlainReader reader_;
  std::unique_ptr<WatchedFileSystem> watched_;
  StoreOptions options_;
  bool lacks_exchange_ = false;
  int64_t now_ms_ = kFirst + 3 * kDay;
  std::unique_ptr<Store> store_;
  std::shared_ptr<const Version> stream_files_;  // An old version that someone still reads.
  int64_t countdown_ = -1;                       // Changes until the end; negative: none planned.

  TestHead head_;
  Oracle oracle_;  // What is committed.
  head::LogPosition committed_end_;
  // A flush that did not succeed yet.
  std::vector<TestSample> pending_samples_;
  std::shared_ptr<head::FrozenGeneration> pending_;
  head::LogPosition pending_end_;
  std::set<Point> visible_;  // What flushes tried to write.
  std::map<std::string, std::vector<std::string>> last_listing_;
  int flushes_ = 0;
  int merges_ = 0;
  int crashes_ = 0;
};

// A commit whose last sync failed may come up after a power cut, with all its files.
TEST(StoreCrashTest, UncertainCommitIsWholeOrNotThere) {
  int old_state = 0;
  int new_state = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    for (int64_t nth = 1; nth <= 24; ++nth) {
      SCOPED_TRACE("seed=" + std::to_string(seed) + " nth=" + std::to_string(nth));
      io::SimFileSystem fs(seed);
      io::Random random(seed);
      StoreOptions options;
      TestHead head;
      Oracle first;
      const auto samples = DrawSamples(random, 20, kFirst, kDay / 2);
      const auto more = DrawSamples(random, 20, kFirst + kDay / 2, kDay / 4);
      ASSERT_OK_AND_ASSIGN(auto store, Store::Open(fs, kRoot, options, kFirst));
      ASSERT_OK(store->Flush(*head.Freeze(samples, {.segment = 1, .offset_bytes = 1}), kFirst));
      AddToOracle(samples, &first);
      Oracle second = first;
      const bool by_merge = seed % 2 == 0;
      fs.FailNth(io::SimOperation::kSync, nth, io::SimError::kIo);
      if (by_merge) {
        (void)store->MergeOnce(kFirst, true);
      } else {
        (void)store->Flush(*head.Freeze(more, {.segment = 1, .offset_bytes = 2}), kFirst);
        AddToOracle(more, &second);
      }
      fs.ClearFailures();
      store = nullptr;
      fs.Crash();
      ASSERT_OK_AND_ASSIGN(store, Store::Open(fs, kRoot, options, kFirst));
      io::SimClock clock;
      ASSERT_OK_AND_ASSIGN(auto stream, store->Select({}, {}, clock));
      ASSERT_OK_AND_ASSIGN(const Oracle got, ReadAll(*stream));
      const bool is_new = by_merge ? store->Current()->files[0]->entry().level > 0
                                   : store->wal_position().offset_bytes == 2;
      EXPECT_EQ(Difference(is_new ? second : first, got), "");
      ++(is_new ? new_state : old_state);
    }
  }
  EXPECT_GT(old_state, 20);
  EXPECT_GT(new_state, 20);
}

TEST(StoreCrashTest, NothingIsLostInventedOrSeenTwice) {
  int merges = 0;
  int crashes = 0;
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    SCOPED_TRACE("seed=" + std::to_string(seed));
    CrashSimulation simulation(seed);
    simulation.Run(50);
    merges += simulation.merges();
    crashes += simulation.crashes();
    if (HasFailure()) break;
  }
  EXPECT_GT(merges, 50);
  EXPECT_GT(crashes, 50);
}

}  // namespace
}  // namespace larnax::store
