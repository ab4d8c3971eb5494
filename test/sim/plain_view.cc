#include "test/sim/plain_view.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <numeric>
#include <set>

#include "base/civil_time.h"
#include "columns/check/file_check.h"
#include "columns/check/other_tables_check.h"
#include "columns/read/exemplars_reader.h"
#include "columns/read/histograms_reader.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "larnax/error.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/manifest_log.h"

namespace larnax::sim {
namespace {

constexpr char kData[] = "data.parquet";
constexpr char kIndex[] = "index.parquet";

using Files = PlainView::Files;

// A row's place among those of the same sample.
struct Row {
  const PlainFile* file;
  const SentSample* sample;
};
using RowsBySample = std::map<std::pair<std::string_view, int64_t>, std::vector<Row>>;

RowsBySample GroupRows(const Files& files) {
  RowsBySample rows;
  for (const auto& file : files) {
    for (const SentSample& sample : file->rows) {
      rows[{sample.labels.bytes(), sample.time_ms}].push_back({file.get(), &sample});
    }
  }
  for (auto& [key, same] : rows) {
    std::stable_sort(same.begin(), same.end(), [](const Row& a, const Row& b) {
      return a.file->min_sequence < b.file->min_sequence;
    });
  }
  return rows;
}

arrow::Status CopyBytes(io::FileSystem& fs, const std::string& path, std::string_view bytes) {
  ARROW_ASSIGN_OR_RAISE(auto file, fs.Create(path));
  return file->Append({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

// The series of a data file whose index was made anew.
struct Series {
  std::vector<columns::SeriesExtent> extents;
  columns::LabelSets labels;
};

arrow::Result<Series> ReadSeries(io::FileSystem& fs) {
  ARROW_ASSIGN_OR_RAISE(auto index_file, fs.OpenReadable(kIndex));
  ARROW_ASSIGN_OR_RAISE(auto index, columns::SeriesIndex::Open(std::move(index_file), nullptr));
  std::vector<uint32_t> all(static_cast<size_t>(index->size()));
  std::iota(all.begin(), all.end(), 0u);
  Series series;
  ARROW_ASSIGN_OR_RAISE(series.extents, index->Extents(all, nullptr));
  ARROW_ASSIGN_OR_RAISE(series.labels, index->LabelsOf(all, nullptr));
  return series;
}

arrow::Status ReadSamples(io::FileSystem& fs, std::vector<SentSample>* rows) {
  ARROW_RETURN_NOT_OK(columns::RebuildIndex(fs, kData, kIndex, {}));
  ARROW_ASSIGN_OR_RAISE(const Series series, ReadSeries(fs));
  ARROW_ASSIGN_OR_RAISE(auto data_file, fs.OpenReadable(kData));
  ARROW_ASSIGN_OR_RAISE(auto samples, columns::SamplesReader::Open(std::move(data_file), nullptr));
  const columns::RowRange whole{.first = 0, .count = samples->rows()};
  std::vector<int64_t> times;
  std::vector<double> values;
  std::vector<int64_t> starts;
  ARROW_RETURN_NOT_OK(samples->ReadTimes({&whole, 1}, &times, nullptr));
  ARROW_RETURN_NOT_OK(samples->ReadValues({&whole, 1}, &values, nullptr));
  ARROW_RETURN_NOT_OK(samples->ReadStarts({&whole, 1}, &starts, nullptr));
  for (size_t i = 0; i < series.extents.size(); ++i) {
    const Labels own(series.labels[i]);
    const columns::SeriesExtent& extent = series.extents[i];
    for (int64_t row = extent.row_start; row < extent.row_start + extent.row_count; ++row) {
      const auto at = static_cast<size_t>(row);
      rows->push_back({own,
                       times[at],
                       {.bits = std::bit_cast<uint64_t>(values[at]),
                        .start_ms = starts.empty() ? 0 : starts[at]}});
    }
  }
  return arrow::Status::OK();
}

arrow::Status ReadHistograms(io::FileSystem& fs, std::vector<SentSample>* rows) {
  ARROW_RETURN_NOT_OK(columns::RebuildIndexWithoutValues(fs, kData, kIndex, {}));
  ARROW_ASSIGN_OR_RAISE(const Series series, ReadSeries(fs));
  ARROW_ASSIGN_OR_RAISE(auto data_file, fs.OpenReadable(kData));
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        columns::HistogramsReader::Open(std::move(data_file), nullptr));
  columns::HistogramRows found;
  ARROW_RETURN_NOT_OK(reader->Read(series.extents, {}, &found, nullptr));
  for (size_t i = 0; i < series.extents.size(); ++i) {
    for (const HistogramSample& sample : found.Of(i)) {
      rows->push_back({Labels(series.labels[i]), sample.time_ms,
                       HistogramValue(*sample.histogram, sample.start_ms)});
    }
  }
  return arrow::Status::OK();
}

arrow::Status ReadExemplars(io::FileSystem& fs, std::vector<SentExemplar>* rows) {
  ARROW_RETURN_NOT_OK(columns::RebuildIndexWithoutValues(fs, kData, kIndex, {}));
  ARROW_ASSIGN_OR_RAISE(const Series series, ReadSeries(fs));
  ARROW_ASSIGN_OR_RAISE(auto data_file, fs.OpenReadable(kData));
  ARROW_ASSIGN_OR_RAISE(auto reader, columns::ExemplarsReader::Open(std::move(data_file), nullptr));
  columns::ExemplarRows found;
  ARROW_RETURN_NOT_OK(reader->Read(series.extents, {}, &found, nullptr));
  for (size_t i = 0; i < series.extents.size(); ++i) {
    for (const columns::ExemplarRow& row : found.Of(i)) {
      rows->push_back({std::string(series.labels[i].bytes()), row.time_ms,
                       std::bit_cast<uint64_t>(row.value), std::string(row.labels)});
    }
  }
  return arrow::Status::OK();
}

}  // namespace

struct PlainView::Grouping {
  Files files;
  RowsBySample rows;
};

PlainView::PlainView(io::SimFileSystem& disk, std::string root)
    : disk_(disk), root_(std::move(root)) {}
PlainView::~PlainView() = default;

const PlainView::Grouping& PlainView::GroupingOf(const Files& files) {
  if (grouping_ == nullptr || grouping_->files != files) {
    grouping_ = std::make_unique<Grouping>(Grouping{files, GroupRows(files)});
  }
  return *grouping_;
}

arrow::Result<std::shared_ptr<const PlainFile>> PlainView::ReadFile(const std::string& path,
                                                                    std::string_view table,
                                                                    int64_t day,
                                                                    const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const uint64_t version, disk_.ContentVersion(path));
  const auto key = std::make_pair(path, version);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, io::ReadFile(disk_, path));
  auto file = std::make_shared<PlainFile>();
  file->path = path;
  file->table = table;
  file->day = day;
  file->run = name.substr(0, 22);
  long long min_sequence = 0;
  long long max_sequence = 0;
  if (std::sscanf(name.c_str(), "s%lld-%lld-", &min_sequence, &max_sequence) != 2) {
    return arrow::Status::Invalid("a file with a strange name: path=", path);
  }
  file->min_sequence = min_sequence;
  file->max_sequence = max_sequence;
  io::SimFileSystem scratch(1);
  ARROW_RETURN_NOT_OK(CopyBytes(scratch, kData, bytes));
  const arrow::Status read = table == store::kSamplesTable ? ReadSamples(scratch, &file->rows)
                             : table == store::kHistogramsTable
                                 ? ReadHistograms(scratch, &file->rows)
                                 : ReadExemplars(scratch, &file->exemplars);
  if (!read.ok()) {
    return arrow::Status::Invalid("a plain reader cannot read path=", path, ": ", read.message());
  }
  known_[key] = file;
  return std::shared_ptr<const PlainFile>(std::move(file));
}

arrow::Status PlainView::ReadTable(std::string_view table, Files* files) {
  const std::string tree = io::JoinPath(root_, store::TreeFolder(store::Tree::kData, table));
  ARROW_ASSIGN_OR_RAISE(const bool exists, disk_.Exists(tree));
  if (!exists) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto days, disk_.List(tree));
  for (const io::DirectoryEntry& folder : days) {
    const auto day = store::DayOfFolder(folder.name);
    if (!day) continue;
    const std::string path = io::JoinPath(tree, folder.name);
    ARROW_ASSIGN_OR_RAISE(const auto entries, disk_.List(path));
    for (const io::DirectoryEntry& entry : entries) {
      if (entry.name == store::kSchemaFile) continue;
      ARROW_ASSIGN_OR_RAISE(auto file,
                            ReadFile(io::JoinPath(path, entry.name), table, *day, entry.name));
      files->push_back(std::move(file));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<Files> PlainView::Read() {
  Files files;
  for (const std::string_view table : store::kDayTables) {
    ARROW_RETURN_NOT_OK(ReadTable(table, &files));
  }
  return files;
}

arrow::Status PlainView::CheckExemplars(const std::set<SentExemplar>& sent, const Files& files,
                                        bool may_repeat) {
  // What was sent once stays so.
  if (files == checked_exemplars_) return arrow::Status::OK();
  std::set<SentExemplar> seen;
  for (const auto& file : files) {
    for (const SentExemplar& each : file->exemplars) {
      const std::string where = LabelsView(each.series).ToString() +
                                " time_ms=" + std::to_string(each.time_ms) + " path=" + file->path;
      if (!sent.contains(each)) {
        return arrow::Status::Invalid("a plain reader sees an exemplar never sent: ", where);
      }
      if (base::DayOf(each.time_ms) != file->day) {
        return arrow::Status::Invalid("an exemplar of another day: ", where);
      }
      if (!seen.insert(each).second && !may_repeat) {
        return arrow::Status::Invalid("a plain reader sees an exemplar twice: ", where);
      }
    }
  }
  checked_exemplars_ = files;
  return arrow::Status::OK();
}

arrow::Status PlainView::CheckRows(const Model& model, const PlainFile& file) {
  for (const SentSample& row : file.rows) {
    if (base::DayOf(row.time_ms) != file.day) {
      return arrow::Status::Invalid(
          "a row of another day: ", Describe(row.labels, row.time_ms, row.value),
          " path=", file.path);
    }
    if (model.MayBeInFiles(row.labels, row.time_ms, row.value)) continue;
    return arrow::Status::Invalid(
        "a plain reader sees what was never stored: ", Describe(row.labels, row.time_ms, row.value),
        " path=", file.path);
  }
  return arrow::Status::OK();
}

arrow::Status PlainView::CheckAlways(const Model& model, const Files& files, bool may_repeat) {
  if (checked_recoveries_ != model.recoveries()) {
    checked_.clear();
    checked_files_.clear();
  }
  // Until the next recovery, what was right stays so.
  if (files == checked_files_) return arrow::Status::OK();
  for (const auto& file : files) {
    for (const auto& other : files) {
      // Tables change one after the other.
      if (file->table != other->table) continue;
      if (file->day != other->day || file->run == other->run) continue;
      if (file->min_sequence > other->max_sequence || other->min_sequence > file->max_sequence) {
        continue;
      }
      return arrow::Status::Invalid("a plain reader sees old and new files: path=", file->path,
                                    " path=", other->path);
    }
    if (checked_.contains(file.get())) continue;
    ARROW_RETURN_NOT_OK(CheckRows(model, *file));
    checked_.insert(file.get());
  }
  for (const auto& [key, rows] : GroupingOf(files).rows) {
    for (size_t i = 1; i < rows.size(); ++i) {
      const bool same_file = rows[i].file->run == rows[i - 1].file->run;
      // Of three values in a row, a merge may leave two that are equal.
      const SentSample& sample = *rows[i].sample;
      if (!same_file && may_repeat) continue;
      if (!same_file && model.WasOverwritten(sample.labels, sample.time_ms)) continue;
      return arrow::Status::Invalid(
          "a plain reader sees a sample twice: ",
          Describe(rows[i].sample->labels, rows[i].sample->time_ms, rows[i].sample->value),
          " path=", rows[i - 1].file->path, " path=", rows[i].file->path);
    }
  }
  checked_files_ = files;
  checked_recoveries_ = model.recoveries();
  return arrow::Status::OK();
}

arrow::Status PlainView::CheckComplete(const Model& model, const Files& files) {
  Model::Content found;
  for (const auto& [key, rows] : GroupingOf(files).rows) {
    const SentSample& newest = *rows.back().sample;
    found[newest.labels][newest.time_ms] = newest.value;
  }
  return CompareContent(model, model.Select({}, {}), found, "a plain reader after a flush");
}

int64_t PlainView::CountSamples(const Files& files) {
  return static_cast<int64_t>(GroupingOf(files).rows.size());
}

arrow::Result<const std::set<std::string>*> PlainView::ColumnsOf(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const uint64_t version, disk_.ContentVersion(path));
  const auto [found, is_new] = columns_.try_emplace({path, version});
  if (is_new) {
    ARROW_ASSIGN_OR_RAISE(const columns::FileReport report, columns::InspectFile(disk_, path));
    for (const columns::ColumnReport& column : report.columns) found->second.insert(column.name);
  }
  return &found->second;
}

arrow::Status PlainView::CheckColumns(const std::string& path,
                                      const std::set<std::string>& schema) {
  ARROW_ASSIGN_OR_RAISE(const std::set<std::string>* columns, ColumnsOf(path));
  for (const std::string& column : *columns) {
    if (schema.contains(column)) continue;
    return arrow::Status::Invalid("the schema file lacks a column of a file: column=", column,
                                  " path=", path);
  }
  return arrow::Status::OK();
}

arrow::Status PlainView::CheckListed(const store::Manifest& manifest,
                                     std::set<std::string>* listed) {
  std::map<std::string, std::set<std::string>> schemas;  // By table.
  for (const store::FileEntry& entry : manifest.files) {
    std::set<std::string>& schema = schemas[entry.table];
    if (schema.empty()) {
      const std::string path = io::JoinPath(
          io::JoinPath(root_, store::DayFolder(store::Tree::kData, entry.table, store::kSchemaDay)),
          store::kSchemaFile);
      ARROW_ASSIGN_OR_RAISE(const std::set<std::string>* columns, ColumnsOf(path));
      schema = *columns;
    }
    std::string paths[2];
    for (const store::Tree tree : store::kTrees) {
      std::string& path = paths[tree == store::Tree::kData ? 0 : 1];
      path = io::JoinPath(root_, store::DayFile(tree, entry.table, entry.day, entry.name));
      const int64_t bytes = tree == store::Tree::kData ? entry.bytes : entry.series_bytes;
      const auto file = disk_.OpenReadable(path);
      if (!file.ok() || (*file)->size_bytes() != bytes) {
        return arrow::Status::Invalid(
            "a file of the manifest is missing or has another size: path=", path, " bytes=", bytes,
            " ", file.status().message());
      }
      listed->insert(path);
    }
    ARROW_RETURN_NOT_OK(CheckColumns(paths[0], schema));
    bool is_verified = true;
    for (const std::string& path : paths) {
      ARROW_ASSIGN_OR_RAISE(const uint64_t version, disk_.ContentVersion(path));
      is_verified &= !verified_.emplace(path, version).second;
    }
    if (is_verified) continue;
    const auto verify = entry.table == store::kSamplesTable      ? columns::VerifyFile
                        : entry.table == store::kHistogramsTable ? columns::VerifyHistogramsFile
                                                                 : columns::VerifyExemplarsFile;
    ARROW_ASSIGN_OR_RAISE(const auto problems, verify(disk_, paths[0], paths[1]));
    if (!problems.empty()) return arrow::Status::Invalid(problems.front(), " path=", paths[0]);
  }
  return arrow::Status::OK();
}

arrow::Status PlainView::CheckMetadata(const store::Manifest& manifest,
                                       std::set<std::string>* listed) {
  for (const store::MetadataEntry& entry : manifest.metadata) {
    const std::string path = io::JoinPath(root_, store::MetadataFile(entry.name));
    ARROW_ASSIGN_OR_RAISE(const auto problems, columns::VerifyMetadataFile(disk_, path));
    if (!problems.empty()) return arrow::Status::Invalid(problems.front(), " path=", path);
    listed->insert(path);
  }
  return arrow::Status::OK();
}

arrow::Status PlainView::CheckNothingElse(const std::set<std::string>& listed) {
  const auto check = [&](const std::string& path) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto entries, disk_.List(path));
    for (const io::DirectoryEntry& entry : entries) {
      if (entry.name == store::kSchemaFile || listed.contains(io::JoinPath(path, entry.name))) {
        continue;
      }
      return arrow::Status::Invalid("a file that the manifest does not list: path=",
                                    io::JoinPath(path, entry.name));
    }
    return arrow::Status::OK();
  };
  for (const std::string_view table : store::kDayTables) {
    for (const store::Tree tree : store::kTrees) {
      const std::string folder = io::JoinPath(root_, store::TreeFolder(tree, table));
      ARROW_ASSIGN_OR_RAISE(const bool exists, disk_.Exists(folder));
      if (!exists) continue;
      ARROW_ASSIGN_OR_RAISE(const auto days, disk_.List(folder));
      for (const io::DirectoryEntry& day : days) {
        ARROW_RETURN_NOT_OK(check(io::JoinPath(folder, day.name)));
      }
    }
  }
  const std::string metadata = io::JoinPath(root_, store::kMetadataTable);
  ARROW_ASSIGN_OR_RAISE(const bool has_metadata, disk_.Exists(metadata));
  if (has_metadata) ARROW_RETURN_NOT_OK(check(metadata));
  for (const std::string_view loose : {store::kStagingFolder, store::kRetiredFolder}) {
    ARROW_ASSIGN_OR_RAISE(const auto entries, disk_.List(io::JoinPath(root_, loose)));
    if (entries.empty()) continue;
    return arrow::Status::Invalid("left over after recovery: path=", loose, "/",
                                  entries.front().name);
  }
  return arrow::Status::OK();
}

arrow::Status PlainView::CheckFolders() {
  store::ManifestLog manifests(&disk_, root_);
  ARROW_ASSIGN_OR_RAISE(const auto manifest, manifests.Load());
  if (!manifest) return arrow::Status::Invalid("there is no manifest");
  std::set<std::string> listed;
  ARROW_RETURN_NOT_OK(CheckListed(*manifest, &listed));
  ARROW_RETURN_NOT_OK(CheckMetadata(*manifest, &listed));
  return CheckNothingElse(listed);
}

}  // namespace larnax::sim
