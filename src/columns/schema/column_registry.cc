#include "columns/schema/column_registry.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "larnax/error.h"
#include "larnax/labels.h"

namespace larnax::columns {
namespace {

// What the files use themselves, what readers add (hive folders, DuckDB's virtual columns), and
// what the comparison of experiments adds.
constexpr std::array<std::string_view, 25> kReserved = {
    "metric",     "series_id",   "timestamp",       "value",    "stale",     "start_timestamp",
    "date",       "filename",    "file_row_number", "elapsed",  "row_start", "other_labels",
    "experiment", "row_count",   "min_time",        "max_time", "sum",       "stale_count",
    "last_value", "first_value", "last_time",       "resets",   "min",       "max",
    "file_index"};

/// Fold one code point beyond ASCII to a class that is at least as coarse as any simple case
/// folding: all scripts with case live below U+20000, and folding pairs there either are listed
/// here or, for the rest, are collapsed block by block.
char32_t FoldBeyondAscii(char32_t c) {
  if (c == 0x212A) return 'k';                 // Kelvin sign
  if (c == 0x0130 || c == 0x0131) return 'i';  // dotted and dotless i
  if (c == 0x017F) return 's';                 // long s
  return c;
}

/// Tell whether a code point may have a case partner outside ASCII: a superset of Unicode's cased
/// letters.
bool MayHaveCase(char32_t c) {
  return (c >= 0x00B5 && c < 0x0600) ||  // Latin, IPA, combining, Greek, Cyrillic, Armenian
         (c >= 0x10A0 && c < 0x1100) ||  // Georgian
         (c >= 0x13A0 && c < 0x1400) ||  // Cherokee
         (c >= 0x1C80 && c < 0x1CC0) ||  // Cyrillic and Georgian extensions
         (c >= 0x1D00 && c < 0x2000) ||  // Latin and Greek extensions
         (c >= 0x2100 && c < 0x2190) ||  // letterlike, Roman numerals
         (c >= 0x24B6 && c < 0x24EA) ||  // circled letters
         (c >= 0x2C00 && c < 0x2E00) ||  // Glagolitic, Coptic, Georgian
         (c >= 0xA640 && c < 0xA700) || (c >= 0xA720 && c < 0xA800) ||  // Cyrillic, Latin
         (c >= 0xAB30 && c < 0xABC0) ||                                 // Latin, Cherokee
         (c >= 0xFB00 && c < 0xFB18) ||                                 // ligatures
         (c >= 0xFF21 && c < 0xFF5B) ||                                 // full width
         (c >= 0x10400 && c < 0x10600) || (c >= 0x10C80 && c < 0x10D90) ||
         (c >= 0x118A0 && c < 0x118E0) || (c >= 0x16E40 && c < 0x16F00) ||
         (c >= 0x1E900 && c < 0x1E960);
}

}  // namespace

std::string FoldColumnName(std::string_view name) {
  std::string folded;
  folded.reserve(name.size());
  for (size_t at = 0; at < name.size();) {
    const char32_t c = FoldBeyondAscii(base::NextCodePoint(name, &at));
    // Lower case of the dotted capital I is an i with this combining dot.
    if (c == 0x0307) continue;
    if (c < 0x80) {
      folded.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
    } else if (MayHaveCase(c)) {
      // Without Unicode's tables any two such letters are taken for the same: an escaped name too
      // many costs nothing, one too few loses a column in a reader that ignores case.
      folded.push_back('\x01');
    } else {
      base::AppendUtf8(c, &folded);
    }
  }
  return folded;
}

bool IsReservedColumn(std::string_view name) {
  const std::string folded = FoldColumnName(name);
  return std::find(kReserved.begin(), kReserved.end(), folded) != kReserved.end();
}

arrow::Result<ColumnRegistry> ColumnRegistry::Restore(std::vector<ColumnName> entries,
                                                      int max_columns) {
  ColumnRegistry registry(max_columns);
  for (ColumnName& entry : entries) {
    if (entry.label.empty() || entry.label == kMetricLabel || entry.column.empty() ||
        registry.Find(entry.label) != nullptr || !registry.IsFree(entry.column)) {
      return MakeError(ErrorKind::kCorrupt, "bad column registry: label=\"" + entry.label +
                                                "\" column=\"" + entry.column + "\"");
    }
    registry.Add(std::move(entry));
  }
  return registry;
}

const std::string* ColumnRegistry::Find(std::string_view label) const {
  const auto it = by_label_.find(label);
  return it == by_label_.end() ? nullptr : &entries_[it->second].column;
}

const std::string* ColumnRegistry::Assign(std::string_view label) {
  if (const std::string* column = Find(label); column != nullptr) return column;
  if (label.empty() || label == kMetricLabel ||
      entries_.size() >= static_cast<size_t>(std::max(0, max_columns_))) {
    return nullptr;
  }
  std::string column(label);
  for (int suffix = 1; !IsFree(column); ++suffix) {
    column = std::string(label) + "_label";
    if (suffix > 1) column += std::to_string(suffix);
  }
  Add({std::string(label), std::move(column)});
  return &entries_.back().column;
}

bool ColumnRegistry::IsFree(const std::string& column) const {
  return !IsReservedColumn(column) && !taken_.contains(FoldColumnName(column));
}

void ColumnRegistry::Add(ColumnName entry) {
  taken_.insert(FoldColumnName(entry.column));
  by_label_.emplace(entry.label, entries_.size());
  entries_.push_back(std::move(entry));
}

}  // namespace larnax::columns
