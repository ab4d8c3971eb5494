#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/human.h"

namespace larnax::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr int64_t kWidth = 30;

}  // namespace

std::string ProgressLine(const std::string& title, int64_t done, int64_t total) {
  if (total <= 0) return title + "  " + FormatCount(done);
  const double part = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
  const auto filled = static_cast<size_t>(part * kWidth);
  return title + "  [" + std::string(filled, '#') + std::string(kWidth - filled, '-') + "]  " +
         std::to_string(static_cast<int>(part * 100)) + "%";
}

ProgressBar::ProgressBar(std::string title)
    : title_(std::move(title)), is_terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::Show(int64_t done, int64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (!is_terminal_ || (drawn_ && now - last_ < kRedraw)) return;
  last_ = now;
  drawn_ = true;
  std::fprintf(stderr, "\r%s\033[K", ProgressLine(title_, done, total).c_str());
  std::fflush(stderr);
}

Progress ProgressBar::AsCallback() {
  if (!is_terminal_) return {};
  return [this](int64_t done, int64_t total) { Show(done, total); };
}

}  // namespace larnax::cli
