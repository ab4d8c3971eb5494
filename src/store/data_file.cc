#include "store/data_file.h"

#include <new>
#include <type_traits>
#include <utility>

#include "columns/format/parquet_file.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"

namespace larnax::store {

DataFile::DataFile(io::FileSystem* fs, std::string root, FileEntry entry,
                   std::shared_ptr<OpenFiles> open_files)
    : fs_(fs),
      root_(std::move(root)),
      entry_(std::move(entry)),
      holds_histograms_(entry_.table == kHistogramsTable),
      open_files_(std::move(open_files)),
      pages_(open_files_ == nullptr ? nullptr
                                    : std::make_shared<columns::FilePages>(open_files_->pages())) {}

DataFile::~DataFile() {
  if (open_files_ != nullptr) open_files_->Forget(this);
  if (!remove_when_unused_) return;
  // What cannot be removed, memory being short too, is found when the archive is opened next.
  try {
    for (const Tree tree : kTrees) (void)fs_->RemoveFile(PathIn(tree, true));
  } catch (const std::exception&) {
  }
}

std::shared_ptr<DataFile> DataFile::Clone() const {
  auto clone = std::make_shared<DataFile>(fs_, root_, entry_, nullptr);
  clone->set_in_retired(in_retired_);
  clone->set_known_labels(known_labels_);
  return clone;
}

std::string DataFile::PathIn(Tree tree, bool in_retired) const {
  return io::JoinPath(root_, in_retired ? LooseFile(tree, kRetiredFolder, entry_.name)
                                        : DayFile(tree, entry_.table, entry_.day, entry_.name));
}

namespace {

// Counts a data file and its index as one file, at each query, not at each opening.
class OpenStats {
 public:
  explicit OpenStats(ReadStats* stats)
      : stats_(stats), files_read_(stats == nullptr ? 0 : stats->files_read) {}
  ~OpenStats() {
    if (stats_ != nullptr) stats_->files_read = files_read_;
  }
  OpenStats(const OpenStats&) = delete;
  OpenStats& operator=(const OpenStats&) = delete;

