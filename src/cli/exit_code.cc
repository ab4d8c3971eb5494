#include "cli/exit_code.h"

#include <cstdio>

#include "larnax/error.h"

namespace larnax::cli {

ExitCode ExitCodeOf(const arrow::Status& status) {
  if (status.ok()) return kOk;
  switch (KindOf(status)) {
    case ErrorKind::kNotFound:
      return kNotFound;
    case ErrorKind::kBadQuery:
    case ErrorKind::kBadSample:
    case ErrorKind::kUnsupported:
      return kBadRequest;
    case ErrorKind::kExecution:
    case ErrorKind::kLimit:
    case ErrorKind::kTooLarge:
    case ErrorKind::kOverloaded:
      return kLimit;
    case ErrorKind::kTimeout:
    case ErrorKind::kCancelled:
      return kTimeout;
    case ErrorKind::kCorrupt:
    case ErrorKind::kClosed:
    case ErrorKind::kInternal:
      return kFailure;
  }
  return kFailure;
}

int Fail(const arrow::Status& status) {
  std::fprintf(stderr, "larnax: %s\n", status.message().c_str());
  return ExitCodeOf(status);
}

}  // namespace larnax::cli
