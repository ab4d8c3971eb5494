#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <arrow/result.h>

namespace larnax::cli {

/// A file that lines are appended to, each at once. Safe to use from any thread.
struct LineLog {
  /// Open a file, creating it; without a path there is no log and the function is empty. It closes
  /// when its last copy goes away. What cannot be written is lost.
  ///
  /// \retval IOError The file cannot be opened.
  static arrow::Result<std::function<void(std::string_view)>> Open(const std::string& path);
};

}  // namespace larnax::cli
