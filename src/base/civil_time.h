#pragma once

#include <cstdint>
#include <string>

namespace larnax::base {

inline constexpr int64_t kDayMs = 86'400'000;

/// Days since 1970-01-01 (UTC) of a time; rounds down before the epoch too.
inline int64_t DayOf(int64_t time_ms) {
  return time_ms >= 0 ? time_ms / kDayMs : -((-time_ms + kDayMs - 1) / kDayMs);
}

/// Days since 1970-01-01 of a civil date (proleptic Gregorian).
int64_t DaysFromCivil(int64_t year, int month, int day);

/// The civil date of a day.
struct CivilDate {
  int64_t year;
  int month;
  int day;
};
CivilDate CivilFromDays(int64_t day);

/// Print a day as `2026-11-22`.
std::string FormatDay(int64_t day);

}  // namespace larnax::base
