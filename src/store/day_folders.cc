#include "store/day_folders.h"

#include <algorithm>
#include <set>

#include "columns/samples_writer.h"
#include "larnax/error.h"

namespace larnax::store {
namespace {

constexpr std::string_view kTable = kSamplesTable;

arrow::Status IgnoreMissing(const arrow::Status& status) {
  return KindOf(status) == ErrorKind::kNotFound ? arrow::Status::OK() : status;
}

// Tells whether a file of a day's folder is one of ours; others are left alone.
bool IsDataFileName(std::string_view name) {
  if (!name.ends_with(kParquetSuffix)) return false;
  name.remove_suffix(kParquetSuffix.size());
  return name.size() > 11 && name[0] == 's' && name[11] == '-' && IsFileName(name);
}

// Tells of which tree a folder in `staging` is.
std::string FolderSuffix(Tree tree) { return tree == Tree::kSeries ? "-series" : "-rows"; }

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
                            FolderSuffix(tree));
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
  for (const Tree tree : kTrees) {
    ARROW_RETURN_NOT_OK(fs_->MakeDirectories(Path(DayFolder(tree, kTable, kSchemaDay))));
  }
  return arrow::Status::OK();
}

arrow::Status DayFolders::Add(Files files) {
  std::set<std::string> folders;
  for (const auto& file : files) {
    for (const Tree tree : kTrees) {
      std::string folder = Path(DayFolder(tree, kTable, file->entry().day));
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

arrow::Result<DayFolders::Places> DayFolders::FindPlaces(Tree tree, int64_t day) const {
  Places places;
  const auto add_folder = [&](const std::string& folder) -> arrow::Status {
    auto entries = fs_->List(folder);
    if (!entries.ok()) return IgnoreMissing(entries.status());
    for (const io::DirectoryEntry& entry : *entries) {
      if (!entry.is_directory) places.try_emplace(entry.name, io::JoinPath(folder, entry.name));
    }
    return arrow::Status::OK();
  };
  ARROW_RETURN_NOT_OK(add_folder(Path(DayFolder(tree, kTable, day))));
  for (const std::string_view loose : {kStagingFolder, kRetiredFolder}) {
    ARROW_ASSIGN_OR_RAISE(const auto entries, fs_->List(Path(loose)));
    for (const io::DirectoryEntry& entry : entries) {
      const std::string path = io::JoinPath(Path(loose), entry.name);
      const std::string_view suffix = tree == Tree::kSeries ? ".series.parquet" : kParquetSuffix;
      if (entry.is_directory) {
        // A folder of links holds one tree only, and names it.
        if (entry.name.ends_with(FolderSuffix(tree))) ARROW_RETURN_NOT_OK(add_folder(path));
      } else if (entry.name.ends_with(suffix)) {
        const std::string name = entry.name.substr(0, entry.name.size() - suffix.size());
        places.try_emplace(WithSuffix(name), path);
      }
    }
  }
  return places;
}

arrow::Status DayFolders::Swap(Tree tree, const std::string& fresh, const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, fs_->Exists(folder));
  if (!exists) return fs_->Rename(fresh, folder);
  const auto exchanged = fs_->Exchange(fresh, folder);
  if (KindOf(exchanged) != ErrorKind::kUnsupported) return exchanged;
  ARROW_ASSIGN_OR_RAISE(const std::string old, UnusedFolder(tree));
  ARROW_RETURN_NOT_OK(fs_->Rename(folder, old));
  const auto renamed = fs_->Rename(fresh, folder);
  if (!renamed.ok()) (void)fs_->Rename(old, folder);
  return renamed;
}

arrow::Status DayFolders::ReplaceTree(Tree tree, int64_t day, Files files) {
  const std::string folder = Path(DayFolder(tree, kTable, day));
  ARROW_ASSIGN_OR_RAISE(const Places places, FindPlaces(tree, day));
  std::map<std::string, std::string> wanted;
  for (const auto& file : files) {
    const std::string name = WithSuffix(file->entry().name);
    const auto place = places.find(name);
    if (place == places.end()) {
      return MakeError(ErrorKind::kCorrupt, "A file that the manifest lists is missing. path=" +
                                                file->PathIn(tree, false));
    }
    wanted.emplace(name, place->second);
  }
  for (const auto& [name, path] : places) {
    // The schema file, and what others have put here.
    if (path == io::JoinPath(folder, name) && !IsDataFileName(name)) wanted.emplace(name, path);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string fresh, UnusedFolder(tree));
  ARROW_RETURN_NOT_OK(fs_->MakeDirectories(fresh));
  for (const auto& [name, source] : wanted) {
    ARROW_RETURN_NOT_OK(fs_->Link(source, io::JoinPath(fresh, name)));
  }
  ARROW_RETURN_NOT_OK(fs_->SyncDirectory(fresh));
  ARROW_RETURN_NOT_OK(Swap(tree, fresh, folder));
  if (wanted.empty()) (void)fs_->RemoveDirectory(folder);
  ARROW_RETURN_NOT_OK(fs_->SyncDirectory(Path(TreeFolder(tree, kTable))));
  return fs_->SyncDirectory(Path(kStagingFolder));
}

arrow::Status DayFolders::Replace(int64_t day, Files files) {
  for (const Tree tree : kTrees) ARROW_RETURN_NOT_OK(ReplaceTree(tree, day, files));
  return arrow::Status::OK();
}

arrow::Status DayFolders::RemoveFolder(const std::string& path) {
  auto entries = fs_->List(path);
  if (!entries.ok()) return IgnoreMissing(entries.status());
  for (const io::DirectoryEntry& entry : *entries) {
    ARROW_RETURN_NOT_OK(IgnoreMissing(fs_->RemoveFile(io::JoinPath(path, entry.name))));
  }
  return IgnoreMissing(fs_->RemoveDirectory(path));
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

arrow::Result<bool> DayFolders::IsAsListed(Tree tree, int64_t day, Files files) const {
  const std::string folder = Path(DayFolder(tree, kTable, day));
  auto entries = fs_->List(folder);
  if (!entries.ok()) {
    ARROW_RETURN_NOT_OK(IgnoreMissing(entries.status()));
    return files.empty();
  }
  std::map<std::string, const FileEntry*> missing;
  for (const auto& file : files) missing.emplace(WithSuffix(file->entry().name), &file->entry());
  bool is_as_listed = true;
  for (const io::DirectoryEntry& entry : *entries) {
    const auto found = missing.find(entry.name);
    if (found == missing.end()) {
      if (IsDataFileName(entry.name)) is_as_listed = false;
      continue;
    }
    const int64_t bytes = tree == Tree::kData ? found->second->bytes : found->second->series_bytes;
    if (entry.size_bytes != bytes) {
      return MakeError(ErrorKind::kCorrupt,
                       "A file has another size than the manifest says. size=" +
                           std::to_string(entry.size_bytes) + " listed=" + std::to_string(bytes) +
                           " path=" + io::JoinPath(folder, entry.name));
    }
    missing.erase(found);
  }
  return is_as_listed && missing.empty();
}

arrow::Status DayFolders::Empty(std::string_view folder) {
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs_->List(Path(folder)));
  for (const io::DirectoryEntry& entry : entries) {
    const std::string path = io::JoinPath(Path(folder), entry.name);
    ARROW_RETURN_NOT_OK(entry.is_directory ? RemoveFolder(path) : fs_->RemoveFile(path));
  }
  return arrow::Status::OK();
}

arrow::Status DayFolders::Reconcile(const Version& version) {
  std::map<int64_t, std::vector<std::shared_ptr<DataFile>>> by_day;
  for (const auto& file : version.files) by_day[file->entry().day].push_back(file);
  for (const Tree tree : kTrees) {
    ARROW_ASSIGN_OR_RAISE(const auto entries, fs_->List(Path(TreeFolder(tree, kTable))));
    std::set<int64_t> days;
    for (const auto& [day, files] : by_day) days.insert(day);
    for (const io::DirectoryEntry& entry : entries) {
      if (const auto day = DayOfFolder(entry.name); day && entry.is_directory) days.insert(*day);
    }
    for (const int64_t day : days) {
      const auto found = by_day.find(day);
      const Files files = found == by_day.end() ? Files() : Files(found->second);
      ARROW_ASSIGN_OR_RAISE(const bool is_as_listed, IsAsListed(tree, day, files));
      if (!is_as_listed) ARROW_RETURN_NOT_OK(ReplaceTree(tree, day, files));
    }
  }
  RemoveOldFolders();
  ARROW_RETURN_NOT_OK(Empty(kStagingFolder));
  return Empty(kRetiredFolder);
}

arrow::Status DayFolders::WriteSchema(const std::vector<columns::ColumnName>& columns) {
  for (const Tree tree : kTrees) {
    const auto table =
        tree == Tree::kData ? columns::SchemaTable::kSamples : columns::SchemaTable::kSeries;
    const std::string staged = StagedPath(tree, "schema");
    const std::string folder = Path(DayFolder(tree, kTable, kSchemaDay));
    ARROW_RETURN_NOT_OK(IgnoreMissing(fs_->RemoveFile(staged)));
    ARROW_RETURN_NOT_OK(columns::WriteSchemaFile(*fs_, staged, columns, table));
    ARROW_RETURN_NOT_OK(fs_->Rename(staged, io::JoinPath(folder, kSchemaFile)));
    ARROW_RETURN_NOT_OK(fs_->SyncDirectory(folder));
  }
  return arrow::Status::OK();
}

arrow::Status DayFolders::EnsureSchema(const std::vector<columns::ColumnName>& columns) {
  for (const Tree tree : kTrees) {
    const std::string folder = Path(DayFolder(tree, kTable, kSchemaDay));
    ARROW_ASSIGN_OR_RAISE(const bool exists, fs_->Exists(io::JoinPath(folder, kSchemaFile)));
    if (!exists) return WriteSchema(columns);
  }
  return arrow::Status::OK();
}

void DayFolders::RemoveStaged(std::string_view name) {
  for (const Tree tree : kTrees) (void)fs_->RemoveFile(StagedPath(tree, name));
}

}  // namespace larnax::store
