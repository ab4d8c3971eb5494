#include "store/write/index_rebuild.h"

#include <memory>
#include <string>

#include "columns/check/file_check.h"
#include "columns/check/other_tables_check.h"
#include "larnax/error.h"

namespace larnax::store {
namespace {

columns::Tier TierOf(int level) {
  if (level == 0) return columns::Tier::kFresh;
  return level == kDayLevel ? columns::Tier::kDay : columns::Tier::kMerged;
}

}  // namespace

arrow::Result<FileEntry> RebuildIndexOf(io::FileSystem& fs, const DayFolders& folders,
                                        const DataFile& file, columns::WriterOptions options) {
  FileEntry entry = file.entry();
  // Pages have checksums of their own; that of the footer is in the manifest.
  ARROW_RETURN_NOT_OK(file.Clone()->OpenRows(nullptr));
  const std::string path = file.PathIn(Tree::kSeries, /*in_retired=*/false);
  const std::string staged = folders.StagedPath(Tree::kSeries, entry.name);
  options.tier = TierOf(entry.level);
  const auto rebuild =
      entry.table == kSamplesTable ? columns::RebuildIndex : columns::RebuildIndexWithoutValues;
  const auto rebuilt = rebuild(fs, file.PathIn(Tree::kData, false), staged, options);
  if (!rebuilt.ok()) {
    folders.RemoveStaged(entry.name);
    return rebuilt.status();
  }
  const std::string folder = path.substr(0, path.rfind('/'));
  ARROW_RETURN_NOT_OK(fs.MakeDirectories(folder));
  ARROW_RETURN_NOT_OK(fs.Rename(staged, path));
  ARROW_RETURN_NOT_OK(fs.SyncDirectory(folder));
  entry.series_bytes = rebuilt->file_bytes;
  entry.series_footer_bytes = rebuilt->footer_bytes;
  entry.series_footer_crc32c = rebuilt->footer_crc32c;
  return entry;
}

}  // namespace larnax::store
