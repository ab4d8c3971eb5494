#include "base/crc32c.h"

#include <numeric>
#include <random>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace larnax::base {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Expected values: RFC 3720, B.4, and the check value of the CRC catalogue.
TEST(Crc32c, MatchesPublishedValues) {
  const std::vector<uint8_t> zeros(32, 0);
  const std::vector<uint8_t> ones(32, 0xff);
  std::vector<uint8_t> ascending(32);
  std::iota(ascending.begin(), ascending.end(), uint8_t{0});
  const std::vector<uint8_t> descending(ascending.rbegin(), ascending.rend());
  for (const auto& crc32c : {Crc32c, Crc32cPortable}) {
    EXPECT_EQ(crc32c(0, {}), 0U);
    EXPECT_EQ(crc32c(0, Bytes("123456789")), 0xe3069283);
    EXPECT_EQ(crc32c(0, zeros), 0x8a9136aa);
    EXPECT_EQ(crc32c(0, ones), 0x62a8ab43);
    EXPECT_EQ(crc32c(0, ascending), 0x46dd794e);
    EXPECT_EQ(crc32c(0, descending), 0x113fdb5c);
  }
}

TEST(Crc32c, BothWaysAgreeAtEveryLengthAndPlace) {
  std::mt19937_64 random(1);
  std::vector<uint8_t> bytes(20'000);
  for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
  const std::span<const uint8_t> all = bytes;
  for (size_t length = 0; length < 600; ++length) {
    const size_t at = length % 9;
    ASSERT_EQ(Crc32c(7, all.subspan(at, length)), Crc32cPortable(7, all.subspan(at, length)));
  }
  for (int round = 0; round < 300; ++round) {
    const size_t at = random() % 64;
    const size_t length = random() % (bytes.size() - 64);
    ASSERT_EQ(Crc32c(7, all.subspan(at, length)), Crc32cPortable(7, all.subspan(at, length)));
  }
}

TEST(Crc32c, GoesOnWhereItStopped) {
  const std::vector<uint8_t> bytes(10'000, 0x5a);
  const std::span<const uint8_t> all = bytes;
  for (const size_t cut : {0U, 1U, 3071U, 3072U, 9999U, 10'000U}) {
    EXPECT_EQ(Crc32c(Crc32c(0, all.first(cut)), all.subspan(cut)), Crc32c(0, all));
  }
}

}  // namespace
}  // namespace larnax::base
