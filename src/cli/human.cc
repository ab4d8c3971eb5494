#include "cli/human.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace larnax::cli {
namespace {

constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};

// Width on a screen: code points, near enough.
size_t WidthOf(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

bool IsNumber(const std::string& text) {
  const bool is_time = text.find(':') != std::string::npos;
  return !is_time && !text.empty() && text.front() >= '0' && text.front() <= '9';
}

}  // namespace

std::string FormatBytes(int64_t bytes) {
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  return std::to_string(bytes) + kUnits[unit];
}

std::string WriterWarning(const std::string& writer) {
  return "a server writes to this archive (" + writer +
         "): what it has not brought into files yet, usually of the last minute, is not here; ask "
         "it "
         "with --url, or have it flush before";
}

std::string RoundBytes(int64_t bytes) {
  auto rest = static_cast<double>(bytes);
  size_t unit = 0;
  // 999.5 would print as four digits.
  while (rest >= 999.5 && unit + 1 < kUnits.size()) {
    rest /= 1024;
    ++unit;
  }
  const int decimals = unit == 0 || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2;
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.*f %s", decimals, rest, kUnits[unit]);
  return text.data();
}

std::string FormatCount(int64_t count) {
  const std::string digits = std::to_string(count);
  const size_t first = count < 0 ? 1 : 0;
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  std::vector<bool> numeric;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    numeric.resize(widths.size(), true);
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], WidthOf(row[i]));
      if (&row != &rows.front() && !IsNumber(row[i])) numeric[i] = false;
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - WidthOf(row[i]), ' ');
      if (i > 0) line.append("  ");
      if (numeric[i]) line.append(blanks);
      line.append(row[i]);
      if (!numeric[i]) line.append(blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text.append(line).append("\n");
  }
  return text;
}

}  // namespace larnax::cli
