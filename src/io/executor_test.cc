#include "io/executor.h"

#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/clock.h"

namespace larnax::io {
namespace {

TEST(ThreadExecutor, RunsEverythingBeforeItEnds) {
  std::atomic<int> count = 0;
  {
    ThreadExecutor executor(3);
    for (int i = 0; i < 100; ++i) {
      executor.Post([&] {
        ++count;
        executor.Post([&] { ++count; });
      });
    }
  }
  EXPECT_EQ(count, 200);
}

TEST(ThreadExecutor, WhatATaskHeldMayPostWhenItGoes) {
  bool ran = false;
  {
    ThreadExecutor executor(1);
    std::shared_ptr<void> last(nullptr, [&](void*) { executor.Post([&] { ran = true; }); });
    executor.Post([held = std::move(last)] {});
  }
  EXPECT_TRUE(ran);
}

TEST(ThreadExecutor, RunsDelayedTasksInOrderOfTime) {
  ThreadExecutor executor(1);
  std::promise<void> done;
  std::string order;
  executor.PostAfter(30, [&] {
    order += "c";
    done.set_value();
  });
  executor.PostAfter(10, [&] { order += "b"; });
  executor.PostAfter(-5, [&] { order += "a"; });
  done.get_future().wait();
  EXPECT_EQ(order, "abc");
}

// For AddressSanitizer: the time that a thread waits for must not move with the tasks.
TEST(ThreadExecutor, TasksComeWhileAThreadWaitsForOthers) {
  ThreadExecutor executor(1);
  for (int i = 0; i < 300; ++i) {
    executor.PostAfter(3'600'000 - i, [] {});
    std::promise<void> done;
    executor.Post([&] { done.set_value(); });
    done.get_future().wait();
  }
}

TEST(ThreadExecutor, DropsWhatIsNotDueAtTheEnd) {
  std::atomic<bool> ran = false;
  {
    ThreadExecutor executor(2);
    executor.PostAfter(3'600'000, [&] { ran = true; });
  }
  EXPECT_FALSE(ran);
}

TEST(ThreadExecutor, UsesItsThreadsTogether) {
  ThreadExecutor executor(2);
  std::promise<void> first;
  std::promise<void> second;
  // Each waits for the other: one thread could not run both.
  executor.Post([&] {
    first.set_value();
    second.get_future().wait();
  });
  std::promise<void> done;
  executor.Post([&] {
    first.get_future().wait();
    second.set_value();
    done.set_value();
  });
  done.get_future().wait();
}

std::string OrderOf(uint64_t seed) {
  SimClock clock;
  SimExecutor executor(clock, seed);
  std::string order;
  for (const char name : std::string("abcd")) executor.Post([&order, name] { order += name; });
  EXPECT_EQ(executor.RunUntilIdle(), 4U);
  return order;
}

TEST(SimExecutor, OrderComesFromTheSeed) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 500; ++seed) orders.insert(OrderOf(seed));
  EXPECT_EQ(orders.size(), 24U);
  EXPECT_EQ(OrderOf(7), OrderOf(7));
}

TEST(SimExecutor, RunsDelayedTasksWhenTheClockSaysSo) {
  SimClock clock(1000);
  SimExecutor executor(clock, 1);
  std::vector<int64_t> at_ms;
  executor.PostAfter(20, [&] { at_ms.push_back(clock.NowMs()); });
  executor.PostAfter(10, [&] {
    at_ms.push_back(clock.NowMs());
    executor.PostAfter(5, [&] { at_ms.push_back(clock.NowMs()); });
  });
  EXPECT_FALSE(executor.RunOne());
  EXPECT_EQ(executor.RunFor(17), 2U);
  EXPECT_EQ(clock.NowMs(), 1017);
  EXPECT_EQ(executor.pending_count(), 1U);
  clock.JumpWallMs(100'000);
  EXPECT_EQ(executor.RunUntilIdle(), 0U);
  clock.AdvanceMs(3);
  EXPECT_EQ(executor.RunUntilIdle(), 1U);
  EXPECT_THAT(at_ms, testing::ElementsAre(1010, 1015, 101'020));
  executor.Post([&] { at_ms.clear(); });
  executor.DropAll();
  EXPECT_EQ(executor.RunUntilIdle(), 0U);
  EXPECT_EQ(at_ms.size(), 3U);
}

TEST(RealClock, MonotonicTimeNeverGoesBack) {
  const int64_t first_ns = RealClock().MonotonicNs();
  EXPECT_LE(first_ns, RealClock().MonotonicNs());
  EXPECT_GT(RealClock().NowMs(), 1'700'000'000'000);
}

}  // namespace
}  // namespace larnax::io
