#include "exec/functions/natural_order.h"

#include <algorithm>

namespace larnax::exec {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes the longest run of digits, or of anything else, off the front.
std::string_view TakeRun(std::string_view* text) {
  const bool digits = IsDigit(text->front());
  size_t size = 1;
  while (size < text->size() && IsDigit((*text)[size]) == digits) ++size;
  const std::string_view run = text->substr(0, size);
  text->remove_prefix(size);
  return run;
}

int CompareNumbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

}  // namespace

int CompareNaturally(std::string_view a, std::string_view b) {
  const int by_bytes = a.compare(b);
  while (!a.empty() && !b.empty()) {
    const std::string_view run_a = TakeRun(&a);
    const std::string_view run_b = TakeRun(&b);
    const bool numbers = IsDigit(run_a[0]) && IsDigit(run_b[0]);
    const int order = numbers ? CompareNumbers(run_a, run_b) : run_a.compare(run_b);
    if (order != 0) return order;
  }
  if (a.empty() != b.empty()) return a.empty() ? -1 : 1;
  return by_bytes;
}

}  // namespace larnax::exec
