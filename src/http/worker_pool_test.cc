#include "http/worker_pool.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>

#include <gtest/gtest.h>

namespace larnax::http {
namespace {

TEST(WorkerPool, RunsTasksInOrder) {
  WorkerPool pool(1, 100);
  std::vector<int> order;
  std::latch done(1);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(pool.TrySubmit([&order, i] { order.push_back(i); }));
  }
  pool.Submit([&done] { done.count_down(); });
  done.wait();
  ASSERT_EQ(order.size(), 50);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(WorkerPool, BoundsTheQueueButNotContinuations) {
  WorkerPool pool(1, 2);
  std::promise<void> release;
  std::latch running(1);
  std::latch done(4);
  ASSERT_TRUE(pool.TrySubmit([&] {
    running.count_down();
    release.get_future().wait();
    done.count_down();
  }));
  running.wait();
  EXPECT_TRUE(pool.TrySubmit([&] { done.count_down(); }));
  EXPECT_TRUE(pool.TrySubmit([&] { done.count_down(); }));
  EXPECT_FALSE(pool.TrySubmit([] {}));
  EXPECT_EQ(pool.waiting(), 2);
  pool.Submit([&] { done.count_down(); });
  release.set_value();
  done.wait();
}

TEST(WorkerPool, OutlivesTasksThatThrow) {
  WorkerPool pool(1, 10);
  std::latch done(1);
  ASSERT_TRUE(pool.TrySubmit([] { throw std::bad_alloc(); }));
  ASSERT_TRUE(pool.TrySubmit([&] { done.count_down(); }));
  done.wait();
}

TEST(WorkerPool, GivesTasksToTheThreadThatWorkedLast) {
  constexpr size_t kThreads = 4;
  WorkerPool pool(kThreads, 100);
  std::vector<std::thread::id> threads(20);
  for (std::thread::id& thread : threads) {
    while (pool.idle() < kThreads) std::this_thread::yield();
    std::latch done(1);
    pool.Submit([&] {
      thread = std::this_thread::get_id();
      done.count_down();
    });
    done.wait();
  }
  EXPECT_EQ(std::count(threads.begin(), threads.end(), threads.front()), 20);
}

TEST(WorkerPool, LendsThePlacesOfIdleThreads) {
  WorkerPool pool(2, 10);
  while (pool.idle() < 2) std::this_thread::yield();
  auto first = pool.TryBorrow();
  auto second = pool.TryBorrow();
  ASSERT_TRUE(first);
  EXPECT_EQ(pool.idle(), 0);
  EXPECT_FALSE(pool.TryBorrow()) << "all are taken";
  std::latch done(1);
  pool.Submit([&] { done.count_down(); });
  EXPECT_EQ(pool.waiting(), 1) << "nobody may do it yet";
  second.reset();
  done.wait();
  while (pool.idle() < 1) std::this_thread::yield();
  first.reset();
  EXPECT_EQ(pool.idle(), 2);
}

// Threads whose places are lent end like the others, and may be given back later.
TEST(WorkerPool, StopsWhilePlacesAreLent) {
  WorkerPool pool(2, 10);
  while (pool.idle() < 2) std::this_thread::yield();
  const auto place = pool.TryBorrow();
  ASSERT_TRUE(place);
  pool.Stop();
  EXPECT_FALSE(pool.TryBorrow());
  pool.Stop();
}

TEST(WorkerPool, DropsWaitingTasksWhenStopped) {
  WorkerPool pool(1, 1 << 30);  // Refuses only when it is stopped.
  std::promise<void> release;
  std::latch running(1);
  std::atomic<int> ran{0};
  auto dropped = std::make_shared<int>();
  ASSERT_TRUE(pool.TrySubmit([&] {
    running.count_down();
    release.get_future().wait();
    ++ran;
  }));
  running.wait();
  ASSERT_TRUE(pool.TrySubmit([&ran, dropped] { ++ran; }));
  auto stopped = std::async(std::launch::async, [&] { pool.Stop(); });
  while (pool.TrySubmit([] {})) std::this_thread::yield();
  release.set_value();
  stopped.get();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(dropped.use_count(), 1);
  pool.Submit([&ran] { ++ran; });
  pool.Stop();
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace larnax::http
