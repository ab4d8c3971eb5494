#include "cli/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include <nlohmann/json.hpp>

#include "cli/human.h"
#include "larnax/format.h"

namespace larnax::cli {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

std::string PerRow(int64_t bytes, int64_t rows) {
  if (rows == 0) return "-";
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.3f",
                static_cast<double>(bytes) / static_cast<double>(rows));
  return text.data();
}

std::string CountOf(int64_t count, const char* one, const char* many) {
  return FormatCount(count) + " " + (count == 1 ? one : many);
}

std::string Dump(const Json& json) {
  // Names of labels are UTF-8 unless a file is damaged.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string SummaryText(const InspectReport& report) {
  struct Use {
    int64_t files = 0, rows = 0, bytes = 0, min_time_ms = INT64_MAX, max_time_ms = INT64_MIN;
  };
  std::map<std::string, Use> tables;
  for (const FileUse& file : report.files) {
    Use& use = tables[file.table];
    ++use.files;
    use.rows += file.rows;
    use.bytes += file.bytes + file.series_bytes;
    use.min_time_ms = std::min(use.min_time_ms, file.min_time_ms);
    use.max_time_ms = std::max(use.max_time_ms, file.max_time_ms);
  }
  std::string text = "Archive format " + std::to_string(report.format_version) + ", manifest " +
                     std::to_string(report.manifest) + ", next sequence " +
                     std::to_string(report.next_sequence) + "\n";
  text += CountOf(report.rows, "row", "rows") + " in " +
          CountOf(std::ssize(report.files), "file", "files") + ", " + RoundBytes(report.bytes) +
          " (" + PerRow(report.bytes, report.rows) + " bytes a row), log " +
          RoundBytes(report.wal_bytes) + "\n";
  if (!tables.empty()) {
    Rows rows = {{"table", "files", "rows", "size", "bytes/row", "first", "last"}};
    for (const auto& [name, use] : tables) {
      rows.push_back({name, FormatCount(use.files), FormatCount(use.rows), RoundBytes(use.bytes),
                      PerRow(use.bytes, use.rows), FormatTime(use.min_time_ms),
                      FormatTime(use.max_time_ms)});
    }
    text += "\n" + FormatTable(rows);
  }
  for (const std::string& name : report.experiments) {
    text += (&name == &report.experiments.front() ? "\nExperiments: " : ", ") + name;
  }
  if (!report.experiments.empty()) text += "\n";
  return text;
}

std::string ProblemsText(const InspectReport& report) {
  int64_t count = 0;
  std::string list;
  for (const FileUse& file : report.files) {
    if (file.problem.empty()) continue;
    ++count;
    list += "  " + file.problem + "\n";
  }
  if (count == 0) return {};
  return "\n" + CountOf(count, "file is", "files are") + " lost or damaged:\n" + list;
}

std::string FilesText(const InspectReport& report) {
  Rows rows = {{"file", "level", "rows", "series", "size", "index", "first", "last", ""}};
  for (const FileUse& file : report.files) {
    rows.push_back({file.path, std::to_string(file.level), FormatCount(file.rows),
                    FormatCount(file.series), RoundBytes(file.bytes), RoundBytes(file.series_bytes),
                    FormatTime(file.min_time_ms), FormatTime(file.max_time_ms),
                    file.problem.empty() ? "" : "lost or damaged"});
  }
  return "\n" + FormatTable(rows);
}

std::map<std::string, int64_t> RowsByTable(const InspectReport& report) {
  std::map<std::string, int64_t> rows;
  for (const FileUse& file : report.files) rows[file.table] += file.rows;
  return rows;
}

// Columns by size, one table after the other.
std::string ColumnsText(const InspectReport& report) {
  std::map<std::string, int64_t> table_rows = RowsByTable(report);
  std::vector<ColumnUse> columns = report.columns;
  std::stable_sort(columns.begin(), columns.end(), [](const ColumnUse& a, const ColumnUse& b) {
    return a.table != b.table ? a.table < b.table : a.bytes > b.bytes;
  });
  Rows rows = {{"table", "column", "size", "bytes/row", "uncompressed", "values", "encodings"}};
  for (const ColumnUse& use : columns) {
    rows.push_back({use.table, use.label.empty() ? use.column : use.column + " (" + use.label + ")",
                    RoundBytes(use.bytes), PerRow(use.bytes, table_rows[use.table]),
                    RoundBytes(use.raw_bytes), use.distinct == 0 ? "" : FormatCount(use.distinct),
                    use.encodings});
  }
  return "\n" + FormatTable(rows);
}

}  // namespace

std::string InspectText(const InspectReport& report, bool files, bool columns) {
  std::string text = SummaryText(report);
  if (files) text += FilesText(report);
  if (columns) text += ColumnsText(report);
  text += ProblemsText(report);
  return text;
}

std::string InspectJson(const InspectReport& report) {
  Json files = Json::array();
  for (const FileUse& file : report.files) {
    files.push_back({{"path", file.path},
                     {"table", file.table},
                     {"level", file.level},
                     {"bytes", file.bytes},
                     {"series_bytes", file.series_bytes},
                     {"rows", file.rows},
                     {"series", file.series},
                     {"min_time_ms", file.min_time_ms},
                     {"max_time_ms", file.max_time_ms},
                     {"problem", file.problem}});
  }
  Json columns = Json::array();
  for (const ColumnUse& use : report.columns) {
    columns.push_back({{"table", use.table},
                       {"column", use.column},
                       {"label", use.label},
                       {"bytes", use.bytes},
                       {"raw_bytes", use.raw_bytes},
                       {"distinct", use.distinct},
                       {"encodings", use.encodings}});
  }
  return Dump({{"format_version", report.format_version},
               {"manifest", report.manifest},
               {"next_sequence", report.next_sequence},
               {"rows", report.rows},
               {"bytes", report.bytes},
               {"wal_bytes", report.wal_bytes},
               {"files", std::move(files)},
               {"columns", std::move(columns)},
               {"experiments", report.experiments}});
}

std::string VerifyText(const VerifyReport& report) {
  std::string text = CountOf(report.files, "file", "files") + ", " +
                     CountOf(report.rows, "row", "rows") + ", " + RoundBytes(report.bytes) + ", " +
                     CountOf(report.wal_records, "log record", "log records") + ": ";
  if (report.problems.empty()) return text + "all is well\n";
  text += CountOf(std::ssize(report.problems), "problem", "problems") + "\n";
  for (const std::string& problem : report.problems) text += "  " + problem + "\n";
  return text;
}

std::string VerifyJson(const VerifyReport& report) {
  return Dump({{"ok", report.problems.empty()},
               {"files", report.files},
               {"rows", report.rows},
               {"bytes", report.bytes},
               {"wal_records", report.wal_records},
               {"problems", report.problems}});
}

}  // namespace larnax::cli
