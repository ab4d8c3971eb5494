#include "head/log_replay.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "larnax/error.h"

namespace larnax::head {
namespace {

using NextWindow = arrow::Result<std::optional<LogWindow>>;

NextWindow Verified(NextWindow window) {
  if (window.ok() && *window) (*window)->Verify();
  return window;
}

/// The verified windows of a segment up to the first bad record, in order; read ahead and checked
/// by other threads where there may be some.
class WindowStream {
 public:
  WindowStream(LogSegmentReader& reader, int threads)
      : reader_(reader), most_waiting_(static_cast<size_t>(std::max(threads, 1)) * 2) {
    if (threads <= 1) return;
    try {
      thread_ = std::thread([this] { ReadAhead(); });
    } catch (const std::system_error&) {
      // The machine has no thread left: then this one does it all.
    }
  }

  ~WindowStream() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  NextWindow Next() {
    if (!thread_.joinable()) return Verified(reader_.Next());
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !waiting_.empty() || has_failed_; });
    if (waiting_.empty()) return OutOfMemory();
    std::future<NextWindow> window = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    changed_.notify_all();
    try {
      return window.get();
    } catch (const std::exception&) {
      return OutOfMemory();
    }
  }

 private:
  static arrow::Status OutOfMemory() {
    return MakeError(ErrorKind::kInternal, "cannot read the log ahead: no memory or threads left");
  }

  void ReadAhead() {
    try {
      ReadAll();
    } catch (const std::exception&) {
      const std::lock_guard lock(mutex_);
      has_failed_ = true;
      changed_.notify_all();
    }
  }

  void ReadAll() {
    bool is_last = false;
    while (!is_last) {
      auto window = std::make_shared<NextWindow>(reader_.Next());
      is_last = !window->ok() || !**window || (**window)->bad_offset_bytes;
      auto check =
          std::async(std::launch::async, [window] { return Verified(std::move(*window)); });
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return waiting_.size() < most_waiting_ || is_stopping_; });
      if (is_stopping_) return;
      waiting_.push_back(std::move(check));
      lock.unlock();
      changed_.notify_all();
    }
  }

  LogSegmentReader& reader_;
  const size_t most_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::future<NextWindow>> waiting_;
  bool is_stopping_ = false;
  bool has_failed_ = false;  // Nothing comes after what waits.
  std::thread thread_;
};

class Replayer {
 public:
  Replayer(io::FileSystem& fs, const std::string& folder, LogPosition from,
           const ReplayOptions& options,
           const std::function<arrow::Status(const RecordView&)>& apply)
      : fs_(fs), folder_(folder), from_(from), options_(options), apply_(apply) {}

  arrow::Result<ReplayReport> Run() {
    ARROW_ASSIGN_OR_RAISE(const LogPlan plan, PlanLog(fs_, folder_, from_));
    for (const auto& segment : plan.segments) {
      total_bytes_ += segment.limit_bytes.value_or(segment.file_bytes);
    }
    report_.end = from_;
    for (const auto& segment : plan.segments) ARROW_RETURN_NOT_OK(ReplaySegment(segment));
    if (!options_.read_only) {
      // Best effort: they are known to hold nothing next time, too.
      for (const std::string& path : plan.abandoned) ARROW_UNUSED(fs_.RemoveFile(path));
    }
    return report_;
  }

 private:
  arrow::Status ReplaySegment(const LogPlan::Segment& segment) {
    const int64_t end_bytes = segment.limit_bytes.value_or(segment.file_bytes);
    const int64_t done_before_bytes = done_bytes_;
    if (segment.damage) {
      ARROW_RETURN_NOT_OK(Report(*segment.damage));
    } else {
      ARROW_ASSIGN_OR_RAISE(const auto reader,
                            LogSegmentReader::Open(fs_, folder_, segment.number));
      if (segment.limit_bytes) reader->set_limit_bytes(*segment.limit_bytes);
      if (segment.number == from_.segment && !options_.deliver_before_start) {
        reader->Seek(std::max(from_.offset_bytes, kSegmentHeaderBytes));
      }
      ARROW_RETURN_NOT_OK(ReplayRecords(*reader, !segment.limit_bytes));
    }
    done_bytes_ = done_before_bytes + end_bytes;
    if (options_.progress) options_.progress(done_bytes_, total_bytes_);
    return arrow::Status::OK();
  }

  arrow::Status ReplayRecords(LogSegmentReader& reader, bool is_newest) {
    int64_t kept_bytes = reader.file_bytes();
    synced_bytes_ = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto bad_offset_bytes, DeliverToFirstBad(reader));
      if (!bad_offset_bytes) break;
      ARROW_ASSIGN_OR_RAISE(const LogVerdict verdict,
                            JudgeBadRecord(reader, *bad_offset_bytes, is_newest));
      if (verdict.is_torn) {
        kept_bytes = *bad_offset_bytes;
        report_.torn_bytes = reader.file_bytes() - kept_bytes;
        break;
      }
      ARROW_RETURN_NOT_OK(Report({reader.path(), *bad_offset_bytes, "A log record is damaged"}));
      if (!verdict.next_record_bytes) break;
      reader.Seek(*verdict.next_record_bytes);
    }
    if (!is_newest || options_.read_only) return arrow::Status::OK();
    return SettleNewest(fs_, folder_, reader.header().segment, kept_bytes, synced_bytes_);
  }

  arrow::Result<std::optional<int64_t>> DeliverToFirstBad(LogSegmentReader& reader) {
    WindowStream stream(reader, options_.threads);
    const uint64_t number = reader.header().segment;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto window, stream.Next());
      if (!window) return std::nullopt;
      for (const auto& record : window->records) {
        const auto payload = window->PayloadOf(record);
        RecordView view;
        view.position = {number, record.offset_bytes};
        view.end = {number, record.offset_bytes + RecordBytes(payload.size())};
        view.type = record.header.type;
        view.payload = payload;
        view.before_start = view.end <= from_;
        ARROW_RETURN_NOT_OK(apply_(view));
        ++report_.record_count;
        report_.payload_bytes += static_cast<int64_t>(payload.size());
        report_.end = std::max(report_.end, view.end);
      }
      synced_bytes_ = std::max(synced_bytes_, window->synced_through_bytes());
      if (options_.progress) options_.progress(done_bytes_ + window->end_bytes, total_bytes_);
      if (window->bad_offset_bytes) return window->bad_offset_bytes;
    }
  }

  arrow::Status Report(const LogDamage& damage) {
    if (!options_.on_corrupt) return damage.ToStatus();
    ++report_.damage_count;
    return options_.on_corrupt(damage);
  }

  io::FileSystem& fs_;
  const std::string& folder_;
  const LogPosition from_;
  const ReplayOptions& options_;
  const std::function<arrow::Status(const RecordView&)>& apply_;
  ReplayReport report_;
  int64_t done_bytes_ = 0;
  int64_t total_bytes_ = 0;
  int64_t synced_bytes_ = 0;  ///< Of the segment being read, known to be on disk.
};

}  // namespace

arrow::Result<ReplayReport> ReplayLog(
    io::FileSystem& fs, const std::string& folder, LogPosition from, const ReplayOptions& options,
    const std::function<arrow::Status(const RecordView&)>& apply) {
  return Replayer(fs, folder, from, options, apply).Run();
}

}  // namespace larnax::head
