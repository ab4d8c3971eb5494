#include "model/label_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include "base/hash.h"
#include "larnax/sort_labels.h"

namespace larnax::model {
namespace {

// In the order in which they are compared.
constexpr std::array<std::string_view, 3> kLeading = {kMetricLabel, "job", "instance"};

size_t CommonPrefix(std::string_view a, std::string_view b) {
  const size_t most = std::min(a.size(), b.size());
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= most; at += sizeof(uint64_t)) {
    uint64_t left;
    uint64_t right;
    std::memcpy(&left, a.data() + at, sizeof(left));
    std::memcpy(&right, b.data() + at, sizeof(right));
    if (left == right) continue;
    static_assert(std::endian::native == std::endian::little);
    return at + static_cast<size_t>(std::countr_zero(left ^ right)) / 8;
  }
  while (at < most && a[at] == b[at]) ++at;
  return at;
}

std::string_view ValueFrom(LabelsView::Iterator at, LabelsView::Iterator end,
                           std::string_view name) {
  for (; at != end && at->name <= name; ++at) {
    if (at->name == name) return at->value;
  }
  return {};
}

}  // namespace

int CompareForFile(LabelsView a, LabelsView b) {
  const size_t same = CommonPrefix(a.bytes(), b.bytes());
  if (same == a.bytes().size() && same == b.bytes().size()) return 0;
  // The labels inside of the common bytes are equal: find the first that is not.
  auto at_a = a.begin();
  while (at_a != a.end() && at_a.end_of_label() <= a.bytes().data() + same) ++at_a;
  const auto offset = static_cast<size_t>(at_a.begin_of_label() - a.bytes().data());
  const LabelsView::Iterator at_b(b.bytes().substr(offset));

  const bool a_ends = at_a == a.end();
  const bool b_ends = at_b == b.end();
  const std::string_view first = a_ends                               ? at_b->name
                                 : b_ends || at_a->name <= at_b->name ? at_a->name
                                                                      : at_b->name;
  for (const std::string_view name : kLeading) {
    if (name < first) continue;  // Equal, or absent in both.
    const int order = ValueFrom(at_a, a.end(), name).compare(ValueFrom(at_b, b.end(), name));
    if (order != 0) return order;
  }
  // Leading labels are equal, so that the first difference is not one of them. Where the names
  // differ, the one with the smaller name has a label that the other lacks; absent comes first.
  if (a_ends || b_ends) return a_ends ? -1 : 1;
  if (const int names = at_a->name.compare(at_b->name); names != 0) return names < 0 ? 1 : -1;
  return at_a->value.compare(at_b->value);
}

std::string SortKey(LabelsView labels) {
  std::string key;
  key.reserve(labels.bytes().size());
  for (const Label& label : labels) {
    key.append(label.name).push_back('\0');
    key.append(label.value).push_back('\0');
  }
  return key;
}

uint64_t SeriesIdOf(LabelsView labels) {
  std::string text;
  text.reserve(labels.bytes().size());
  for (const Label& label : labels) AppendIdText(label, &text);
  return SeriesIdOfText(text);
}

void AppendIdText(const Label& label, std::string* text) {
  text->append(label.name).push_back('\xFF');
  text->append(label.value).push_back('\xFF');
}

uint64_t SeriesIdOfText(std::string_view text) { return base::Hash64(text); }

}  // namespace larnax::model

namespace larnax {

std::vector<const Labels*> SortedByLabels(std::span<const Labels> sets) {
  std::vector<std::pair<std::string, const Labels*>> keys;
  keys.reserve(sets.size());
  for (const Labels& labels : sets) keys.emplace_back(model::SortKey(labels.view()), &labels);
  std::sort(keys.begin(), keys.end());
  std::vector<const Labels*> sorted;
  sorted.reserve(sets.size());
  for (const auto& [key, labels] : keys) sorted.push_back(labels);
  return sorted;
}

}  // namespace larnax
