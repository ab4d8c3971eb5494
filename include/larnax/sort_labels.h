#pragma once

#include <span>
#include <vector>

#include "larnax/labels.h"

namespace larnax {

/// Give label sets in the order of CompareLabels, which this finds faster than a sort that calls
/// it.
///
/// \return Pointers to all of `sets`.
std::vector<const Labels*> SortedByLabels(std::span<const Labels> sets);

}  // namespace larnax
