#include "head/series_table.h"

#include <algorithm>
#include <random>
#include <string>

#include "base/hash.h"
#include "model/label_order.h"
#include "test/matchers.h"

namespace larnax::head {
namespace {

Labels SeriesNumber(int i) {
  return Labels::Make({{"__name__", "metric_" + std::to_string(i % 7)},
                       {"instance", "host-" + std::to_string(i % 3)},
                       {"pod", "pod-" + std::to_string(i)}})
      .ValueOrDie();
}

SeriesRef Add(SeriesTable* table, const Labels& labels) {
  return table->Add(labels, base::Hash64(labels.bytes()), 0);
}

void ExpectOrdered(SeriesTable& table) {
  std::vector<SeriesTable::Unordered> fresh = table.TakeUnordered();
  SeriesTable::SortForFile(&fresh);
  table.AddToOrder(fresh);
  EXPECT_TRUE(table.unordered().empty());
  ASSERT_EQ(table.order().size(), table.size());
  for (size_t i = 0; i < table.order().size(); ++i) {
    EXPECT_EQ(table[table.order()[i]].rank, i);
    if (i == 0) continue;
    EXPECT_LT(model::CompareForFile(LabelsView(table[table.order()[i - 1]].labels),
                                    LabelsView(table[table.order()[i]].labels)),
              0);
  }
}

TEST(SeriesTable, FindsWhatWasAdded) {
  SeriesTable table;
  for (int i = 0; i < 2000; ++i) Add(&table, SeriesNumber(i));
  for (int i = 0; i < 2000; ++i) {
    const Labels labels = SeriesNumber(i);
    const SeriesRef ref = table.Find(labels.bytes(), base::Hash64(labels.bytes()));
    ASSERT_NE(ref, kNoSeries);
    EXPECT_EQ(table[ref].labels, labels.bytes());
  }
  const Labels other = SeriesNumber(5000);
  EXPECT_EQ(table.Find(other.bytes(), base::Hash64(other.bytes())), kNoSeries);
  EXPECT_EQ(table.OfMetric("metric_0")->size(), 286u);
  EXPECT_EQ(table.OfMetric("metric_9"), nullptr);
}

TEST(SeriesTable, TellsSeriesApartThatShareAHash) {
  SeriesTable table;
  const Labels a = SeriesNumber(1);
  const Labels b = SeriesNumber(2);
  const SeriesRef ref_a = table.Add(a, 42, 0);
  const SeriesRef ref_b = table.Add(b, 42, 0);
  EXPECT_EQ(table.Find(a.bytes(), 42), ref_a);
  EXPECT_EQ(table.Find(b.bytes(), 42), ref_b);
  EXPECT_EQ(table.Find(SeriesNumber(3).bytes(), 42), kNoSeries);
}

TEST(SeriesTable, KeepsFileOrderWhileItGrows) {
  SeriesTable table;
  std::vector<int> numbers(1000);
  for (int i = 0; i < 1000; ++i) numbers[static_cast<size_t>(i)] = i;
  std::shuffle(numbers.begin(), numbers.end(), std::mt19937(7));
  for (size_t i = 0; i < numbers.size(); ++i) {
    Add(&table, SeriesNumber(numbers[i]));
    if (i % 137 == 0) ExpectOrdered(table);
  }
  ExpectOrdered(table);
}

TEST(SeriesTable, ForgetsIdleSeriesAndReusesTheirRefs) {
  SeriesTable table;
  for (int i = 0; i < 10'000; ++i) {
    const SeriesRef ref = Add(&table, SeriesNumber(i));
    table[ref].last_generation = i % 2 == 0 ? 1 : 20;
  }
  const auto old_arena = table.arena();
  const Labels first = SeriesNumber(0);
  const std::string_view view =
      table[table.Find(first.bytes(), base::Hash64(first.bytes()))].labels;

  table.ForgetIdle(10);
  EXPECT_EQ(table.size(), 5000u);
  EXPECT_EQ(table.Find(first.bytes(), base::Hash64(first.bytes())), kNoSeries);
  const Labels kept = SeriesNumber(1);
  EXPECT_NE(table.Find(kept.bytes(), base::Hash64(kept.bytes())), kNoSeries);
  // Whoever holds the old arena may still read.
  EXPECT_EQ(view, first.bytes());
  ExpectOrdered(table);

  const uint32_t end_ref = table.end_ref();
  for (int i = 20'000; i < 25'000; ++i) Add(&table, SeriesNumber(i));
  EXPECT_EQ(table.end_ref(), end_ref);
  ExpectOrdered(table);
}

TEST(SeriesTable, KeepsAFewIdleSeries) {
  SeriesTable table;
  for (int i = 0; i < 100; ++i) Add(&table, SeriesNumber(i));
  table.ForgetIdle(10);
  EXPECT_EQ(table.size(), 100u);
}

}  // namespace
}  // namespace larnax::head
