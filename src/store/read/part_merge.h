#pragma once

#include <span>

#include "head/generation.h"
#include "store/read/part_reader.h"

namespace larnax::store {

/// Merge the samples of one series from several places into time order; of equal times the one of
/// the last part stays. Replaces the content of `out`; `start_ms` stays empty where none is known.
///
/// \param parts  Lowest precedence first.
void MergeParts(std::span<const PartSamples> parts, head::SampleColumns* out);

}  // namespace larnax::store
