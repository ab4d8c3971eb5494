#include <algorithm>

#include "base/civil_time.h"
#include "larnax/error.h"
#include "larnax/version.h"
#include "store/merge_writer.h"
#include "store/store.h"

// The changing half of Store: flush, merge, commit, and what is done when one of them fails.
namespace larnax::store {
namespace {

// A flush of more days than this commits several times, so that no commit takes very long.
constexpr size_t kDaysPerCommit = 16;
// Merges read their inputs in pieces: pages as long as a row group would be decoded many times.
constexpr int64_t kMergedTimePageRows = 16 << 10;
constexpr int64_t kMergedValuePageRows = 8 << 10;
// Fresh files hold few rows of each series: one metric is a small part of them.
constexpr int64_t kFreshPageRows = 4 << 10;

arrow::Status ReadOnlyError() {
  return MakeError(ErrorKind::kClosed, "The archive is open for reading only.");
}

std::set<std::string> NamesOf(const MergeJob& job) {
  std::set<std::string> names;
  for (const Run& run : job.runs) {
    for (const auto& file : run.files) names.insert(file->entry().name);
  }
  return names;
}

}  // namespace

Store::Files Store::MakeFiles(const std::vector<NewFile>& written) {
  Files files;
  for (const NewFile& file : written) {
    if (file.entry.rows == 0) continue;
    files.push_back(std::make_shared<DataFile>(&fs_, root_, file.entry, open_files_));
    files.back()->set_known_labels(file.labels);
  }
  return files;
}

Store::Files Store::FilesOfDay(int64_t day) const {
  Files files;
  for (const auto& file : Current()->files) {
    if (file->entry().day == day) files.push_back(file);
  }
  return files;
}

// Removes a file from `staging`, now or when no power cut can make it live any more.
void Store::Discard(const FileEntry& entry) {
  if (is_uncertain_) {
    discarded_.push_back(entry.name);
  } else {
    folders_.RemoveStaged(entry.name);
  }
}

void Store::UndoAdd(const Files& files) {
  // The staged names may be needed after a power cut.
  if (is_uncertain_) (void)fs_.SyncDirectory(io::JoinPath(root_, kStagingFolder));
  for (const auto& file : files) {
    for (const Tree tree : kTrees) {
      const auto removed = fs_.RemoveFile(file->PathIn(tree, false));
      if (!removed.ok() && KindOf(removed) != ErrorKind::kNotFound) {
        broken_days_.insert(file->entry().day);
      }
    }
  }
}

void Store::UndoReplace(int64_t day, const Files& retired) {
  if (folders_.Replace(day, FilesOfDay(day)).ok()) {
    folders_.TakeBack(retired);
  } else {
    broken_days_.insert(day);  // The files are read in `retired` until it is repaired.
  }
}

arrow::Status Store::Repair() {
  while (!broken_days_.empty()) {
    const int64_t day = *broken_days_.begin();
    const Files files = FilesOfDay(day);
    ARROW_RETURN_NOT_OK(folders_.Replace(day, files));
    folders_.TakeBack(files);
    broken_days_.erase(day);
  }
  return arrow::Status::OK();
}

arrow::Status Store::Commit(std::shared_ptr<Version> next, int64_t now_ms) {
  SortFiles(&next->files);
  const int64_t today = base::DayOf(now_ms);
  const bool yesterday_is_over = IsOver(today - 1, now_ms, options_.merge);
  next->manifest.sealed_through = SealedThrough(*next, yesterday_is_over ? today : today - 1);
  next->manifest.writer = std::string("larnax ") + larnax::Version();
  Manifest manifest = next->manifest;
  manifest.columns = next->registry.entries();
  for (const auto& file : next->files) manifest.files.push_back(file->entry());
  CommitState state = CommitState::kNotCommitted;
  const auto committed = manifests_.Commit(std::move(manifest), now_ms, &state);
  if (!committed.ok()) {
    is_uncertain_ |= state == CommitState::kUncertain;
    return committed;
  }
  next->manifest.number = manifests_.number();
  Install(std::move(next));
  is_uncertain_ = false;
  for (const std::string& name : discarded_) folders_.RemoveStaged(name);
  discarded_.clear();
  folders_.RemoveOldFolders();
  manifests_.RemoveOld();
  return arrow::Status::OK();
}

arrow::Status Store::Flush(const head::FrozenGeneration& generation, int64_t now_ms) {
  if (options_.read_only) return ReadOnlyError();
  const std::lock_guard lock(flush_mutex_);
  if (partly_flushed_ != generation.generation) {
    partly_flushed_ = nullptr;
    flushed_days_.clear();
  }
  std::vector<int64_t> days;
  for (const auto& [day, samples] : generation.generation->days()) {
    if (!flushed_days_.contains(day)) days.push_back(day);
  }
  FlushJob job;
  job.version = Current();
  job.generation = &generation;
  job.now_ms = now_ms;
  columns::ColumnRegistry registry = job.version->registry;
  assigner_.Assign(generation, &registry);
  job.columns = registry.entries();
  job.options = options_.writer;
  job.options.tier = columns::Tier::kFresh;
  if (job.options.time_page_rows == 0) job.options.time_page_rows = kFreshPageRows;
  if (job.options.value_page_rows == 0) job.options.value_page_rows = kFreshPageRows;
  const head::LogPosition end = generation.generation->end();
  size_t begin = 0;
  do {
    job.version = Current();
    job.last_labels = last_labels_;
    job.sequence = job.version->manifest.next_sequence;
    job.days = std::span(days).subspan(begin, std::min(kDaysPerCommit, days.size() - begin));
    begin += job.days.size();
    std::vector<NewFile> flushed;
    auto done =
        job.days.empty() ? arrow::Status::OK() : WriteFlush(fs_, folders_, *names_, job, &flushed);
    const std::lock_guard commit_lock(commit_mutex_);
    if (done.ok()) {
      done = InstallFlush(flushed, registry, begin == days.size() ? &end : nullptr, now_ms);
    }
    // When all went well the files have names in their folders, and need no other.
    for (const NewFile& file : flushed) Discard(file.entry);
    if (!flushed.empty()) last_labels_ = flushed.back().labels;
    if (!done.ok()) {
      assigner_.Reset();
      return done;
    }
    partly_flushed_ = generation.generation;
    flushed_days_.insert(job.days.begin(), job.days.end());
  } while (begin < days.size());
  partly_flushed_ = nullptr;
  flushed_days_.clear();
  return arrow::Status::OK();
}

arrow::Status Store::InstallFlush(const std::vector<NewFile>& flushed,
                                  const columns::ColumnRegistry& registry,
                                  const head::LogPosition* position, int64_t now_ms) {
  const auto version = Current();
  const Files files = MakeFiles(flushed);
  const auto install = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(Repair());
    auto next = std::make_shared<Version>(*version);
    if (!files.empty()) {
      if (registry.entries().size() != version->registry.entries().size()) {
        ARROW_RETURN_NOT_OK(folders_.WriteSchema(registry.entries()));
      }
      ARROW_RETURN_NOT_OK(folders_.Add(files));
      next->registry = registry;
      next->files.insert(next->files.end(), files.begin(), files.end());
      ++next->manifest.next_sequence;
    }
    if (position != nullptr) next->manifest.wal_position = *position;
    return Commit(std::move(next), now_ms);
  };
  const auto installed = install();
  if (!installed.ok()) UndoAdd(files);
  return installed;
}

