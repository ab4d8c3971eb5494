// Speed of light beside each: memcpy for appends, one write and fdatasync for commits.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/crc32c.h"
#include "head/log.h"
#include "head/log_replay.h"
#include "io/clock.h"
#include "io/file_system.h"

namespace larnax::head {
namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "larnax-log-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<uint8_t> Payload(size_t size) {
  std::vector<uint8_t> payload(size);
  for (size_t i = 0; i < size; ++i) payload[i] = static_cast<uint8_t>(i * 131 + (i >> 8));
  return payload;
}

void SetBytes(benchmark::State& state, size_t size) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(size));
}

std::unique_ptr<Log> OpenLog(const Folder& folder, SyncMode mode) {
  return Log::Open(io::RealFileSystem(), io::RealClock(), folder.path(), {.mode = mode})
      .ValueOrDie();
}

void Memcpy(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  const auto payload = Payload(size);
  std::vector<uint8_t> target(4 << 20);
  size_t at = 0;
  for (auto _ : state) {
    std::memcpy(target.data() + at, payload.data(), size);
    benchmark::ClobberMemory();
    at = at + 2 * size > target.size() ? 0 : at + size;
  }
  SetBytes(state, size);
}
BENCHMARK(Memcpy)->Arg(32 << 10);

void Checksum(benchmark::State& state) {
  const auto payload = Payload(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(base::Crc32c(0, payload));
  SetBytes(state, payload.size());
}
BENCHMARK(Checksum)->Arg(28)->Arg(1 << 10)->Arg(32 << 10);

void ChecksumPortable(benchmark::State& state) {
  const auto payload = Payload(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(base::Crc32cPortable(0, payload));
  SetBytes(state, payload.size());
}
BENCHMARK(ChecksumPortable)->Arg(32 << 10);

// Appends alone: commits, every 4 MiB, are not timed.
void Append(benchmark::State& state) {
  const Folder folder;
  const auto log = OpenLog(folder, SyncMode::kOff);
  const auto payload = Payload(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    log->PrepareAppend(payload.size());
    log->Append(1, payload);
    if (log->pending_bytes() < 4 << 20) continue;
    state.PauseTiming();
    if (!log->Commit().ok()) state.SkipWithError("commit failed");
    ARROW_UNUSED(log->RemoveBefore(log->appended().segment));
    state.ResumeTiming();
  }
  SetBytes(state, payload.size());
}
BENCHMARK(Append)->Arg(100)->Arg(32 << 10)->Iterations(40'000);

// A commit of some records of 32 KiB: state.range(0) of them, with (1) or without (0) a sync.
void Commit(benchmark::State& state) {
  const Folder folder;
  const auto log = OpenLog(folder, state.range(1) != 0 ? SyncMode::kBatch : SyncMode::kOff);
  const auto payload = Payload(32 << 10);
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) log->Append(1, payload);
    if (!log->Commit().ok()) state.SkipWithError("commit failed");
    if (log->segments().size() > 1) ARROW_UNUSED(log->RemoveBefore(log->appended().segment));
  }
  SetBytes(state, payload.size() * static_cast<size_t>(state.range(0)));
}
BENCHMARK(Commit)->Args({1, 0})->Args({32, 0})->Args({1, 1})->Args({32, 1})->UseRealTime();

void Replay(benchmark::State& state) {
  const Folder folder;
  constexpr int kCount = 8192;
  {
    const auto log = OpenLog(folder, SyncMode::kOff);
    const auto payload = Payload(32 << 10);
    for (int i = 0; i < kCount; ++i) {
      log->Append(1, payload);
      if (i % 128 == 127 && !log->Commit().ok()) state.SkipWithError("commit failed");
    }
  }
  ReplayOptions options;
  options.read_only = true;
  options.threads = static_cast<int>(state.range(0));
  for (auto _ : state) {
    const auto report = ReplayLog(io::RealFileSystem(), folder.path(), {}, options,
                                  [](const RecordView&) { return arrow::Status::OK(); });
    if (!report.ok() || report->record_count != kCount) state.SkipWithError("wrong replay");
  }
  SetBytes(state, size_t{kCount} * (32 << 10));
}
BENCHMARK(Replay)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace larnax::head

BENCHMARK_MAIN();
