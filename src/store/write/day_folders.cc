#include "store/write/day_folders.h"

#include <algorithm>
#include <set>

#include "columns/write/schema_file.h"
#include "larnax/error.h"

namespace larnax::store {
namespace {

arrow::Status IgnoreMissing(const arrow::Status& status) {
  return KindOf(status) == ErrorKind::kNotFound ? arrow::Status::OK() : status;
}

// Tells whether a file of a day's folder is one of ours; others are left alone.
bool IsDataFileName(std::string_view name) {
  if (!name.ends_with(kParquetSuffix)) return false;
  name.remove_suffix(kParquetSuffix.size());
  return name.size() > 11 && name[0] == 's' && name[11] == '-' && IsFileName(name);
}

columns::SchemaTable SchemaTableOf(Tree tree, std::string_view table) {
  using enum columns::SchemaTable;
  if (table == kHistogramsTable) return tree == Tree::kData ? kHistograms : kHistogramsSeries;
  if (table == kExemplarsTable) return tree == Tree::kData ? kExemplars : kExemplarsSeries;
  return tree == Tree::kData ? kSamples : kSeries;
}

std::string MissingText(const std::string& path) {
  return "A file that the manifest lists is missing. path=" + path;
}

std::string WithSuffix(const std::string& name) { return name + std::string(kParquetSuffix); }

}  // namespace

DayFolders::DayFolders(io::FileSystem* fs, std::string root) : fs_(fs), root_(std::move(root)) {}

std::string DayFolders::Path(std::string_view below_root) const {
  return io::JoinPath(root_, below_root);
}

std::string DayFolders::StagedPath(Tree tree, std::string_view name) const {
  return Path(LooseFile(tree, kStagingFolder, name));
}

arrow::Result<std::string> DayFolders::UnusedFolder(Tree tree) {
  for (;;) {
    // A process before this one may have left some.
    std::string path = Path(std::string(kStagingFolder) + "/day-" + std::to_string(next_folder_++) +
                            std::string(SwappedFolderSuffix(tree)));
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_->Exists(path));
    if (exists) continue;
    old_folders_.push_back(path);
    return path;
  }
}

arrow::Status DayFolders::MakeRoot() {
  for (const std::string_view folder : {kManifestFolder, kStagingFolder, kRetiredFolder}) {
    ARROW_RETURN_NOT_OK(fs_->MakeDirectories(Path(folder)));
  }
  return arrow::Status::OK();
}

arrow::Status DayFolders::Add(Files files) {
  std::set<std::string> folders;
  for (const auto& file : files) {
    for (const Tree tree : kTrees) {
      std::string folder = Path(DayFolder(tree, file->entry().table, file->entry().day));
      if (folders.insert(folder).second) ARROW_RETURN_NOT_OK(fs_->MakeDirectories(folder));
    }
  }
  // The index first: whoever finds rows finds their index.
  for (const Tree tree : {Tree::kSeries, Tree::kData}) {
    for (const auto& file : files) {
      ARROW_RETURN_NOT_OK(
          fs_->Link(StagedPath(tree, file->entry().name), file->PathIn(tree, false)));
    }
  }
  for (const std::string& folder : folders) ARROW_RETURN_NOT_OK(fs_->SyncDirectory(folder));
  return arrow::Status::OK();
}

arrow::Status DayFolders::AddMetadata(const MetadataEntry& file) {
  const std::string folder = Path(kMetadataTable);
  ARROW_RETURN_NOT_OK(fs_->MakeDirectories(folder));
  ARROW_RETURN_NOT_OK(fs_->Link(StagedPath(Tree::kData, file.name), Path(MetadataFile(file.name))));
  return fs_->SyncDirectory(folder);
}

DayFolders::Folder DayFolders::FolderOf(Tree tree, std::string_view table, int64_t day,
                                        Files files) const {
  Folder folder{.path = Path(DayFolder(tree, table, day)),
                .parent = Path(TreeFolder(tree, table)),
                .tree = tree,
                .files = {}};
  for (const auto& file : files) {
    folder.files.emplace(WithSuffix(file->entry().name), EndOf(file->entry(), tree));
  }
  return folder;
}

DayFolders::Folder DayFolders::MetadataFolder(std::span<const MetadataEntry> files) const {
  Folder folder{.path = Path(kMetadataTable), .parent = root_, .tree = Tree::kData, .files = {}};
  for (const MetadataEntry& file : files) {
    folder.files.emplace(WithSuffix(file.name),
                         FileEnd{file.bytes, file.footer_bytes, file.footer_crc32c});
  }
  return folder;
}

