#include "columns/write/page_plan.h"

#include <array>

namespace larnax::columns {
namespace {

// What a change of encoding must save. A page's header and place cost 60 bytes, its entropy tables
// some hundred, and a cut hides repeats from zstd; with 500 and 2,000 files came out larger.
constexpr int64_t kChangeBytes = 1000;

constexpr std::array kEncodings = {Encoding::kPlain, Encoding::kByteStreamSplit};

// The cheapest encoding of each unit, changes counted: the shortest path through two states.
std::vector<uint8_t> ChooseEncodings(std::span<const PageUnit> units) {
  std::vector<std::array<uint8_t, 2>> came_from(units.size());
  std::array<int64_t, 2> cost = {0, 0};
  for (size_t i = 0; i < units.size(); ++i) {
    std::array<int64_t, 2> next = {units[i].plain_bytes, units[i].split_bytes};
    for (uint8_t state = 0; state < 2; ++state) {
      const uint8_t other = 1 - state;
      const bool change = i > 0 && cost[other] + kChangeBytes < cost[state];
      came_from[i][state] = change ? other : state;
      next[state] += change ? cost[other] + kChangeBytes : cost[state];
    }
    cost = next;
  }
  std::vector<uint8_t> chosen(units.size());
  uint8_t state = cost[1] < cost[0] ? 1 : 0;
  for (size_t i = units.size(); i-- > 0;) {
    chosen[i] = state;
    state = came_from[i][state];
  }
  return chosen;
}

}  // namespace

std::vector<PlannedPage> PlanPages(std::span<const PageUnit> units, int64_t max_rows) {
  const std::vector<uint8_t> chosen = ChooseEncodings(units);
  std::vector<PlannedPage> pages;
  for (size_t begin = 0; begin < units.size();) {
    size_t end = begin;
    size_t metric = begin;  // Where a metric begins, late enough for a cut.
    int64_t rows = 0;
    while (end < units.size() && chosen[end] == chosen[begin] &&
           (end == begin || rows + units[end].rows <= max_rows)) {
      if (units[end].new_metric && rows >= max_rows / 4) metric = end;
      rows += units[end].rows;
      ++end;
    }
    const bool is_full = end < units.size() && chosen[end] == chosen[begin];
    if (is_full && !units[end].new_metric && metric > begin) end = metric;
    pages.push_back({.begin = begin, .end = end, .encoding = kEncodings[chosen[begin]]});
    begin = end;
  }
  return pages;
}

}  // namespace larnax::columns
