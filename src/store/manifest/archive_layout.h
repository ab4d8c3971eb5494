#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace larnax::store {

/// The tables that have a folder for each day and an index; `samples` first.
inline constexpr std::string_view kSamplesTable = "samples";
inline constexpr std::string_view kHistogramsTable = "histograms";
inline constexpr std::string_view kExemplarsTable = "exemplars";
inline constexpr std::string_view kDayTables[] = {kSamplesTable, kHistogramsTable, kExemplarsTable};
/// A table without days and index.
inline constexpr std::string_view kMetadataTable = "metadata";

/// Day whose folder holds the schema file: 1970-01-01, so that it is the first of any glob.
inline constexpr int64_t kSchemaDay = 0;
inline constexpr std::string_view kSchemaFile = "00-schema.parquet";

/// The two folder trees of a table: its rows, and the index of the rows.
enum class Tree { kData, kSeries };
inline constexpr Tree kTrees[] = {Tree::kData, Tree::kSeries};

/// Place of a table in kDayTables; nullopt where it is none of them.
std::optional<size_t> DayTableIndex(std::string_view table);

/// Where things are in an archive; see docs/format/archive.md. All paths are below the root.

/// `samples` or `series/samples`.
std::string TreeFolder(Tree tree, std::string_view table);
/// `samples/date=2026-11-22` or `series/samples/date=2026-11-22`.
std::string DayFolder(Tree tree, std::string_view table, int64_t day);
/// The same folder's file `<name>.parquet`.
std::string DayFile(Tree tree, std::string_view table, int64_t day, std::string_view name);
/// `metadata/<name>.parquet`.
std::string MetadataFile(std::string_view name);
/// `staging/<name>.parquet` or `staging/<name>.series.parquet`; so for `retired`.
std::string LooseFile(Tree tree, std::string_view folder, std::string_view name);
/// End of the names of folders in `staging` that hold a day's files, or are to, of one tree.
std::string_view SwappedFolderSuffix(Tree tree);
/// Read the day out of a folder's name `date=2026-11-22`; nullopt for other names.
std::optional<int64_t> DayOfFolder(std::string_view name);
/// Read `2026-11-22`, in exactly this form.
std::optional<int64_t> ParseDay(std::string_view text);

inline constexpr std::string_view kStagingFolder = "staging";
inline constexpr std::string_view kRetiredFolder = "retired";
inline constexpr std::string_view kManifestFolder = "manifest";
inline constexpr std::string_view kWalFolder = "wal";
inline constexpr std::string_view kExperimentsFolder = "experiments";
inline constexpr std::string_view kLockFile = "lock";
inline constexpr std::string_view kParquetSuffix = ".parquet";

/// Name of a data file: unique in its archive for all time.
///
/// \param epoch   Of the writer: grows with every opening of the archive.
/// \param number  Counted by the writer within its epoch.
std::string FileName(int64_t min_sequence, int64_t max_sequence, int64_t epoch, int64_t number);
/// Tell whether `name` may be the name of a data file: letters, digits, '-' and '_' only.
bool IsFileName(std::string_view name);

}  // namespace larnax::store
