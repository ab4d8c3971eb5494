#pragma once

#include <string>
#include <string_view>

namespace larnax::model {

/// Append one label in the form of LabelsView. Names in ascending order, no empty name or value:
/// the caller's duty.
void AppendLabel(std::string_view name, std::string_view value, std::string* out);

}  // namespace larnax::model
