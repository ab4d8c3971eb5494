#include "http/connection/loop_relay.h"

#include <chrono>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

namespace larnax::http {
namespace {

void AwaitFollower(const LoopRelay& relay) {
  while (!relay.has_follower()) std::this_thread::yield();
}

class LoopRelayTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(relay_.Open().ok()); }

  LoopRelay relay_;
};

TEST_F(LoopRelayTest, GivesALentLoopToTheFollower) {
  std::latch led(1);
  std::thread other([&] {
    EXPECT_TRUE(relay_.Follow());
    led.count_down();
  });
  AwaitFollower(relay_);
  relay_.Lend();
  led.wait();
  EXPECT_FALSE(relay_.TakeBack());
  EXPECT_FALSE(relay_.has_follower());
  other.join();
}

// Where the timer is up although the loan was given back, the follower goes on waiting.
TEST(LoopRelay, StaysWithALeaderThatIsBack) {
  LoopRelay relay(std::chrono::hours(1));
  ASSERT_TRUE(relay.Open().ok());
  std::thread other([&] { EXPECT_FALSE(relay.Follow()); });
  AwaitFollower(relay);
  for (int i = 0; i < 100; ++i) {
    relay.Lend();
    EXPECT_TRUE(relay.TakeBack());
  }
  relay.HurryUp();
  for (int i = 0; i < 100; ++i) std::this_thread::yield();
  EXPECT_TRUE(relay.has_follower());
  EXPECT_FALSE(relay.TakeBack()) << "it was not lent";
  relay.End();
  other.join();
}

TEST(LoopRelay, IsTakenAtOnceWhereThatIsAskedFor) {
  LoopRelay relay(std::chrono::hours(1));
  ASSERT_TRUE(relay.Open().ok());
  std::thread other([&] { EXPECT_TRUE(relay.Follow()); });
  AwaitFollower(relay);
  relay.Lend();
  relay.HurryUp();
  other.join();
  EXPECT_FALSE(relay.TakeBack());
}

TEST_F(LoopRelayTest, LetsTheFollowerGo) {
  std::thread other([&] { EXPECT_FALSE(relay_.Follow()); });
  AwaitFollower(relay_);
  relay_.End();
  other.join();
  EXPECT_FALSE(relay_.Follow()) << "also one that comes late";
}

// What the leader did before is seen by who leads next.
TEST_F(LoopRelayTest, GoesToAndFro) {
  constexpr int kRounds = 200;
  int rounds = 0;  // A race of its own, where two lead.
  const auto run = [&](bool leads) {
    while (leads || relay_.Follow()) {
      leads = false;
      if (rounds == kRounds) {
        relay_.End();
        return;
      }
      ++rounds;
      AwaitFollower(relay_);
      relay_.Lend();
      if (rounds % 2 == 0) relay_.HurryUp();
      while (relay_.has_follower()) std::this_thread::yield();
      EXPECT_FALSE(relay_.TakeBack());
    }
  };
  std::thread other([&] { run(false); });
  run(true);
  other.join();
  EXPECT_EQ(rounds, kRounds);
}

}  // namespace
}  // namespace larnax::http
