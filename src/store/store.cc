#include "store/store.h"

#include <algorithm>

#include "base/check.h"
#include "base/civil_time.h"
#include "base/hash.h"
#include "larnax/error.h"
#include "larnax/version.h"
#include "store/read/exemplar_select.h"
#include "store/read/label_query.h"
#include "store/read/sample_select.h"
#include "store/write/index_rebuild.h"
#include "store/write/merge_writer.h"

namespace larnax::store {
namespace {

// To read one version of an archive that another process writes.
constexpr int kReadAttempts = 8;
// Warnings of opening; nobody reads thousands.
constexpr size_t kMostWarnings = 50;
// Together: each of so many merges would have taken a file from under a slow reader.
constexpr int kMostReadAttempts = 1000;

constexpr std::string_view kReadme =
    "This directory is an archive of Prometheus samples, kept by Larnax.\n"
    "\n"
    "samples/date=*/*.parquet   one row per sample; open them with pandas, DuckDB, Spark, ...:\n"
    "                             SELECT * FROM read_parquet('samples/*/*.parquet',\n"
    "                                                        union_by_name = true)\n"
    "histograms/ exemplars/     the same of native histograms and exemplars\n"
    "metadata/*.parquet         type, help and unit of metrics\n"
    "series/samples/date=*/     one row per series of the file of the same name\n"
    "manifest/                  which files are live; manifest/CURRENT names the newest list\n"
    "wal/                       samples that are not in files yet\n"
    "staging/ retired/          files in the making, and replaced ones\n"
    "\n"
    "Reading is safe at any time. Do not change, add or remove files here.\n";

arrow::Status AsCorrupt(const arrow::Status& status) {
  if (KindOf(status) != ErrorKind::kNotFound) return status;
  return MakeError(ErrorKind::kCorrupt,
                   "A file that the manifest lists is missing: " + status.message());
}

std::string MakeArchiveId(const std::string& root, const std::string& content, int64_t now_ms) {
  char text[17];
  const uint64_t hash = base::Hash64(root + '\n' + content + '\n' + std::to_string(now_ms));
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

StoreOptions MakeStoreOptions(const DatabaseOptions& options, std::string lock_content) {
  StoreOptions made;
  made.read_only = options.read_only;
  made.lock_content = std::move(lock_content);
  made.max_columns = options.max_columns;
  made.merge.fan_in = options.merge_fan_in;
  made.merge.max_file_bytes = options.max_file_bytes;
  made.merge.min_free_bytes = options.min_free_disk_bytes;
  made.writer.wide_compat = options.wide_compat;
  made.open_files.page_bytes = options.page_cache_bytes;
  return made;
}

Store::Store(io::FileSystem& fs, std::string root, StoreOptions options)
    : fs_(fs),
      root_(std::move(root)),
      options_(std::move(options)),
      open_files_(std::make_shared<OpenFiles>(options_.open_files)),
      folders_(&fs_, root_),
      manifests_(&fs_, root_) {}

arrow::Result<std::unique_ptr<Store>> Store::Open(io::FileSystem& fs, std::string root,
                                                  StoreOptions options, int64_t now_ms) {
  std::unique_ptr<Store> store(new Store(fs, std::move(root), std::move(options)));
  if (store->options_.read_only) {
    ARROW_RETURN_NOT_OK(store->Refresh());
  } else {
    ARROW_RETURN_NOT_OK(store->OpenForWriting(now_ms));
  }
  return store;
}

arrow::Status Store::OpenForWriting(int64_t now_ms) {
  ARROW_RETURN_NOT_OK(fs_.MakeDirectories(root_));
  ARROW_ASSIGN_OR_RAISE(lock_, fs_.Lock(io::JoinPath(root_, kLockFile), options_.lock_content));
  const std::lock_guard lock(commit_mutex_);
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<Version> version, Load(nullptr));
  if (version == nullptr) {
    ARROW_RETURN_NOT_OK(CheckEmpty());
    version = std::make_shared<Version>();
    version->registry = columns::ColumnRegistry(options_.max_columns);
    version->manifest.archive_id = MakeArchiveId(root_, options_.lock_content, now_ms);
  }
  ARROW_RETURN_NOT_OK(folders_.MakeRoot());
  ARROW_ASSIGN_OR_RAISE(const auto damaged, folders_.Reconcile(*version));
  // What a start that failed has left would be in the way of the commits here.
  manifests_.RemoveOld();
  ARROW_RETURN_NOT_OK(Contain(damaged, version.get(), now_ms));
  ++version->manifest.epoch;
  names_ = std::make_unique<FileNames>(version->manifest.epoch);
  for (const std::string_view table : kDayTables) {
    if (table != kSamplesTable && !version->HasTable(table)) continue;
    ARROW_RETURN_NOT_OK(folders_.EnsureSchema(table, version->registry.entries()));
  }
  const std::string readme = io::JoinPath(root_, "README.txt");
  ARROW_ASSIGN_OR_RAISE(const bool has_readme, fs_.Exists(readme));
  if (!has_readme) ARROW_RETURN_NOT_OK(io::ReplaceFile(fs_, readme, kReadme));
  return Commit(std::move(version), now_ms);
}

// Mends indexes; other files that are lost or cut stay listed, are answered around, and are merged
// with nothing.
arrow::Status Store::Contain(const std::vector<DamagedFile>& damaged, Version* version,
                             int64_t now_ms) {
  for (const DamagedFile& file : damaged) {
    std::string warning = file.problem;
    const auto& metadata = version->manifest.metadata;
    const bool is_metadata = std::any_of(metadata.begin(), metadata.end(),
                                         [&](const auto& each) { return each.name == file.name; });
    if (is_metadata) lost_metadata_.insert(file.name);
    if (file.tree == Tree::kSeries && !damaged_files_.contains(file.name)) {
      ARROW_ASSIGN_OR_RAISE(const std::string failure, MendIndex(file, version, now_ms));
      warning += failure.empty() ? ". It was written anew from its rows."
                                 : ". It cannot be written anew: " + failure;
      if (!failure.empty()) damaged_files_.insert(file.name);
    } else {
      damaged_files_.insert(file.name);
    }
    if (warnings_.size() < kMostWarnings) warnings_.push_back(std::move(warning));
  }
  return arrow::Status::OK();
}

// Gives why it could not be done; empty: it was.
arrow::Result<std::string> Store::MendIndex(const DamagedFile& damaged, Version* version,
                                            int64_t now_ms) {
  const auto found =
      std::find_if(version->files.begin(), version->files.end(),
                   [&](const auto& file) { return file->entry().name == damaged.name; });
  auto entry = RebuildIndexOf(fs_, folders_, **found, options_.writer);
  if (!entry.ok()) {
    // Without room nothing else can be opened; whatever is wrong with the rows, others can.
    if (KindOf(entry.status()) == ErrorKind::kOverloaded) return entry.status();
    return entry.status().message();
  }
  if (*entry == (*found)->entry()) return std::string();
  *found = std::make_shared<DataFile>(&fs_, root_, std::move(*entry), open_files_);
  // At once: to read all rows takes long, and whoever stops a start that does must not undo it.
  ARROW_RETURN_NOT_OK(Commit(std::make_shared<Version>(*version), now_ms));
  return std::string();
}

// Without a manifest, data files would be taken for leftovers and removed.
arrow::Status Store::CheckEmpty() {
  const auto check_folder = [this](const std::string& path) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto files, fs_.List(path));
    for (const io::DirectoryEntry& file : files) {
      if (file.name == kSchemaFile) continue;
      return MakeError(ErrorKind::kCorrupt, "There are data files but no manifest/CURRENT. path=" +
                                                io::JoinPath(path, file.name));
    }
    return arrow::Status::OK();
  };
  for (const std::string_view table : kDayTables) {
    for (const Tree tree : kTrees) {
      const std::string folder = io::JoinPath(root_, TreeFolder(tree, table));
      ARROW_ASSIGN_OR_RAISE(const bool exists, fs_.Exists(folder));
      if (!exists) continue;
      ARROW_ASSIGN_OR_RAISE(const auto days, fs_.List(folder));
      for (const io::DirectoryEntry& day : days) {
        if (!day.is_directory) continue;
        ARROW_RETURN_NOT_OK(check_folder(io::JoinPath(folder, day.name)));
      }
    }
  }
  const std::string metadata = io::JoinPath(root_, kMetadataTable);
  ARROW_ASSIGN_OR_RAISE(const bool has_metadata, fs_.Exists(metadata));
  return has_metadata ? check_folder(metadata) : arrow::Status::OK();
}

