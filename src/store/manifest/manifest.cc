#include "store/manifest/manifest.h"

#include <algorithm>

#include "base/civil_time.h"
#include "larnax/error.h"
#include "larnax/version.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/json_fields.h"

// One field a line, of lists one element a line: a person can read it, and two manifests can be
// compared line by line. docs/format/manifest.md explains each field.
namespace larnax::store {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kMaxLevel = 3;
// Announced by archives that list files of other tables than `samples`.
constexpr std::string_view kTablesFeature = "tables";

bool HasOtherTables(const Manifest& manifest) {
  const auto is_other = [](const auto& each) { return each.table != kSamplesTable; };
  return std::any_of(manifest.files.begin(), manifest.files.end(), is_other) ||
         std::any_of(manifest.months.begin(), manifest.months.end(), is_other);
}

std::string Dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void AppendField(std::string_view name, const ordered_json& value, std::string* out) {
  out->append("\"").append(name).append("\":").append(Dump(value)).append(",\n");
}

// Appends a list, `encode` making the JSON of each element.
template <typename Elements, typename Encode>
void AppendList(std::string_view name, const Elements& elements, Encode encode, std::string* out) {
  out->append("\"").append(name).append("\":[");
  bool first = true;
  for (const auto& element : elements) {
    out->append(first ? "\n" : ",\n").append(Dump(encode(element)));
    first = false;
  }
  out->append("],\n");
}

ordered_json EncodeFile(const FileEntry& file) {
  return {{"path", DayFile(Tree::kData, file.table, file.day, file.name)},
          {"series_path", DayFile(Tree::kSeries, file.table, file.day, file.name)},
          {"table", file.table},
          {"day", base::FormatDay(file.day)},
          {"level", file.level},
          {"bytes", file.bytes},
          {"series_bytes", file.series_bytes},
          {"rows", file.rows},
          {"series", file.series},
          {"min_time_ms", file.min_time_ms},
          {"max_time_ms", file.max_time_ms},
          {"min_metric", file.min_metric},
          {"max_metric", file.max_metric},
          {"min_sequence", file.min_sequence},
          {"max_sequence", file.max_sequence},
          {"footer_bytes", file.footer_bytes},
          {"footer_crc32c", CrcText(file.footer_crc32c)},
          {"series_footer_bytes", file.series_footer_bytes},
          {"series_footer_crc32c", CrcText(file.series_footer_crc32c)},
          {"created_ms", file.created_ms}};
}

ordered_json EncodeMetadata(const MetadataEntry& file) {
  return {{"path", MetadataFile(file.name)},
          {"bytes", file.bytes},
          {"rows", file.rows},
          {"min_sequence", file.min_sequence},
          {"max_sequence", file.max_sequence},
          {"footer_bytes", file.footer_bytes},
          {"footer_crc32c", CrcText(file.footer_crc32c)},
          {"created_ms", file.created_ms}};
}

ordered_json EncodePosition(const head::LogPosition& position) {
  return {{"segment", position.segment}, {"offset_bytes", position.offset_bytes}};
}

ordered_json EncodeMonthEntry(const MonthEntry& month) {
  return {{"table", month.table},           {"month", month.month}, {"path", month.path},
          {"files", month.files},           {"rows", month.rows},   {"bytes", month.bytes},
          {"crc32c", CrcText(month.crc32c)}};
}

// Takes the name out of a path, which must be exactly the one that the name would have.
arrow::Status DecodePaths(const JsonFields& fields, FileEntry* file) {
  ARROW_ASSIGN_OR_RAISE(const std::string path, fields.String("path"));
  ARROW_ASSIGN_OR_RAISE(const std::string series_path, fields.String("series_path"));
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || !path.ends_with(kParquetSuffix)) {
    return fields.Wrong("path", "is not a path of a data file");
  }
  file->name = path.substr(slash + 1, path.size() - slash - 1 - kParquetSuffix.size());
  if (!IsFileName(file->name) || path != DayFile(Tree::kData, file->table, file->day, file->name)) {
    return fields.Wrong("path", "is not a path of a data file");
  }
  if (series_path != DayFile(Tree::kSeries, file->table, file->day, file->name)) {
    return fields.Wrong("series_path", "does not belong to path");
  }
  return arrow::Status::OK();
}

