#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "larnax/labels.h"

namespace larnax::model {

/// Compare two label sets in file order: by `__name__`, `job`, `instance`, then label by label in
/// byte order of the names, an absent label before any value.
///
/// Metrics come together for pruning; job and instance early put series side by side that were
/// scraped together, so that their times repeat.
/// \return Negative, zero or positive; zero exactly for equal sets.
int CompareForFile(LabelsView a, LabelsView b);

/// Bytes that compare as label sets do label by label in the order of names: what sorts many sets
/// once is faster so. (A zero byte inside of a label only sends its set elsewhere.)
std::string SortKey(LabelsView labels);

/// Compute the `series_id` column: XXH3-64 of `name 0xFF value 0xFF ...` sorted by name.
uint64_t SeriesIdOf(LabelsView labels);
/// The same in two steps, for who has the labels one by one: append those of a set, then hash.
void AppendIdText(const Label& label, std::string* text);
uint64_t SeriesIdOfText(std::string_view text);

}  // namespace larnax::model
