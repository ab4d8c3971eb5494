#include "store/read/sorted_names.h"

#include <gtest/gtest.h>

#include "io/random.h"

namespace larnax::store {
namespace {

TEST(SortedNames, AreThoseOfAllListsOnce) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    io::Random random(seed);
    const auto limit = static_cast<int64_t>(random.Below(3) == 0 ? 0 : random.Below(60));
    SortedNames names(limit);
    std::set<std::string> all;
    const auto draw = [&] {
      return std::string(random.Below(60), 'x') + std::to_string(random.Below(100));
    };
    for (uint64_t lists = random.Below(40); lists > 0; --lists) {
      std::set<std::string> more;
      for (uint64_t i = random.Below(random.Below(4) == 0 ? 80 : 5); i > 0; --i) {
        more.insert(draw());
      }
      all.insert(more.begin(), more.end());
      names.Add(std::vector<std::string>(more.begin(), more.end()));
    }
    for (uint64_t i = random.Below(30); i > 0; --i) {
      const std::string name = draw();
      all.insert(name);
      names.Add(name);
    }
    std::vector<std::string> want(all.begin(), all.end());
    if (limit > 0) want.resize(std::min(want.size(), static_cast<size_t>(limit) + 1));
    EXPECT_EQ(names.Take(), want);
  }
}

TEST(SortedNames, AreNotLookedAtForEachList) {
  SortedNames names(0);
  std::vector<std::string> many;
  for (int i = 0; i < 1000; ++i) many.push_back("many-" + std::to_string(10'000 + i));
  names.Add(many);
  const int64_t bytes = names.bytes();
  // One that is there already counts as long as its list waits.
  names.Add(std::vector<std::string>{many[0]});
  EXPECT_GT(names.bytes(), bytes);
  for (size_t i = 0; i < 3000; ++i) {
    names.Add(std::vector<std::string>{many[i % many.size()]});
    EXPECT_LT(names.bytes(), 2 * bytes);
  }
  names.Settle();
  EXPECT_EQ(names.bytes(), bytes);
  EXPECT_EQ(names.Take(), many);
}

}  // namespace
}  // namespace larnax::store
