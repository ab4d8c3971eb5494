#include "exec/query_fixture.h"

namespace larnax::exec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

using OperatorTest = QueryTest;

TEST_F(OperatorTest, ScalarsOnEitherSide) {
  Load({R"(x{a="1"} 1 2 3)"}, &source_);
  EXPECT_THAT(Range("x - 1", 3), ElementsAre(R"({a="1"} 0 1 2)"));
  EXPECT_THAT(Range("10 - x", 3), ElementsAre(R"({a="1"} 9 8 7)"));
  EXPECT_THAT(Range("2 ^ x", 3), ElementsAre(R"({a="1"} 2 4 8)"));
  EXPECT_THAT(Range("x % 2", 3), ElementsAre(R"({a="1"} 1 0 1)"));
  EXPECT_THAT(Range("x > 1", 3), ElementsAre(R"({__name__="x", a="1"} _ 2 3)"));
  EXPECT_THAT(Range("2 > x", 3), ElementsAre(R"({__name__="x", a="1"} 1 _ _)"));
  EXPECT_THAT(Range("x >= bool 2", 3), ElementsAre(R"({a="1"} 0 1 1)"));
  EXPECT_THAT(Range("x + time() / 60", 3), ElementsAre(R"({a="1"} 1 3 5)"));
  EXPECT_THAT(Range("x > 3", 3), IsEmpty());
}

TEST_F(OperatorTest, OneToOne) {
  Load({R"(x{a="1",b="1"} 1 2 3)", R"(x{a="2",b="1"} 4 _ 6)", R"(y{a="1",b="1"} 10 20 30)",
        R"(y{a="3",b="1"} 5 5 5)"},
       &source_);
  EXPECT_THAT(Range("y / x", 3), ElementsAre(R"({a="1", b="1"} 10 10 10)"));
  EXPECT_THAT(Range("x * on (a) y", 3), ElementsAre(R"({a="1"} 10 40 90)"));
  EXPECT_THAT(Range("x - ignoring (b) y", 3), ElementsAre(R"({a="1"} -9 -18 -27)"));
  EXPECT_THAT(Range("y > x", 3), ElementsAre(R"({__name__="y", a="1", b="1"} 10 20 30)"));
  EXPECT_THAT(Range("x > bool y", 3), ElementsAre(R"({a="1", b="1"} 0 0 0)"));
}

TEST_F(OperatorTest, Fills) {
  Load({R"(x{a="1"} 1 stale 3)", R"(y{a="1"} 10 20 stale)", R"(y{a="2"} 5 5 5)"}, &source_);
  EXPECT_THAT(Range("x + fill (0) y", 3), ElementsAre(R"({a="1"} 11 20 3)", R"({a="2"} 5 5 5)"));
  EXPECT_THAT(Range("x + fill_right (0) y", 3), ElementsAre(R"({a="1"} 11 _ 3)"));
  EXPECT_THAT(Range("x + fill_left (1) nothing", 3), IsEmpty());
  EXPECT_THAT(Range("nothing + fill_left (1) y", 3),
              ElementsAre(R"({a="1"} 11 21 _)", R"({a="2"} 6 6 6)"));
}

TEST_F(OperatorTest, ManyToOne) {
  Load({R"(cpu{pod="a",cpu="0"} 1 2)", R"(cpu{pod="a",cpu="1"} 3 4)", R"(cpu{pod="b",cpu="0"} 5 6)",
        R"(info{pod="a",owner="x"} 1 1)", R"(info{pod="b",owner="y"} 1 1)"},
       &source_);
  const auto joined =
      ElementsAre(R"({cpu="0", owner="x", pod="a"} 1 2)", R"({cpu="0", owner="y", pod="b"} 5 6)",
                  R"({cpu="1", owner="x", pod="a"} 3 4)");
  EXPECT_THAT(Range("cpu * on (pod) group_left (owner) info", 2), joined);
  EXPECT_THAT(Range("info * on (pod) group_right (owner) cpu", 2), joined);
  EXPECT_THAT(Range("cpu - on (pod) info", 2),
              ElementsAre("multiple matches for labels: many-to-one matching must be explicit "
                          "(group_left/group_right)"));
  EXPECT_THAT(Range("info - on (pod) group_left () cpu", 2),
              ElementsAre("found duplicate series for the match group {pod=\"a\"} on the right "
                          "hand-side of the operation: [{__name__=\"cpu\", cpu=\"0\", pod=\"a\"}, "
                          "{__name__=\"cpu\", cpu=\"1\", pod=\"a\"}];many-to-many matching not "
                          "allowed: matching labels must be unique on one side"));
  EXPECT_THAT(Range("cpu * on (pod) group_left (cpu) label_replace(info, \"cpu\", \"9\", \"\", "
                    "\"\")",
                    2),
              ElementsAre("multiple matches for labels: grouping labels must ensure unique "
                          "matches"));
}

