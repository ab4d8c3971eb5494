#include "test/promql/script.h"

#include <bit>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/matchers.h"
#include "test/promql/fixed_time.h"

namespace larnax::promqltest {
namespace {

using test::HasMessage;
using testing::ElementsAre;

std::vector<double> Values(std::string_view text) {
  std::vector<double> values;
  for (const SeriesItem& item : ParseItems(text).ValueOrDie()) {
    values.push_back(item.is_gap ? -99 : item.value);
  }
  return values;
}

EvalCommand Eval(std::string_view text) {
  return std::get<EvalCommand>(ParseScript(text).ValueOrDie().at(0).what);
}

TEST(ParseItems, RepeatsAndCounts) {
  EXPECT_THAT(Values("1 _ -2.5e1"), ElementsAre(1, -99, -25));
  EXPECT_THAT(Values("_x2 3x2"), ElementsAre(-99, -99, 3, 3, 3));
  EXPECT_THAT(Values("1+2x2  5-1x1"), ElementsAre(1, 3, 5, 5, 4));
  EXPECT_THAT(Values("-1-1x1 1e2+1e1x1"), ElementsAre(-1, -2, 100, 110));
  EXPECT_THAT(Values("+Inf -Inf"), ElementsAre(INFINITY, -INFINITY));
  EXPECT_TRUE(std::isnan(Values("NaN")[0]));
  EXPECT_EQ(std::bit_cast<uint64_t>(Values("stale")[0]), kStaleBits);
}

TEST(ParseItems, RefusesWhatIsNoValue) {
  for (const char* text : {"a", "1x", "1+x2", "1+2", "0x10z", "_y", "{{", "1x99999999999", "--1"}) {
    EXPECT_FALSE(ParseItems(text).ok()) << text;
  }
}

TEST(ParseItems, ReadsHistograms) {
  const auto items = ParseItems(
                         "{{schema:1 count:3 sum:-1.5 z_bucket:1 z_bucket_w:0.1 "
                         "buckets:[1 2] offset:-1 n_buckets:[4] n_offset:3}}")
                         .ValueOrDie();
  ASSERT_EQ(items.size(), 1);
  EXPECT_FALSE(items[0].names_hint);
  EXPECT_EQ(items[0].histogram->schema, 1);
  EXPECT_EQ(items[0].histogram->sum, -1.5);
  EXPECT_EQ(items[0].histogram->zero_count, 1);
  EXPECT_THAT(items[0].histogram->positive_spans, ElementsAre(BucketSpan{-1, 2}));
  EXPECT_THAT(items[0].histogram->negative_spans, ElementsAre(BucketSpan{3, 1}));
}

TEST(ParseItems, AddsHistogramsUp) {
  const auto items =
      ParseItems(
          "{{count:1 buckets:[1] counter_reset_hint:gauge}}+{{count:2 buckets:[1 1]}}x2 {{}}x1")
          .ValueOrDie();
  ASSERT_EQ(items.size(), 5);
  EXPECT_EQ(items[2].histogram->ToString(), "{count:5, sum:0, (0.5,1]:3, (1,2]:2}");
  EXPECT_TRUE(items[2].names_hint);
  EXPECT_EQ(items[4].histogram->ToString(), "{count:0, sum:0}");
}

TEST(ParseItems, RefusesBadHistograms) {
  for (const char* text :
       {"{{bogus:1}}", "{{count:x}}", "{{count}}", "{{buckets:[1}}", "{{count:1 count:1}}",
        "{{counter_reset_hint:maybe}}", "{{schema:-53 buckets:[1]}}+{{buckets:[1]}}x1"}) {
    EXPECT_FALSE(ParseItems(text).ok()) << text;
  }
}

TEST(ParseStartItems, CountsFromTheSample) {
  EXPECT_THAT(ParseStartItems("_ -1m 0 -30s-1mx2 _x2").ValueOrDie(),
              ElementsAre(std::nullopt, -60'000, 0, -30'000, -90'000, -150'000, std::nullopt,
                          std::nullopt));
  EXPECT_FALSE(ParseStartItems("5q").ok());
}

TEST(ParseSeriesHead, ReadsLabels) {
  EXPECT_EQ(ParseSeriesHead("m 1 2").ValueOrDie().labels.ToString(), "m");
  EXPECT_EQ(ParseSeriesHead("m {{count:1}}").ValueOrDie().items, " {{count:1}}");
  EXPECT_EQ(ParseSeriesHead("{} 1").ValueOrDie().labels.bytes(), "");
  EXPECT_EQ(ParseSeriesHead(R"(m{on="a b\"",by='c'} 1)").ValueOrDie().labels.Get("on"), "a b\"");
  const auto quoted = ParseSeriesHead(R"({"my metric","my.label"="x"} 1)").ValueOrDie();
  EXPECT_EQ(quoted.labels.Get("__name__"), "my metric");
  EXPECT_EQ(quoted.labels.Get("my.label"), "x");
  EXPECT_TRUE(ParseSeriesHead("m@st -1m").ValueOrDie().is_start_times);
  for (const char* text :
       {"", "1", "m{a} 1", "m{a=1} 1", "m{a=\"b\" 1", "m{a=\"b\"}1", "m{\"a\","}) {
    EXPECT_FALSE(ParseSeriesHead(text).ok()) << text;
  }
}

TEST(ParseScript, ReadsCommandsBlockByBlock) {
  const auto commands = ParseScript(R"(
# A comment.
clear
load 5m
  a{x="1"} 0+1x2
  # A comment ends the block, as a blank line does.

LOAD_with_nhcb 1m
  b_bucket{le="1"} 1

eval instant at 50m sum(a)
  {} 3

eval range from 0 to 10m step 5m a
  a{x="1"} 0 1 2
)")
                            .ValueOrDie();
  ASSERT_EQ(commands.size(), 5);
  EXPECT_EQ(commands[1].line, 4);
  EXPECT_EQ(std::get<LoadCommand>(commands[1].what).step_ms, 300'000);
  EXPECT_TRUE(std::get<LoadCommand>(commands[2].what).with_custom_bounds);
  EXPECT_EQ(std::get<EvalCommand>(commands[3].what).text, "sum(a)");
  EXPECT_EQ(std::get<EvalCommand>(commands[3].what).start_ms, 3'000'000);
  EXPECT_EQ(std::get<EvalCommand>(commands[4].what).end_ms, 600'000);
}

TEST(ParseScript, LaterLinesReplaceEarlierOnesOfALoad) {
  const auto commands = ParseScript("load 1m\n  a 1\n  b 2\n  a 3\n").ValueOrDie();
  const auto& load = std::get<LoadCommand>(commands[0].what);
  ASSERT_EQ(load.series.size(), 2);
  EXPECT_EQ(load.series[0].items[0].value, 3);
}

TEST(ParseScript, ReadsExpectations) {
  const EvalCommand eval = Eval(R"(eval instant at 1m x
  expect warn msg: PromQL warning: w (1:1)
  expect info regex: PromQL .*
  expect ordered
  x 1)");
  EXPECT_TRUE(eval.warnings.at(0).Matches("PromQL warning: w (1:1)"));
  EXPECT_FALSE(eval.warnings.at(0).Matches("PromQL warning: w (1:10)"));
  EXPECT_TRUE(eval.infos.at(0).Matches("a PromQL info"));
  EXPECT_TRUE(eval.ordered);
  EXPECT_EQ(Eval("eval instant at 1m 7\n 0x1F").scalar, 31);
  EXPECT_EQ(Eval("eval instant at 1m \"a\"\n expect string \"a\\n\"").string, "a\n");
  EXPECT_EQ(Eval("eval instant at 3s x[1m]\n expect range vector from 1s to 3s step 1s\n x 1 2 3")
                .range_vector->end_ms,
            3'000);
  EXPECT_EQ(Eval("eval_fail instant at 1m x\n expected_fail_message no").fail->text, "no");
  EXPECT_TRUE(Eval("eval instant at 1m x\n expect fail").fail->Matches("anything"));
  EXPECT_TRUE(Eval("eval_ordered instant at 1m x").ordered);
}

TEST(ParseScript, NamesTheLineThatIsWrong) {
  EXPECT_THAT(ParseScript("clear\n\nbogus"), HasMessage("3: unknown command"));
  EXPECT_THAT(ParseScript("load 0\n"), HasMessage("1: interval"));
  EXPECT_THAT(ParseScript("load 1m\n a 1\n b x\n"), HasMessage("3: not a value"));
  EXPECT_THAT(ParseScript("load 1m\n a@st _\n b 1\n"), HasMessage("start times of other"));
  EXPECT_THAT(ParseScript("load 1m\n a@st _\n"), HasMessage("start times without"));
  EXPECT_THAT(ParseScript("eval instant at 1m x\n x 1 2"), HasMessage("2: an instant query"));
  EXPECT_THAT(ParseScript("eval instant at 1m x\n x 1\n x 2"), HasMessage("expected twice"));
  EXPECT_THAT(ParseScript("eval instant at 1m x\n expect warn\n expect no_warn"),
              HasMessage("an annotation and none"));
  EXPECT_THAT(ParseScript("eval instant at 1m x\n expect fail\n expect fail"),
              HasMessage("second fail"));
  EXPECT_THAT(ParseScript("eval instant at 1m x\n expect warn regex: ("), HasMessage("bad exp"));
  EXPECT_THAT(ParseScript("eval range from 1m to 0 step 1m x"), HasMessage("ends before"));
}

TEST(FixTime, FixesWhatIsNotFixed) {
  const auto fixed = [](std::string_view text) {
    return FixTime(text, 90'500).ValueOrDie().value_or("-");
  };
  EXPECT_EQ(fixed("a + b offset 1m"), "a @ 90.500 + b @ 90.500 offset 1m");
  EXPECT_EQ(fixed("a @ 5 + a @ start()"), "a @ 5.000 + a @ 90.500");
  EXPECT_EQ(fixed("rate(a[5m])"), "rate(a[5m] @ 90.500)");
  EXPECT_EQ(fixed("max_over_time(vector(time())[5m:1m])"),
            "max_over_time(vector(time())[5m:1m] @ 90.500)");
  EXPECT_EQ(fixed("a[5m:1m] @ 7"), "a[5m:1m] @ 7.000");
  EXPECT_EQ(fixed("a + time()"), "-");
  EXPECT_EQ(fixed("1 + 2"), "1 + 2");
}

}  // namespace
}  // namespace larnax::promqltest