arrow::Status CheckRanges(const JsonFields& fields, const FileEntry& file) {
  if (file.max_time_ms < file.min_time_ms || base::DayOf(file.min_time_ms) != file.day ||
      base::DayOf(file.max_time_ms) != file.day) {
    return fields.Wrong("max_time_ms", "is not a time of the day after min_time_ms");
  }
  if (file.max_metric < file.min_metric) return fields.Wrong("max_metric", "is before min_metric");
  if (file.max_sequence < file.min_sequence) {
    return fields.Wrong("max_sequence", "is before min_sequence");
  }
  return arrow::Status::OK();
}

arrow::Result<FileEntry> DecodeFile(const json& object, const std::string& path,
                                    std::string where) {
  const JsonFields fields(object, path, std::move(where));
  FileEntry file;
  ARROW_ASSIGN_OR_RAISE(file.table, fields.String("table"));
  if (!DayTableIndex(file.table)) return fields.Wrong("table", "is not a table");
  ARROW_ASSIGN_OR_RAISE(const std::string day, fields.String("day"));
  const auto day_number = ParseDay(day);
  if (!day_number) return fields.Wrong("day", "is not a date");
  file.day = *day_number;
  ARROW_RETURN_NOT_OK(DecodePaths(fields, &file));
  ARROW_ASSIGN_OR_RAISE(const int64_t level, fields.Integer("level", 0, kMaxLevel));
  file.level = static_cast<int>(level);
  ARROW_ASSIGN_OR_RAISE(file.bytes, fields.Integer("bytes", 1));
  ARROW_ASSIGN_OR_RAISE(file.series_bytes, fields.Integer("series_bytes", 1));
  ARROW_ASSIGN_OR_RAISE(file.rows, fields.Integer("rows", 1));
  ARROW_ASSIGN_OR_RAISE(file.series, fields.Integer("series", 1, file.rows));
  ARROW_ASSIGN_OR_RAISE(file.min_time_ms, fields.Integer("min_time_ms", kMinTimeMs, kMaxTimeMs));
  ARROW_ASSIGN_OR_RAISE(file.max_time_ms, fields.Integer("max_time_ms", kMinTimeMs, kMaxTimeMs));
  ARROW_ASSIGN_OR_RAISE(file.min_metric, fields.String("min_metric"));
  ARROW_ASSIGN_OR_RAISE(file.max_metric, fields.String("max_metric"));
  ARROW_ASSIGN_OR_RAISE(file.min_sequence, fields.Integer("min_sequence", 1));
  ARROW_ASSIGN_OR_RAISE(file.max_sequence, fields.Integer("max_sequence", 1));
  ARROW_ASSIGN_OR_RAISE(file.footer_bytes, fields.Integer("footer_bytes", 1, file.bytes));
  ARROW_ASSIGN_OR_RAISE(file.footer_crc32c, fields.Crc("footer_crc32c"));
  ARROW_ASSIGN_OR_RAISE(file.series_footer_bytes,
                        fields.Integer("series_footer_bytes", 1, file.series_bytes));
  ARROW_ASSIGN_OR_RAISE(file.series_footer_crc32c, fields.Crc("series_footer_crc32c"));
  ARROW_ASSIGN_OR_RAISE(file.created_ms, fields.Integer("created_ms"));
  ARROW_RETURN_NOT_OK(CheckRanges(fields, file));
  return file;
}