arrow::Result<bool> Store::MergeOnce(int64_t now_ms, bool everything,
                                     const std::atomic<bool>* cancelled) {
  if (options_.read_only) return ReadOnlyError();
  const std::lock_guard lock(merge_mutex_);
  const auto version = Current();
  const auto job = PickMerge(*version, now_ms, options_.merge, everything);
  if (!job) return false;
  MergeSettings settings{.columns = version->registry.entries(),
                         .options = options_.writer,
                         .max_file_bytes = options_.merge.max_file_bytes,
                         .now_ms = now_ms,
                         .cancelled = cancelled};
  if (job->tier != columns::Tier::kDay) {
    if (settings.options.time_page_rows == 0) settings.options.time_page_rows = kMergedTimePageRows;
    if (settings.options.value_page_rows == 0) {
      settings.options.value_page_rows = kMergedValuePageRows;
    }
  }
  std::vector<NewFile> merged;
  const auto written = WriteMerge(fs_, folders_, *names_, *job, settings, &merged);
  const std::lock_guard commit_lock(commit_mutex_);
  const auto installed = written.ok() ? InstallMerge(*job, merged, now_ms) : written;
  for (const NewFile& file : merged) Discard(file.entry);
  ARROW_RETURN_NOT_OK(installed);
  return true;
}

arrow::Status Store::InstallMerge(const MergeJob& job, const std::vector<NewFile>& merged,
                                  int64_t now_ms) {
  ARROW_RETURN_NOT_OK(Repair());
  const std::set<std::string> inputs = NamesOf(job);
  auto next = std::make_shared<Version>(*Current());
  Files retired;
  std::erase_if(next->files, [&](const std::shared_ptr<DataFile>& file) {
    if (!inputs.contains(file->entry().name)) return false;
    retired.push_back(file);
    return true;
  });
  const Files outputs = MakeFiles(merged);
  next->files.insert(next->files.end(), outputs.begin(), outputs.end());
  Files day_files;
  for (const auto& file : next->files) {
    if (file->entry().day == job.day) day_files.push_back(file);
  }
  const auto install = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(folders_.Retire(retired));
    ARROW_RETURN_NOT_OK(folders_.Replace(job.day, day_files));
    return Commit(std::move(next), now_ms);
  };
  const auto installed = install();
  if (!installed.ok()) {
    UndoReplace(job.day, retired);
    return installed;
  }
  for (const auto& file : retired) file->RemoveWhenUnused();
  return installed;
}

}  // namespace larnax::store
