#include "cli/serve/log.h"

#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace larnax::cli {

namespace {

// What clients sent may stand in a message; it must not begin a line of its own, nor steer a
// terminal.
std::string OnOneLine(std::string_view message) {
  std::string line;
  for (const char c : message) {
    if (c >= ' ' && c != 0x7F) {
      line.push_back(c);
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      line.push_back(c);
    } else {
      constexpr const char* kDigits = "0123456789abcdef";
      line.append("\\x");
      line.push_back(kDigits[c >> 4 & 15]);
      line.push_back(kDigits[c & 15]);
    }
  }
  return line;
}

}  // namespace

void SetUpLog(std::string_view level) {
  // `stderr_logger_mt` registers by name and would fail the second time.
  auto logger =
      std::make_shared<spdlog::logger>("larnax", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level)));
  spdlog::set_default_logger(std::move(logger));
}

void LogInfo(std::string_view message) { spdlog::info(OnOneLine(message)); }
void LogWarning(std::string_view message) { spdlog::warn(OnOneLine(message)); }
void LogError(std::string_view message) { spdlog::error(OnOneLine(message)); }

}  // namespace larnax::cli
