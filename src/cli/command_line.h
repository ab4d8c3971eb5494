#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/serve_settings.h"

namespace larnax::cli {

/// For eyes or for scripts.
enum class OutputFormat { kText, kJson };

struct ServeArguments {
  std::string config;   ///< Path of a config file; empty: none.
  GivenSettings given;  ///< Flags, which go over the config file.
};

struct InspectArguments {
  std::string data = "./data";
  bool files = false;
  bool columns = false;
  OutputFormat format = OutputFormat::kText;
};

struct VerifyArguments {
  std::string data = "./data";
  OutputFormat format = OutputFormat::kText;
};

struct ExportArguments {
  std::string data = "./data";
  std::vector<std::string> match;
  std::string start;
  std::string end;
  std::string format = "parquet";  ///< parquet, csv or openmetrics.
  std::string layout = "single";   ///< single or per-metric.
  std::string output;
};

struct VersionArguments {
  OutputFormat format = OutputFormat::kText;
};

/// What to print at once instead of running a command: help, or a complaint.
struct PrintAndExit {
  std::string text;
  int exit_code = 0;
};

using CommandLine = std::variant<PrintAndExit, ServeArguments, InspectArguments, VerifyArguments,
                                 ExportArguments, VersionArguments>;

/// Read a command line. Values are checked where the commands use them, but for words of a list.
CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace larnax::cli
