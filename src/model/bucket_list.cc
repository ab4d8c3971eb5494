#include "model/bucket_list.h"

#include <algorithm>
#include <iterator>

namespace larnax::model {
namespace {

// Add what has the same index; indexes ascend.
void MergeEqual(BucketList* list) {
  size_t kept = 0;
  for (size_t i = 0; i < list->size(); ++i) {
    if (kept > 0 && (*list)[kept - 1].index == (*list)[i].index) {
      (*list)[kept - 1].count += (*list)[i].count;
    } else {
      (*list)[kept++] = (*list)[i];
    }
  }
  list->resize(kept);
}

}  // namespace

BucketList ToBucketList(std::span<const BucketSpan> spans, std::span<const double> counts) {
  BucketList list;
  list.reserve(counts.size());
  // Wide: the one past the last bucket need not be an index.
  int64_t index = 0;
  for (const BucketSpan& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length && list.size() < counts.size(); ++i, ++index) {
      list.push_back({static_cast<int32_t>(index), counts[list.size()]});
    }
  }
  return list;
}

void FromBucketList(const BucketList& list, std::vector<BucketSpan>* spans,
                    std::vector<double>* counts) {
  spans->clear();
  counts->clear();
  counts->reserve(list.size());
  int32_t next = 0;
  for (const IndexedCount& bucket : list) {
    if (spans->empty() || bucket.index != next) {
      spans->push_back({.offset = bucket.index - next, .length = 0});
    }
    ++spans->back().length;
    counts->push_back(bucket.count);
    next = bucket.index + 1;
  }
}

void ReduceBuckets(int levels, BucketList* list) {
  if (levels <= 0) return;
  // From 31 levels on, nothing is left but the sign; an int cannot be shifted by 32.
  const int shift = std::min(levels, 31);
  for (IndexedCount& bucket : *list) {
    bucket.index = static_cast<int32_t>(((int64_t{bucket.index} - 1) >> shift) + 1);
  }
  MergeEqual(list);
}

void MapToBounds(std::span<const double> bounds, std::span<const double> common, BucketList* list) {
  for (IndexedCount& bucket : *list) {
    const auto index = static_cast<size_t>(bucket.index);
    const auto at = index < bounds.size()
                        ? std::lower_bound(common.begin(), common.end(), bounds[index])
                        : common.end();
    bucket.index = static_cast<int32_t>(at - common.begin());
  }
  MergeEqual(list);
}

std::vector<double> CommonBounds(std::span<const double> a, std::span<const double> b) {
  std::vector<double> common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(common));
  return common;
}

}  // namespace larnax::model