// Errors of matches are those of steps at which both sides have something.
TEST_F(OperatorTest, PartnersMayFollowEachOther) {
  Load({R"(x{a="1"} 1 2 3 4)", R"(y{a="1",v="1"} 10 10 stale)", R"(y{a="1",v="2"} _ _ 20 20)",
        R"(w{a="1",v="1"} 1 1 1 1)", R"(w{a="1",v="2"} 1 1 1 1)", R"(late{a="1"} _ _ _ _ 1)",
        R"(z{a="1",v="1"} 1 1 1 1 1)", R"(z{a="1",v="2"} 1 1 stale)"},
       &source_);
  EXPECT_THAT(Range("x + on (a) y", 4), ElementsAre(R"({a="1"} 11 12 23 24)"));
  EXPECT_THAT(Range("x + on (a) group_left (v) y", 4),
              ElementsAre(R"({a="1", v="1"} 11 12 _ _)", R"({a="1", v="2"} _ _ 23 24)"));
  EXPECT_THAT(Range("late + on (a) w", 4), IsEmpty());
  EXPECT_THAT(Range("late + on (a) w", 5), ElementsAre(testing::HasSubstr("found duplicate")));
  EXPECT_THAT(Range("late + on (a) z", 5), ElementsAre(R"({a="1"} _ _ _ _ 2)"));
}

TEST_F(OperatorTest, SetOperators) {
  Load({R"(x{a="1"} 1 2 3)", R"(x{a="2"} 4 5 6)", R"(y{a="1",b="1"} _ 1 stale)",
        R"(y{a="3",b="1"} 7 7 7)"},
       &source_);
  EXPECT_THAT(Range("x and on (a) y", 3), ElementsAre(R"({__name__="x", a="1"} _ 2 _)"));
  EXPECT_THAT(Range("x unless on (a) y", 3),
              ElementsAre(R"({__name__="x", a="1"} 1 _ 3)", R"({__name__="x", a="2"} 4 5 6)"));
  EXPECT_THAT(Range("y or on (a) x", 3),
              ElementsAre(R"({__name__="x", a="1"} 1 _ 3)", R"({__name__="x", a="2"} 4 5 6)",
                          R"({__name__="y", a="1", b="1"} _ 1 _)",
                          R"({__name__="y", a="3", b="1"} 7 7 7)"));
}

TEST_F(OperatorTest, Histograms) {
  Load({R"(h{a="1"} h4 h6)", R"(f{a="1"} 2 2)"}, &source_);
  EXPECT_THAT(Range("h + h", 2), ElementsAre(R"({a="1"} h8 h12)"));
  EXPECT_THAT(Range("h / 2", 2), ElementsAre(R"({a="1"} h2 h3)"));
  EXPECT_THAT(Range("f * h", 2), ElementsAre(R"({a="1"} h8 h12)"));
  EXPECT_THAT(Range("-h", 2), ElementsAre(R"({a="1"} h-4 h-6)"));
  EXPECT_THAT(Range("h == h", 2), ElementsAre(R"({__name__="h", a="1"} h4 h6)"));
  EXPECT_THAT(Range("h != bool h", 2), ElementsAre(R"({a="1"} 0 0)"));
  EXPECT_THAT(Range("h + 1", 2), IsEmpty());
  EXPECT_THAT(last_.infos,
              ElementsAre("PromQL info: incompatible sample types encountered for binary operator "
                          "\"+\": histogram + float (1:1)"));
  EXPECT_THAT(Range("f > h", 2), IsEmpty());
}

TEST_F(OperatorTest, SimpleAggregations) {
  Load({R"(x{g="a",i="1"} 1 2 _)", R"(x{g="a",i="2"} 3 NaN)", R"(x{g="b",i="1"} 5 6)"}, &source_);
  source_.batch_series = 1;
  EXPECT_THAT(Range("sum by (g) (x)", 2), ElementsAre(R"({g="a"} 4 NaN)", R"({g="b"} 5 6)"));
  EXPECT_THAT(Range("avg without (i, g) (x)", 2), ElementsAre("{} 3 NaN"));
  EXPECT_THAT(Range("count(x)", 2), ElementsAre("{} 3 3"));
  EXPECT_THAT(Range("min by (g) (x)", 2), ElementsAre(R"({g="a"} 1 2)", R"({g="b"} 5 6)"));
  EXPECT_THAT(Range("max by (i) (x)", 2), ElementsAre(R"({i="1"} 5 6)", R"({i="2"} 3 NaN)"));
  EXPECT_THAT(Range("group by (nothing) (x)", 2), ElementsAre("{} 1 1"));
  EXPECT_THAT(Range("stdvar(x)", 1), ElementsAre("{} 2.6666666666666665"));
  EXPECT_THAT(Range("stddev by (g) (x)", 2), ElementsAre(R"({g="a"} 1 NaN)", R"({g="b"} 0 0)"));
  EXPECT_THAT(Range("quantile(0.5, x)", 2), ElementsAre("{} 3 2"));
  EXPECT_THAT(Range("count by (__name__) (x)", 1), ElementsAre(R"({__name__="x"} 3)"));
}

