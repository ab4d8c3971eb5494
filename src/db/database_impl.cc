#include "db/database_impl.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <map>
#include <new>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/guarded.h"
#include "db/own_metrics.h"
#include "head/log_replay.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"

namespace larnax::db {
namespace {

constexpr std::string_view kLog = "samples";
constexpr std::string_view kOldSecondLog = "typed";
constexpr int64_t kFlushTickMs = 1000;
constexpr int64_t kMergeTickMs = 5000;
constexpr int64_t kNsPerSecond = 1'000'000'000;

head::SyncMode SyncModeOf(WalSync sync) {
  switch (sync) {
    case WalSync::kBatch:
      return head::SyncMode::kBatch;
    case WalSync::kInterval:
      return head::SyncMode::kInterval;
    case WalSync::kOff:
      return head::SyncMode::kOff;
  }
  LARNAX_UNREACHABLE();
}

int64_t BytesOf(const head::Log& log) {
  int64_t bytes = 0;
  for (const head::LogSegment& segment : log.segments()) bytes += segment.size_bytes;
  return bytes;
}

// Runs a part of a tick: whatever it throws, the next tick comes.
template <typename Work>
void Outlive(Work work) {
  try {
    work();
  } catch (const std::exception&) {
    // It is counted where it matters, and tried again.
  }
}

}  // namespace

DatabaseImpl::DatabaseImpl(Environment environment, std::string root,
                           const DatabaseOptions& options)
    : environment_(environment),
      root_(std::move(root)),
      options_(options),
      experiments_(environment.fs, root_, options.experiment_label),
      start_time_ms_(environment.clock->NowMs()),
      query_engine_(
          {.threads = environment.recovery_threads == 1 ? 1 : 0, .clock = environment.clock}) {}

DatabaseImpl::~DatabaseImpl() {
  Outlive([this] { (void)Close(); });
  // Tasks use the other members: none may run once those go.
  executor_.reset();
}

arrow::Result<std::unique_ptr<DatabaseImpl>> DatabaseImpl::Open(Environment environment,
                                                                const std::string& root,
                                                                const DatabaseOptions& options,
                                                                Progress progress) {
  std::unique_ptr<DatabaseImpl> database(new DatabaseImpl(environment, root, options));
  store::StoreOptions store_options = store::MakeStoreOptions(options, options.address);
  if (!environment.build.empty()) store_options.writer.key_values = {{"build", environment.build}};
  ARROW_ASSIGN_OR_RAISE(database->store_,
                        store::Store::Open(*environment.fs, root, std::move(store_options),
                                           environment.clock->NowMs()));
  if (options.read_only) {
    database->unflushed_ = std::make_unique<UnflushedLog>(environment, database->store_.get(),
                                                          database->LogFolder(kLog));
  } else {
    ARROW_RETURN_NOT_OK(database->OpenForWriting(progress));
  }
  return database;
}

std::string DatabaseImpl::LogFolder(std::string_view name) const {
  return io::JoinPath(io::JoinPath(root_, store::kWalFolder), name);
}

arrow::Status DatabaseImpl::OpenForWriting(const Progress& progress) {
  head::LogOptions log_options{.segment_bytes = options_.wal_segment_bytes,
                               .mode = SyncModeOf(options_.wal_sync)};
  log_options.after_segment = store_->wal_position().segment;
  log_options.salt_seed = environment_.seed;
  ARROW_ASSIGN_OR_RAISE(
      log_, head::Log::Open(*environment_.fs, *environment_.clock, LogFolder(kLog), log_options));
  head_ = std::make_shared<head::Head>(log_.get(), store_->files_through_ms());
  ARROW_RETURN_NOT_OK(ReplayLog(progress));
  ARROW_RETURN_NOT_OK(TakeOverOldLog());
  ARROW_RETURN_NOT_OK(LearnMetadata());
  write_path_ =
      std::make_unique<WritePath>(environment_, options_,
                                  WritePath::Parts{.head = head_.get(),
                                                   .log = log_.get(),
                                                   .metadata = &metadata_,
                                                   .counters = &counters_,
                                                   .request_flush = [this] { RequestFlush(); }});
  StartTicks();
  return arrow::Status::OK();
}

arrow::Status DatabaseImpl::LearnMetadata() {
  int64_t rows = 0;
  for (const auto& file : store_->Current()->manifest.metadata) rows += file.rows;
  constexpr int64_t kMostRows = 128 << 10;
  if (rows > kMostRows) {
    // What is sent again is then stored again, once.
    metadata_.SetIncomplete();
  } else {
    ARROW_ASSIGN_OR_RAISE(auto stored, store_->Metadata({}, &metadata_warnings_));
    for (columns::MetadataRow& row : stored)
      metadata_.Learn(MetadataCatalog::EntryOf(std::move(row)));
    if (!metadata_warnings_.empty()) metadata_.SetIncomplete();
  }
  for (const head::MetadataNews& news : head_->metadata()) {
    metadata_.Learn(MetadataCatalog::EntryOf(news));
  }
  return arrow::Status::OK();
}

arrow::Status DatabaseImpl::ReplayLog(const Progress& progress) {
  const int64_t now_ms = environment_.clock->NowMs();
  head::ReplayOptions options;
  options.threads = environment_.recovery_threads;
  options.deliver_before_start = true;
  options.progress = progress;
  return head::ReplayLog(
             *environment_.fs, LogFolder(kLog), store_->wal_position(), options,
             [&](const head::RecordView& record) { return head_->Replay(record, now_ms); })
      .status();
}

// Archives of before there was one log for all have another, of histograms, exemplars and metadata,
// that was never freed. What is in it goes to files; then it goes. Until its folder has its other
// name it is read whole again, and what files have already is not written twice.
arrow::Status DatabaseImpl::TakeOverOldLog() {
  io::FileSystem& fs = *environment_.fs;
  const std::string folder = LogFolder(kOldSecondLog);
  const std::string done = folder + "-done";
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs.Exists(folder));
  if (exists) {
    const int64_t now_ms = environment_.clock->NowMs();
    const auto apply = [&](const head::RecordView& record) -> arrow::Status {
      ARROW_RETURN_NOT_OK(head_->Replay(record, now_ms));
      // It may be longer than memory is large.
      return head_->active_load() < options_.flush_samples ? arrow::Status::OK() : Flush();
    };
    ARROW_RETURN_NOT_OK(head::ReplayLog(fs, folder, {}, {}, apply).status());
    ARROW_RETURN_NOT_OK(Flush());
    ARROW_RETURN_NOT_OK(fs.Rename(folder, done));
    ARROW_RETURN_NOT_OK(fs.SyncDirectory(io::JoinPath(root_, store::kWalFolder)));
  }
  ARROW_ASSIGN_OR_RAISE(const bool is_left, fs.Exists(done));
  if (!is_left) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(done));
  for (const io::DirectoryEntry& entry : entries) {
    ARROW_RETURN_NOT_OK(fs.RemoveFile(io::JoinPath(done, entry.name)));
  }
  return fs.RemoveDirectory(done);
}

