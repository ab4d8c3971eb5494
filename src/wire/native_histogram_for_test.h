#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "larnax/samples.h"

namespace larnax::wire {

/// Expect two histograms to be the same, bit for bit, but for the counter reset hint.
inline void ExpectSameBits(const NativeHistogram& read, const NativeHistogram& wanted) {
  const auto bits = [](double value) { return std::bit_cast<uint64_t>(value); };
  const auto all_bits = [&](const std::vector<double>& values) {
    std::vector<uint64_t> result;
    for (const double value : values) result.push_back(bits(value));
    return result;
  };
  EXPECT_EQ(read.is_integer, wanted.is_integer);
  EXPECT_EQ(bits(read.sum), bits(wanted.sum));
  EXPECT_EQ(read.schema, wanted.schema);
  EXPECT_EQ(bits(read.zero_threshold), bits(wanted.zero_threshold));
  EXPECT_EQ(bits(read.count), bits(wanted.count));
  EXPECT_EQ(bits(read.zero_count), bits(wanted.zero_count));
  EXPECT_EQ(read.integer_count, wanted.integer_count);
  EXPECT_EQ(read.integer_zero_count, wanted.integer_zero_count);
  EXPECT_EQ(read.positive_spans, wanted.positive_spans);
  EXPECT_EQ(read.negative_spans, wanted.negative_spans);
  EXPECT_EQ(read.integer_positive, wanted.integer_positive);
  EXPECT_EQ(read.integer_negative, wanted.integer_negative);
  EXPECT_EQ(all_bits(read.positive), all_bits(wanted.positive));
  EXPECT_EQ(all_bits(read.negative), all_bits(wanted.negative));
  EXPECT_EQ(all_bits(read.custom_bounds), all_bits(wanted.custom_bounds));
}

}  // namespace larnax::wire
