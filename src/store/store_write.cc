#include <algorithm>
#include <exception>
#include <utility>

#include "base/civil_time.h"
#include "base/guarded.h"
#include "larnax/error.h"
#include "larnax/version.h"
#include "store/store.h"
#include "store/write/merge_writer.h"

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
// A merge that failed is tried again after so many others: about a minute.
constexpr int kRestingCalls = 12;

// What was is brought back as far as it is there.
constexpr auto kLeaveOut = DayFolders::LostFiles::kLeaveOut;

bool IsDamage(const arrow::Status& status) {
  return KindOf(status) == ErrorKind::kCorrupt || KindOf(status) == ErrorKind::kNotFound;
}

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

Store::Files Store::FilesOf(const Version& version, const TableDay& table_day) {
  Files files;
  for (const auto& file : version.FilesOf(table_day.first)) {
    if (file->entry().day == table_day.second) files.push_back(file);
  }
  return files;
}

// Removes a file from `staging`, now or when no power cut can make it live any more.
void Store::Discard(const std::string& name) {
  if (is_uncertain_) {
    discarded_.push_back(name);
  } else {
    folders_.RemoveStaged(name);
  }
}

// Until Commit is through, the folders are broken whatever ends it: also when memory runs out and
// nothing is undone.
void Store::NoteBroken(const std::set<TableDay>& days, bool is_metadata_broken) {
  broken_days_.insert(days.begin(), days.end());
  is_metadata_broken_ |= is_metadata_broken;
}

void Store::NoteWhole() {
  broken_days_.clear();
  is_metadata_broken_ = false;
}

void Store::UndoAdd(const Files& files, const std::optional<MetadataEntry>& metadata) {
  // A power cut may still bring up the manifest that lists these files; what is left of them then
  // is their names in `staging`. On a file system with a journal those are on disk as soon as the
  // links in the folders are, which were made later; without one they need this sync.
  if (is_uncertain_) (void)fs_.SyncDirectory(io::JoinPath(root_, kStagingFolder));
  const auto is_gone = [this](const std::string& path) {
    const auto removed = fs_.RemoveFile(path);
    return removed.ok() || KindOf(removed) == ErrorKind::kNotFound;
  };
  bool all_gone = true;
  for (const auto& file : files) {
    for (const Tree tree : kTrees) all_gone &= is_gone(file->PathIn(tree, false));
  }
  if (metadata) all_gone &= is_gone(io::JoinPath(root_, MetadataFile(metadata->name)));
  if (all_gone) NoteWhole();
}

void Store::UndoReplace(const std::set<TableDay>& days, const Files& retired) {
  const auto version = Current();
  for (const TableDay& day : days) {
    Files of_day;
    for (const auto& file : retired) {
      if (TableDay(file->entry().table, file->entry().day) == day) of_day.push_back(file);
    }
    // Where it fails, the files are read in `retired` until it is repaired.
    if (!folders_.Replace(day.first, day.second, FilesOf(*version, day), kLeaveOut).ok()) continue;
    folders_.TakeBack(of_day);
    broken_days_.erase(day);
  }
}

arrow::Status Store::Repair() {
  const auto version = Current();
  while (!broken_days_.empty()) {
    const TableDay day = *broken_days_.begin();
    const Files files = FilesOf(*version, day);
    ARROW_RETURN_NOT_OK(folders_.Replace(day.first, day.second, files, kLeaveOut));
    folders_.TakeBack(files);
    broken_days_.erase(day);
  }
  if (is_metadata_broken_) {
    ARROW_RETURN_NOT_OK(folders_.ReplaceMetadata(version->manifest.metadata, kLeaveOut));
    is_metadata_broken_ = false;
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
  arrow::Status committed;
  try {
    committed = manifests_.Commit(std::move(manifest), now_ms, &state);
  } catch (const std::exception&) {
    is_uncertain_ |= state == CommitState::kUncertain;
    throw;
  }
  if (!committed.ok()) {
    is_uncertain_ |= state == CommitState::kUncertain;
    return committed;
  }
  next->manifest.number = manifests_.number();
  Install(std::move(next));
  is_uncertain_ = false;
  NoteWhole();
  try {
    for (const std::string& name : discarded_) folders_.RemoveStaged(name);
    discarded_.clear();
    folders_.RemoveOldFolders();
    manifests_.RemoveOld();
  } catch (const std::exception&) {
    // What is left in `staging` goes another time.
  }
  return arrow::Status::OK();
}

arrow::Status Store::Flush(const head::FrozenGeneration& generation,
                           std::span<const columns::MetadataRow> metadata, int64_t now_ms) {
  if (options_.read_only) return ReadOnlyError();
  const std::lock_guard lock(flush_mutex_);
  if (partly_flushed_ != generation.generation) {
    partly_flushed_ = nullptr;
    flushed_days_.clear();
  }
  std::vector<int64_t> days = DaysOf(*generation.generation);
  std::erase_if(days, [this](int64_t day) { return flushed_days_.contains(day); });
  FlushJob job;
  job.version = Current();
  job.generation = &generation;
  job.now_ms = now_ms;
  columns::ColumnRegistry registry = job.version->registry;
  // Unless all is committed, what is assigned here does not become the archive's.
  ColumnAssigner assigner = std::exchange(assigner_, {});
  assigner.Assign(generation, &registry);
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
    Flushed flushed;
    const bool is_last = begin == days.size();
    if (is_last) {
      flushed.position = &end;
      job.metadata = metadata;
    }
    auto done = base::Guarded([&] { return WriteJob(job, &flushed); });
    const std::lock_guard commit_lock(commit_mutex_);
    if (done.ok()) done = InstallFlush(flushed, registry, now_ms);
    // When all went well the files have names in their folders, and need no other.
    for (const NewFile& file : flushed.files) {
      Discard(file.entry.name);
      if (file.entry.table == kSamplesTable) last_labels_ = file.labels;
    }
    if (flushed.metadata) Discard(flushed.metadata->name);
    ARROW_RETURN_NOT_OK(done);
    partly_flushed_ = generation.generation;
    flushed_days_.insert(job.days.begin(), job.days.end());
  } while (begin < days.size());
  partly_flushed_ = nullptr;
  flushed_days_.clear();
  assigner_ = std::move(assigner);
  return arrow::Status::OK();
}

