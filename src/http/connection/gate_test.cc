#include "http/connection/gate.h"

#include <new>
#include <vector>

#include <gtest/gtest.h>

namespace larnax::http {
namespace {

using Pass = std::shared_ptr<Gate::Pass>;

TEST(Gate, LetsTheNextInWhenOneLeaves) {
  const auto gate = std::make_shared<Gate>(2, 2);
  std::vector<Pass> inside;
  const auto stay = [&](Pass pass) { inside.push_back(std::move(pass)); };
  ASSERT_TRUE(gate->Enter(stay) && gate->Enter(stay));
  ASSERT_TRUE(gate->Enter(stay) && gate->Enter(stay));
  EXPECT_EQ(inside.size(), 2);
  // Two wait; a third is too many.
  EXPECT_FALSE(gate->Enter(stay));
  inside[0].reset();
  EXPECT_EQ(inside.size(), 3);
  inside[1].reset();
  inside[2].reset();
  inside[3].reset();
  EXPECT_EQ(inside.size(), 4);
  EXPECT_TRUE(gate->Enter(stay));
  EXPECT_EQ(inside.size(), 5);
}

// One that came too late for its client gives its turn away at once.
TEST(Gate, PassesTheTurnOfThoseWhoDoNotStay) {
  const auto gate = std::make_shared<Gate>(1, 10);
  Pass first;
  ASSERT_TRUE(gate->Enter([&](Pass pass) { first = std::move(pass); }));
  int came = 0;
  Pass last;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(gate->Enter([&](const Pass&) { ++came; }));
  ASSERT_TRUE(gate->Enter([](const Pass&) { throw std::bad_alloc(); }));
  ASSERT_TRUE(gate->Enter([&](Pass pass) { last = std::move(pass); }));
  first.reset();
  EXPECT_EQ(came, 3);
  EXPECT_NE(last, nullptr);
}

TEST(Gate, DropsThoseWhoWaitWhenClosed) {
  const auto gate = std::make_shared<Gate>(1, 10);
  const auto held = std::make_shared<int>();
  Pass first;
  ASSERT_TRUE(gate->Enter([&](Pass pass) { first = std::move(pass); }));
  ASSERT_TRUE(gate->Enter([held](const Pass&) { FAIL(); }));
  gate->Close();
  EXPECT_EQ(held.use_count(), 1);
  first.reset();
  EXPECT_FALSE(gate->Enter([](const Pass&) { FAIL(); }));
}

}  // namespace
}  // namespace larnax::http