// Reads the newest manifest; null when there is none. Files that `old` has are taken from there.
arrow::Result<std::shared_ptr<Version>> Store::Load(const Version* old) {
  ARROW_ASSIGN_OR_RAISE(auto manifest, manifests_.Load());
  if (!manifest) return nullptr;
  if (!manifest->tombstones.empty()) {
    return MakeError(ErrorKind::kUnsupported,
                     "The archive has deletions, which this version cannot read. path=" + root_);
  }
  auto version = std::make_shared<Version>();
  ARROW_ASSIGN_OR_RAISE(version->registry, columns::ColumnRegistry::Restore(
                                               std::move(manifest->columns), options_.max_columns));
  std::map<std::string, std::shared_ptr<DataFile>> known;
  if (old != nullptr) {
    for (const auto& file : old->files) known.emplace(file->entry().name, file);
  }
  std::set<std::string> names;
  for (FileEntry& entry : manifest->files) {
    if (!names.insert(entry.name).second) {
      return MakeError(ErrorKind::kCorrupt, "The manifest lists a file twice. name=" + entry.name +
                                                " number=" + std::to_string(manifest->number));
    }
    const auto found = known.find(entry.name);
    if (found != known.end() && found->second->entry() == entry) {
      version->files.push_back(found->second);
    } else {
      version->files.push_back(
          std::make_shared<DataFile>(&fs_, root_, std::move(entry), open_files_));
    }
  }
  SortFiles(&version->files);
  manifest->files.clear();
  manifest->months.clear();
  manifest->columns.clear();
  version->manifest = std::move(*manifest);
  return version;
}

