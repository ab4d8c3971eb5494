#include "http/connection/piece_queue.h"

#include <chrono>
#include <semaphore>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace larnax::http {
namespace {

DrawnPiece Piece(std::string bytes) {
  return {.status = {}, .bytes = std::move(bytes), .more = true, .trailer = {}};
}
DrawnPiece End() { return {}; }

std::string BytesOf(PieceQueue* queue) {
  const auto piece = queue->Take();
  return piece ? piece->bytes : "none";
}

TEST(PieceQueue, GivesPiecesInTheirOrder) {
  PieceQueue queue;
  EXPECT_TRUE(queue.BeginDrawing());
  EXPECT_TRUE(queue.Push(Piece("a")).go_on);
  EXPECT_TRUE(queue.Push(Piece("b")).go_on);
  EXPECT_EQ(BytesOf(&queue), "a");
  EXPECT_EQ(BytesOf(&queue), "b");
  EXPECT_FALSE(queue.Push(End()).go_on);
  EXPECT_TRUE(queue.Take()->is_last());
}

TEST(PieceQueue, IsDrawnForByOne) {
  PieceQueue queue;
  EXPECT_TRUE(queue.BeginDrawing());
  EXPECT_FALSE(queue.BeginDrawing());
  queue.Push(End());
  EXPECT_FALSE(queue.BeginDrawing()) << "at the end nobody draws any more";
}

TEST(PieceQueue, AFailureIsTheEnd) {
  PieceQueue queue;
  EXPECT_TRUE(queue.BeginDrawing());
  DrawnPiece failed = Piece("");
  failed.status = arrow::Status::IOError("lost");
  EXPECT_FALSE(queue.Push(failed).go_on);
  EXPECT_FALSE(queue.BeginDrawing());
  EXPECT_TRUE(queue.Take()->status.IsIOError());
}

TEST(PieceQueue, HoldsFewPiecesForASlowClient) {
  PieceQueue queue;
  EXPECT_TRUE(queue.BeginDrawing());
  int pieces = 1;
  for (; queue.Push(Piece("x")).go_on; ++pieces) ASSERT_LT(pieces, 4);
  EXPECT_FALSE(queue.BeginDrawing()) << "there is no room";
  for (; pieces > 1; --pieces) EXPECT_EQ(BytesOf(&queue), "x");
  EXPECT_TRUE(queue.BeginDrawing()) << "before the last piece is gone";
}

TEST(PieceQueue, HoldsOneLargePiece) {
  PieceQueue queue;
  const std::string large(1 << 20, 'x');
  EXPECT_TRUE(queue.BeginDrawing());
  EXPECT_FALSE(queue.Push(Piece(large)).go_on);
  EXPECT_FALSE(queue.BeginDrawing());
  EXPECT_EQ(BytesOf(&queue), large);
  EXPECT_TRUE(queue.BeginDrawing());
}

TEST(PieceQueue, LetsOthersDrawAfterAWhile) {
  PieceQueue queue;
  EXPECT_TRUE(queue.BeginDrawing());
  int pieces = 1;
  for (; queue.Push(Piece("x")).go_on; ++pieces) {
    ASSERT_LT(pieces, 1000);
    queue.Take();
  }
  EXPECT_GT(pieces, 4);
  EXPECT_TRUE(queue.BeginDrawing());
}

TEST(PieceQueue, TellsOnceThatAPieceIsWaitedFor) {
  PieceQueue queue;
  EXPECT_TRUE(queue.BeginDrawing());
  EXPECT_FALSE(queue.Push(Piece("a")).is_wanted);
  EXPECT_EQ(BytesOf(&queue), "a");
  EXPECT_EQ(BytesOf(&queue), "none");
  EXPECT_TRUE(queue.Push(Piece("b")).is_wanted);
  EXPECT_FALSE(queue.Push(Piece("c")).is_wanted);
}

TEST(PieceQueue, BuffersGoBackAndForth) {
  PieceQueue queue;
  std::string buffer(10'000, 'x');
  const char* const place = buffer.data();
  queue.Return(std::move(buffer));
  const std::string again = queue.Buffer();
  EXPECT_EQ(again.data(), place);
  EXPECT_THAT(again, testing::IsEmpty());
  EXPECT_THAT(queue.Buffer(), testing::IsEmpty());
}

TEST(PieceQueue, KeepsOneLargeBuffer) {
  PieceQueue queue;
  for (int i = 0; i < 2; ++i) queue.Return(std::string(1 << 20, 'x'));
  EXPECT_GE(queue.Buffer().capacity(), size_t{1} << 20);
  EXPECT_LT(queue.Buffer().capacity(), size_t{1} << 20);
}

// All pieces arrive, and nobody waits for ever, whoever is faster.
TEST(PieceQueue, NothingIsLostBetweenTwoThreads) {
  constexpr int kPieces = 20'000;
  constexpr auto kForEver = std::chrono::seconds(60);
  PieceQueue queue;
  std::counting_semaphore<> wanted(0);  // Posts of the one that draws.
  std::counting_semaphore<> room(0);    // Posts of the one that sends.
  std::jthread drawing([&] {
    int next = 0;
    while (next <= kPieces && room.try_acquire_for(kForEver)) {
      bool go_on = true;
      while (go_on) {
        const auto pushed = queue.Push(next < kPieces ? Piece(std::to_string(next)) : End());
        ++next;
        if (pushed.is_wanted) wanted.release();
        go_on = pushed.go_on;
      }
    }
  });
  int next = 0;
  bool in_order = true;
  while (true) {
    auto piece = queue.Take();
    if (queue.BeginDrawing()) room.release();
    if (!piece) {
      ASSERT_TRUE(wanted.try_acquire_for(kForEver)) << "piece " << next;
      continue;
    }
    if (piece->is_last()) break;
    in_order &= piece->bytes == std::to_string(next);
    ++next;
    queue.Return(std::move(piece->bytes));
  }
  EXPECT_EQ(next, kPieces);
  EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace larnax::http