arrow::Result<DayFolders::Places> DayFolders::FindPlaces(const Folder& folder) const {
  Places places;
  const auto add_folder = [&](const std::string& path) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const Entries entries, ListIfThere(path));
    for (const io::DirectoryEntry& entry : entries) {
      if (!entry.is_directory) places.try_emplace(entry.name, io::JoinPath(path, entry.name));
    }
    return arrow::Status::OK();
  };
  ARROW_RETURN_NOT_OK(add_folder(folder.path));
  for (const std::string_view loose : {kStagingFolder, kRetiredFolder}) {
    ARROW_ASSIGN_OR_RAISE(const auto entries, fs_->List(Path(loose)));
    for (const io::DirectoryEntry& entry : entries) {
      const std::string path = io::JoinPath(Path(loose), entry.name);
      const bool is_series = folder.tree == Tree::kSeries;
      const std::string_view suffix = is_series ? ".series.parquet" : kParquetSuffix;
      if (entry.is_directory) {
        // A folder of links holds one tree only, and names it.
        if (entry.name.ends_with(SwappedFolderSuffix(folder.tree)))
          ARROW_RETURN_NOT_OK(add_folder(path));
      } else if (entry.name.ends_with(suffix)) {
        const std::string name = entry.name.substr(0, entry.name.size() - suffix.size());
        places.try_emplace(WithSuffix(name), path);
      }
    }
  }
  return places;
}

// Puts a new folder in the place of another; gives where the old one is then, or nothing.
arrow::Result<std::string> DayFolders::Swap(Tree tree, const std::string& fresh,
                                            const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_->Exists(folder));
  if (!exists) {
    ARROW_RETURN_NOT_OK(fs_->Rename(fresh, folder));
    return std::string();
  }
  const auto exchanged = fs_->Exchange(fresh, folder);
  if (exchanged.ok()) return fresh;
  if (KindOf(exchanged) != ErrorKind::kUnsupported) return exchanged;
  ARROW_ASSIGN_OR_RAISE(const std::string old, UnusedFolder(tree));
  ARROW_RETURN_NOT_OK(fs_->Rename(folder, old));
  const auto renamed = fs_->Rename(fresh, folder);
  if (!renamed.ok()) {
    (void)fs_->Rename(old, folder);
    return renamed;
  }
  return old;
}

// Folders that others have put into one of ours stay in it.
arrow::Status DayFolders::KeepForeignFolders(const std::string& old, const std::string& folder) {
  if (old.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs_->List(old));
  for (const io::DirectoryEntry& entry : entries) {
    if (!entry.is_directory) continue;
    ARROW_RETURN_NOT_OK(
        fs_->Rename(io::JoinPath(old, entry.name), io::JoinPath(folder, entry.name)));
  }
  return arrow::Status::OK();
}

// What a folder is to hold: file name to a path that exists.
arrow::Result<std::map<std::string, std::string>> DayFolders::FindWanted(const Folder& folder,
                                                                         LostFiles lost) {
  ARROW_ASSIGN_OR_RAISE(const Places places, FindPlaces(folder));
  std::map<std::string, std::string> wanted;
  for (const auto& [name, end] : folder.files) {
    const std::string path = io::JoinPath(folder.path, name);
    if (const auto place = places.find(name); place != places.end()) {
      wanted.emplace(name, place->second);
      lost_.erase(path);
    } else if (lost == LostFiles::kLeaveOut) {
      lost_.insert(path);
    } else if (!lost_.contains(path)) {
      return MakeError(ErrorKind::kCorrupt, MissingText(path));
    }
  }
  for (const auto& [name, path] : places) {
    // The schema file, and what others have put here.
    if (path == io::JoinPath(folder.path, name) && !IsDataFileName(name)) {
      wanted.emplace(name, path);
    }
  }
  return wanted;
}

