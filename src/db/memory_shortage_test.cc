// Memory that runs out in the middle of a write, flush, merge, read, query, answer or start: an
// allocation, or one of Arrow's pool, fails, then others succeed again. Each case is a process of
// its own; whatever it does, also when it ends there, what was acknowledged is in the archive,
// nothing else is, and no file is damaged.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <arrow/memory_pool.h>

#include "db/database_impl.h"
#include "io/executor.h"
#include "io/sim_clock.h"
#include "larnax/archive.h"
#include "larnax/query.h"
#include "test/matchers.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/histogram_message.h"

namespace {

// Of this thread: how many allocations go well yet, how many then fail; negative: none does.
thread_local int64_t allocations_to_go = -1;
thread_local int64_t allocations_to_fail = 0;
thread_local int64_t allocation_count = 0;

// Whether it is the pool's that are counted and fail.
thread_local bool is_of_pool = false;

bool Fails() {
  ++allocation_count;
  if (allocations_to_go < 0 || --allocations_to_go >= 0) return false;
  if (--allocations_to_fail > 0) allocations_to_go = 0;
  return true;
}

void* Allocate(size_t size, size_t alignment) {
  if (!is_of_pool && Fails()) throw std::bad_alloc();
  size = (std::max<size_t>(size, 1) + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void Free(void* memory) { std::free(memory); }

}  // namespace

#include "test/replace_new.h"

namespace {

class ScarcePool final : public arrow::MemoryPool {
 public:
  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override {
    return is_of_pool && Fails() ? Empty() : base_->Allocate(size, alignment, out);
  }
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment,
                           uint8_t** bytes) override {
    return is_of_pool && Fails() ? Empty()
                                 : base_->Reallocate(old_size, new_size, alignment, bytes);
  }
  void Free(uint8_t* bytes, int64_t size, int64_t alignment) override {
    base_->Free(bytes, size, alignment);
  }
  int64_t bytes_allocated() const override { return base_->bytes_allocated(); }
  int64_t total_bytes_allocated() const override { return base_->total_bytes_allocated(); }
  int64_t num_allocations() const override { return base_->num_allocations(); }
  std::string backend_name() const override { return "scarce"; }

 private:
  static arrow::Status Empty() { return arrow::Status::OutOfMemory("the pool is empty"); }

  arrow::MemoryPool* const base_ = arrow::system_memory_pool();
};

}  // namespace

// In the place of the library's, for all who ask for it outside of that.
arrow::MemoryPool* arrow::default_memory_pool() {
  static ScarcePool* const pool = new ScarcePool;
  return pool;
}

namespace larnax::db {
namespace {

constexpr int64_t kDayMs = 86'400'000;
// How many allocations fail in a row.
constexpr int64_t kRows[] = {1, 40};
constexpr int64_t kAll = int64_t{1} << 40;
// Places per operation, evenly spread; LARNAX_EVERY_ALLOCATION=1 takes all, =N each N-th.
constexpr int64_t kPlaces = 10;
constexpr int kTerminated = 99;

// Batches of samples: those the archive starts with, that which is written while memory is short,
// and one that is written after it.
constexpr int kBatches = 5;
constexpr int kStored[] = {0, 1, 2};
constexpr int kShort = 3;
constexpr int kLast = 4;

// Of one series and time the value; that of a histogram has an "h" before it.
using Content = std::map<std::string, std::map<int64_t, std::string>>;

// What a case tells the one who started it, in memory that both have.
struct Report {
  bool is_acknowledged[kBatches];
  int64_t allocations;
};

struct Life {
  explicit Life(std::string path) : root(std::move(path)) {}
  ~Life() { executor.DropAll(); }

  arrow::Status Open() {
    const Environment environment{.fs = &io::RealFileSystem(),
                                  .clock = &clock,
                                  .executor = &executor,
                                  .seed = 7,
                                  .recovery_threads = 1};
    DatabaseOptions options;
    options.merge_fan_in = 2;
    options.wal_segment_bytes = 2 << 10;
    return DatabaseImpl::Open(environment, root, options, {}).Value(&database);
  }

