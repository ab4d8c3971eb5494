// docs/format/wal.md describes the files and the order of writes and syncs.
#include "head/log.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <optional>
#include <random>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "head/log_recovery.h"
#include "io/random.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

// A buffer that grew past this under a burst is given back.
constexpr size_t kKeptBufferBytes = 16 << 20;
constexpr size_t kMaxLosses = 64;

uint64_t DrawSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

uint64_t SaltOf(uint64_t seed, uint64_t segment) {
  io::Random random(seed ^ (segment * 0x9e3779b97f4a7c15ULL));
  // The low half is the records' magic, which must differ from the zeros of a hole in a file.
  return random.Next() | 1;
}

}  // namespace

/// Bytes that grow without being set to zero first.
class Log::Buffer {
 public:
  /// Make room for `count` more bytes behind `size()`.
  uint8_t* Reserve(size_t count) {
    if (count > capacity_ - size_) {
      const size_t capacity = std::max({size_ + count, capacity_ * 2, size_t{64} << 10});
      auto bytes = std::make_unique_for_overwrite<uint8_t[]>(capacity);
      if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
      bytes_ = std::move(bytes);
      capacity_ = capacity;
    }
    return bytes_.get() + size_;
  }
  void Add(size_t count) { size_ += count; }
  void Clear() {
    size_ = 0;
    if (capacity_ <= kKeptBufferBytes) return;
    bytes_.reset();
    capacity_ = 0;
  }
  size_t size() const { return size_; }
  std::span<const uint8_t> Range(size_t begin, size_t end) const {
    return {bytes_.get() + begin, end - begin};
  }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

struct Log::Pending {
  Buffer buffer;
  std::vector<Run> runs;

