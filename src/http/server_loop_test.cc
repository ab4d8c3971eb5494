// Which thread makes an answer, and that others on its loop do not wait for it.

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>

#include "http/server_fixture.h"
#include "larnax/query.h"

namespace larnax::http {
namespace {

constexpr std::string_view kQuery = "/api/v1/query?query=1";
// The first answer is a worker's, and so is the next after one that took long, on a busy machine.
constexpr int kMostQuestions = 10'000;

// Queries are answered at once, but for one that is held up where `holds_up_`, if the thread that
// leads the loop makes its answer.
class ServerLoopTest : public ServerTest {
 protected:
  void SetUp() override {
    database_.on_write = [this] {
      const std::lock_guard lock(mutex_);
      leader_ = std::this_thread::get_id();
    };
    database_.on_query = [this](const QueryRequest& request) -> arrow::Result<QueryResult> {
      if (IsLeader()) {
        ++made_by_leader_;
        if (holds_up_.exchange(false)) {
          held_up_.count_down();
          while (!released_ && !request.cancelled->load()) std::this_thread::yield();
          was_cancelled_ = request.cancelled->load();
          done_.count_down();
        }
      }
      QueryResult result;
      result.type = QueryValueType::kVector;
      return result;
    };
    ServerOptions options = SmallOptions();
    options.drain_timeout_ms = 1;
    Start(options);
    LearnLeader();
  }
  // Also after a test that failed.
  void TearDown() override { released_ = true; }

  // Writes are taken by the thread that leads the loop.
  void LearnLeader() { ASSERT_EQ(Post("/receive", "a").status, 204); }
  bool IsLeader() {
    const std::lock_guard lock(mutex_);
    return leader_ == std::this_thread::get_id();
  }

  // Ask until the loop's own thread is held up by the answer. Of another thread, which it ends
  // with.
  std::thread HoldUp(RawClient* client) {
    holds_up_ = true;
    std::thread asking([this, client] {
      for (int i = 0; i < kMostQuestions && holds_up_; ++i) last_ = client->Get(kQuery);
      if (holds_up_) held_up_.count_down();
    });
    held_up_.wait();
    EXPECT_FALSE(holds_up_) << "the loop's thread has made no answer";
    return asking;
  }

  std::mutex mutex_;
  std::thread::id leader_;
  std::atomic<int> made_by_leader_ = 0;
  std::atomic<bool> holds_up_ = false;
  std::atomic<bool> released_ = false;
  std::atomic<bool> was_cancelled_ = false;
  std::latch held_up_{1};
  std::latch done_{1};
  RawResponse last_;
};

TEST_F(ServerLoopTest, OthersAreAnsweredMeanwhile) {
  RawClient client(server_->port());
  std::thread asking = HoldUp(&client);
  EXPECT_EQ(Get("/-/healthy").status, 200);
  EXPECT_EQ(Get(kQuery).status, 200);
  LearnLeader();
  EXPECT_FALSE(was_cancelled_);
  released_ = true;
  asking.join();
  EXPECT_EQ(last_.status, 200);
  EXPECT_EQ(client.Get(kQuery).status, 200);
}

// Whoever leads the loop, answers can be made by its thread again.
TEST_F(ServerLoopTest, TheLoopGoesToAndFro) {
  RawClient client(server_->port());
  std::thread asking = HoldUp(&client);
  EXPECT_EQ(Get("/-/healthy").status, 200);
  released_ = true;
  asking.join();
  LearnLeader();
  const int before = made_by_leader_;
  for (int i = 0; i < kMostQuestions && made_by_leader_ == before; ++i) client.Get(kQuery);
  EXPECT_GT(made_by_leader_, before);
}

TEST_F(ServerLoopTest, SeesAClientLeave) {
  RawClient client(server_->port());
  client.Get(kQuery);
  std::thread asking = HoldUp(&client);
  client.ShutdownSend();
  done_.wait();
  EXPECT_TRUE(was_cancelled_);
  asking.join();
}

TEST_F(ServerLoopTest, StopsMeanwhile) {
  RawClient client(server_->port());
  std::thread asking = HoldUp(&client);
  EXPECT_FALSE(server_->Stop().ok()) << "a connection is cut";
  EXPECT_TRUE(was_cancelled_);
  asking.join();
  EXPECT_EQ(last_.status, 0);
}

// Nobody shall wait for a loop whose thread makes an answer: where clients take turns, it makes
// none.
TEST_F(ServerLoopTest, IsLeftToOthersThatAskToo) {
  RawClient one(server_->port());
  RawClient other(server_->port());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(one.Get(kQuery).status, 200);
    EXPECT_EQ(other.Get(kQuery).status, 200);
  }
  EXPECT_EQ(made_by_leader_, 0);
}

// Nor does a writer wait for answers that the loop's thread makes.
TEST_F(ServerLoopTest, IsLeftToWriters) {
  RawClient asking(server_->port());
  RawClient writing(server_->port());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(asking.Get(kQuery).status, 200);
    EXPECT_EQ(writing.Post("/receive", "a").status, 204);
  }
  EXPECT_EQ(made_by_leader_, 0);
}

}  // namespace
}  // namespace larnax::http
