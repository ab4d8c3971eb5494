#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "head/head.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "larnax/database.h"
#include "larnax/options.h"
#include "larnax/samples.h"
#include "store/manifest/manifest_log.h"
#include "store/manifest/version.h"
#include "store/write/day_folders.h"
#include "store/write/flush_writer.h"
#include "store/write/merge_picker.h"
#include "store/write/metadata_merge.h"

namespace larnax::store {

/// Settings of a store.
struct StoreOptions {
  bool read_only = false;
  std::string lock_content;  ///< Shown to others who find the archive locked: the address.
  int max_columns = columns::kDefaultMaxColumns;
  MergeOptions merge;
  OpenFilesLimits open_files;
  columns::WriterOptions writer;  ///< `tier` is set for each file.
};
StoreOptions MakeStoreOptions(const DatabaseOptions& options, std::string lock_content);

/// The files of an archive: brings frozen generations into them, merges them, and reads files and
/// head as one.
///
/// Thread-safe: Flush and MergeOnce may run at the same time on two threads (two calls of the same
/// take turns), reading functions on any number. It has no threads and no clock of its own.
/// Whatever fails leaves the state from before, in memory and on disk, and may be tried again.
class Store {
 public:
  /// Open an archive, creating it unless read-only; bring the folders into the state of the
  /// manifest.
  ///
  /// \param fs  Outlives the store and every Version and stream it gave.
  /// \retval kClosed   Another process writes to it.
  /// \retval kNotFound Read-only, and there is no archive.
  /// \retval kCorrupt  The manifest is damaged.
  static arrow::Result<std::unique_ptr<Store>> Open(io::FileSystem& fs, std::string root,
                                                    StoreOptions options, int64_t now_ms);

  /// What opening found lost, cut or replaced, and either mended or goes on without: a sentence
  /// each, which names the file. At most some dozens.
  const std::vector<std::string>& warnings() const { return warnings_; }

  std::shared_ptr<const Version> Current() const;
  /// Samples logged before this are in files.
  head::LogPosition wal_position() const { return Current()->manifest.wal_position; }
  /// Latest time of any sample in files; -1 when there are none.
  int64_t files_through_ms() const { return Current()->max_time_ms(); }
  arrow::Result<int64_t> FreeBytes() const { return fs_.FreeBytes(root_); }
  const std::string& root() const { return root_; }

  /// Bring a generation into files. When it returns OK the samples are durable and visible, and
  /// wal_position() is the generation's end. After a failure give the same generation again.
  ///
  /// \param metadata  What to write into the table `metadata` along with it: rows in its order.
  arrow::Status Flush(const head::FrozenGeneration& generation,
                      std::span<const columns::MetadataRow> metadata, int64_t now_ms);
  arrow::Status Flush(const head::FrozenGeneration& generation, int64_t now_ms) {
    return Flush(generation, {}, now_ms);
  }

  /// Run one merge that is due. \return Whether there was one.
  ///
  /// \param everything  Merge until each day is one run; such files get the most compression.
  /// \param cancelled   Give up with kCancelled when set; may be null.
  arrow::Result<bool> MergeOnce(int64_t now_ms, bool everything,
                                const std::atomic<bool>* cancelled = nullptr);

  /// Of a read-only archive: go to the newest manifest. Reading functions do it by themselves.
  arrow::Status Refresh();

  /// Read samples. \param head  Captured for this request before the call.
  /// \param runner  Decodes pages, until the stream is gone; may be empty.
  arrow::Result<std::unique_ptr<SampleStream>> Select(head::HeadSnapshot head,
                                                      const SelectRequest& request,
                                                      const io::Clock& clock,
                                                      const io::TaskRunner& runner = {});
  /// What became of decoded pages.
  columns::PageCacheStats page_cache_stats() const { return open_files_->pages()->stats(); }
  arrow::Result<NamesAnswer> LabelNames(head::HeadSnapshot head, const SelectRequest& request,
                                        const io::Clock& clock);
  arrow::Result<NamesAnswer> LabelValues(head::HeadSnapshot head, std::string_view name,
                                         const SelectRequest& request, const io::Clock& clock);
  arrow::Result<SeriesAnswer> Series(head::HeadSnapshot head, const SelectRequest& request,
                                     const io::Clock& clock);
  /// Read exemplars. \param head  As Head::CaptureExemplars gave it before the call.
  arrow::Result<ExemplarsAnswer> Exemplars(head::HeadSnapshot head, const SelectRequest& request,
                                           const io::Clock& clock);
  /// Read the table `metadata`: what was said of one metric, or of all where it is empty. In its
  /// order; rows that say the same are one.
  ///
  /// \param warnings  Takes which damaged files were left out; may be null.
  arrow::Result<std::vector<columns::MetadataRow>> Metadata(
      std::string_view metric, std::vector<std::string>* warnings = nullptr);

