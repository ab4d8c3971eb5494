#include "cli/log.h"

#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace larnax::cli {

void SetUpLog(std::string_view level) {
  // `stderr_logger_mt` registers by name and would fail the second time.
  auto logger =
      std::make_shared<spdlog::logger>("larnax", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(std::string(level)));
  spdlog::set_default_logger(std::move(logger));
}

void LogInfo(std::string_view message) { spdlog::info(message); }
void LogWarning(std::string_view message) { spdlog::warn(message); }
void LogError(std::string_view message) { spdlog::error(message); }

}  // namespace larnax::cli
