#include "exec/function.h"

namespace larnax::exec {

const Function* FindFunctionKernel(std::string_view) { return nullptr; }

}  // namespace larnax::exec