  const std::string root;
  io::SimClock clock;
  io::SimExecutor executor{clock, 1};
  std::unique_ptr<DatabaseImpl> database;
};

int64_t StartMs() { return io::SimClock().NowMs() / kDayMs * kDayMs; }

// Two series that each batch has and one that is new in it, on two days; a histogram; an exemplar;
// metadata.
struct Batch {
  std::string message;
  Content content;
};

Batch MakeBatch(int number) {
  Batch batch;
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  const std::string names[] = {"known", "other", "fresh_" + std::to_string(number)};
  for (const std::string& name : names) {
    const Labels labels =
        Labels::Make({{"__name__", name}, {"long", std::string(40, 'x')}}).ValueOrDie();
    auto& samples = batch.content[labels.ToString()];
    encoder.BeginSeries(labels.bytes());
    for (int i = 0; i < 6; ++i) {
      const int64_t time_ms = StartMs() - (i % 2) * kDayMs + number * 10'000 + i;
      encoder.AddSample(time_ms, number + i);
      samples[time_ms] = std::to_string(number + i);
    }
    const int64_t time_ms = StartMs() - number * kDayMs + 1000;
    NativeHistogram histogram;
    histogram.is_integer = true;
    histogram.integer_count = static_cast<uint64_t>(number + 1);
    histogram.positive_spans = {{.offset = 2, .length = 1}};
    histogram.integer_positive = {number + 1};
    encoder.AddHistogram(wire::EncodeHistogram(histogram, time_ms, 0));
    samples[time_ms] = "h" + std::to_string(number + 1);
    encoder.AddExemplar(Labels::Make({{"trace", std::string(30, 't')}}).ValueOrDie().bytes(), 1,
                        time_ms);
  }
  const std::string help = "What it is, number " + std::to_string(number);
  encoder.AddMetadata({"known", wire::MetricType::kHistogram, help, "s"});
  batch.message = encoder.Finish();
  return batch;
}

arrow::Status Write(Life& life, const Batch& batch) {
  auto answer = std::make_shared<arrow::Status>(arrow::Status::Invalid("no answer"));
  life.database->Ingest(
      {.content_type = {},
       .content_encoding = "identity",
       .body = {reinterpret_cast<const uint8_t*>(batch.message.data()), batch.message.size()}},
      [answer](arrow::Result<WriteReport> result) { *answer = result.status(); });
  life.executor.RunUntilIdle();
  return *answer;
}

arrow::Result<Content> Read(Life& life) {
  Content content;
  ARROW_ASSIGN_OR_RAISE(const auto stream, life.database->Select({}));
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const SampleBatch batch, stream->Next());
    if (!stream->warnings().empty()) return arrow::Status::Invalid(stream->warnings().front());
    if (batch.series.empty()) return content;
    for (const SeriesSamples& series : batch.series) {
      auto& samples = content[series.labels.ToString()];
      for (size_t i = 0; i < series.value.size(); ++i) {
        samples[(*series.time_ms)[i]] = std::to_string(static_cast<int>(series.value[i]));
      }
      for (const HistogramSample& sample : series.histograms) {
        samples[sample.time_ms] = "h" + std::to_string(sample.histogram->integer_count);
      }
    }
  }
}

// All that was acknowledged is there, and nothing that was not sent.
arrow::Status Check(const Content& found, const Report& report) {
  Content unknown = found;
  for (int number = 0; number < kBatches; ++number) {
    for (const auto& [series, samples] : MakeBatch(number).content) {
      for (const auto& [time_ms, value] : samples) {
        const auto at = found.find(series);
        const bool is_there =
            at != found.end() && at->second.contains(time_ms) && at->second.at(time_ms) == value;
        if (is_there) unknown[series].erase(time_ms);
        if (!is_there && report.is_acknowledged[number]) {
          return arrow::Status::Invalid("lost: ", series, " time_ms=", time_ms, " batch=", number);
        }
      }
    }
  }
  for (const auto& [series, samples] : unknown) {
    if (!samples.empty()) return arrow::Status::Invalid("never stored: ", series);
  }
  return arrow::Status::OK();
}

arrow::Status CheckAll(Life& life, const Report& report) {
  ARROW_ASSIGN_OR_RAISE(const Content content, Read(life));
  return Check(content, report);
}

// Data files in the folders of days are those that the manifest lists: a plain reader sees each row
// once.
arrow::Status CheckFolders(Life& life) {
  std::set<std::string> there;
  for (const char* table : {"samples", "histograms", "exemplars"}) {
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(life.root + "/" + table)) {
      const std::string name = file.path().filename();
      if (file.is_regular_file() && name.starts_with("s0")) there.insert(file.path());
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto report, InspectArchive(life.root));
  for (const FileUse& file : report.files) {
    if (there.erase(life.root + "/" + file.path) == 1 || file.table == "metadata") continue;
    return arrow::Status::Invalid("a listed file is missing: ", file.path);
  }
  return there.empty() ? arrow::Status::OK()
                       : arrow::Status::Invalid("not in the manifest: ", *there.begin());
}

// What was last answered.
std::string answered;

// Raw samples as Arrow and as Parquet, wholly, and the begin of it.
arrow::Status Answer(Life& life) {
  answered.clear();
  for (const AnswerFormat format : {AnswerFormat::kArrow, AnswerFormat::kParquet}) {
    for (const size_t most_pieces : {size_t{1}, std::numeric_limits<size_t>::max()}) {
      ARROW_ASSIGN_OR_RAISE(auto stream, life.database->Select({}));
      const auto writer = WriteSamples(std::move(stream), format, {"long"}, {});
      bool goes_on = true;
      for (size_t pieces = 0; goes_on && pieces < most_pieces; ++pieces) {
        std::string piece;
        ARROW_ASSIGN_OR_RAISE(goes_on, writer->Next(&piece));
        answered += piece;
      }
    }
  }
  return arrow::Status::OK();
}

enum class Operation { kWrite, kFlush, kMerge, kRead, kQuery, kAnswer, kOpen };

// `batch`: what kWrite writes.
arrow::Status Run(Operation operation, const Batch& batch, Life& life, Report* report) {
  switch (operation) {
    case Operation::kWrite: {
      const arrow::Status written = Write(life, batch);
      report->is_acknowledged[kShort] = written.ok();
      return written;
    }
    case Operation::kFlush:
      return life.database->Flush();
    case Operation::kMerge:
      return life.database->Merge(true);
    case Operation::kRead: {
      ARROW_ASSIGN_OR_RAISE(const Content content, Read(life));
      return Check(content, *report);
    }
    case Operation::kQuery: {
      QueryRequest request;
      request.text =
          "sum(rate({__name__=~\"known|other\"}[1h])) + count(count_over_time(known[2d]))";
      request.start_ms = StartMs() - kDayMs;
      request.end_ms = StartMs() + kDayMs;
      request.step_ms = 600'000;
      return life.database->Query(request).status();
    }
    case Operation::kAnswer:
      return Answer(life);
    case Operation::kOpen:
      return life.Open();
  }
  return arrow::Status::Invalid("no such operation");
}

// The same while an allocation fails; what is thrown ends at the faces.
arrow::Status RunShort(Operation operation, int64_t place, int64_t row, Life& life,
                       Report* report) {
  const Batch batch = MakeBatch(kShort);
  const int64_t before = allocation_count;
  allocations_to_fail = row;
  allocations_to_go = place;
  std::optional<arrow::Status> status;
  try {
    status = Run(operation, batch, life, report);
  } catch (const std::exception&) {
  }
  allocations_to_go = -1;
  report->allocations = allocation_count - before;
  return status ? *status : arrow::Status::OutOfMemory("thrown");
}

// What goes on in the process: the operation, then all is well again.
arrow::Status Live(Operation operation, int64_t place, int64_t row, Life& life, Report* report) {
  if (operation != Operation::kOpen) ARROW_RETURN_NOT_OK(life.Open());
  const arrow::Status status = RunShort(operation, place, row, life, report);
  if (operation == Operation::kOpen && !status.ok()) {
    // Whoever starts it starts it again.
    life.executor.DropAll();
    life.database.reset();
    ARROW_RETURN_NOT_OK(life.Open());
  }
  ARROW_RETURN_NOT_OK(CheckAll(life, *report));
  // Who was not answered sends it again.
  for (const int number : {kShort, kLast}) {
    if (report->is_acknowledged[number]) continue;
    ARROW_RETURN_NOT_OK(Write(life, MakeBatch(number)));
    report->is_acknowledged[number] = true;
  }
  ARROW_RETURN_NOT_OK(CheckAll(life, *report));
  ARROW_RETURN_NOT_OK(Run(Operation::kQuery, {}, life, report));
  ARROW_RETURN_NOT_OK(Run(Operation::kAnswer, {}, life, report));
  if (place % 3 == 0) return arrow::Status::OK();  // The next process finds it in the log.
  ARROW_RETURN_NOT_OK(life.database->Flush());
  ARROW_RETURN_NOT_OK(CheckFolders(life));
  ARROW_RETURN_NOT_OK(CheckAll(life, *report));
  if (place % 3 == 1) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(life.database->Merge(true));
  ARROW_RETURN_NOT_OK(CheckFolders(life));
  return CheckAll(life, *report);
}

class MemoryShortageTest : public testing::Test {
 protected:
  MemoryShortageTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "larnax-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    report_ = static_cast<Report*>(
        ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  }
  ~MemoryShortageTest() override {
    ::munmap(report_, sizeof(Report));
    std::filesystem::remove_all(folder_);
  }

