#pragma once

#include <optional>
#include <string>

#include <arrow/status.h>

namespace larnax {

/// What went wrong, for those who translate errors for others (HTTP, command line, Python).
///
/// A kind rides in the StatusDetail of an `arrow::Status`. A Status without one is `kOverloaded`
/// where memory ran out (`OutOfMemory`); else an operating error (`IOError`) or a bug, and answers
/// like `kInternal`.
enum class ErrorKind {
  kBadQuery,     ///< The question cannot be understood: selector, time, parameter.
  kBadSample,    ///< Part or all of what was sent cannot be stored; sending it again cannot help.
  kTooLarge,     ///< A request is over a size limit.
  kUnsupported,  ///< A content type, encoding or protocol message that is not spoken here.
  kExecution,    ///< A query that is understood but fails on the samples it meets.
  kLimit,        ///< A query is over a limit of samples, series or memory.
  kOverloaded,   ///< Not now: memory or disk is full, or the server is stopping. Send it again.
  kNotFound,     ///< No such thing.
  kCorrupt,      ///< Bytes at rest do not match their checksum or format.
  kTimeout,      ///< The time limit was reached.
  kCancelled,    ///< The one who asked went away.
  kClosed,       ///< The database is closed, read-only, or held by another process.
  kInternal,     ///< Anything else.
};

/// Build a Status of one kind. `message` is a sentence, then `name=value` pairs.
arrow::Status MakeError(ErrorKind kind, std::string message);

/// Tell the kind of a failed Status. Where none was set: `kOverloaded` of OutOfMemory, else
/// `kInternal`.
ErrorKind KindOf(const arrow::Status& status);

/// Name a kind as Prometheus' HTTP API does in `errorType` (`bad_data`, `execution`, ...).
const char* ErrorTypeName(ErrorKind kind);

}  // namespace larnax
