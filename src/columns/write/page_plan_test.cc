#include "columns/write/page_plan.h"

#include <gtest/gtest.h>

namespace larnax::columns {
namespace {

constexpr Encoding kPlain = Encoding::kPlain;
constexpr Encoding kSplit = Encoding::kByteStreamSplit;

PageUnit Unit(int64_t plain_bytes, int64_t split_bytes, bool new_metric = true) {
  return {
      .rows = 10, .new_metric = new_metric, .plain_bytes = plain_bytes, .split_bytes = split_bytes};
}

using Pages = std::vector<PlannedPage>;

TEST(PlanPages, OfNothingIsNothing) { EXPECT_EQ(PlanPages({}, 100), Pages()); }

TEST(PlanPages, KeepsNeighboursOfOneKindTogether) {
  const std::vector<PageUnit> units = {Unit(10, 9000), Unit(10, 8000), Unit(5000, 100),
                                       Unit(9000, 100)};
  EXPECT_EQ(PlanPages(units, 100), (Pages{{0, 2, kPlain}, {2, 4, kSplit}}));
}

TEST(PlanPages, DoesNotChangeForLittle) {
  const std::vector<PageUnit> units = {Unit(10, 9000), Unit(900, 100), Unit(900, 100),
                                       Unit(10, 8000)};
  EXPECT_EQ(PlanPages(units, 100), (Pages{{0, 4, kPlain}}));
  // At the edge there is one change, in the middle there are two.
  EXPECT_EQ(PlanPages(std::span(units).first(3), 100), (Pages{{0, 1, kPlain}, {1, 3, kSplit}}));
}

TEST(PlanPages, LooksAheadForAChangeThatPaysLater) {
  std::vector<PageUnit> units = {Unit(10, 9000)};
  for (int i = 0; i < 5; ++i) units.push_back(Unit(500, 100));
  EXPECT_EQ(PlanPages(units, 100), (Pages{{0, 1, kPlain}, {1, 6, kSplit}}));
}

TEST(PlanPages, CutsInFrontOfAMetric) {
  std::vector<PageUnit> units(10, Unit(0, 100, false));
  EXPECT_EQ(PlanPages(units, 40), (Pages{{0, 4, kPlain}, {4, 8, kPlain}, {8, 10, kPlain}}));
  units[0].new_metric = true;  // Too early for a cut, as the page would be short.
  units[3].new_metric = true;
  EXPECT_EQ(PlanPages(units, 40), (Pages{{0, 3, kPlain}, {3, 7, kPlain}, {7, 10, kPlain}}));
  units[4].new_metric = true;  // A page that ends at a metric anyway is filled.
  EXPECT_EQ(PlanPages(units, 40), (Pages{{0, 4, kPlain}, {4, 8, kPlain}, {8, 10, kPlain}}));
}

TEST(PlanPages, NeverExceedsAPage) {
  const std::vector<PageUnit> units(7, Unit(0, 0));
  for (int64_t max_rows = 10; max_rows < 80; max_rows += 7) {
    size_t next = 0;
    for (const PlannedPage& page : PlanPages(units, max_rows)) {
      EXPECT_EQ(page.begin, next);
      EXPECT_GT(page.end, page.begin);
      EXPECT_LE(static_cast<int64_t>(page.end - page.begin) * 10, max_rows);
      next = page.end;
    }
    EXPECT_EQ(next, units.size());
  }
}

}  // namespace
}  // namespace larnax::columns