  // Runs in a process that ends as if it were killed; gives how waitpid tells of its end.
  int InProcess(const std::function<arrow::Status()>& live) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::set_terminate([] { ::_exit(kTerminated); });
      const arrow::Status status = live();
      if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
      ::_exit(status.ok() ? 0 : 1);
    }
    int end = 0;
    EXPECT_EQ(::waitpid(child, &end, 0), child);
    return end;
  }

  // Two batches in files of their own, one in the log.
  void MakeArchive() {
    const int end = InProcess([this]() -> arrow::Status {
      Life life(folder_ + "/base");
      ARROW_RETURN_NOT_OK(life.Open());
      for (const int number : kStored) {
        ARROW_RETURN_NOT_OK(Write(life, MakeBatch(number)));
        if (number != kStored[2]) ARROW_RETURN_NOT_OK(life.database->Flush());
      }
      std::fflush(nullptr);
      ::_exit(0);
    });
    ASSERT_EQ(end, 0);
  }

  // One case, in a process that ends as if it were killed.
  void Try(Operation operation, int64_t place, int64_t row) {
    const std::string root = folder_ + "/case";
    std::filesystem::remove_all(root);
    std::filesystem::copy(folder_ + "/base", root, std::filesystem::copy_options::recursive);
    *report_ = {};
    for (const int number : kStored) report_->is_acknowledged[number] = true;
    const int end = InProcess([&]() -> arrow::Status {
      Life life(root);
      const arrow::Status status = Live(operation, place, row, life, report_);
      if (!status.ok()) return status;
      ::_exit(0);
    });
    const std::string what = "place=" + std::to_string(place) + " row=" + std::to_string(row);
    // Where even an error finds no memory, the process ends (std::terminate).
    const bool is_ended = WIFEXITED(end) && WEXITSTATUS(end) == kTerminated;
    ended_ += is_ended;
    EXPECT_TRUE(end == 0 || is_ended) << "end=" << end << ' ' << what;
    // What the next process finds, and leaves.
    {
      Life next(root);
      const arrow::Status opened = next.Open();
      EXPECT_OK(opened) << what;
      if (!opened.ok()) return;
      EXPECT_OK(CheckAll(next, *report_)) << what;
      EXPECT_OK(CheckFolders(next)) << what;
      EXPECT_OK(next.database->Close());
    }
    const auto verified = VerifyArchive(root);
    EXPECT_OK(verified) << what;
    if (verified.ok()) {
      EXPECT_THAT(verified->problems, testing::IsEmpty()) << what;
    }
  }

  void TryAll(Operation operation) {
    MakeArchive();
    if (HasFatalFailure()) return;
    for (const int64_t row : kRows) {
      Try(operation, kAll, row);
      const int64_t count = report_->allocations;
      ASSERT_GT(count, 10);
      const char* const every = std::getenv("LARNAX_EVERY_ALLOCATION");
      const int64_t stride =
          std::max<int64_t>(1, every != nullptr ? std::atoll(every) : count / kPlaces);
      ended_ = 0;
      for (int64_t place = 0; place < count; place += stride) Try(operation, place, row);
      std::printf("row=%lld: of %lld cases %lld ended the process\n", static_cast<long long>(row),
                  static_cast<long long>((count + stride - 1) / stride),
                  static_cast<long long>(ended_));
      // One allocation that fails is mostly survived.
      if (row == 1) {
        EXPECT_LE(ended_ * 4, count / stride);
      }
    }
  }

  // Each allocation of Arrow's pool fails, alone or with all that follow.
  void TryPool(Operation operation) {
    MakeArchive();
    if (HasFatalFailure()) return;
    is_of_pool = true;
    Try(operation, kAll, 1);
    // Nothing but tables of Arrow takes memory from it.
    EXPECT_EQ(report_->allocations > 0, operation == Operation::kAnswer);
    const int64_t count = report_->allocations;
    report_->is_acknowledged[kShort] = report_->is_acknowledged[kLast] = false;
    const int end = InProcess([&]() -> arrow::Status {
      Life life(folder_ + "/base");
      ARROW_RETURN_NOT_OK(life.Open());
      ARROW_RETURN_NOT_OK(RunShort(operation, kAll, 1, life, report_));
      const std::string whole = answered;
      for (int64_t place = 0; place < 2 * count; ++place) {
        const arrow::Status status =
            RunShort(operation, place / 2, place % 2 == 0 ? 1 : kAll, life, report_);
        // One that is given up writes an end for nobody.
        if (KindOf(status) == ErrorKind::kOverloaded || (status.ok() && answered == whole))
          continue;
        return arrow::Status::Invalid("place=", place, " status=", status.ToString());
      }
      // As if nothing had been.
      return RunShort(operation, kAll, 1, life, report_);
    });
    EXPECT_EQ(end, 0);
  }
  void TearDown() override { is_of_pool = false; }

  std::string folder_;
  Report* report_;
  int64_t ended_ = 0;
};

TEST_F(MemoryShortageTest, InAWrite) { TryAll(Operation::kWrite); }
TEST_F(MemoryShortageTest, InAFlush) { TryAll(Operation::kFlush); }
TEST_F(MemoryShortageTest, InAMerge) { TryAll(Operation::kMerge); }
TEST_F(MemoryShortageTest, InARead) { TryAll(Operation::kRead); }
TEST_F(MemoryShortageTest, InAQuery) { TryAll(Operation::kQuery); }
TEST_F(MemoryShortageTest, InAnAnswer) { TryAll(Operation::kAnswer); }
TEST_F(MemoryShortageTest, InAStart) { TryAll(Operation::kOpen); }

TEST_F(MemoryShortageTest, OfThePoolInAFlush) { TryPool(Operation::kFlush); }
TEST_F(MemoryShortageTest, OfThePoolInAMerge) { TryPool(Operation::kMerge); }
TEST_F(MemoryShortageTest, OfThePoolInARead) { TryPool(Operation::kRead); }
TEST_F(MemoryShortageTest, OfThePoolInAnAnswer) { TryPool(Operation::kAnswer); }

}  // namespace
}  // namespace larnax::db
