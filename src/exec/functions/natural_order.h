#pragma once

#include <string_view>

namespace larnax::exec {

/// Compare texts as people sort them: runs of digits by their number (`a2` before `a10`), the rest
/// by bytes; texts that differ only in leading zeros by bytes too.
///
/// \return Negative, zero or positive; zero for equal texts only.
int CompareNaturally(std::string_view a, std::string_view b);

}  // namespace larnax::exec