std::shared_ptr<const Version> Store::Current() const {
  const std::lock_guard lock(current_mutex_);
  return current_;
}

void Store::Install(std::shared_ptr<const Version> version) {
  const std::lock_guard lock(current_mutex_);
  current_.swap(version);
}

arrow::Status Store::Refresh() {
  const std::lock_guard lock(commit_mutex_);
  for (int attempt = 1;; ++attempt) {
    ARROW_ASSIGN_OR_RAISE(std::string text, manifests_.ReadCurrent());
    if (text.empty()) {
      return MakeError(ErrorKind::kNotFound, "There is no archive. path=" + root_);
    }
    const auto old = Current();
    if (old != nullptr && text == current_text_) return arrow::Status::OK();
    auto version = Load(old.get());
    if (version.ok() && *version != nullptr) {
      current_text_ = std::move(text);
      Install(std::move(*version));
      return arrow::Status::OK();
    }
    // A writer may have gone on, and removed what CURRENT named before.
    if (attempt == kMostReadAttempts) return version.status();
    ARROW_ASSIGN_OR_RAISE(const std::string again, manifests_.ReadCurrent());
    if (again == text) return version.status();
  }
}

template <typename Read>
auto Store::ReadWithRetry(head::HeadSnapshot head, Read read) {
  Snapshot snapshot{
      .files = nullptr, .head = std::move(head), .files_may_vanish = options_.read_only};
  int of_version = 0;
  for (int attempt = 1;; ++attempt) {
    using Answer = decltype(read(snapshot));
    if (options_.read_only) {
      if (const auto refreshed = Refresh(); !refreshed.ok()) return Answer(refreshed);
    }
    auto files = Current();
    of_version = files == snapshot.files ? of_version + 1 : 1;
    snapshot.files = std::move(files);
    snapshot.gone_is_damage = !options_.read_only || of_version == kReadAttempts;
    Answer answer = read(snapshot);
    if (answer.ok() || KindOf(answer.status()) != ErrorKind::kNotFound) return answer;
    if (!options_.read_only || of_version == kReadAttempts) {
      return Answer(AsCorrupt(answer.status()));
    }
    if (attempt == kMostReadAttempts) {
      return Answer(MakeError(ErrorKind::kOverloaded,
                              "files are replaced faster than they are read. path=" + root_));
    }
  }
}

