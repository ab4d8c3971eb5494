#include "http/connection/loop_turn.h"

#include <cstdint>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

namespace larnax::http {
namespace {

// From another thread: nobody asks for the turn that it has.
bool TryFromElsewhere(LoopTurn* turn) {
  bool has_run = false;
  auto task = [&] { has_run = turn->is_held(); };
  std::thread thread([&] { EXPECT_EQ(turn->TryRun(task), has_run); });
  thread.join();
  return has_run;
}

TEST(LoopTurn, BelongsToTheHandlerAsLongAsItRuns) {
  LoopTurn turn;
  int got = 0;
  auto handler = turn.Wrap([&](int value) {
    got = value;
    EXPECT_TRUE(turn.is_held());
    EXPECT_FALSE(TryFromElsewhere(&turn));
  });
  EXPECT_FALSE(turn.is_held());
  handler(7);
  EXPECT_EQ(got, 7);
  EXPECT_FALSE(turn.is_held());
  EXPECT_TRUE(TryFromElsewhere(&turn));
}

TEST(LoopTurn, ComesBackFromAHandlerThatThrows) {
  LoopTurn turn;
  auto handler = turn.Wrap([] { throw std::runtime_error("no"); });
  EXPECT_THROW(handler(), std::runtime_error);
  EXPECT_FALSE(turn.is_held());
  EXPECT_TRUE(TryFromElsewhere(&turn));
}

// Handlers and answers that come at the same time do not meet.
TEST(LoopTurn, LetsOneIn) {
  LoopTurn turn;
  int inside = 0;  // A race of its own, where two are in.
  int64_t count = 0;
  const auto enter = [&] {
    EXPECT_EQ(++inside, 1);
    ++count;
    --inside;
  };
  constexpr int kRounds = 20'000;
  std::thread loop([&] {
    for (int i = 0; i < kRounds; ++i) turn.Wrap(enter)();
  });
  int64_t ran = 0;
  for (int i = 0; i < kRounds; ++i) ran += turn.TryRun(enter) ? 1 : 0;
  loop.join();
  EXPECT_EQ(count, kRounds + ran);
}

}  // namespace
}  // namespace larnax::http