 private:
  using Files = std::vector<std::shared_ptr<DataFile>>;
  using TableDay = std::pair<std::string, int64_t>;
  // What one commit of a flush brings.
  struct Flushed {
    std::vector<NewFile> files;
    std::optional<MetadataEntry> metadata;
    const head::LogPosition* position = nullptr;  // That is now in files; null: not all of it is.
  };

  Store(io::FileSystem& fs, std::string root, StoreOptions options);

  arrow::Status OpenForWriting(int64_t now_ms);
  arrow::Status CheckEmpty();
  arrow::Status Contain(const std::vector<DamagedFile>& damaged, Version* version, int64_t now_ms);
  arrow::Result<std::string> MendIndex(const DamagedFile& damaged, Version* version,
                                       int64_t now_ms);
  arrow::Result<std::shared_ptr<Version>> Load(const Version* old);
  void Install(std::shared_ptr<const Version> version);
  template <typename Read>
  auto ReadWithRetry(head::HeadSnapshot head, Read read);

  // These need `commit_mutex_`.
  arrow::Status Repair();
  arrow::Status Commit(std::shared_ptr<Version> next, int64_t now_ms);
  arrow::Status InstallFlush(const Flushed& flushed, const columns::ColumnRegistry& registry,
                             int64_t now_ms);
  arrow::Status WriteJob(const FlushJob& job, Flushed* flushed);
  arrow::Status WriteSchemas(const Files& files, const columns::ColumnRegistry& registry);
  arrow::Result<bool> MergeMetadata(int64_t now_ms, bool everything);
  arrow::Status InstallMetadata(const MetadataMergeJob& job, const MetadataEntry& merged,
                                int64_t now_ms);
  arrow::Result<std::optional<MergeJob>> NextMerge(const Version& version, int64_t now_ms,
                                                   bool everything);
  arrow::Status InstallMerge(const MergeJob& job, const std::vector<NewFile>& merged,
                             int64_t now_ms);
  Files MakeFiles(const std::vector<NewFile>& written);
  static Files FilesOf(const Version& version, const TableDay& table_day);
  void NoteBroken(const std::set<TableDay>& days, bool is_metadata_broken);
  void NoteWhole();
  void UndoAdd(const Files& files, const std::optional<MetadataEntry>& metadata);
  void UndoReplace(const std::set<TableDay>& days, const Files& retired);
  void Discard(const std::string& name);

  io::FileSystem& fs_;
  const std::string root_;
  const StoreOptions options_;
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<FileNames> names_;
  const std::shared_ptr<OpenFiles> open_files_;
  std::vector<std::string> warnings_;  // Of opening.
  // Files of metadata that opening found lost or cut: not each question may wait for these.
  std::set<std::string> lost_metadata_;

  std::mutex flush_mutex_;               // Held by Flush; taken before commit_mutex_.
  std::mutex merge_mutex_;               // Held by MergeOnce; taken before commit_mutex_.
  std::set<std::string> damaged_files_;  // Inputs that opening or a merge could not read.
  // Inputs of merges that failed otherwise, and for how many calls of MergeOnce they are left
  // alone.
  std::map<std::string, int> resting_files_;
  // Days of a generation that are in files although the flush as a whole failed.
  std::shared_ptr<const head::Generation> partly_flushed_;
  std::set<int64_t> flushed_days_;
  ColumnAssigner assigner_;
  std::shared_ptr<const KnownLabels> last_labels_;

  std::mutex commit_mutex_;  // Guards the folders, the manifests, and what follows.
  DayFolders folders_;
  ManifestLog manifests_;
  std::string current_text_;            // Of CURRENT, as last read (read-only).
  bool is_uncertain_ = false;           // A power cut may bring up a commit that failed.
  std::vector<std::string> discarded_;  // Staged files to be removed when that is settled.
  // Folders that a commit is changing, or that could not be brought back into the old state.
  std::set<TableDay> broken_days_;
  bool is_metadata_broken_ = false;

  mutable std::mutex current_mutex_;  // Guards current_.
  std::shared_ptr<const Version> current_;
};

}  // namespace larnax::store
