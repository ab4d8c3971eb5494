#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "larnax/database.h"

namespace larnax::cli {

/// Draws one line of progress on stderr while it lives; nothing where stderr is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  ~ProgressBar();  ///< Wipes the line.
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Show(int64_t done, int64_t total);
  /// A callback that shows; empty where nothing would be drawn. Must not outlive this.
  Progress AsCallback();

 private:
  std::string title_;
  bool is_terminal_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

/// The line for a state of the work: `title  [#####-----]  50%`, or `title  1,234` where nobody
/// knows of how many.
std::string ProgressLine(const std::string& title, int64_t done, int64_t total);

}  // namespace larnax::cli