std::string Element(std::string_view list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

arrow::Result<std::vector<FileEntry>> DecodeFiles(const JsonFields& fields) {
  ARROW_ASSIGN_OR_RAISE(const json* list, fields.Array("files"));
  std::vector<FileEntry> files;
  files.reserve(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(FileEntry file,
                          DecodeFile((*list)[i], fields.path(), Element("files", i)));
    files.push_back(std::move(file));
  }
  return files;
}

arrow::Result<head::LogPosition> DecodePosition(const JsonFields& parent, std::string_view field) {
  ARROW_ASSIGN_OR_RAISE(const json* object, parent.Object(field));
  const JsonFields fields(*object, parent.path(), std::string(field));
  head::LogPosition position;
  ARROW_ASSIGN_OR_RAISE(const int64_t segment, fields.Integer("segment"));
  ARROW_ASSIGN_OR_RAISE(const int64_t offset, fields.Integer("offset_bytes"));
  position.segment = static_cast<uint64_t>(segment);
  position.offset_bytes = offset;
  return position;
}

arrow::Status DecodeFeatures(const JsonFields& fields, Manifest* manifest) {
  ARROW_ASSIGN_OR_RAISE(manifest->format_version, fields.Integer("format_version", 1));
  if (manifest->format_version > kFormatVersion) {
    return MakeError(ErrorKind::kUnsupported, "The archive has a newer format. format_version=" +
                                                  std::to_string(manifest->format_version) +
                                                  " known=" + std::to_string(kFormatVersion) +
                                                  " path=" + fields.path());
  }
  // What they announce is told by the content again.
  ARROW_ASSIGN_OR_RAISE(const json* features, fields.Array("required_features"));
  for (const json& feature : *features) {
    if (!feature.is_string()) return fields.Wrong("required_features", "holds no strings");
    if (feature.get<std::string>() == kTablesFeature) continue;
    return MakeError(ErrorKind::kUnsupported,
                     "The archive needs a feature that this version does not have. feature=" +
                         feature.get<std::string>() + " path=" + fields.path());
  }
  return arrow::Status::OK();
}

arrow::Status DecodeColumns(const JsonFields& fields, Manifest* manifest) {
  ARROW_ASSIGN_OR_RAISE(const json* columns, fields.Array("columns"));
  for (size_t i = 0; i < columns->size(); ++i) {
    const JsonFields column((*columns)[i], fields.path(), Element("columns", i));
    columns::ColumnName name;
    ARROW_ASSIGN_OR_RAISE(name.label, column.String("label"));
    ARROW_ASSIGN_OR_RAISE(name.column, column.String("column"));
    if (name.label.empty()) return column.Wrong("label", "is empty");
    if (name.column.empty()) return column.Wrong("column", "is empty");
    manifest->columns.push_back(std::move(name));
  }
  return arrow::Status::OK();
}

arrow::Status DecodeTombstones(const JsonFields& fields, Manifest* manifest) {
  ARROW_ASSIGN_OR_RAISE(const json* tombstones, fields.Array("tombstones"));
  for (size_t i = 0; i < tombstones->size(); ++i) {
    const JsonFields object((*tombstones)[i], fields.path(), Element("tombstones", i));
    Tombstone tombstone;
    ARROW_ASSIGN_OR_RAISE(tombstone.sequence, object.Integer("sequence", 1));
    ARROW_ASSIGN_OR_RAISE(tombstone.selector, object.String("selector"));
    ARROW_ASSIGN_OR_RAISE(tombstone.min_time_ms, object.Integer("min_time_ms"));
    ARROW_ASSIGN_OR_RAISE(tombstone.max_time_ms, object.Integer("max_time_ms"));
    manifest->tombstones.push_back(std::move(tombstone));
  }
  return arrow::Status::OK();
}

arrow::Status DecodeMetadata(const JsonFields& fields, Manifest* manifest) {
  // Manifests of before the table have no such list.
  if (!fields.Has("metadata")) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const json* list, fields.Array("metadata"));
  for (size_t i = 0; i < list->size(); ++i) {
    const JsonFields object((*list)[i], fields.path(), Element("metadata", i));
    MetadataEntry file;
    ARROW_ASSIGN_OR_RAISE(const std::string path, object.String("path"));
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos || !path.ends_with(kParquetSuffix)) {
      return object.Wrong("path", "is not a path of a metadata file");
    }
    file.name = path.substr(slash + 1, path.size() - slash - 1 - kParquetSuffix.size());
    if (!IsFileName(file.name) || path != MetadataFile(file.name)) {
      return object.Wrong("path", "is not a path of a metadata file");
    }
    ARROW_ASSIGN_OR_RAISE(file.bytes, object.Integer("bytes", 1));
    ARROW_ASSIGN_OR_RAISE(file.rows, object.Integer("rows", 1));
    ARROW_ASSIGN_OR_RAISE(file.min_sequence, object.Integer("min_sequence", 1));
    ARROW_ASSIGN_OR_RAISE(file.max_sequence, object.Integer("max_sequence", file.min_sequence));
    ARROW_ASSIGN_OR_RAISE(file.footer_bytes, object.Integer("footer_bytes", 1, file.bytes));
    ARROW_ASSIGN_OR_RAISE(file.footer_crc32c, object.Crc("footer_crc32c"));
    ARROW_ASSIGN_OR_RAISE(file.created_ms, object.Integer("created_ms"));
    manifest->metadata.push_back(std::move(file));
  }
  return arrow::Status::OK();
}

