#include "test/sim/model.h"

#include <optional>

#include "test/matchers.h"

namespace larnax::sim {
namespace {

Labels Series(const char* name) { return Labels::Make({{"__name__", name}}).ValueOrDie(); }

Model::Content Found(uint64_t bits) { return {{Series("a"), {{1000, {bits, 0}}}}}; }

// A model with one acknowledged value and one that was sent after it.
Model WithTwoValues(Safety first, std::optional<Safety> second) {
  Model model(false);
  const int64_t one = model.Store({{Series("a"), 1000, {1, 0}}});
  model.Acknowledge(one, first);
  const int64_t two = model.Store({{Series("a"), 1000, {2, 0}}});
  if (second) model.Acknowledge(two, *second);
  return model;
}

TEST(Model, TheLastOfTheAcknowledgedAndAnyLaterValueMayComeBack) {
  for (const uint64_t bits : {1, 2}) {
    Model model = WithTwoValues(Safety::kDurable, std::nullopt);
    EXPECT_OK(model.Recover(Found(bits), Safety::kDurable));
    EXPECT_OK(CompareContent(model, model.Select({}, {}), Found(bits), "read"));
  }
  Model model = WithTwoValues(Safety::kDurable, Safety::kDurable);
  EXPECT_THAT(model.Recover(Found(1), Safety::kDurable), test::HasMessage("lost or wrong"));
}

TEST(Model, NoticesALostSampleAndAnInventedOne) {
  Model lost = WithTwoValues(Safety::kDurable, std::nullopt);
  EXPECT_THAT(lost.Recover({}, Safety::kDurable), test::HasMessage("nothing"));
  Model other_value = WithTwoValues(Safety::kDurable, std::nullopt);
  EXPECT_FALSE(other_value.Recover(Found(3), Safety::kDurable).ok());
  Model invented(false);
  EXPECT_THAT(invented.Recover(Found(1), Safety::kDurable), test::HasMessage("never stored"));
}

TEST(Model, WhatWasOnlyWrittenSurvivesAKillButPerhapsNoPowerCut) {
  Model cut = WithTwoValues(Safety::kWritten, Safety::kWritten);
  EXPECT_OK(cut.Recover({}, Safety::kDurable));
  EXPECT_EQ(cut.sample_count(), 0);
  Model killed = WithTwoValues(Safety::kWritten, Safety::kWritten);
  EXPECT_FALSE(killed.Recover(Found(1), Safety::kWritten).ok());
  Model flushed = WithTwoValues(Safety::kWritten, std::nullopt);
  flushed.NoteFlushed(flushed.next_write());
  EXPECT_FALSE(flushed.Recover({}, Safety::kDurable).ok());
}

TEST(Model, AFlushMakesSafeWhatWasStoredBeforeIt) {
  for (const uint64_t bits : {1, 2}) {
    Model model(false);
    model.Store({{Series("a"), 1000, {1, 0}}});
    const int64_t before = model.next_write();
    model.Store({{Series("a"), 1000, {2, 0}}, {Series("b"), 1000, {2, 0}}});
    model.NoteFlushed(before);
    EXPECT_OK(model.Recover(Found(bits), Safety::kDurable));
  }
  Model model(false);
  model.Store({{Series("a"), 1000, {1, 0}}});
  model.NoteFlushed(model.next_write());
  EXPECT_FALSE(model.Recover({}, Safety::kDurable).ok());
}

TEST(Model, WhatARestartBroughtUpIsTheTruthFromThenOn) {
  Model model = WithTwoValues(Safety::kDurable, std::nullopt);
  ASSERT_OK(model.Recover(Found(1), Safety::kDurable));
  EXPECT_FALSE(model.Recover(Found(2), Safety::kDurable).ok());
  // The value that did not come back may still not stand in a file: only the first was there.
  EXPECT_TRUE(model.MayBeInFiles(Series("a"), 1000, {.bits = 1}));
}

TEST(Model, ALyingDiskMayBringBackAnythingThatWasStoredButNothingElse) {
  Model model(true);
  model.Acknowledge(model.Store({{Series("a"), 1000, {1, 0}}}), Safety::kDurable);
  EXPECT_OK(model.Recover({}, Safety::kDurable));
  EXPECT_OK(model.Recover(Found(1), Safety::kDurable));
  EXPECT_FALSE(model.Recover(Found(2), Safety::kDurable).ok());
}

TEST(Model, ComparesBitsAndNamesWhatDiffers) {
  Model model(false);
  model.Store({{Series("a"), 1000, {0x7ff8000000000001, 0}}});
  EXPECT_OK(CompareContent(model, model.Select({}, {}), Found(0x7ff8000000000001), "read"));
  EXPECT_THAT(CompareContent(model, model.Select({}, {}), Found(0x7ff8000000000002), "read"),
              test::HasMessage("read: expected=a @1000 bits=7ff8000000000001"));
}

}  // namespace
}  // namespace larnax::sim
