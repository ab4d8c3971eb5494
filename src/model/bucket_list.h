#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "larnax/samples.h"

namespace larnax::model {

/// A bucket by its index in the schema, or in the custom bounds.
struct IndexedCount {
  int32_t index = 0;
  double count = 0;
};

/// One side (positive or negative) of a histogram, by ascending index, each at most once.
using BucketList = std::vector<IndexedCount>;

/// Resolve spans into indexes.
BucketList ToBucketList(std::span<const BucketSpan> spans, std::span<const double> counts);
/// Store a list as spans without gaps inside, and counts.
void FromBucketList(const BucketList& list, std::vector<BucketSpan>* spans,
                    std::vector<double>* counts);
/// Bring a side to a schema coarser by `levels`, adding what falls together.
void ReduceBuckets(int levels, BucketList* list);
/// Bring buckets between `bounds` to the buckets between `common`, a subset of `bounds`.
void MapToBounds(std::span<const double> bounds, std::span<const double> common, BucketList* list);
/// The bounds that both have.
std::vector<double> CommonBounds(std::span<const double> a, std::span<const double> b);

}  // namespace larnax::model
