// The small parts that operators are made of.

#include <atomic>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/kahan.h"
#include "exec/aggregate/aggregate.h"
#include "exec/annotations.h"
#include "exec/label_edit.h"
#include "exec/match_signatures.h"
#include "exec/operator.h"
#include "exec/operators/pipeline.h"
#include "exec/plan/durations.h"
#include "exec/query_fixture.h"
#include "exec/sample_windows.h"
#include "exec/step_loops.h"
#include "exec/step_ranges.h"
#include "io/executor.h"
#include "promql/parser.h"

namespace larnax::exec {
namespace {

using test::HasMessage;
using test::IsKind;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(SampleWindows, RangesAreOpenAtTheirStart) {
  const std::vector<int64_t> times = {10, 20, 30, 40};
  RangeWindows windows;
  windows.Find(times, {.first_ms = 0, .step_ms = 15, .count = 5}, 20);
  EXPECT_THAT(windows.begin, ElementsAre(0, 0, 1, 2, 4));
  EXPECT_THAT(windows.end, ElementsAre(0, 1, 3, 4, 4));
  EXPECT_EQ(windows.samples, 5);
  windows.Find(times, {.first_ms = 40, .step_ms = 0, .count = 2}, 30);
  EXPECT_THAT(windows.begin, ElementsAre(1, 1));
  EXPECT_THAT(windows.end, ElementsAre(4, 4));
  windows.Find(times, {.first_ms = std::numeric_limits<int64_t>::min(), .step_ms = 1, .count = 1},
               5);
  EXPECT_EQ(windows.samples, 0);
}

TEST(SampleWindows, InstantsLookBack) {
  constexpr uint32_t kNone = InstantWindows::kNone;
  const std::vector<int64_t> times = {10, 20, 50};
  InstantWindows windows;
  windows.Find(times, {.first_ms = 9, .step_ms = 11, .count = 6}, 20);
  EXPECT_THAT(windows.index, ElementsAre(kNone, 1, 1, kNone, 2, 2));
  EXPECT_EQ(windows.present[0], 0b110110u);
  windows.Find(times, {.first_ms = 40, .step_ms = 1, .count = 1}, 20);
  EXPECT_EQ(windows.samples, 0);
  windows.Find(times, {.first_ms = 39, .step_ms = 1, .count = 1}, 20);
  EXPECT_THAT(windows.index, ElementsAre(1));
}

TEST(LabelEdit, KeepsTheCanonicalForm) {
  const Labels labels = LabelsOf(R"(m{A="0",__type__="counter",b="1",c="2"})");
  std::string bytes;
  DropMetadataLabels(labels, &bytes);
  EXPECT_EQ(bytes, LabelsOf(R"({A="0",b="1",c="2"})").bytes());
  DropMetricName(labels, &bytes);
  EXPECT_EQ(PrintLabels(LabelsView(bytes)), R"({A="0", __type__="counter", b="1", c="2"})");
  const std::vector<std::string> names = {"A", "c", "z"};
  KeepLabels(labels, names, &bytes);
  EXPECT_EQ(bytes, LabelsOf(R"({A="0",c="2"})").bytes());
  DropLabels(labels, names, &bytes);
  EXPECT_EQ(bytes, LabelsOf(R"(m{__type__="counter",b="1"})").bytes());
  SetLabel(labels, "bb", "x", &bytes);
  EXPECT_EQ(bytes, LabelsOf(R"(m{A="0",__type__="counter",b="1",bb="x",c="2"})").bytes());
  SetLabel(labels, "z", "x", &bytes);
  SetLabel(LabelsView(std::string(bytes)), "A", "", &bytes);
  EXPECT_EQ(bytes, LabelsOf(R"(m{__type__="counter",b="1",c="2",z="x"})").bytes());
  SetLabel(Labels(), "long", std::string(300, 'v'), &bytes);
  EXPECT_EQ(LabelsView(bytes).Get("long").size(), 300u);
}

TEST(LabelEdit, Prints) {
  EXPECT_EQ(PrintLabels(LabelsOf(R"({"a.b"="x\"y"})")), R"({"a.b"="x\"y"})");
}

TEST(DropName, LeavesOnlyWhatIsNotTheMetrics) {
  QueryContext query;
  for (const char* selector :
       {R"(m{b="1"})", R"(m{B="1"})", R"({b="1"})", R"(m{__type__="x",__unit__="y",b="1"})",
        R"(m{__a__="1",__unit__="y"})", R"(m{__s__="1",__type__="y"})", "m"}) {
    const Labels labels = LabelsOf(selector);
    StepVector vector(1, nullptr);
    StepSeries& row = vector.Add(labels, false);
    std::string expected;
    DropMetadataLabels(labels, &expected);
    DropName(query, &vector, &row);
    EXPECT_EQ(row.labels.bytes(), expected) << selector;
    EXPECT_FALSE(row.drop_name);
  }
  query.features.delayed_name_removal = true;
  const Labels labels = LabelsOf("m");
  StepVector vector(1, nullptr);
  StepSeries& row = vector.Add(labels, false);
  DropName(query, &vector, &row);
  EXPECT_EQ(row.labels, labels.view());
  EXPECT_TRUE(row.drop_name);
}

TEST(Annotations, RepeatsStandAtTheLastPlace) {
  Annotations first;
  first.Warn("one", {0, 1});
  first.Inform("two", {1, 2});
  first.WarnCounted("three", {0, 1});
  Annotations second;
  second.Warn("one", {4, 5});
  second.WarnCounted("three", {2, 3});
  first.Merge(second);
  EXPECT_THAT(first.Warnings("a b c d"), ElementsAre("PromQL warning: one (1:5)",
                                                     "PromQL warning: three (2 occurrences) "
                                                     "(1:3)"));
  EXPECT_THAT(first.Infos("a b"), ElementsAre("PromQL info: two (1:2)"));
}

TEST(Annotations, RepairsAreMerged) {
  Annotations notes;
  notes.InformRepair("fixed", {1, 2, 0.25, 60'000, 60'000}, {0, 1});
  notes.InformRepair("fixed", {0.5, 1, 0.125, 0, 86'400'000}, {0, 1});
  EXPECT_THAT(
      notes.Infos("x"),
      ElementsAre("PromQL info: fixed, from buckets 0.5 to 2, with a max diff of 0.25, over "
                  "2 samples from 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z (1:1)"));
}

TEST(StepVector, KeepsAndCountsItsMemory) {
  auto meter = std::make_shared<MemoryMeter>();
  {
    StepVector all(100, meter);
    {
      StepVector batch(100, meter);
      StepSeries& row = batch.Add(batch.StoreLabels(LabelsOf(R"({a="1"})").bytes()), false);
      row.SetFloat(99, 7);
      batch.SetHistogram(&row, 0, std::make_shared<const model::FloatHistogram>());
      all.Append(std::move(batch));
    }
    ASSERT_EQ(all.size(), 1u);
    const StepSeries& row = all.AddCopy(all.series[0]);
    EXPECT_EQ(PrintLabels(row.labels), R"({a="1"})");
    EXPECT_EQ(row.values[99], 7);
    EXPECT_TRUE(row.IsHistogram(0));
    EXPECT_EQ(CountPresent(row.present, 100), 2u);
    EXPECT_GT(meter->bytes(), 1600);
  }
  EXPECT_EQ(meter->bytes(), 0);
  EXPECT_GT(meter->peak_bytes(), 1600);
}

TEST(StepVector, Presence) {
  std::vector<PresenceWord> present(PresenceWordCount(70));
  EXPECT_FALSE(AnyPresent(present.data(), 70));
  SetAllPresent(present.data(), 70);
  EXPECT_TRUE(AllPresent(present.data(), 70));
  ClearPresent(present.data(), 64);
  EXPECT_EQ(CountPresent(present.data(), 70), 69u);
  std::vector<size_t> steps;
  ForEachPresent(present.data() + 1, 6, [&](size_t step) { steps.push_back(step); });
  EXPECT_THAT(steps, ElementsAre(1, 2, 3, 4, 5));
}

TEST(StepLoops, RunsAreWhatBothHave) {
  std::vector<PresenceWord> a = {~PresenceWord{0}, 0b1011};
  std::vector<PresenceWord> b = {~PresenceWord{0b100}, 0b1111};
  std::vector<std::pair<size_t, size_t>> runs;
  ForEachRun(a.data(), b.data(), 70, [&](size_t from, size_t to) { runs.emplace_back(from, to); });
  using Run = std::pair<size_t, size_t>;
  EXPECT_THAT(runs, ElementsAre(Run{0, 2}, Run{3, 64}, Run{64, 66}, Run{67, 68}));
  b[0] = ~PresenceWord{0};
  runs.clear();
  ForEachRun(a.data(), b.data(), 64, [&](size_t from, size_t to) { runs.emplace_back(from, to); });
  EXPECT_THAT(runs, ElementsAre(Run{0, 64}));
}

TEST(StepLoops, SumsAreThoseOfKahanSum) {
  const double kInf = std::numeric_limits<double>::infinity();
  const std::vector<double> terms = {1e100, 1,    -1e100, 0.1,   -0.0, 5e-324, kInf,
                                     -kInf, -1.5, 1e308,  1e308, NAN,  3,      0};
  // Each lane gets the terms from another place on.
  const size_t lanes = terms.size();
  std::vector<double> sum(lanes);
  std::vector<double> compensation(lanes);
  std::vector<base::KahanSum> expected(lanes);
  for (size_t round = 0; round < 10; ++round) {
    std::vector<double> now;
    for (size_t i = 0; i < lanes; ++i) now.push_back(terms[(i + round) % lanes]);
    AddCompensated(now.data(), lanes, sum.data(), compensation.data());
    for (size_t i = 0; i < lanes; ++i) {
      expected[i].Add(now[i]);
      EXPECT_THAT(sum[i], testing::NanSensitiveDoubleEq(expected[i].sum)) << i << " " << round;
      EXPECT_THAT(compensation[i], testing::NanSensitiveDoubleEq(expected[i].compensation))
          << i << " " << round;
    }
  }
}

TEST(StepLoops, FindsBits) {
  std::vector<double> values(37, NAN);
  EXPECT_FALSE(AnyHasBits(values, kStaleBits));
  values[36] = std::bit_cast<double>(kStaleBits);
  EXPECT_TRUE(AnyHasBits(values, kStaleBits));
  EXPECT_FALSE(AnyHasBits({}, kStaleBits));
}

StepVector OneStep(const std::vector<std::pair<std::string, double>>& rows) {
  StepVector vector(2, nullptr);
  for (const auto& [selector, value] : rows) {
    StepSeries& row = vector.Add(vector.StoreLabels(LabelsOf(selector).bytes()), false);
    row.SetFloat(value < 0 ? 1 : 0, value);
  }
  return vector;
}

TEST(StepRanges, AreAllStepsAndShareNoWord) {
  constexpr size_t kManyRows = 100'000;
  io::ThreadExecutor executor(3);
  const io::TaskRunner runner = io::MakeTaskRunner(&executor, 3);
  for (const size_t steps : {1, 64, 65, 241, 2000, 11'000}) {
    std::vector<int> seen(steps);
    std::atomic<int> calls = 0;
    const auto see = [&](StepRange range) {
      ++calls;
      EXPECT_EQ(range.begin % 64, 0U);
      EXPECT_EQ(range.first_word() * 64, range.begin);
      for (size_t step = range.begin; step < range.end; ++step) ++seen[step];
      return arrow::Status::OK();
    };
    ASSERT_OK(ForStepRanges(runner, steps, kManyRows, see));
    EXPECT_EQ(calls > 1, steps > 64) << steps;
    EXPECT_THAT(seen, testing::Each(1));
    calls = 0;
    ASSERT_OK(ForStepRanges(runner, steps, 1, see));
    ASSERT_OK(ForStepRanges({}, steps, kManyRows, see));
    EXPECT_EQ(calls, 2) << "neither is worth several threads: " << steps;
  }
  const auto fail = [](StepRange range) {
    return range.begin < 128 ? arrow::Status::OK()
                             : arrow::Status::Invalid(std::to_string(range.begin));
  };
  EXPECT_THAT(ForStepRanges(runner, 300, kManyRows, fail), HasMessage("128"));
}

TEST(MergeSameLabels, MergesWhatDoesNotMeet) {
  StepVector vector = OneStep({{R"({a="1"})", 1}, {R"({a="2"})", 2}, {R"({a="1"})", -1}});
  ASSERT_OK(MergeSameLabels(&vector));
  ASSERT_EQ(vector.size(), 2u);
  EXPECT_EQ(CountPresent(vector.series[0].present, 2), 2u);
  StepVector meeting = OneStep({{R"({a="1"})", 1}, {R"({a="1"})", 2}});
  EXPECT_THAT(MergeSameLabels(&meeting), IsKind(ErrorKind::kExecution));
  EXPECT_THAT(RefuseSameLabels(vector), test::IsOk());
}

arrow::Status Resolve(const std::string& text, promql::ExprPtr* expr) {
  ARROW_ASSIGN_OR_RAISE(*expr, promql::Parse(text, {}));
  QueryContext query;
  query.start_ms = 1000;
  query.end_ms = 61'000;
  query.step_ms = 10'000;
  return ResolveDurations(expr->get(), query, text);
}

TEST(Durations, AreComputedFromTheQuery) {
  promql::ExprPtr expr;
  ASSERT_OK(Resolve("x[step() * 2 + 1m] @ end() offset (range() / 2)", &expr));
  const auto* matrix = expr->As<promql::MatrixSelector>();
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->range_ms, 80'000);
  EXPECT_EQ(matrix->selector.shift.offset_ms, 30'000);
  EXPECT_EQ(matrix->selector.shift.at_ms, 61'000);
  ASSERT_OK(Resolve("x[max_of(1m, 2m):min_of(step(), 3s)]", &expr));
  EXPECT_EQ(expr->As<promql::Subquery>()->range_ms, 120'000);
  EXPECT_EQ(expr->As<promql::Subquery>()->step_ms, 3'000);
  EXPECT_THAT(Resolve("x[1m - step() * 6]", &expr), HasMessage("duration must be greater than 0"));
  EXPECT_THAT(Resolve("x[step() / (range() - 60)]", &expr), HasMessage("division by zero"));
  EXPECT_THAT(Resolve("x[2 ^ step() ^ 100]", &expr), HasMessage("out of range"));
}

TEST(MatchSignatures, IgnoreOrTakeLabels) {
  promql::VectorMatching ignoring;
  ignoring.labels = {"b"};
  MatchSignatures names(ignoring);
  EXPECT_EQ(names.Number(LabelsOf(R"(x{a="1",b="2"})")), 0u);
  EXPECT_EQ(names.Number(LabelsOf(R"(y{a="1",b="3"})")), 0u);
  EXPECT_EQ(names.Number(LabelsOf(R"(y{a="2"})")), 1u);
  EXPECT_EQ(PrintLabels(names.labels(1)), R"({a="2"})");
  promql::VectorMatching on;
  on.on = true;
  on.labels = {"b", "__name__"};
  MatchSignatures those(on);
  EXPECT_EQ(those.Number(LabelsOf(R"(x{a="1",b="2"})")), 0u);
  EXPECT_EQ(those.Number(LabelsOf(R"(y{a="1",b="2"})")), 1u);
}

// Puts out one row a task; some fail.
class NumberedTasks final : public PipelineOperator {
 public:
  NumberedTasks(ExecutionContext* context, int count, int failing)
      : PipelineOperator(context, StepGrid()), count_(count), failing_(failing) {}

 private:
  arrow::Result<MorselTask> NextTask() override {
    if (next_ == count_) return MorselTask();
    return MorselTask(
        [i = next_++, failing = failing_](TaskNotes* notes) -> arrow::Result<StepVector> {
          if (i == failing) return arrow::Status::Invalid("task failed");
          StepVector out(1, nullptr);
          // Every third batch is empty, which must not look like the end.
          if (i % 3 != 0) {
            const Labels labels = LabelsOf("{i=\"" + std::to_string(i) + "\"}");
            out.Add(out.StoreLabels(labels.bytes()), false).SetFloat(0, i);
          }
          notes->samples = 1;
          return out;
        });
  }
  int next_ = 0;
  int count_;
  int failing_;
};

class PipelineTest : public testing::TestWithParam<int> {
 protected:
  PipelineTest() : executor_(2), budget_(request_, io::RealClock()) {
    context_.budget = &budget_;
    context_.executor = GetParam() > 1 ? &executor_ : nullptr;
    context_.parallel = static_cast<size_t>(GetParam());
  }
  io::ThreadExecutor executor_;
  QueryRequest request_;
  QueryBudget budget_;
  ExecutionContext context_;
};
INSTANTIATE_TEST_SUITE_P(Parallel, PipelineTest, testing::Values(1, 2, 7));

TEST_P(PipelineTest, KeepsTheOrderOfTasks) {
  NumberedTasks tasks(&context_, 100, -1);
  tasks.AddTransform([](StepVector vector, TaskNotes*) -> arrow::Result<StepVector> {
    for (StepSeries& row : vector.series) row.values[0] *= 2;
    return vector;
  });
  ASSERT_OK_AND_ASSIGN(const StepVector all, Drain(&tasks));
  ASSERT_EQ(all.size(), 66u);
  for (size_t i = 1; i < all.size(); ++i) {
    EXPECT_LT(all.series[i - 1].values[0], all.series[i].values[0]);
  }
  EXPECT_EQ(all.series.back().values[0], 196);
  EXPECT_EQ(context_.stats.samples, 100);
}

TEST_P(PipelineTest, EndsAtTheFirstError) {
  NumberedTasks tasks(&context_, 100, 50);
  EXPECT_THAT(Drain(&tasks), HasMessage("task failed"));
}

TEST_P(PipelineTest, MayBeLeftAtAnyTime) {
  for (int taken = 0; taken < 5; ++taken) {
    NumberedTasks tasks(&context_, 100, -1);
    for (int i = 0; i < taken; ++i) ASSERT_OK(tasks.Next());
  }
}

// Runs what is posted at once: later tasks run before the first, which is the query's own.
class HastyExecutor final : public io::Executor {
 public:
  void Post(std::function<void()> task) override { task(); }
  void PostAfter(int64_t, std::function<void()> task) override { task(); }
};

// Puts out batches of rows that all have the value 1.
class EqualRows final : public PipelineOperator {
 public:
  static constexpr int kBatches = 4;
  static constexpr int kRows = 200;
  explicit EqualRows(ExecutionContext* context) : PipelineOperator(context, StepGrid()) {}

 private:
  arrow::Result<MorselTask> NextTask() override {
    if (next_ == kBatches) return MorselTask();
    return MorselTask([batch = next_++](TaskNotes*) -> arrow::Result<StepVector> {
      StepVector out(1, nullptr);
      for (int i = batch * kRows; i < (batch + 1) * kRows; ++i) {
        const Labels labels = LabelsOf("{i=\"" + std::to_string(i) + "\"}");
        out.Add(out.StoreLabels(labels.bytes()), false).SetFloat(0, 1);
      }
      return out;
    });
  }
  int next_ = 0;
};

class ThreeOperator final : public ScalarOperator {
 public:
  arrow::Result<std::vector<double>> Evaluate() override { return std::vector<double>{3}; }
};

// Of equal values the first series win, whichever batch is ranked first.
TEST(Ranks, TiesGoToTheFirst) {
  HastyExecutor executor;
  QueryRequest request;
  QueryBudget budget(request, io::RealClock());
  ExecutionContext context;
  context.budget = &budget;
  context.executor = &executor;
  context.parallel = EqualRows::kBatches;
  for (const char* text : {"topk(3, x)", "bottomk(3, x)"}) {
    ASSERT_OK_AND_ASSIGN(const promql::ExprPtr expr, promql::Parse(text, {}));
    const auto ranked = MakeAggregate(&context, expr.get(), std::make_unique<EqualRows>(&context),
                                      std::make_unique<ThreeOperator>());
    ASSERT_OK_AND_ASSIGN(const StepVector all, Drain(ranked.get()));
    std::vector<std::string> found;
    for (const StepSeries& row : all.series) found.push_back(PrintLabels(row.labels));
    EXPECT_THAT(found, ElementsAre(R"({i="0"})", R"({i="1"})", R"({i="2"})")) << text;
  }
}

}  // namespace
}  // namespace larnax::exec