arrow::Status Store::WriteJob(const FlushJob& job, Flushed* flushed) {
  if (!job.days.empty()) {
    ARROW_RETURN_NOT_OK(WriteFlush(fs_, folders_, *names_, job, &flushed->files));
  }
  if (job.metadata.empty()) return arrow::Status::OK();
  flushed->metadata.emplace();
  return WriteMetadata(fs_, folders_, *names_, job, &*flushed->metadata);
}

// Every table with rows has a schema file with every column of the archive, before a file with a
// new one can be seen.
arrow::Status Store::WriteSchemas(const Files& files, const columns::ColumnRegistry& registry) {
  const auto version = Current();
  const bool has_new_columns = registry.entries().size() != version->registry.entries().size();
  for (const std::string_view table : kDayTables) {
    const bool is_old = table == kSamplesTable || version->HasTable(table);
    const bool is_new =
        !is_old && std::any_of(files.begin(), files.end(),
                               [table](const auto& file) { return file->entry().table == table; });
    if (is_new || (is_old && has_new_columns)) {
      ARROW_RETURN_NOT_OK(folders_.WriteSchema(table, registry.entries()));
    }
  }
  return arrow::Status::OK();
}

arrow::Status Store::InstallFlush(const Flushed& flushed, const columns::ColumnRegistry& registry,
                                  int64_t now_ms) {
  const auto version = Current();
  const Files files = MakeFiles(flushed.files);
  std::set<TableDay> days;
  for (const auto& file : files) days.insert({file->entry().table, file->entry().day});
  ARROW_RETURN_NOT_OK(Repair());
  NoteBroken(days, flushed.metadata.has_value());
  const auto install = [&]() -> arrow::Status {
    auto next = std::make_shared<Version>(*version);
    if (!files.empty()) {
      ARROW_RETURN_NOT_OK(WriteSchemas(files, registry));
      ARROW_RETURN_NOT_OK(folders_.Add(files));
      next->registry = registry;
      next->files.insert(next->files.end(), files.begin(), files.end());
    }
    if (flushed.metadata) {
      ARROW_RETURN_NOT_OK(folders_.AddMetadata(*flushed.metadata));
      next->manifest.metadata.push_back(*flushed.metadata);
    }
    if (!files.empty() || flushed.metadata) ++next->manifest.next_sequence;
    if (flushed.position != nullptr) next->manifest.wal_position = *flushed.position;
    return Commit(std::move(next), now_ms);
  };
  const auto installed = base::Guarded(install);
  if (!installed.ok()) UndoAdd(files, flushed.metadata);
  return installed;
}

arrow::Result<bool> Store::MergeOnce(int64_t now_ms, bool everything,
                                     const std::atomic<bool>* cancelled) {
  if (options_.read_only) return ReadOnlyError();
  const std::lock_guard lock(merge_mutex_);
  const auto version = Current();
  ARROW_ASSIGN_OR_RAISE(const auto job, NextMerge(*version, now_ms, everything));
  if (!job) return MergeMetadata(now_ms, everything);
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
  const auto written =
      base::Guarded([&] { return WriteMerge(fs_, folders_, *names_, *job, settings, &merged); });
  if (IsDamage(written)) {
    // The others are merged all the same, from the next call on.
    for (const std::string& name : NamesOf(*job)) {
      if (written.message().find(name) != std::string::npos) damaged_files_.insert(name);
    }
  }
  const std::lock_guard commit_lock(commit_mutex_);
  const auto installed = written.ok() ? InstallMerge(*job, merged, now_ms) : written;
  if (!installed.ok() && KindOf(installed) != ErrorKind::kCancelled) {
    // One merge that fails again and again must not keep all others waiting.
    for (const std::string& name : NamesOf(*job)) resting_files_[name] = kRestingCalls;
  }
  for (const NewFile& file : merged) Discard(file.entry.name);
  ARROW_RETURN_NOT_OK(installed);
  return true;
}

