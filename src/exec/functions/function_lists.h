#pragma once

#include <span>

#include "exec/function.h"

namespace larnax::exec {

/// The kernels of each source file, in any order; registry.cc puts them together.
std::span<const Function> RateFunctions();
std::span<const Function> InstantRateFunctions();
std::span<const Function> ChangeFunctions();
std::span<const Function> SumFunctions();
std::span<const Function> SelectionFunctions();
std::span<const Function> QuantileFunctions();
std::span<const Function> TrendFunctions();
std::span<const Function> MathFunctions();
std::span<const Function> DateFunctions();
std::span<const Function> ScalarFunctions();
std::span<const Function> AbsentFunctions();
std::span<const Function> LabelFunctions();
std::span<const Function> SortFunctions();
std::span<const Function> HistogramFunctions();
std::span<const Function> BucketFunctions();
std::span<const Function> InfoFunctions();

}  // namespace larnax::exec
