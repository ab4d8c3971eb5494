#pragma once

#include <exception>
#include <new>
#include <string>

#include <arrow/status.h>

#include "larnax/error.h"

namespace larnax::base {

/// Run what gives a Status; what a library throws on the way becomes one. Memory that ran out,
/// thrown or told, is of kind kOverloaded, all else that is thrown kInternal. Throws only when
/// there is no memory for that either.
template <typename Work>
arrow::Status Guarded(Work work) {
  try {
    arrow::Status status = work();
    if (!status.IsOutOfMemory()) return status;
  } catch (const std::bad_alloc&) {
  } catch (const std::exception& error) {
    return MakeError(ErrorKind::kInternal, std::string("cannot go on: ") + error.what());
  }
  return MakeError(ErrorKind::kOverloaded, "out of memory");
}

}  // namespace larnax::base
