#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/serve/listen_address.h"
#include "http/server.h"
#include "larnax/options.h"

namespace larnax::cli {

/// All that `larnax serve` can be told.
struct ServeSettings {
  std::string data = "./data";
  ListenAddress listen;
  DatabaseOptions database;
  http::ServerOptions server;  ///< Its host and port are taken from `listen`.
  std::string query_log;       ///< Paths of files; empty: none.
  std::string slow_query_log;
  int64_t self_metrics_interval_ms = 15'000;  ///< 0: off.
  std::string log_level = "info";
};

/// One setting, under one name as a flag and in the config file.
struct Setting {
  std::string_view name;   ///< Without dashes.
  std::string_view alias;  ///< Prometheus' name for the same thing; may be empty.
  std::string_view value;  ///< What stands for the value in the help: `DIR`, `DURATION`, ...
  std::string_view group;  ///< Heading in the help.
  std::string_view help;
  /// Read a value. Errors do not repeat the setting's name.
  arrow::Status (*set)(std::string_view text, ServeSettings* settings);
  /// Print the value that is in force.
  std::string (*show)(const ServeSettings& settings);
  bool repeats = false;  ///< May be given several times as a flag.
};

/// All settings in the order of the help.
std::span<const Setting> AllSettings();

/// Name and value of settings that were given.
using GivenSettings = std::vector<std::pair<std::string, std::string>>;

/// Apply settings, the later ones over the earlier. Names may be Prometheus' names.
///
/// \retval kBadQuery An unknown name, or a value that cannot be read: `invalid wal-sync: ...`.
arrow::Status ApplySettings(const GivenSettings& given, ServeSettings* settings);

/// Every setting as it is in force, for /api/v1/status/flags.
std::map<std::string, std::string> ShowSettings(const ServeSettings& settings);

}  // namespace larnax::cli