void DatabaseImpl::StartTicks() {
  PostTick(kFlushTickMs, [this] { FlushTick(); });
  PostTick(kMergeTickMs, [this] { MergeTick(); });
  if (options_.wal_sync != WalSync::kInterval) return;
  PostTick(options_.wal_sync_interval_ms, [this] { SyncTick(); });
}

// A tick that is not posted is the last one: where memory is short for a moment, it is waited for.
void DatabaseImpl::PostTick(int64_t delay_ms, const std::function<void()>& tick) {
  while (!closed_) {
    try {
      return environment_.executor->PostAfter(delay_ms, tick);
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

void DatabaseImpl::FlushTick() {
  if (closed_) return;
  Outlive([this] {
    if (const auto free = store_->FreeBytes(); free.ok()) {
      write_path_->set_disk_full(*free < options_.min_free_disk_bytes);
    }
    TryFlush();
  });
  PostTick(kFlushTickMs, [this] { FlushTick(); });
}

void DatabaseImpl::MergeTick() {
  if (closed_) return;
  // A merge that runs already must not hold a thread that commits need. Failures are counted, and
  // tried again.
  if (const std::unique_lock lock(merge_mutex_, std::try_to_lock); lock.owns_lock()) {
    Outlive([this] { (void)MergeLocked(/*everything=*/false); });
  }
  PostTick(kMergeTickMs, [this] { MergeTick(); });
}

void DatabaseImpl::SyncTick() {
  if (closed_) return;
  // A failure drops what was not durable, as this mode allows; the log counts on.
  bool is_synced = false;
  Outlive([&] { is_synced = write_path_->SyncNow().ok(); });
  if (!is_synced) counters_.wal_commit_failures.Add(1);
  PostTick(options_.wal_sync_interval_ms, [this] { SyncTick(); });
}

void DatabaseImpl::RequestFlush() {
  if (flush_requested_.exchange(true)) return;
  try {
    environment_.executor->Post([this] {
      TryFlush();
      flush_requested_ = false;
    });
  } catch (const std::bad_alloc&) {
    flush_requested_ = false;  // The next tick sees it, too.
  }
}

// A flush that runs already must not hold a thread that commits need. A failure is counted; the
// next tick tries again.
void DatabaseImpl::TryFlush() {
  const std::unique_lock lock(flush_mutex_, std::try_to_lock);
  if (lock.owns_lock() && !closed_ && IsFlushDue()) (void)FlushLocked();
}

bool DatabaseImpl::IsFlushDue() const {
  // What a flush left behind is tried again whether anything new comes or not.
  if (!frozen_.empty()) return environment_.clock->MonotonicNs() >= retry_flush_ns_;
  if (HasEnoughToFlush(*head_, options_)) return true;
  const int64_t oldest_ms = head_->oldest_append_ms();
  if (oldest_ms != 0 && head_->memory_bytes() > options_.head_limit_bytes) return true;
  const int64_t now_ms = environment_.clock->NowMs();
  // A clock that was set back must not hold samples in memory.
  return oldest_ms != 0 && (now_ms - oldest_ms >= options_.flush_interval_ms || now_ms < oldest_ms);
}

arrow::Status DatabaseImpl::CheckWritable() const {
  if (options_.read_only) return MakeError(ErrorKind::kClosed, "the archive is open read-only");
  return arrow::Status::OK();
}

void DatabaseImpl::Ingest(const WriteMessage& message, WriteDone done) {
  if (const arrow::Status writable = CheckWritable(); !writable.ok()) {
    done(writable);
    return;
  }
  write_path_->Ingest(message, std::move(done));
}

arrow::Status DatabaseImpl::Flush() {
  ARROW_RETURN_NOT_OK(CheckWritable());
  const std::lock_guard lock(flush_mutex_);
  return FlushLocked();
}

arrow::Status DatabaseImpl::FlushLocked() {
  const int64_t start_ns = environment_.clock->MonotonicNs();
  counters_.flushes.Add(1);
  const arrow::Status status = base::Guarded([this] { return FlushOnce(); });
  if (status.ok()) {
    flush_failures_in_row_ = 0;
  } else {
    counters_.flush_failures.Add(1);
    flush_failures_in_row_ = std::min(flush_failures_in_row_ + 1, 6);
    retry_flush_ns_ = environment_.clock->MonotonicNs() + (kNsPerSecond << flush_failures_in_row_);
  }
  counters_.flush_ns.Add(environment_.clock->MonotonicNs() - start_ns);
  return status;
}

arrow::Status DatabaseImpl::FlushOnce() {
  // Room first: a frozen generation that nobody knew of would never be flushed.
  frozen_.reserve(frozen_.size() + 1);
  ARROW_ASSIGN_OR_RAISE(auto frozen, head_->Freeze());
  if (frozen != nullptr) frozen_.push_back(std::move(frozen));
  while (!frozen_.empty()) {
    const head::FrozenGeneration& oldest = *frozen_.front();
    ARROW_RETURN_NOT_OK(experiments_.Record(oldest));
    ARROW_RETURN_NOT_OK(
        store_->Flush(oldest, metadata_.RowsFor(*oldest.generation), environment_.clock->NowMs()));
    // Only now: a snapshot must find the samples in memory or in files at any moment.
    head_->DropFrozen(oldest, head_->memory_bytes() > options_.head_limit_bytes / 2);
    frozen_.erase(frozen_.begin());
    ARROW_RETURN_NOT_OK(log_->RemoveBefore(store_->wal_position().segment));
  }
  return arrow::Status::OK();
}

arrow::Status DatabaseImpl::Merge(bool everything) {
  ARROW_RETURN_NOT_OK(CheckWritable());
  const std::lock_guard lock(merge_mutex_);
  return MergeLocked(everything);
}

arrow::Status DatabaseImpl::MergeLocked(bool everything) {
  while (!merging_stopped_) {
    const int64_t start_ns = environment_.clock->MonotonicNs();
    bool merged = false;
    const arrow::Status status = base::Guarded([&] {
      return store_->MergeOnce(environment_.clock->NowMs(), everything, &merging_stopped_)
          .Value(&merged);
    });
    if (!status.ok() && !merging_stopped_) counters_.merge_failures.Add(1);
    ARROW_RETURN_NOT_OK(status);
    if (!merged) break;
    counters_.merges.Add(1);
    counters_.merge_ns.Add(environment_.clock->MonotonicNs() - start_ns);
  }
  if (merging_stopped_) return MakeError(ErrorKind::kCancelled, "the server is stopping");
  return arrow::Status::OK();
}

DatabaseStatus DatabaseImpl::CheapStatus() const {
  DatabaseStatus status;
  status.path = root_;
  status.start_time_ms = start_time_ms_;
  const std::shared_ptr<const store::Version> version = store_->Current();
  status.files = static_cast<int64_t>(version->files.size());
  status.file_rows = version->rows();
  status.file_bytes = version->bytes();
  status.next_sequence = version->manifest.next_sequence;
  status.warnings = store_->warnings();
  status.warnings.insert(status.warnings.end(), metadata_warnings_.begin(),
                         metadata_warnings_.end());
  if (unflushed_ != nullptr) status.writer = unflushed_->Writer();
  if (head_ == nullptr) return status;
  status.head_series = head_->series_count();
  status.head_samples = head_->sample_count();
  const TimeRange range = head_->time_range();
  if (range.start_ms <= range.end_ms) {
    status.head_min_time_ms = range.start_ms;
    status.head_max_time_ms = range.end_ms;
  }
  status.wal_bytes = BytesOf(*log_);
  return status;
}

std::string DatabaseImpl::MetricsText() {
  return MetricsToText(CollectOwnMetrics(counters_, CurrentState()));
}

OwnState DatabaseImpl::CurrentState() const {
  return {.status = CheapStatus(),
          .head_memory_bytes = head_ == nullptr ? 0 : head_->memory_bytes(),
          .page_cache = store_->page_cache_stats()};
}

arrow::Status DatabaseImpl::RecordOwnMetrics(std::string_view instance) {
  std::vector<OwnMetric> metrics = CollectOwnMetrics(counters_, CurrentState());
  for (OwnMetric& metric : CollectMachineMetrics()) metrics.push_back(std::move(metric));
  metrics.push_back({"up", "gauge", "1: what is recorded here is alive.", {}, 1});
  const std::string message =
      MetricsToWriteRequest(metrics, "larnax", instance, environment_.clock->NowMs());
  std::promise<arrow::Status> done;
  Ingest({.content_type = {},
          .content_encoding = "identity",
          .body = {reinterpret_cast<const uint8_t*>(message.data()), message.size()}},
         [&done](arrow::Result<WriteReport> result) { done.set_value(result.status()); });
  return done.get_future().get();
}

arrow::Status DatabaseImpl::Close() {
  if (closed_.exchange(true) || write_path_ == nullptr) return arrow::Status::OK();
  StopMerging();
  write_path_->Stop();
  const arrow::Status synced = write_path_->SyncNow();
  const arrow::Status flushed = Flush();
  // Wait for a merge that runs; it was told to end.
  const std::lock_guard lock(merge_mutex_);
  return synced.ok() ? flushed : synced;
}

}  // namespace larnax::db
