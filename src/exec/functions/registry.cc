#include <algorithm>
#include <string_view>
#include <vector>

#include "exec/function.h"
#include "exec/functions/function_lists.h"

namespace larnax::exec {
namespace {

std::vector<Function> CollectFunctions() {
  std::vector<Function> all;
  for (const auto list :
       {RateFunctions(), InstantRateFunctions(), ChangeFunctions(), SumFunctions(),
        SelectionFunctions(), QuantileFunctions(), TrendFunctions(), MathFunctions(),
        DateFunctions(), ScalarFunctions(), AbsentFunctions(), LabelFunctions(), SortFunctions(),
        HistogramFunctions(), BucketFunctions(), InfoFunctions()}) {
    all.insert(all.end(), list.begin(), list.end());
  }
  std::sort(all.begin(), all.end(),
            [](const Function& a, const Function& b) { return a.name < b.name; });
  return all;
}

}  // namespace

const Function* FindFunctionKernel(std::string_view name) {
  static const std::vector<Function> functions = CollectFunctions();
  const auto found =
      std::lower_bound(functions.begin(), functions.end(), name,
                       [](const Function& f, std::string_view wanted) { return f.name < wanted; });
  return found != functions.end() && found->name == name ? &*found : nullptr;
}

}  // namespace larnax::exec