arrow::Status DecodeMonths(const JsonFields& fields, Manifest* manifest) {
  ARROW_ASSIGN_OR_RAISE(const json* months, fields.Array("months"));
  for (size_t i = 0; i < months->size(); ++i) {
    const JsonFields object((*months)[i], fields.path(), Element("months", i));
    MonthEntry month;
    ARROW_ASSIGN_OR_RAISE(month.table, object.String("table"));
    ARROW_ASSIGN_OR_RAISE(month.month, object.String("month"));
    ARROW_ASSIGN_OR_RAISE(month.path, object.String("path"));
    ARROW_ASSIGN_OR_RAISE(month.files, object.Integer("files", 1));
    ARROW_ASSIGN_OR_RAISE(month.rows, object.Integer("rows", 1));
    ARROW_ASSIGN_OR_RAISE(month.bytes, object.Integer("bytes", 1));
    ARROW_ASSIGN_OR_RAISE(month.crc32c, object.Crc("crc32c"));
    if (!DayTableIndex(month.table)) return object.Wrong("table", "is not a table");
    if (!ParseDay(month.month + "-01")) return object.Wrong("month", "is not a month");
    const std::string folder = std::string(kManifestFolder) + "/";
    const bool in_folder = month.path.starts_with(folder) && month.path.ends_with(".json");
    if (!in_folder ||
        !IsFileName(std::string_view(month.path)
                        .substr(folder.size(), month.path.size() - folder.size() - 5))) {
      return object.Wrong("path", "is not a path of a month");
    }
    manifest->months.push_back(std::move(month));
  }
  return arrow::Status::OK();
}

arrow::Status DecodeState(const JsonFields& fields, Manifest* manifest) {
  ARROW_ASSIGN_OR_RAISE(manifest->writer, fields.String("writer"));
  ARROW_ASSIGN_OR_RAISE(manifest->archive_id, fields.String("archive_id"));
  ARROW_ASSIGN_OR_RAISE(manifest->epoch, fields.Integer("epoch"));
  ARROW_ASSIGN_OR_RAISE(manifest->number, fields.Integer("number", 1));
  ARROW_ASSIGN_OR_RAISE(manifest->wal_position, DecodePosition(fields, "wal_position"));
  ARROW_ASSIGN_OR_RAISE(manifest->typed_wal_position, DecodePosition(fields, "typed_wal_position"));
  ARROW_ASSIGN_OR_RAISE(manifest->next_sequence, fields.Integer("next_sequence", 1));
  ARROW_ASSIGN_OR_RAISE(const json* sealed, fields.Find("sealed_through"));
  if (sealed != nullptr) {
    manifest->sealed_through =
        sealed->is_string() ? ParseDay(sealed->get<std::string>()) : std::nullopt;
    if (!manifest->sealed_through) return fields.Wrong("sealed_through", "is not a date");
  }
  return arrow::Status::OK();
}

}  // namespace

