#pragma once

#include <exception>
#include <string>

#include <arrow/status.h>

#include "larnax/error.h"

namespace larnax::base {

/// Run what gives a Status; what a library throws on the way, mostly because memory ran out,
/// becomes one, of kind kInternal. Throws only when there is no memory for that either.
template <typename Work>
arrow::Status Guarded(Work work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return MakeError(ErrorKind::kInternal, std::string("cannot go on: ") + error.what());
  }
}

}  // namespace larnax::base