// The next merge that may run now and has room on the disk.
arrow::Result<std::optional<MergeJob>> Store::NextMerge(const Version& version, int64_t now_ms,
                                                        bool everything) {
  std::set<std::string> apart = damaged_files_;
  if (!everything) {
    for (auto& [name, calls] : resting_files_) --calls;
    std::erase_if(resting_files_, [](const auto& each) { return each.second < 0; });
    for (const auto& [name, calls] : resting_files_) apart.insert(name);
  }
  const auto free = FreeBytes();
  for (;;) {
    auto job = PickMerge(version, now_ms, options_.merge, everything, apart);
    if (!job || !free.ok()) return job;
    int64_t input_bytes = 0;
    for (const Run& run : job->runs) input_bytes += run.bytes;
    if (*free - options_.merge.min_free_bytes >= input_bytes) return job;
    if (everything) {
      return MakeError(ErrorKind::kOverloaded,
                       "no room on the disk for a merge: free=" + std::to_string(*free) +
                           " needed=" + std::to_string(input_bytes) +
                           " min_free=" + std::to_string(options_.merge.min_free_bytes));
    }
    apart.merge(NamesOf(*job));
  }
}

arrow::Status Store::InstallMerge(const MergeJob& job, const std::vector<NewFile>& merged,
                                  int64_t now_ms) {
  ARROW_RETURN_NOT_OK(Repair());
  const std::set<std::string> inputs = NamesOf(job);
  auto next = std::make_shared<Version>(*Current());
  Files retired;
  std::set<TableDay> days;
  std::erase_if(next->files, [&](const std::shared_ptr<DataFile>& file) {
    if (!inputs.contains(file->entry().name)) return false;
    retired.push_back(file);
    days.insert({file->entry().table, job.day});
    return true;
  });
  const Files outputs = MakeFiles(merged);
  next->files.insert(next->files.end(), outputs.begin(), outputs.end());
  SortFiles(&next->files);
  NoteBroken(days, false);
  const auto install = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(folders_.Retire(retired));
    for (const TableDay& day : days) {
      ARROW_RETURN_NOT_OK(folders_.Replace(day.first, day.second, FilesOf(*next, day)));
    }
    return Commit(std::move(next), now_ms);
  };
  const auto installed = base::Guarded(install);
  if (!installed.ok()) {
    UndoReplace(days, retired);
    return installed;
  }
  for (const auto& file : retired) file->RemoveWhenUnused();
  return installed;
}

arrow::Result<bool> Store::MergeMetadata(int64_t now_ms, bool everything) {
  const auto job = PickMetadataMerge(Current()->manifest.metadata, everything, damaged_files_);
  if (!job) return false;
  const auto read = ReadMetadataFiles(fs_, root_, job->files, {});
  if (!read.ok()) {
    if (!IsDamage(read.status())) return read.status();
    // The others are merged all the same, from the next call on.
    for (const MetadataEntry& file : job->files) {
      if (read.status().message().find(file.name) != std::string::npos) {
        damaged_files_.insert(file.name);
      }
    }
    return read.status();
  }
  const std::vector<columns::MetadataRow>& rows = *read;
  const int64_t min_sequence = job->files.front().min_sequence;
  const int64_t max_sequence = job->files.back().max_sequence;
  MetadataEntry merged{.name = names_->Next(min_sequence, max_sequence),
                       .min_sequence = min_sequence,
                       .max_sequence = max_sequence,
                       .created_ms = now_ms};
  auto done = columns::WriteMetadataFile(fs_, folders_.StagedPath(Tree::kData, merged.name), rows,
                                         options_.writer);
  const std::lock_guard commit_lock(commit_mutex_);
  arrow::Status installed = done.status();
  if (done.ok()) {
    FillEntry(*done, &merged);
    installed = InstallMetadata(*job, merged, now_ms);
  }
  Discard(merged.name);
  ARROW_RETURN_NOT_OK(installed);
  return true;
}

arrow::Status Store::InstallMetadata(const MetadataMergeJob& job, const MetadataEntry& merged,
                                     int64_t now_ms) {
  ARROW_RETURN_NOT_OK(Repair());
  auto next = std::make_shared<Version>(*Current());
  std::vector<MetadataEntry>& files = next->manifest.metadata;
  const auto first = std::find(files.begin(), files.end(), job.files.front());
  *first = merged;
  files.erase(first + 1, first + static_cast<std::ptrdiff_t>(job.files.size()));
  NoteBroken({}, true);
  const auto install = [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(folders_.ReplaceMetadata(files));
    return Commit(std::move(next), now_ms);
  };
  const auto installed = base::Guarded(install);
  if (!installed.ok() && folders_.ReplaceMetadata(Current()->manifest.metadata, kLeaveOut).ok()) {
    is_metadata_broken_ = false;
  }
  return installed;
}

}  // namespace larnax::store
