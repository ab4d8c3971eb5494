#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "larnax/labels.h"
#include "model/label_bytes.h"

namespace larnax::exec {

/// Edits of label sets in their canonical form (see LabelsView). All are in O(bytes); `out` is
/// replaced, and must not be what `labels` borrows from.

inline constexpr std::string_view kTypeLabel = "__type__";
inline constexpr std::string_view kUnitLabel = "__unit__";

using model::AppendLabel;

/// Tell whether `name` is one of those that go when a metric's name is dropped: `__name__`,
/// `__type__`, `__unit__`.
bool IsMetadataLabel(std::string_view name);
/// Tell whether there are any of these.
bool HasMetadataLabels(LabelsView labels);
void DropMetadataLabels(LabelsView labels, std::string* out);
/// Drop `__name__` only.
void DropMetricName(LabelsView labels, std::string* out);
/// Keep only labels of `names`. \param names  Ascending, distinct.
void KeepLabels(LabelsView labels, std::span<const std::string> names, std::string* out);
/// Drop labels of `names`. \param names  Ascending, distinct.
void DropLabels(LabelsView labels, std::span<const std::string> names, std::string* out);
/// Set one label, or remove it where `value` is empty.
void SetLabel(LabelsView labels, std::string_view name, std::string_view value, std::string* out);

/// Print as error messages do: `{__name__="x", a="b"}`.
std::string PrintLabels(LabelsView labels);

/// Quote as Go's %q does.
std::string Quote(std::string_view text);

}  // namespace larnax::exec
