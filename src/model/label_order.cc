#include "model/label_order.h"

#include <string>

#include "base/hash.h"

namespace larnax::model {
namespace {

int Sign(std::string_view a, std::string_view b) { return a.compare(b); }

bool IsLeading(std::string_view name) {
  return name == kMetricLabel || name == "job" || name == "instance";
}

LabelsView::Iterator SkipLeading(LabelsView::Iterator at, LabelsView::Iterator end) {
  while (at != end && IsLeading(at->name)) ++at;
  return at;
}

}  // namespace

int CompareForFile(LabelsView a, LabelsView b) {
  if (a == b) return 0;
  for (const std::string_view name :
       {kMetricLabel, std::string_view("job"), std::string_view("instance")}) {
    if (const int order = Sign(a.Get(name), b.Get(name)); order != 0) return order;
  }
  auto at_a = SkipLeading(a.begin(), a.end());
  auto at_b = SkipLeading(b.begin(), b.end());
  while (at_a != a.end() && at_b != b.end()) {
    // The one with the smaller name has a label that the other lacks; absent comes first.
    if (const int names = Sign(at_a->name, at_b->name); names != 0) return names < 0 ? 1 : -1;
    if (const int values = Sign(at_a->value, at_b->value); values != 0) return values;
    at_a = SkipLeading(++at_a, a.end());
    at_b = SkipLeading(++at_b, b.end());
  }
  if (at_a == a.end() && at_b == b.end()) return 0;
  return at_a == a.end() ? -1 : 1;
}

uint64_t SeriesIdOf(LabelsView labels) {
  std::string text;
  text.reserve(labels.bytes().size());
  for (const Label& label : labels) {
    text.append(label.name).push_back('\xFF');
    text.append(label.value).push_back('\xFF');
  }
  return base::Hash64(text);
}

}  // namespace larnax::model
