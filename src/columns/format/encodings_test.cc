#include "columns/format/encodings.h"

#include <bit>
#include <limits>

#include <gtest/gtest.h>

#include "columns/file_for_test.h"
#include "columns/read/packed_column.h"
#include "columns/write/string_dictionary.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

std::vector<columns::Run> RandomRuns(TestRandom* random, int bit_width) {
  std::vector<columns::Run> runs;
  for (int64_t i = random->Below(60); i >= 0; --i) {
    const uint64_t mask = (uint64_t{1} << bit_width) - 1;
    const int64_t count = random->OneIn(3) ? 1 + random->Below(2000) : 1 + random->Below(9);
    AppendRun(static_cast<uint32_t>(random->Next() & mask), count, &runs);
  }
  return runs;
}

int64_t CountOf(const std::vector<columns::Run>& runs) {
  int64_t count = 0;
  for (const columns::Run& run : runs) count += run.count;
  return count;
}

TEST(Hybrid, KeepsRunsOfAnyWidth) {
  TestRandom random(1);
  for (int bit_width = 0; bit_width <= 32; ++bit_width) {
    for (int round = 0; round < 30; ++round) {
      const std::vector<columns::Run> runs = RandomRuns(&random, bit_width);
      std::string bytes;
      HybridEncoder encoder(bit_width, &bytes);
      for (const columns::Run& run : runs) encoder.Put(run.value, run.count);
      encoder.Finish();
      std::vector<columns::Run> decoded;
      ASSERT_TRUE(DecodeHybrid(bytes, bit_width, CountOf(runs),
                               std::numeric_limits<uint32_t>::max(), &decoded)
                      .ok());
      ASSERT_EQ(decoded, runs);
    }
  }
}

TEST(Hybrid, WritesLongRunsInFewBytes) {
  std::string bytes;
  AppendLevels(std::vector<columns::Run>{{1, 1'000'000}}, 1, &bytes);
  EXPECT_LE(bytes.size(), 8u);
}

TEST(Hybrid, RefusesWhatIsCutOffOrOutOfRange) {
  std::string bytes;
  HybridEncoder encoder(7, &bytes);
  for (uint32_t i = 0; i < 100; ++i) encoder.Put(i, 1 + i % 3 * 20);
  encoder.Finish();
  std::vector<columns::Run> runs;
  EXPECT_EQ(KindOf(DecodeHybrid(bytes, 7, 2000, 50, &runs)), ErrorKind::kCorrupt);
  for (size_t size = 0; size < bytes.size(); ++size) {
    runs.clear();
    EXPECT_FALSE(
        DecodeHybrid(std::string_view(bytes).substr(0, size), 7, 1'000'000, 127, &runs).ok());
  }
  EXPECT_FALSE(DecodeHybrid(bytes, 33, 1, 127, &runs).ok());
}

TEST(Delta, KeepsAnyIntegers) {
  TestRandom random(2);
  for (int round = 0; round < 300; ++round) {
    const int shift = static_cast<int>(random.Below(64));
    std::vector<int64_t> values;
    for (int64_t i = random.Below(700); i > 0; --i) {
      values.push_back(static_cast<int64_t>(random.Next() >> shift) * (random.OneIn(5) ? -1 : 1));
    }
    std::string bytes;
    AppendDelta(values, &bytes);
    std::vector<int64_t> decoded(values.size());
    const auto total = static_cast<int64_t>(values.size());
    ASSERT_TRUE(DecodeDelta(bytes, total, decoded).ok());
    ASSERT_EQ(decoded, values);
    const size_t part = values.empty() ? 0 : static_cast<size_t>(random.Below(total));
    decoded.assign(part, 0);
    ASSERT_TRUE(DecodeDelta(bytes, total, decoded).ok());
    ASSERT_TRUE(std::equal(decoded.begin(), decoded.end(), values.begin()));
    ASSERT_FALSE(DecodeDelta(bytes, total + 1, decoded).ok());
    auto decoder = DeltaDecoder::Open(bytes, total);
    ASSERT_TRUE(decoder.ok());
    for (size_t at = 0; at < values.size(); at += decoded.size()) {
      decoded.resize(std::min(values.size() - at, static_cast<size_t>(random.Below(200))));
      ASSERT_TRUE(decoder->Next(decoded).ok());
      ASSERT_TRUE(std::equal(decoded.begin(), decoded.end(), values.begin() + std::ptrdiff_t(at)));
    }
  }
}

