#pragma once

#include <memory>
#include <string_view>

#include <arrow/result.h>

namespace re2 {
class RE2;
}

namespace larnax::model {

/// Compile a regular expression as Prometheus' clients write it: the syntax of Go, `.` matching
/// newlines too. What it costs is bounded.
///
/// \retval kBadQuery `error parsing regexp: ...`.
arrow::Result<std::unique_ptr<re2::RE2>> CompileGoRegex(std::string_view pattern);

}  // namespace larnax::model
