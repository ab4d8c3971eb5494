#include "http/connection/loop_relay.h"

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace larnax::http {
namespace {

void AwaitFollower(const LoopRelay& relay) {
  while (!relay.has_follower()) std::this_thread::yield();
}

constexpr std::chrono::hours kNever(1);

TEST(LoopRelay, GivesALentLoopToTheFollower) {
  LoopRelay relay;
  ASSERT_TRUE(relay.Open().ok());
  std::thread other([&] { EXPECT_TRUE(relay.Follow()); });
  AwaitFollower(relay);
  relay.Lend();
  other.join();
  EXPECT_FALSE(relay.TakeBack());
  EXPECT_FALSE(relay.has_follower());
}

TEST(LoopRelay, IsTakenAtOnceWhereThatIsAskedFor) {
  LoopRelay relay(kNever);
  ASSERT_TRUE(relay.Open().ok());
  std::thread other([&] { EXPECT_TRUE(relay.Follow()); });
  AwaitFollower(relay);
  relay.Lend();
  relay.HurryUp();
  other.join();
  EXPECT_FALSE(relay.TakeBack());
}

// Each loan has one end: it is given back, or the follower leads.
TEST(LoopRelay, IsLedByOne) {
  for (int round = 0; round < 100; ++round) {
    LoopRelay relay(kNever);
    ASSERT_TRUE(relay.Open().ok());
    bool was_taken = false;
    std::thread other([&] { was_taken = relay.Follow(); });
    int loans = 0;
    int given_back = 0;
    AwaitFollower(relay);
    while (given_back == loans && loans < 200) {
      ++loans;
      relay.Lend();
      // The timer may be up late, too: for a loan that was given back.
      relay.HurryUp();
      if (round % 2 == 0) std::this_thread::yield();
      given_back += relay.TakeBack() ? 1 : 0;
    }
    relay.End();
    other.join();
    EXPECT_EQ(loans - given_back, was_taken ? 1 : 0);
    EXPECT_FALSE(relay.TakeBack()) << "it is not lent";
  }
}

TEST(LoopRelay, StaysWithALeaderThatIsBack) {
  LoopRelay relay(kNever);
  ASSERT_TRUE(relay.Open().ok());
  std::thread other([&] { EXPECT_FALSE(relay.Follow()); });
  AwaitFollower(relay);
  for (int i = 0; i < 100; ++i) {
    relay.Lend();
    EXPECT_TRUE(relay.TakeBack());
  }
  relay.End();
  other.join();
}

TEST(LoopRelay, LetsTheFollowerGo) {
  LoopRelay relay;
  ASSERT_TRUE(relay.Open().ok());
  std::thread other([&] { EXPECT_FALSE(relay.Follow()); });
  AwaitFollower(relay);
  relay.End();
  other.join();
  EXPECT_FALSE(relay.Follow()) << "also one that comes late";
}

// Who led follows at once, as a loop's threads do; what was done before is seen by who leads next.
// A follower that is lost leaves the leader waiting for one here.
TEST(LoopRelay, GoesToAndFro) {
  constexpr int kRounds = 10'000;
  LoopRelay relay(kNever);
  ASSERT_TRUE(relay.Open().ok());
  int rounds = 0;  // A race of its own, where two lead.
  const auto run = [&](bool leads) {
    while (leads || relay.Follow()) {
      leads = false;
      if (++rounds == kRounds) {
        relay.End();
        return;
      }
      AwaitFollower(relay);
      relay.Lend();
      relay.HurryUp();
      while (relay.is_lent()) std::this_thread::yield();
      EXPECT_FALSE(relay.TakeBack());
    }
  };
  std::thread other([&] { run(false); });
  run(true);
  other.join();
  EXPECT_EQ(rounds, kRounds);
}

}  // namespace
}  // namespace larnax::http
