#include "db/unflushed_log.h"

#include <utility>

#include "head/log_replay.h"
#include "store/manifest/archive_layout.h"

namespace larnax::db {

std::string UnflushedLog::Writer() const {
  const auto holder =
      environment_.fs->LockHolder(io::JoinPath(store_->root(), std::string(store::kLockFile)));
  if (!holder.ok() || !*holder) return {};
  return (*holder)->empty() ? "another process" : **holder;
}

std::shared_ptr<head::Head> UnflushedLog::Read(std::vector<std::string>* warnings) {
  const std::lock_guard lock(mutex_);
  // A writer may have come and gone. Where that fails, so will the read that this is for. Whoever
  // comes after it gives the manifest another epoch before anything is logged.
  ARROW_UNUSED(store_->Refresh());
  if (!Writer().empty()) {
    read_.reset();
    head_.reset();
    return nullptr;
  }
  const auto version = store_->Current();
  const head::LogPosition from = version->manifest.wal_position;
  const Place place{.epoch = version->manifest.epoch, .from = from};
  if (read_ != place) {
    auto replayed = Replay(from);
    // It may be a writer that came meanwhile and tidied up.
    if (!replayed.ok() && !Writer().empty()) return nullptr;
    read_ = place;
    head_ = replayed.ok() ? std::move(*replayed) : nullptr;
    warning_ = replayed.ok() ? "" : replayed.status().message();
  }
  if (!warning_.empty()) {
    warnings->push_back("what was not brought into files yet is left out, its log is damaged: " +
                        warning_);
  }
  return head_;
}

arrow::Result<std::shared_ptr<head::Head>> UnflushedLog::Replay(head::LogPosition from) const {
  auto head = std::make_shared<head::Head>(nullptr, store_->files_through_ms());
  const int64_t now_ms = environment_.clock->NowMs();
  head::ReplayOptions options;
  options.threads = environment_.recovery_threads;
  options.read_only = true;
  options.deliver_before_start = true;
  ARROW_RETURN_NOT_OK(
      head::ReplayLog(*environment_.fs, folder_, from, options,
                      [&](const head::RecordView& record) { return head->Replay(record, now_ms); })
          .status());
  return head;
}

}  // namespace larnax::db
