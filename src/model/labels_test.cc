#include "larnax/labels.h"

#include <random>
#include <string>
#include <vector>

#include "model/label_order.h"
#include "test/matchers.h"

namespace larnax {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Labels Make(Pairs pairs) { return Labels::Make(std::move(pairs)).ValueOrDie(); }

TEST(Labels, KeepsPairsSortedByName) {
  const Labels labels = Make({{"b", "2"}, {"__name__", "up"}, {"a", "1"}});
  std::vector<std::string> names;
  for (const Label& label : labels.view()) names.emplace_back(label.name);
  EXPECT_THAT(names, testing::ElementsAre("__name__", "a", "b"));
  EXPECT_EQ(labels.Get("b"), "2");
  EXPECT_EQ(labels.Get("c"), "");
  EXPECT_EQ(labels.view().metric(), "up");
}

TEST(Labels, AreEqualWhateverTheOrderOfPairs) {
  EXPECT_EQ(Make({{"a", "1"}, {"b", "2"}}), Make({{"b", "2"}, {"a", "1"}, {"c", ""}}));
  EXPECT_FALSE(Make({{"a", "1"}}) == Make({{"a", "2"}}));
}

TEST(Labels, HoldLongAndStrangeText) {
  const std::string longer(70'000, 'x');
  const Labels labels = Make({{"__name__", "m"}, {"a.b c", longer}, {"\u00fc", "\U0001F600"}});
  EXPECT_EQ(labels.Get("a.b c"), longer);
  EXPECT_EQ(labels.Get("\u00fc"), "\U0001F600");
}

TEST(Labels, RefuseWhatIsNoLabelSet) {
  EXPECT_THAT(Labels::Make({{"", "x"}}), test::IsKind(ErrorKind::kBadSample));
  EXPECT_THAT(Labels::Make({{"a", "x"}, {"a", "y"}}), test::HasMessage("repeated label name"));
  EXPECT_THAT(Labels::Make({{"a", "\xff"}}), test::HasMessage("invalid UTF-8"));
}

TEST(Labels, PrintAsPromqlSelectors) {
  EXPECT_EQ(Make({{"__name__", "up"}}).ToString(), "up");
  EXPECT_EQ(Make({{"__name__", "up"}, {"a", "x\"\\\n"}}).ToString(), "up{a=\"x\\\"\\\\\\n\"}");
  EXPECT_EQ(Make({{"__name__", "a.b"}, {"c d", "1"}}).ToString(), "{\"a.b\", \"c d\"=\"1\"}");
  EXPECT_EQ(Labels().ToString(), "{}");
  // What is printed is a selector that finds the series again.
  const Labels strange = Make({{"__name__", "a.b"}, {"c d", "x\ty\n\"z"}, {"e", "\u00fc"}});
  ASSERT_OK_AND_ASSIGN(const auto matchers, ParseSelector(strange.ToString()));
  for (const Matcher& matcher : matchers) {
    EXPECT_TRUE(matcher.Matches(strange.Get(matcher.name()))) << matcher.ToString();
  }
  EXPECT_EQ(matchers.size(), 3u);
}

// The order by definition: one column per label name, absent before any value.
bool BeforeByColumns(const Labels& a, const Labels& b, const std::vector<std::string>& columns) {
  for (const std::string& column : columns) {
    const std::string_view x = a.Get(column);
    const std::string_view y = b.Get(column);
    if (x != y) return x < y;  // Absent is empty, and less than all else.
  }
  return false;
}

TEST(CompareLabels, GoesLabelByLabel) {
  EXPECT_LT(CompareLabels(Make({{"a", "1"}}), Make({{"a", "1"}, {"b", "1"}})), 0);
  EXPECT_LT(CompareLabels(Make({{"a", "10"}}), Make({{"a", "9"}})), 0);
  EXPECT_GT(CompareLabels(Make({{"b", "1"}}), Make({{"a", "2"}, {"c", "1"}})), 0);
  EXPECT_EQ(CompareLabels(Labels(), Labels()), 0);
}

TEST(CompareForFile, IsTheOrderOfColumns) {
  std::vector<Labels> sets;
  const std::vector<std::string> values = {"", "1", "2"};
  for (const auto& job : values) {
    for (const auto& a : values) {
      for (const auto& z : values) {
        for (const auto& instance : values) {
          sets.push_back(
              Make({{"__name__", "m"}, {"a", a}, {"instance", instance}, {"job", job}, {"z", z}}));
        }
      }
    }
  }
  sets.push_back(Make({{"__name__", "l"}, {"zz", "1"}}));
  const std::vector<std::string> columns = {"__name__", "job", "instance", "a", "z", "zz"};
  for (const Labels& x : sets) {
    for (const Labels& y : sets) {
      const int order = model::CompareForFile(x, y);
      EXPECT_EQ(order < 0, BeforeByColumns(x, y, columns)) << x.ToString() << " " << y.ToString();
      EXPECT_EQ(order == 0, x == y);
    }
  }
}

TEST(CompareForFile, IsTheOrderOfColumnsForRandomSets) {
  // Names and values that are prefixes of others, upper case before `__name__`, long common parts.
  const std::vector<std::string> columns = {"__name__", "job", "instance",  "A", "__name", "a",
                                            "aa",       "i",   "instances", "j", "z"};
  const std::string padding(130, 'p');
  const std::vector<std::string> values = {"", "", "1", "10", "2", padding, padding + "1"};
  std::mt19937 random(11);
  const auto pick = [&](const auto& from) { return from[random() % from.size()]; };
  const auto make = [&] {
    Pairs pairs;
    for (const std::string& column : columns) pairs.emplace_back(column, pick(values));
    return pairs;
  };
  for (int round = 0; round < 20'000; ++round) {
    Pairs pairs = make();
    const Labels x = Make(pairs);
    // Often they differ in little.
    if (round % 2 == 0) pairs = make();
    pairs[random() % pairs.size()].second = pick(values);
    const Labels y = Make(pairs);
    const int order = model::CompareForFile(x, y);
    ASSERT_EQ(order < 0, BeforeByColumns(x, y, columns)) << x.ToString() << " " << y.ToString();
    ASSERT_EQ(order == 0, x == y);
  }
}

TEST(SeriesIdOf, IsPinned) {
  // The `series_id` column is part of the archive's format: this number must never change.
  EXPECT_EQ(model::SeriesIdOf(Make({{"__name__", "up"}, {"job", "node"}})),
            model::SeriesIdOf(Make({{"job", "node"}, {"__name__", "up"}})));
  EXPECT_EQ(model::SeriesIdOf(Make({{"__name__", "up"}, {"job", "node"}})), 9644008637806697401u);
}

}  // namespace
}  // namespace larnax
