#include "store/manifest/archive_layout.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>

#include "base/civil_time.h"

namespace larnax::store {
namespace {

constexpr std::string_view kDayPrefix = "date=";

std::optional<int> ParseDigits(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::optional<size_t> DayTableIndex(std::string_view table) {
  for (size_t i = 0; i < std::size(kDayTables); ++i) {
    if (kDayTables[i] == table) return i;
  }
  return std::nullopt;
}

std::string TreeFolder(Tree tree, std::string_view table) {
  return tree == Tree::kData ? std::string(table) : "series/" + std::string(table);
}

std::string DayFolder(Tree tree, std::string_view table, int64_t day) {
  return TreeFolder(tree, table) + "/" + std::string(kDayPrefix) + base::FormatDay(day);
}

std::string DayFile(Tree tree, std::string_view table, int64_t day, std::string_view name) {
  return DayFolder(tree, table, day) + "/" + std::string(name) + std::string(kParquetSuffix);
}

std::string MetadataFile(std::string_view name) {
  return std::string(kMetadataTable) + "/" + std::string(name) + std::string(kParquetSuffix);
}

std::string LooseFile(Tree tree, std::string_view folder, std::string_view name) {
  return std::string(folder) + "/" + std::string(name) + (tree == Tree::kSeries ? ".series" : "") +
         std::string(kParquetSuffix);
}

std::string_view SwappedFolderSuffix(Tree tree) {
  return tree == Tree::kSeries ? "-series" : "-rows";
}

std::optional<int64_t> DayOfFolder(std::string_view name) {
  if (!name.starts_with(kDayPrefix)) return std::nullopt;
  return ParseDay(name.substr(kDayPrefix.size()));
}

std::optional<int64_t> ParseDay(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = ParseDigits(text.substr(0, 4));
  const auto month = ParseDigits(text.substr(5, 2));
  const auto day = ParseDigits(text.substr(8, 2));
  if (!year || !month || !day || *month < 1 || *month > 12 || *day < 1) return std::nullopt;
  const int64_t number = base::DaysFromCivil(*year, *month, *day);
  // 2026-02-31 would come back as another day.
  if (base::FormatDay(number) != text) return std::nullopt;
  return number;
}

std::string FileName(int64_t min_sequence, int64_t max_sequence, int64_t epoch, int64_t number) {
  char text[96];
  std::snprintf(text, sizeof text, "s%010lld-%010lld-e%lld-%lld",
                static_cast<long long>(min_sequence), static_cast<long long>(max_sequence),
                static_cast<long long>(epoch), static_cast<long long>(number));
  return text;
}

bool IsFileName(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

}  // namespace larnax::store
