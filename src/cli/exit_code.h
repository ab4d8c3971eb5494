#pragma once

#include <arrow/status.h>

namespace larnax::cli {

/// Exit codes of every command.
enum ExitCode {
  kOk = 0,
  kNotFound = 1,    ///< No such archive, metric, file.
  kBadRequest = 2,  ///< The command line, a selector, a time, a setting cannot be understood.
  kLimit = 3,       ///< Over a limit.
  kTimeout = 4,     ///< Out of time, or interrupted.
  kFailure = 5,     ///< Damage in an archive, an I/O error, anything else.
};

/// The exit code for a Status.
ExitCode ExitCodeOf(const arrow::Status& status);

/// Print `larnax: MESSAGE` to stderr and return the exit code of a failed Status.
int Fail(const arrow::Status& status);

}  // namespace larnax::cli
