#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <arrow/status.h>

#include "columns/schema/column_registry.h"
#include "io/file_system.h"
#include "store/data_file.h"
#include "store/file_end.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/version.h"

namespace larnax::store {

/// A file that is not the one that the manifest lists: lost, cut, or an index with another footer.
struct DamagedFile {
  std::string name;
  Tree tree = Tree::kData;
  std::string problem;  ///< A sentence that names the path.
};

/// Keeps the folders `<table>/date=*/` and `series/<table>/date=*/` as readers without a manifest
/// see them: each day of a table in an old or a new state, never a mixture, never a row twice. So
/// too the folder `metadata/`, as a whole.
///
/// New files are written to `staging` and linked into their day's folder, so that a change can be
/// taken back without touching a file. Not safe to use from two threads at once.
class DayFolders {
 public:
  /// What becomes of a folder when a file that belongs into it is nowhere.
  enum class LostFiles {
    kRefuse,   ///< It stays as it is.
    kLeaveOut  ///< It is made of the others, and from then on such a file is known to be lost.
  };

  /// \param fs  Outlives this. \param root  The archive's directory.
  DayFolders(io::FileSystem* fs, std::string root);

  /// Create the folders of an archive; those of tables come with WriteSchema.
  arrow::Status MakeRoot();

  /// Link files from `staging` into the folders of their days, and sync these.
  arrow::Status Add(std::span<const std::shared_ptr<DataFile>> files);

  /// The same of a file of metadata.
  arrow::Status AddMetadata(const MetadataEntry& file);

  /// Make a day's folders of one table hold exactly `files`, in one step for each of the two: build
  /// the new folder of links, swap. A file is taken from where it is found: its day, staging,
  /// retired. The folders that were there stay in `staging` until RemoveOldFolders.
  ///
  /// \param files    Of this table and day.
  /// \param lost     What of a file that is nowhere. It is left out where that is known already.
  /// \retval kCorrupt A file is nowhere; the message names it.
  arrow::Status Replace(std::string_view table, int64_t day,
                        std::span<const std::shared_ptr<DataFile>> files,
                        LostFiles lost = LostFiles::kRefuse);
  /// The same of the folder `metadata/`; one that is empty goes.
  arrow::Status ReplaceMetadata(std::span<const MetadataEntry> files,
                                LostFiles lost = LostFiles::kRefuse);
  /// Remove what Replace left, once the state after it is committed. Errors are left for Reconcile.
  void RemoveOldFolders();

  /// Give files a second place in `retired`, from where they are read from now on.
  arrow::Status Retire(std::span<const std::shared_ptr<DataFile>> files);
  /// Take Retire back, once the files are in their day's folder.
  void TakeBack(std::span<const std::shared_ptr<DataFile>> files);

  /// Make all folders equal to `version`, whatever step of a change was the last; then empty
  /// `staging` and `retired`. For a writer that has just opened the archive.
  ///
  /// \return Files that are nowhere, or have another size than the manifest says, and indexes that
  ///         have another footer; those that are there stay in their place. What cannot be read to
  ///         see is taken for right.
  arrow::Result<std::vector<DamagedFile>> Reconcile(const Version& version);

  /// Replace the zero-row files of a table by ones that have these columns.
  arrow::Status WriteSchema(std::string_view table,
                            const std::vector<columns::ColumnName>& columns);
  /// Write them where they are missing.
  arrow::Status EnsureSchema(std::string_view table,
                             const std::vector<columns::ColumnName>& columns);

  /// Remove the files of this name in `staging`; errors are left for Reconcile.
  void RemoveStaged(std::string_view name) const;
  /// Where a new file is written.
  std::string StagedPath(Tree tree, std::string_view name) const;

 private:
  using Files = std::span<const std::shared_ptr<DataFile>>;
  // One of the folders that readers look into, and the files it is to hold, by name.
  struct Folder {
    std::string path;
    std::string parent;  // Of `path`.
    Tree tree = Tree::kData;
    std::map<std::string, FileEnd> files;
  };
  using Places = std::map<std::string, std::string>;  // File name to a path that exists.
  using Entries = std::vector<io::DirectoryEntry>;

  std::string Path(std::string_view below_root) const;
  Folder FolderOf(Tree tree, std::string_view table, int64_t day, Files files) const;
  Folder MetadataFolder(std::span<const MetadataEntry> files) const;
  arrow::Result<Places> FindPlaces(const Folder& folder) const;
  arrow::Status ReplaceFolder(const Folder& folder, LostFiles lost);
  arrow::Result<std::map<std::string, std::string>> FindWanted(const Folder& folder,
                                                               LostFiles lost);
  arrow::Result<std::string> Swap(Tree tree, const std::string& fresh, const std::string& folder);
  arrow::Status KeepForeignFolders(const std::string& old, const std::string& folder);
  arrow::Result<Entries> ListIfThere(const std::string& path) const;
  std::string ProblemOf(const Folder& folder, const std::string& file, const int64_t* size_bytes);
  arrow::Status ReconcileFolder(const Folder& folder, std::vector<DamagedFile>* damaged);
  arrow::Status ReconcileTable(std::string_view table, const Version& version,
                               std::vector<DamagedFile>* damaged);
  arrow::Status Empty(std::string_view folder);
  arrow::Status RemoveFolder(const std::string& path);
  arrow::Result<std::string> UnusedFolder(Tree tree);

  io::FileSystem* const fs_;
  const std::string root_;
  int64_t next_folder_ = 1;
  std::vector<std::string> old_folders_;
  std::set<std::string> lost_;  // Paths in their folders of files that are nowhere.
};

}  // namespace larnax::store