  void Clear() {
    buffer.Clear();
    runs.clear();
  }
};

Log::Log(io::FileSystem& fs, io::Clock& clock, std::string folder, LogOptions options)
    : fs_(fs),
      clock_(clock),
      folder_(std::move(folder)),
      options_(options),
      salt_seed_(options.salt_seed != 0 ? options.salt_seed : DrawSeed()),
      spare_(std::make_unique<Pending>()),
      pending_(std::make_unique<Pending>()),
      codec_(0, 0) {
  losses_.reserve(kMaxLosses + 1);
}

Log::~Log() = default;

arrow::Result<std::unique_ptr<Log>> Log::Open(io::FileSystem& fs, io::Clock& clock,
                                              std::string folder, LogOptions options) {
  ARROW_RETURN_NOT_OK(fs.MakeDirectories(folder));
  ARROW_ASSIGN_OR_RAISE(const LogEnd end, MeasureLog(fs, folder));
  // A segment that was removed, and not found here, must not come back with a power cut.
  ARROW_RETURN_NOT_OK(fs.SyncDirectory(folder));
  std::unique_ptr<Log> log(new Log(fs, clock, std::move(folder), options));
  log->chain_end_ = end.position;
  log->sizes_ = end.file_bytes;
  uint64_t newest = options.after_segment;
  if (!end.file_bytes.empty()) newest = std::max(newest, end.file_bytes.rbegin()->first);
  log->appended_.segment = newest;
  log->BeginSegment();
  // Nothing was appended yet, so that all of it is durable.
  log->committed_ = log->durable_ = log->appended_;
  return log;
}

void Log::BeginSegment() {
  appended_ = {appended_.segment + 1, kSegmentHeaderBytes};
  codec_ = RecordHeaderCodec(appended_.segment, SaltOf(salt_seed_, appended_.segment));
}

uint64_t Log::PrepareAppend(size_t payload_bytes) {
  const std::lock_guard lock(mutex_);
  prepared_segment_ = 0;
  ChooseSegment(payload_bytes);
  return prepared_segment_ = appended_.segment;
}

/// Returns the position to report when the record is to be dropped.
std::optional<LogPosition> Log::ChooseSegment(size_t payload_bytes) {
  LARNAX_CHECK(payload_bytes <= kMaxPayloadBytes);
  if (prepared_segment_ != 0) {
    const uint64_t prepared = std::exchange(prepared_segment_, 0);
    if (prepared == appended_.segment) return std::nullopt;
    return LogPosition{prepared, std::numeric_limits<int64_t>::max()};
  }
  const bool is_empty = appended_.offset_bytes == kSegmentHeaderBytes;
  if (!is_empty && RecordBytes(payload_bytes) > options_.segment_bytes - appended_.offset_bytes) {
    const LogPosition end = appended_;
    BeginSegment();
    // Nothing lies between.
    if (committed_ == end) committed_ = appended_;
    if (durable_ == end) durable_ = appended_;
  }
  return std::nullopt;
}

uint8_t* Log::ReserveRecord(size_t payload_bytes) {
  return pending_->buffer.Reserve(static_cast<size_t>(RecordBytes(payload_bytes)));
}

LogPosition Log::FinishRecord(uint8_t type, uint8_t* record, size_t payload_bytes) {
  uint8_t* const payload = record + kRecordHeaderBytes;
  RecordHeader header;
  header.payload_bytes = static_cast<uint32_t>(payload_bytes);
  header.payload_crc = base::Crc32c(0, {payload, payload_bytes});
  header.type = type;
  if (durable_.segment == appended_.segment) header.synced_through_bytes = durable_.offset_bytes;
  codec_.Encode(header, appended_.offset_bytes, record);
  const int64_t record_bytes = RecordBytes(payload_bytes);
  const size_t padding_bytes =
      static_cast<size_t>(record_bytes - kRecordHeaderBytes) - payload_bytes;
  std::memset(payload + payload_bytes, 0, padding_bytes);

  const size_t begin = pending_->buffer.size();
  auto& runs = pending_->runs;
  if (runs.empty() || runs.back().segment != appended_.segment) {
    runs.push_back({appended_.segment, appended_.offset_bytes, begin, begin});
  }
  pending_->buffer.Add(static_cast<size_t>(record_bytes));
  runs.back().end = pending_->buffer.size();
  appended_.offset_bytes += record_bytes;
  return appended_;
}

LogPosition Log::Append(uint8_t type, std::span<const uint8_t> payload) {
  const std::lock_guard lock(mutex_);
  if (const auto dropped = ChooseSegment(payload.size())) return *dropped;
  uint8_t* const record = ReserveRecord(payload.size());
  if (!payload.empty()) std::memcpy(record + kRecordHeaderBytes, payload.data(), payload.size());
  return FinishRecord(type, record, payload.size());
}

LogPosition Log::Append(uint8_t type, size_t most_bytes,
                        const std::function<size_t(std::span<uint8_t>)>& fill) {
  const std::lock_guard lock(mutex_);
  const auto dropped = ChooseSegment(most_bytes);
  uint8_t* const record = ReserveRecord(most_bytes);
  // Called for a dropped record too: the caller may count on it.
  const size_t payload_bytes = fill({record + kRecordHeaderBytes, most_bytes});
  LARNAX_CHECK(payload_bytes <= most_bytes);
  return dropped ? *dropped : FinishRecord(type, record, payload_bytes);
}

arrow::Status Log::CreateFile(uint64_t segment) {
  const std::string path = io::JoinPath(folder_, SegmentFileName(segment));
  ARROW_ASSIGN_OR_RAISE(file_, fs_.Create(path));
  file_segment_ = segment;
  file_committed_bytes_ = file_written_bytes_ = file_synced_bytes_ = kSegmentHeaderBytes;
  {
    const std::lock_guard lock(mutex_);
    sizes_[segment] = kSegmentHeaderBytes;
  }
  const SegmentHeaderBytes header =
      EncodeSegmentHeader({segment, SaltOf(salt_seed_, segment), chain_end_, clock_.NowMs()});
  ARROW_RETURN_NOT_OK(file_->Append(header));
  // Synced before any record is written: a file with records whose header is bad is damaged.
  ARROW_RETURN_NOT_OK(file_->Sync());
  return fs_.SyncDirectory(folder_);
}

arrow::Status Log::SyncFile() {
  if (file_ == nullptr || file_synced_bytes_ == file_written_bytes_) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(file_->Sync());
  file_synced_bytes_ = file_written_bytes_;
  return arrow::Status::OK();
}

arrow::Status Log::FinishFile() {
  if (file_ == nullptr) return arrow::Status::OK();
  // In every mode: the next header says that all of this one is on disk.
  arrow::Status synced;
  try {
    synced = SyncFile();
  } catch (const std::bad_alloc&) {
    GiveUpFile(true);
    throw;
  }
  if (!synced.ok()) {
    GiveUpFile(true);
    return synced;
  }
  chain_end_ = {file_segment_, file_written_bytes_};
  ARROW_UNUSED(file_->Close());
  file_.reset();
  return arrow::Status::OK();
}

arrow::Status Log::Write(const Pending& batch) {
  for (const Run& run : batch.runs) {
    if (file_ == nullptr || file_segment_ != run.segment) {
      ARROW_RETURN_NOT_OK(FinishFile());
      ARROW_RETURN_NOT_OK(CreateFile(run.segment));
    }
    LARNAX_CHECK(run.offset_bytes == file_written_bytes_);
    ARROW_RETURN_NOT_OK(file_->Append(batch.buffer.Range(run.begin, run.end)));
    file_written_bytes_ += static_cast<int64_t>(run.end - run.begin);
    const std::lock_guard lock(mutex_);
    sizes_[run.segment] = file_written_bytes_;
  }
  return arrow::Status::OK();
}

/// Cut the file back to what may be trusted, as far as the disk and memory let us.
void Log::GiveUpFile(bool is_sync_failure) {
  if (file_ == nullptr) return;
  const auto file = std::move(file_);
  // A failed write leaves alone what other Commits have written, and Truncate syncs it; after a
  // failed sync, only what was synced before may be trusted.
  const int64_t wanted_bytes = is_sync_failure ? file_synced_bytes_ : file_committed_bytes_;
  int64_t end_bytes = file_synced_bytes_;
  bool is_gone = false;
  try {
    ARROW_UNUSED(file->Close());
    if (wanted_bytes <= kSegmentHeaderBytes) {
      is_gone = fs_.RemoveFile(file->path()).ok();
    } else if (fs_.Truncate(file->path(), wanted_bytes).ok()) {
      end_bytes = wanted_bytes;
    }
  } catch (const std::bad_alloc&) {
    // As if the disk had not let us.
  }
  if (end_bytes > kSegmentHeaderBytes) chain_end_ = {file_segment_, end_bytes};
  const std::lock_guard lock(mutex_);
  const auto size = sizes_.find(file_segment_);
  if (size == sizes_.end()) return;
  if (is_gone) {
    sizes_.erase(size);
  } else {
    size->second = end_bytes;
  }
}

// Does not fail: what the log says of its records is true also when memory ran out.
void Log::Drop(std::shared_ptr<const arrow::Status> status) {
  const LogPosition after = std::max(durable_, chain_end_);
  const LogPosition through{appended_.segment, std::numeric_limits<int64_t>::max()};
  const bool goes_on = !losses_.empty() && after == LogPosition{losses_.back().through.segment + 1,
                                                                kSegmentHeaderBytes};
  if (goes_on) {
    losses_.back().through = through;
    losses_.back().status = std::move(status);
  } else {
    losses_.push_back({after, through, std::move(status)});
  }
  if (losses_.size() > kMaxLosses) {
    losses_[1].after = losses_[0].after;
    losses_.erase(losses_.begin());
  }
  pending_->Clear();
  ++loss_count_;
  BeginSegment();
  committed_ = durable_ = appended_;
}

arrow::Status Log::Fail(const arrow::Status& status, bool is_sync_failure) {
  GiveUpFile(is_sync_failure);
  std::shared_ptr<const arrow::Status> kept;
  try {
    kept = std::make_shared<const arrow::Status>(status);
  } catch (const std::bad_alloc&) {
    // IsCommitted says what it can.
  }
  const std::lock_guard lock(mutex_);
  Drop(std::move(kept));
  return status;
}

void Log::FailWithoutMemory(bool is_sync_failure) {
  GiveUpFile(is_sync_failure);
  const std::lock_guard lock(mutex_);
  Drop(nullptr);
}

arrow::Result<LogPosition> Log::Commit() {
  const std::lock_guard commit_lock(commit_mutex_);
  LogPosition target;
  {
    const std::lock_guard lock(mutex_);
    std::swap(pending_, spare_);
    target = appended_;
  }
  arrow::Status done;
  bool is_syncing = false;
  try {
    done = Write(*spare_);
    if (done.ok()) {
      file_committed_bytes_ = file_written_bytes_;
      is_syncing = options_.mode == SyncMode::kBatch;
      if (is_syncing) done = SyncFile();
    }
  } catch (const std::bad_alloc&) {
    spare_->Clear();
    FailWithoutMemory(is_syncing);
    throw;
  }
  spare_->Clear();
  if (!done.ok()) return Fail(done, is_syncing);
  const std::lock_guard lock(mutex_);
  committed_ = std::max(committed_, target);
  if (file_ == nullptr || file_synced_bytes_ == file_written_bytes_) {
    durable_ = std::max(durable_, target);
  } else {
    // Segments before the current one were synced when they were finished.
    durable_ = std::max(durable_, {file_segment_, file_synced_bytes_});
  }
  return durable_;
}

arrow::Status Log::Sync() {
  const std::lock_guard commit_lock(commit_mutex_);
  arrow::Status synced;
  try {
    synced = SyncFile();
  } catch (const std::bad_alloc&) {
    FailWithoutMemory(true);
    throw;
  }
  if (!synced.ok()) return Fail(synced, true);
  const std::lock_guard lock(mutex_);
  durable_ = committed_;
  return arrow::Status::OK();
}

arrow::Result<bool> Log::IsCommitted(LogPosition position) const {
  const std::lock_guard lock(mutex_);
  for (const Loss& loss : losses_) {
    if (position <= loss.after || position > loss.through) continue;
    if (loss.status != nullptr) return *loss.status;
    return MakeError(ErrorKind::kOverloaded, "memory ran out");
  }
  return position <= committed_;
}

LogPosition Log::appended() const {
  const std::lock_guard lock(mutex_);
  return appended_;
}

LogPosition Log::durable() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

uint64_t Log::loss_count() const {
  const std::lock_guard lock(mutex_);
  return loss_count_;
}

size_t Log::pending_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_->buffer.size();
}

arrow::Status Log::RemoveBefore(uint64_t segment) {
  const std::lock_guard commit_lock(commit_mutex_);
  const std::vector<LogSegment> all = segments();
  for (size_t i = 0; i + 1 < all.size() && all[i].number < segment; ++i) {
    const std::string path = io::JoinPath(folder_, SegmentFileName(all[i].number));
    if (const auto removed = fs_.RemoveFile(path);
        !removed.ok() && KindOf(removed) != ErrorKind::kNotFound) {
      return removed;
    }
    const std::lock_guard lock(mutex_);
    sizes_.erase(all[i].number);
  }
  return arrow::Status::OK();
}

std::vector<LogSegment> Log::segments() const {
  const std::lock_guard lock(mutex_);
  std::vector<LogSegment> segments;
  for (const auto& [number, size_bytes] : sizes_) segments.push_back({number, size_bytes});
  return segments;
}

}  // namespace larnax::head
