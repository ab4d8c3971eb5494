#include "base/civil_time.h"

#include <gtest/gtest.h>

namespace larnax::base {
namespace {

TEST(CivilTime, GoesThereAndBack) {
  for (int64_t day = -800'000; day <= 3'000'000; day += 13) {
    const CivilDate date = CivilFromDays(day);
    ASSERT_EQ(DaysFromCivil(date.year, date.month, date.day), day);
  }
}

TEST(CivilTime, KnowsSomeDays) {
  EXPECT_EQ(FormatDay(0), "1970-01-01");
  EXPECT_EQ(FormatDay(-1), "1969-12-31");
  EXPECT_EQ(FormatDay(19782), "2024-02-29");
  EXPECT_EQ(FormatDay(20779), "2026-11-22");
  EXPECT_EQ(FormatDay(2932896), "9999-12-31");
  EXPECT_EQ(DayOf(-1), -1);
  EXPECT_EQ(DayOf(kDayMs - 1), 0);
  EXPECT_EQ(DayOf(kDayMs), 1);
}

}  // namespace
}  // namespace larnax::base