 private:
  ReadStats* stats_;
  int64_t files_read_;
};

arrow::Result<std::shared_ptr<io::ReadableFile>> Shared(
    arrow::Result<std::unique_ptr<io::ReadableFile>> opened) {
  ARROW_ASSIGN_OR_RAISE(std::unique_ptr<io::ReadableFile> file, std::move(opened));
  return std::shared_ptr<io::ReadableFile>(std::move(file));
}

}  // namespace

arrow::Result<std::shared_ptr<io::ReadableFile>> DataFile::Open(Tree tree) {
  const bool in_retired = in_retired_;
  const std::string expected = PathIn(tree, in_retired);
  auto first = fs_->OpenReadable(expected);
  if (first.ok() || KindOf(first.status()) != ErrorKind::kNotFound) return Shared(std::move(first));
  // A merge may be in the middle of its changes, or a writer elsewhere have failed in one: whatever
  // a manifest lists then is in another place (in `staging`, when a commit that seemed to fail is
  // visible, or in a folder there, while it is swapped without an exchange). The last looks are for
  // what was moved between the first ones.
  std::vector<std::string> places = {
      PathIn(tree, !in_retired), io::JoinPath(root_, LooseFile(tree, kStagingFolder, entry_.name))};
  const std::string staging = io::JoinPath(root_, kStagingFolder);
  if (const auto entries = fs_->List(staging); entries.ok()) {
    for (const io::DirectoryEntry& entry : *entries) {
      if (!entry.is_directory || !entry.name.ends_with(SwappedFolderSuffix(tree))) continue;
      places.push_back(io::JoinPath(io::JoinPath(staging, entry.name),
                                    entry_.name + std::string(kParquetSuffix)));
    }
  }
  places.push_back(expected);
  places.push_back(PathIn(tree, !in_retired));
  for (const std::string& path : places) {
    auto file = fs_->OpenReadable(path);
    if (file.ok() || KindOf(file.status()) != ErrorKind::kNotFound) return Shared(std::move(file));
  }
  return first.status();
}

arrow::Result<std::shared_ptr<io::ReadableFile>> DataFile::TakeOpen(Tree tree) {
  auto& ahead = tree == Tree::kSeries ? series_ahead_ : data_ahead_;
  if (ahead != nullptr) return std::exchange(ahead, nullptr);
  return Open(tree);
}

void DataFile::WillOpen() {
  const std::lock_guard lock(mutex_);
  if (index_ != nullptr || series_ahead_ != nullptr) return;
  for (const Tree tree : {Tree::kSeries, Tree::kData}) {
    auto file = Open(tree);
    if (!file.ok()) return;
    const bool is_series = tree == Tree::kSeries;
    columns::ParquetFile::WillOpen(**file,
                                   is_series ? entry_.series_footer_bytes : entry_.footer_bytes);
    (is_series ? series_ahead_ : data_ahead_) = std::move(*file);
  }
}

void DataFile::NoteUse() {
  // What was closed meanwhile goes with its last reader.
  if (open_files_ == nullptr || !is_open()) return;
  try {
    open_files_->Use(shared_from_this(), memory_bytes());
  } catch (const std::bad_alloc&) {
    // Destructors come here, too. It is noted at the next use.
  }
}

arrow::Result<std::shared_ptr<columns::SeriesIndex>> DataFile::Index(ReadStats* stats) {
  std::shared_ptr<columns::SeriesIndex> index;
  {
    const std::lock_guard lock(mutex_);
    if (index_ == nullptr) {
      const OpenStats open_stats(stats);
      ARROW_ASSIGN_OR_RAISE(auto file, TakeOpen(Tree::kSeries));
      ARROW_ASSIGN_OR_RAISE(
          index, columns::SeriesIndex::Open(std::move(file), stats, entry_.series_footer_bytes,
                                            entry_.series_footer_crc32c, pages_));
      if (index->size() != entry_.series || index->data_rows() != entry_.rows) {
        return Mismatch(Tree::kSeries);
      }
      index_ = index;
    }
    index = index_;
  }
  NoteUse();
  return index;
}

template <typename Reader>
arrow::Result<std::shared_ptr<Reader>> DataFile::OpenReader(std::shared_ptr<Reader>* kept,
                                                            ReadStats* stats) {
  std::shared_ptr<Reader> reader;
  {
    const std::lock_guard lock(mutex_);
    if (*kept == nullptr) {
      const OpenStats open_stats(stats);
      ARROW_ASSIGN_OR_RAISE(auto file, TakeOpen(Tree::kData));
      if constexpr (std::is_same_v<Reader, columns::ExemplarsReader>) {
        ARROW_ASSIGN_OR_RAISE(reader, Reader::Open(std::move(file), stats, entry_.footer_bytes,
                                                   entry_.footer_crc32c));
      } else {
        ARROW_ASSIGN_OR_RAISE(reader, Reader::Open(std::move(file), stats, entry_.footer_bytes,
                                                   entry_.footer_crc32c, pages_));
      }
      if (reader->rows() != entry_.rows) return Mismatch(Tree::kData);
      *kept = reader;
    }
    reader = *kept;
  }
  NoteUse();
  return reader;
}

arrow::Result<std::shared_ptr<columns::SamplesReader>> DataFile::Samples(ReadStats* stats) {
  return OpenReader(&samples_, stats);
}

arrow::Result<std::shared_ptr<columns::HistogramsReader>> DataFile::Histograms(ReadStats* stats) {
  return OpenReader(&histograms_, stats);
}

arrow::Result<std::shared_ptr<columns::ExemplarsReader>> DataFile::Exemplars(ReadStats* stats) {
  return OpenReader(&exemplars_, stats);
}

arrow::Status DataFile::OpenRows(ReadStats* stats) {
  if (holds_histograms_) return Histograms(stats).status();
  if (entry_.table == kExemplarsTable) return Exemplars(stats).status();
  return Samples(stats).status();
}

arrow::Status DataFile::Mismatch(Tree tree) const {
  return MakeError(ErrorKind::kCorrupt,
                   "The file does not hold what the manifest says. path=" + PathIn(tree, false));
}

void DataFile::CloseReaders() {
  const std::lock_guard lock(mutex_);
  series_ahead_ = nullptr;
  data_ahead_ = nullptr;
  index_ = nullptr;
  samples_ = nullptr;
  histograms_ = nullptr;
  exemplars_ = nullptr;
}

bool DataFile::is_open() const {
  const std::lock_guard lock(mutex_);
  return index_ != nullptr || samples_ != nullptr || histograms_ != nullptr ||
         exemplars_ != nullptr;
}

int64_t DataFile::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return index_ == nullptr ? 0 : index_->memory_bytes();
}

}  // namespace larnax::store
