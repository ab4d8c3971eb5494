#include "store/read/part_merge.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace larnax::store {
namespace {

struct Cursor {
  PartSamples part;
  size_t precedence = 0;
  size_t at = 0;

  int64_t time_ms() const { return part.time_ms[at]; }
};

// Appends samples [begin, end) of a part.
void AppendSlice(const PartSamples& part, size_t begin, size_t end, bool with_starts,
                 head::SampleColumns* out) {
  const auto first = static_cast<std::ptrdiff_t>(begin);
  const auto last = static_cast<std::ptrdiff_t>(end);
  out->time_ms.insert(out->time_ms.end(), part.time_ms.begin() + first,
                      part.time_ms.begin() + last);
  out->value.insert(out->value.end(), part.value.begin() + first, part.value.begin() + last);
  if (!with_starts) return;
  if (part.start_ms.empty()) {
    out->start_ms.insert(out->start_ms.end(), end - begin, 0);
  } else {
    out->start_ms.insert(out->start_ms.end(), part.start_ms.begin() + first,
                         part.start_ms.begin() + last);
  }
}

// Merges parts whose times overlap. Few parts overlap, so that a look at each is the cheapest.
void MergeOverlapping(std::span<Cursor> cursors, bool with_starts, head::SampleColumns* out) {
  std::vector<Cursor*> open;
  for (Cursor& cursor : cursors) open.push_back(&cursor);
  while (!open.empty()) {
    Cursor* first = open[0];
    int64_t next_other_ms = std::numeric_limits<int64_t>::max();
    for (size_t i = 1; i < open.size(); ++i) {
      Cursor* const other = open[i];
      const bool is_before =
          other->time_ms() < first->time_ms() ||
          (other->time_ms() == first->time_ms() && other->precedence > first->precedence);
      next_other_ms = std::min(next_other_ms, (is_before ? first : other)->time_ms());
      if (is_before) first = other;
    }
    const int64_t time_ms = first->time_ms();
    size_t end = first->at + 1;
    while (end < first->part.size() && first->part.time_ms[end] < next_other_ms) ++end;
    AppendSlice(first->part, first->at, end, with_starts, out);
    first->at = end;
    for (Cursor* cursor : open) {
      if (cursor->at < cursor->part.size() && cursor->time_ms() == time_ms) ++cursor->at;
    }
    std::erase_if(open, [](const Cursor* cursor) { return cursor->at == cursor->part.size(); });
  }
}

// Appends parts one after the other; false where their times overlap or are in another order.
bool Concatenate(std::span<const PartSamples> parts, head::SampleColumns* out) {
  size_t size = 0;
  bool with_starts = false;
  int64_t last_ms = std::numeric_limits<int64_t>::min();
  for (const PartSamples& part : parts) {
    if (part.size() == 0) continue;
    if (part.time_ms.front() <= last_ms) return false;
    last_ms = part.time_ms.back();
    size += part.size();
    with_starts |= !part.start_ms.empty();
  }
  out->time_ms.reserve(size);
  out->value.reserve(size);
  for (const PartSamples& part : parts) AppendSlice(part, 0, part.size(), with_starts, out);
  return true;
}

}  // namespace

void MergeParts(std::span<const PartSamples> parts, head::SampleColumns* out) {
  out->Clear();
  if (Concatenate(parts, out)) return;
  bool with_starts = false;
  std::vector<Cursor> cursors;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].size() == 0) continue;
    cursors.push_back({.part = parts[i], .precedence = i});
    with_starts |= !parts[i].start_ms.empty();
  }
  std::stable_sort(cursors.begin(), cursors.end(),
                   [](const Cursor& a, const Cursor& b) { return a.time_ms() < b.time_ms(); });
  for (size_t begin = 0; begin < cursors.size();) {
    int64_t last_ms = cursors[begin].part.time_ms.back();
    size_t end = begin + 1;
    for (; end < cursors.size() && cursors[end].time_ms() <= last_ms; ++end) {
      last_ms = std::max(last_ms, cursors[end].part.time_ms.back());
    }
    if (end - begin == 1) {
      AppendSlice(cursors[begin].part, 0, cursors[begin].part.size(), with_starts, out);
    } else {
      MergeOverlapping(std::span(cursors).subspan(begin, end - begin), with_starts, out);
    }
    begin = end;
  }
}

}  // namespace larnax::store
