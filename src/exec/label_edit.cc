#include "exec/label_edit.h"

#include <algorithm>

#include "base/number_text.h"

namespace larnax::exec {
namespace {

// Copies the bytes of the labels that `keep` wants; runs of them are copied at once.
template <typename Keep>
void CopyIf(LabelsView labels, std::string* out, Keep keep) {
  out->clear();
  const char* run = nullptr;
  const char* const end = labels.bytes().data() + labels.bytes().size();
  const char* at = labels.bytes().data();
  for (const Label& label : labels) {
    if (keep(label)) {
      if (run == nullptr) run = at;
    } else if (run != nullptr) {
      out->append(run, at);
      run = nullptr;
    }
    at = label.value.data() + label.value.size();
  }
  if (run != nullptr) out->append(run, end);
}

bool Contains(std::span<const std::string> names, std::string_view name) {
  // Most names of few are told apart by their lengths.
  constexpr size_t kFew = 4;
  if (names.size() <= kFew) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& one) { return one == name; });
  }
  return std::binary_search(names.begin(), names.end(), name,
                            [](std::string_view a, std::string_view b) { return a < b; });
}

}  // namespace

bool IsMetadataLabel(std::string_view name) {
  return name == kMetricLabel || name == kTypeLabel || name == kUnitLabel;
}

bool HasMetadataLabels(LabelsView labels) {
  return std::any_of(labels.begin(), labels.end(),
                     [](const Label& label) { return IsMetadataLabel(label.name); });
}

void DropMetadataLabels(LabelsView labels, std::string* out) {
  CopyIf(labels, out, [](const Label& label) { return !IsMetadataLabel(label.name); });
}

void DropMetricName(LabelsView labels, std::string* out) {
  CopyIf(labels, out, [](const Label& label) { return label.name != kMetricLabel; });
}

void KeepLabels(LabelsView labels, std::span<const std::string> names, std::string* out) {
  out->clear();
  size_t missing = names.size();
  const auto end = labels.end();
  for (auto label = labels.begin(); missing > 0 && label != end; ++label) {
    if (!Contains(names, label->name)) continue;
    out->append(label.begin_of_label(), label.end_of_label());
    --missing;
  }
}

void DropLabels(LabelsView labels, std::span<const std::string> names, std::string* out) {
  CopyIf(labels, out, [&](const Label& label) { return !Contains(names, label.name); });
}

void SetLabel(LabelsView labels, std::string_view name, std::string_view value, std::string* out) {
  out->clear();
  bool done = value.empty();
  for (const Label& label : labels) {
    if (!done && label.name >= name) {
      AppendLabel(name, value, out);
      done = true;
    }
    if (label.name != name) AppendLabel(label.name, label.value, out);
  }
  if (!done) AppendLabel(name, value, out);
}

std::string PrintLabels(LabelsView labels) {
  std::string out = "{";
  for (const Label& label : labels) {
    if (out.size() > 1) out += ", ";
    const bool plain = !label.name.empty() && (label.name[0] < '0' || label.name[0] > '9') &&
                       std::all_of(label.name.begin(), label.name.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '_';
                       });
    if (plain) {
      out += label.name;
    } else {
      base::AppendQuoted(label.name, &out);
    }
    out += '=';
    base::AppendQuoted(label.value, &out);
  }
  return out + "}";
}

std::string Quote(std::string_view text) {
  std::string out;
  base::AppendQuoted(text, &out);
  return out;
}

}  // namespace larnax::exec