std::string EncodeManifest(const Manifest& manifest) {
  std::string text = "{\n";
  AppendField("format_version", manifest.format_version, &text);
  std::vector<std::string> features = manifest.required_features;
  if (HasOtherTables(manifest)) features.emplace_back(kTablesFeature);
  AppendField("required_features", features, &text);
  AppendField("writer", manifest.writer, &text);
  AppendField("archive_id", manifest.archive_id, &text);
  AppendField("epoch", manifest.epoch, &text);
  AppendField("number", manifest.number, &text);
  AppendField("wal_position", EncodePosition(manifest.wal_position), &text);
  AppendField("typed_wal_position", EncodePosition(manifest.typed_wal_position), &text);
  AppendField("next_sequence", manifest.next_sequence, &text);
  AppendField("sealed_through",
              manifest.sealed_through ? ordered_json(base::FormatDay(*manifest.sealed_through))
                                      : ordered_json(),
              &text);
  AppendList(
      "columns", manifest.columns,
      [](const columns::ColumnName& name) {
        return ordered_json{{"label", name.label}, {"column", name.column}};
      },
      &text);
  AppendList(
      "tombstones", manifest.tombstones,
      [](const Tombstone& tombstone) {
        return ordered_json{{"sequence", tombstone.sequence},
                            {"selector", tombstone.selector},
                            {"min_time_ms", tombstone.min_time_ms},
                            {"max_time_ms", tombstone.max_time_ms}};
      },
      &text);
  AppendList("files", manifest.files, EncodeFile, &text);
  AppendList("metadata", manifest.metadata, EncodeMetadata, &text);
  AppendList("months", manifest.months, EncodeMonthEntry, &text);
  SealJson(&text);
  return text;
}

arrow::Result<Manifest> DecodeManifest(std::string_view text, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const json object, OpenSealedJson(text, path));
  const JsonFields fields(object, path, "");
  Manifest manifest;
  ARROW_RETURN_NOT_OK(DecodeFeatures(fields, &manifest));
  ARROW_RETURN_NOT_OK(DecodeState(fields, &manifest));
  ARROW_RETURN_NOT_OK(DecodeColumns(fields, &manifest));
  ARROW_RETURN_NOT_OK(DecodeTombstones(fields, &manifest));
  ARROW_ASSIGN_OR_RAISE(manifest.files, DecodeFiles(fields));
  ARROW_RETURN_NOT_OK(DecodeMetadata(fields, &manifest));
  ARROW_RETURN_NOT_OK(DecodeMonths(fields, &manifest));
  return manifest;
}

std::string EncodeMonth(std::string_view table, std::string_view month,
                        const std::vector<const FileEntry*>& files) {
  std::string text = "{\n";
  AppendField("format_version", kFormatVersion, &text);
  AppendField("table", table, &text);
  AppendField("month", month, &text);
  AppendList("files", files, [](const FileEntry* file) { return EncodeFile(*file); }, &text);
  SealJson(&text);
  return text;
}

arrow::Result<std::vector<FileEntry>> DecodeMonth(std::string_view text, const MonthEntry& month) {
  ARROW_ASSIGN_OR_RAISE(const json object, OpenSealedJson(text, month.path));
  const JsonFields fields(object, month.path, "");
  ARROW_RETURN_NOT_OK(fields.Integer("format_version", 1, kFormatVersion).status());
  ARROW_ASSIGN_OR_RAISE(const std::string table, fields.String("table"));
  if (table != month.table) return fields.Wrong("table", "is another than the root manifest's");
  ARROW_ASSIGN_OR_RAISE(const std::string name, fields.String("month"));
  if (name != month.month) return fields.Wrong("month", "is another than the root manifest's");
  ARROW_ASSIGN_OR_RAISE(std::vector<FileEntry> files, DecodeFiles(fields));
  if (static_cast<int64_t>(files.size()) != month.files) {
    return fields.Wrong("files", "are another number than in the root manifest");
  }
  for (const FileEntry& file : files) {
    if (MonthOf(file.day) != month.month || file.table != month.table) {
      return fields.Wrong("files", "hold one of another month");
    }
  }
  return files;
}

std::string MonthOf(int64_t day) { return base::FormatDay(day).substr(0, 7); }

}  // namespace larnax::store
