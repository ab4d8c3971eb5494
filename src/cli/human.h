#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace larnax::cli {

/// Print a byte count: exact in the largest unit that divides it (`32MiB`, `1000B`).
std::string FormatBytes(int64_t bytes);
/// Print a byte count for the eye: `1.2 MiB`, three digits.
std::string RoundBytes(int64_t bytes);
/// Print a count with thousands apart: `1,234,567`.
std::string FormatCount(int64_t count);

/// Say what is missing from an answer read beside a server that writes to the archive.
std::string WriterWarning(const std::string& writer);

/// Lay out rows as a table: columns two blanks apart, numbers to the right. The first row is the
/// heading.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

}  // namespace larnax::cli