arrow::Result<std::unique_ptr<SampleStream>> Store::Select(head::HeadSnapshot head,
                                                           const SelectRequest& request,
                                                           const io::Clock& clock,
                                                           const io::TaskRunner& runner) {
  return ReadWithRetry(std::move(head), [&](Snapshot& snapshot) {
    // Only of read-only archives is there a second attempt, which needs the head again.
    if (!options_.read_only) return SelectSamples(std::move(snapshot), request, clock, runner);
    return SelectSamples(snapshot, request, clock, runner);
  });
}

arrow::Result<NamesAnswer> Store::LabelNames(head::HeadSnapshot head, const SelectRequest& request,
                                             const io::Clock& clock) {
  return ReadWithRetry(std::move(head), [&](const Snapshot& snapshot) {
    return store::LabelNames(snapshot, request, clock);
  });
}

arrow::Result<NamesAnswer> Store::LabelValues(head::HeadSnapshot head, std::string_view name,
                                              const SelectRequest& request,
                                              const io::Clock& clock) {
  return ReadWithRetry(std::move(head), [&](const Snapshot& snapshot) {
    return store::LabelValues(snapshot, name, request, clock);
  });
}

arrow::Result<ExemplarsAnswer> Store::Exemplars(head::HeadSnapshot head,
                                                const SelectRequest& request,
                                                const io::Clock& clock) {
  return ReadWithRetry(std::move(head), [&](const Snapshot& snapshot) {
    return SelectExemplars(snapshot, request, clock);
  });
}

arrow::Result<std::vector<columns::MetadataRow>> Store::Metadata(
    std::string_view metric, std::vector<std::string>* warnings) {
  const auto read = [&](const Version& files, bool gone_is_damage) {
    DamageReport damage("metadata", gone_is_damage);
    auto rows =
        ReadMetadataFiles(fs_, root_, files.manifest.metadata, metric, &damage, &lost_metadata_);
    if (rows.ok() && warnings != nullptr) *warnings = damage.warnings();
    return rows;
  };
  if (options_.read_only) {
    return ReadWithRetry({}, [&](const Snapshot& snapshot) {
      return read(*snapshot.files, snapshot.gone_is_damage);
    });
  }
  auto rows = read(*Current(), /*gone_is_damage=*/false);
  if (rows.ok() || KindOf(rows.status()) != ErrorKind::kNotFound) return rows;
  // A merge replaces files without keeping the old ones for readers, before it commits: here, that
  // can be waited for.
  const std::lock_guard lock(commit_mutex_);
  return read(*Current(), /*gone_is_damage=*/true);
}

arrow::Result<SeriesAnswer> Store::Series(head::HeadSnapshot head, const SelectRequest& request,
                                          const io::Clock& clock) {
  return ReadWithRetry(std::move(head), [&](const Snapshot& snapshot) {
    return ListSeries(snapshot, request, clock);
  });
}

}  // namespace larnax::store