arrow::Status DayFolders::ReplaceFolder(const Folder& folder, LostFiles lost) {
  ARROW_ASSIGN_OR_RAISE(const auto wanted, FindWanted(folder, lost));
  ARROW_ASSIGN_OR_RAISE(const std::string fresh, UnusedFolder(folder.tree));
  ARROW_RETURN_NOT_OK(fs_->MakeDirectories(fresh));
  for (const auto& [name, source] : wanted) {
    ARROW_RETURN_NOT_OK(fs_->Link(source, io::JoinPath(fresh, name)));
  }
  ARROW_RETURN_NOT_OK(fs_->SyncDirectory(fresh));
  ARROW_RETURN_NOT_OK(fs_->MakeDirectories(folder.parent));
  ARROW_ASSIGN_OR_RAISE(const std::string old, Swap(folder.tree, fresh, folder.path));
  ARROW_RETURN_NOT_OK(KeepForeignFolders(old, folder.path));
  if (wanted.empty()) (void)fs_->RemoveDirectory(folder.path);
  ARROW_RETURN_NOT_OK(fs_->SyncDirectory(folder.parent));
  return fs_->SyncDirectory(Path(kStagingFolder));
}

arrow::Status DayFolders::Replace(std::string_view table, int64_t day, Files files,
                                  LostFiles lost) {
  for (const Tree tree : kTrees) {
    ARROW_RETURN_NOT_OK(ReplaceFolder(FolderOf(tree, table, day, files), lost));
  }
  return arrow::Status::OK();
}

arrow::Status DayFolders::ReplaceMetadata(std::span<const MetadataEntry> files, LostFiles lost) {
  return ReplaceFolder(MetadataFolder(files), lost);
}

// Removes a folder that a swap left. One that others have put folders into stays: what is theirs is
// not ours to remove.
arrow::Status DayFolders::RemoveFolder(const std::string& path) {
  auto entries = fs_->List(path);
  if (!entries.ok()) return IgnoreMissing(entries.status());
  bool has_foreign = false;
  for (const io::DirectoryEntry& entry : *entries) {
    if (entry.is_directory) {
      has_foreign = true;
      continue;
    }
    ARROW_RETURN_NOT_OK(IgnoreMissing(fs_->RemoveFile(io::JoinPath(path, entry.name))));
  }
  return has_foreign ? arrow::Status::OK() : IgnoreMissing(fs_->RemoveDirectory(path));
}

void DayFolders::RemoveOldFolders() {
  for (const std::string& folder : old_folders_) (void)RemoveFolder(folder);
  old_folders_.clear();
}

arrow::Status DayFolders::Retire(Files files) {
  for (const auto& file : files) {
    for (const Tree tree : kTrees) {
      const std::string retired = file->PathIn(tree, true);
      ARROW_RETURN_NOT_OK(IgnoreMissing(fs_->RemoveFile(retired)));
      ARROW_RETURN_NOT_OK(fs_->Link(file->PathIn(tree, false), retired));
    }
  }
  for (const auto& file : files) file->set_in_retired(true);
  return arrow::Status::OK();
}

void DayFolders::TakeBack(Files files) {
  for (const auto& file : files) {
    file->set_in_retired(false);
    for (const Tree tree : kTrees) (void)fs_->RemoveFile(file->PathIn(tree, true));
  }
}

arrow::Result<DayFolders::Entries> DayFolders::ListIfThere(const std::string& path) const {
  auto entries = fs_->List(path);
  if (!entries.ok() && KindOf(entries.status()) == ErrorKind::kNotFound) return Entries();
  return entries;
}

arrow::Status DayFolders::Empty(std::string_view folder) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs_->List(Path(folder)));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(Path(folder), entry.name);
    ARROW_RETURN_NOT_OK(entry.is_directory ? RemoveFolder(path) : fs_->RemoveFile(path));
  }
  return arrow::Status::OK();
}

// What is wrong with a listed file; empty: nothing. `size_bytes` is null where it is not there.
//
// Footers of indexes are looked at, too, since these can be written anew: as long as that is not
// committed, the new one is there, and no manifest fits it.
std::string DayFolders::ProblemOf(const Folder& folder, const std::string& file,
                                  const int64_t* size_bytes) {
  const FileEnd& listed = folder.files.at(file);
  const std::string path = io::JoinPath(folder.path, file);
  if (size_bytes == nullptr) return MissingText(path);
  if (*size_bytes != listed.bytes) {
    return "A file has another size than the manifest says. size=" + std::to_string(*size_bytes) +
           " listed=" + std::to_string(listed.bytes) + " path=" + path;
  }
  if (folder.tree != Tree::kSeries) return {};
  const auto opened = fs_->OpenReadable(path);
  const auto checked = opened.ok() ? CheckEnd(**opened, listed) : opened.status();
  if (KindOf(checked) != ErrorKind::kCorrupt) return {};
  return "A file is not the one that the manifest lists: " + checked.message() + " path=" + path;
}

