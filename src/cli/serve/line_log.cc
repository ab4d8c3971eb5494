#include "cli/serve/line_log.h"

#include <fstream>
#include <memory>
#include <mutex>

namespace larnax::cli {
namespace {

struct Lines {
  std::ofstream file;
  std::mutex mutex;
};

}  // namespace

arrow::Result<std::function<void(std::string_view)>> LineLog::Open(const std::string& path) {
  if (path.empty()) return nullptr;
  auto lines = std::make_shared<Lines>();
  lines->file.open(path, std::ios::app);
  if (!lines->file) return arrow::Status::IOError("cannot open the log: path=", path);
  return [lines](std::string_view line) {
    const std::lock_guard lock(lines->mutex);
    lines->file << line << '\n' << std::flush;
    // A full disk now may have room later.
    lines->file.clear();
  };
}

}  // namespace larnax::cli