TEST_F(OperatorTest, SumsAreCompensated) {
  Load({R"(x{i="1"} 1e100 1)", R"(x{i="2"} 1 Inf)", R"(x{i="3"} -1e100 1)"}, &source_);
  EXPECT_THAT(Range("sum(x)", 2), ElementsAre("{} 1 +Inf"));
  Load({R"(big{i="1"} 1.7e308)", R"(big{i="2"} 1.7e308)", R"(big{i="3"} 1.7e308)"}, &source_);
  EXPECT_THAT(Range("avg(big)", 1), ElementsAre("{} 1.7e+308"));
}

TEST_F(OperatorTest, HistogramAggregations) {
  Load({R"(h{i="1"} h4 h6)", R"(h{i="2"} h2 _)"}, &source_);
  EXPECT_THAT(Range("sum(h)", 2), ElementsAre("{} h6 h8"));
  EXPECT_THAT(Range("avg(h)", 1), ElementsAre("{} h3"));
  EXPECT_THAT(Range("max(h)", 1), IsEmpty());
  EXPECT_THAT(Range("count(h)", 2), ElementsAre("{} 2 2"));
}

TEST_F(OperatorTest, Picks) {
  Load({R"(x{i="1"} 1 9)", R"(x{i="2"} 2 NaN)", R"(x{i="3"} 3 2)", R"(x{i="4"} 3 1)"}, &source_);
  EXPECT_THAT(Instant("topk(2, x)", 0),
              ElementsAre(R"({__name__="x", i="3"} 3)", R"({__name__="x", i="4"} 3)"));
  EXPECT_THAT(Range("topk(2, x)", 2),
              ElementsAre(R"({__name__="x", i="1"} _ 9)", R"({__name__="x", i="3"} 3 2)",
                          R"({__name__="x", i="4"} 3 _)"));
  EXPECT_THAT(Instant("bottomk(4, x)", 1),
              ElementsAre(R"({__name__="x", i="4"} 1)", R"({__name__="x", i="3"} 2)",
                          R"({__name__="x", i="1"} 9)", R"({__name__="x", i="2"} NaN)"));
  EXPECT_THAT(Range("topk(time() / 60, x)", 2), ElementsAre(R"({__name__="x", i="1"} _ 9)"));
  EXPECT_THAT(Instant("topk(0, x)", 1), IsEmpty());
  EXPECT_THAT(Range("count(limitk(3, x))", 2), ElementsAre("{} 3 3"));
  EXPECT_THAT(Range("count(limit_ratio(0.5, x) or limit_ratio(-0.5, x))", 2),
              ElementsAre("{} 4 4"));
  EXPECT_THAT(Range("limit_ratio(0.5, x) and limit_ratio(-0.5, x)", 2), IsEmpty());
  EXPECT_THAT(Instant("topk(NaN, x)", 1), ElementsAre("Parameter value is NaN"));
  EXPECT_THAT(Instant("topk(1e30, x)", 1), ElementsAre("Scalar value 1e+30 overflows int64"));
}

TEST_F(OperatorTest, CountsValues) {
  Load({R"(x{g="a",i="1"} 1 1e6)", R"(x{g="a",i="2"} 1 0.5)", R"(x{g="b",i="1"} 2 2)"}, &source_);
  EXPECT_THAT(Range(R"(count_values by (g) ("v", x))", 2),
              ElementsAre(R"({g="a", v="0.5"} _ 1)", R"({g="a", v="1"} 2 _)",
                          R"({g="a", v="1000000"} _ 1)", R"({g="b", v="2"} 1 1)"));
  EXPECT_THAT(Range(R"(count_values without (i) ("g", x))", 1),
              UnorderedElementsAre(R"({g="1"} 2)", R"({g="2"} 1)"));
  EXPECT_THAT(Range(R"(count_values("", x))", 1), ElementsAre(R"(invalid label name "")"));
}

}  // namespace
}  // namespace larnax::exec