arrow::Status DayFolders::ReconcileFolder(const Folder& folder, std::vector<DamagedFile>* damaged) {
  ARROW_ASSIGN_OR_RAISE(Entries entries, ListIfThere(folder.path));
  size_t listed_count = 0;
  bool has_others = false;
  for (const io::DirectoryEntry& entry : entries) {
    const bool is_listed = folder.files.contains(entry.name);
    if (is_listed) ++listed_count;
    if (!is_listed && IsDataFileName(entry.name) && !entry.is_directory) has_others = true;
  }
  if (has_others || listed_count != folder.files.size()) {
    ARROW_RETURN_NOT_OK(ReplaceFolder(folder, LostFiles::kLeaveOut));
    ARROW_ASSIGN_OR_RAISE(entries, ListIfThere(folder.path));
  }
  std::map<std::string, int64_t> sizes;
  for (const io::DirectoryEntry& entry : entries) sizes.emplace(entry.name, entry.size_bytes);
  for (const auto& [file, end] : folder.files) {
    const auto found = sizes.find(file);
    std::string problem = ProblemOf(folder, file, found == sizes.end() ? nullptr : &found->second);
    if (problem.empty()) continue;
    damaged->push_back({.name = file.substr(0, file.size() - kParquetSuffix.size()),
                        .tree = folder.tree,
                        .problem = std::move(problem)});
  }
  return arrow::Status::OK();
}

arrow::Status DayFolders::ReconcileTable(std::string_view table, const Version& version,
                                         std::vector<DamagedFile>* damaged) {
  std::map<int64_t, std::vector<std::shared_ptr<DataFile>>> by_day;
  for (const auto& file : version.FilesOf(table)) by_day[file->entry().day].push_back(file);
  for (const Tree tree : kTrees) {
    std::set<int64_t> days;
    for (const auto& [day, files] : by_day) days.insert(day);
    // A table that never had rows has no folder.
    ARROW_ASSIGN_OR_RAISE(const Entries entries, ListIfThere(Path(TreeFolder(tree, table))));
    for (const io::DirectoryEntry& entry : entries) {
      if (const auto day = DayOfFolder(entry.name); day && entry.is_directory) days.insert(*day);
    }
    for (const int64_t day : days) {
      const auto found = by_day.find(day);
      const Files files = found == by_day.end() ? Files() : Files(found->second);
      ARROW_RETURN_NOT_OK(ReconcileFolder(FolderOf(tree, table, day, files), damaged));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<std::vector<DamagedFile>> DayFolders::Reconcile(const Version& version) {
  std::vector<DamagedFile> damaged;
  for (const std::string_view table : kDayTables) {
    ARROW_RETURN_NOT_OK(ReconcileTable(table, version, &damaged));
  }
  ARROW_RETURN_NOT_OK(ReconcileFolder(MetadataFolder(version.manifest.metadata), &damaged));
  RemoveOldFolders();
  ARROW_RETURN_NOT_OK(Empty(kStagingFolder));
  ARROW_RETURN_NOT_OK(Empty(kRetiredFolder));
  return damaged;
}

arrow::Status DayFolders::WriteSchema(std::string_view table,
                                      const std::vector<columns::ColumnName>& columns) {
  for (const Tree tree : kTrees) {
    const std::string staged = StagedPath(tree, "schema");
    const std::string folder = Path(DayFolder(tree, table, kSchemaDay));
    ARROW_RETURN_NOT_OK(fs_->MakeDirectories(folder));
    ARROW_RETURN_NOT_OK(IgnoreMissing(fs_->RemoveFile(staged)));
    ARROW_RETURN_NOT_OK(
        columns::WriteSchemaFile(*fs_, staged, columns, SchemaTableOf(tree, table)));
    ARROW_RETURN_NOT_OK(fs_->Rename(staged, io::JoinPath(folder, kSchemaFile)));
    ARROW_RETURN_NOT_OK(fs_->SyncDirectory(folder));
  }
  return arrow::Status::OK();
}

arrow::Status DayFolders::EnsureSchema(std::string_view table,
                                       const std::vector<columns::ColumnName>& columns) {
  for (const Tree tree : kTrees) {
    const std::string folder = Path(DayFolder(tree, table, kSchemaDay));
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_->Exists(io::JoinPath(folder, kSchemaFile)));
    if (!exists) return WriteSchema(table, columns);
  }
  return arrow::Status::OK();
}

void DayFolders::RemoveStaged(std::string_view name) const {
  for (const Tree tree : kTrees) (void)fs_->RemoveFile(StagedPath(tree, name));
}

}  // namespace larnax::store