TEST(Delta, RefusesWhatIsCutOff) {
  std::vector<int64_t> values;
  for (int64_t i = 0; i < 300; ++i) values.push_back(i * i * i);
  std::string bytes;
  AppendDelta(values, &bytes);
  std::vector<int64_t> decoded(values.size());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeDelta(std::string_view(bytes).substr(0, size), 300, decoded).ok());
  }
}

TEST(ByteStreamSplit, KeepsBitsOfAnyRange) {
  TestRandom random(3);
  for (size_t count = 0; count < 70; ++count) {
    std::vector<double> values;
    for (size_t i = 0; i < count; ++i) values.push_back(std::bit_cast<double>(random.Next()));
    std::string bytes;
    AppendByteStreamSplit(values, &bytes);
    for (size_t first = 0; first < count; ++first) {
      std::vector<double> decoded(
          static_cast<size_t>(random.Below(static_cast<int64_t>(count - first) + 1)));
      DecodeByteStreamSplit(bytes, first, decoded);
      for (size_t i = 0; i < decoded.size(); ++i) {
        ASSERT_EQ(std::bit_cast<uint64_t>(decoded[i]), std::bit_cast<uint64_t>(values[first + i]));
      }
    }
  }
}

TEST(PackedInts, KeepsAnyRange) {
  TestRandom random(4);
  for (int shift = 0; shift < 64; ++shift) {
    std::vector<int64_t> values;
    for (int i = 0; i < 50; ++i) values.push_back(static_cast<int64_t>(random.Next() >> shift) - 5);
    const PackedInts packed(values);
    for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(packed[i], values[i]);
  }
}

// Bounds may lie outside of what a page has, in every width of its integers.
TEST(PackedInts, GivesTheRunsWithinBounds) {
  TestRandom random(6);
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  for (const int64_t unit :
       {int64_t{0}, int64_t{1}, int64_t{200}, int64_t{70'000}, int64_t{1} << 60}) {
    std::vector<int64_t> values;
    for (int i = 0; i < 160; ++i) {
      // Long stretches of one value, too: blocks are passed over at once.
      values.push_back(i < 60 ? (random.Below(8) - 4) * unit : 4 * unit);
    }
    values[130] = -3 * unit;
    const PackedInts packed(values);
    for (int64_t low = -5; low <= 5; ++low) {
      for (int64_t high = -5; high <= 5; ++high) {
        const IntBounds bounds{low == -5 ? kLeast : low * unit, high == 5 ? kMost : high * unit};
        std::vector<int64_t> found(values.size(), kMost);
        packed.ForEachRunWithin(3, 157, bounds, [&](size_t begin, size_t end, int64_t value) {
          for (size_t i = begin; i < end; ++i) found[i] = value;
        });
        for (size_t i = 0; i < values.size(); ++i) {
          const bool is_within = values[i] >= bounds.low && values[i] <= bounds.high;
          ASSERT_EQ(found[i], i >= 3 && i < 157 && is_within ? values[i] : kMost)
              << unit << " " << low << " " << high << " " << i;
        }
      }
    }
  }
}

// One of many, wherever it stands in the blocks that are passed over.
TEST(PackedInts, FindsOneAmongMany) {
  for (const int64_t unit : {int64_t{1}, int64_t{200}, int64_t{70'000}, int64_t{1} << 60}) {
    for (size_t place = 0; place < 140; ++place) {
      std::vector<int64_t> values(140, 4 * unit);
      values[place] = -3 * unit;
      std::vector<size_t> found;
      PackedInts(values).ForEachRunWithin(0, values.size(), {-4 * unit, 3 * unit},
                                          [&](size_t begin, size_t end, int64_t value) {
                                            EXPECT_EQ(value, -3 * unit);
                                            for (size_t i = begin; i < end; ++i) found.push_back(i);
                                          });
      ASSERT_EQ(found, std::vector<size_t>{place});
    }
  }
}

TEST(PackedColumn, IsNotThereWhereMemoryRanOut) {
  PackedColumn column;
  EXPECT_THROW(column.Init(1, std::numeric_limits<size_t>::max()), std::exception);
  EXPECT_FALSE(column.is_init());
}

TEST(StringDictionary, GivesEqualStringsOneCode) {
  StringDictionary dictionary;
  TestRandom random(5);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = std::to_string(random.Below(1000)) +
                             std::string(static_cast<size_t>(random.OneIn(50) ? 9000 : 3), 'x');
    const uint32_t code = dictionary.Intern(text);
    ASSERT_EQ(dictionary[code], text);
    ASSERT_EQ(dictionary.Intern(text), code);
  }
  EXPECT_LE(dictionary.size(), 2000u);
  const uint32_t empty = dictionary.Intern("");
  EXPECT_EQ(dictionary[empty], "");
}

}  // namespace
}  // namespace larnax::columns
