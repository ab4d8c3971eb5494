#pragma once

#include <string_view>

namespace larnax::cli {

// The server's log: lines on stderr. Safe to use from any thread.

/// Set the least level to print: `debug`, `info`, `warn`, `error`.
void SetUpLog(std::string_view level);
void LogInfo(std::string_view message);
void LogWarning(std::string_view message);
void LogError(std::string_view message);

}  // namespace larnax::cli
