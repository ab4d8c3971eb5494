#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/serve/serve_settings.h"

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

struct QueryArguments {
  std::string query;
  std::string data = "./data";
  std::string url;    ///< Of a server to ask instead of `data`; empty: none.
  std::string time;   ///< Of an instant query; empty: now.
  std::string start;  ///< Of a range query, together with `end` and `step`.
  std::string end;
  std::string step;
  std::string timeout;
  std::string features;          ///< As of `larnax serve --enable-feature`.
  std::string format = "table";  ///< table, csv, json, arrow, parquet or graph.
  bool analyze = false;          ///< Of `explain`.
};

struct ExplainArguments {
  QueryArguments query;
};

struct VersionArguments {
  OutputFormat format = OutputFormat::kText;
};

/// What to print at once instead of running a command: help, or a complaint.
struct PrintAndExit {
  std::string text;
  int exit_code = 0;
};

using CommandLine =
    std::variant<PrintAndExit, ServeArguments, InspectArguments, VerifyArguments, ExportArguments,
                 QueryArguments, ExplainArguments, VersionArguments>;

/// Read a command line. Values are checked where the commands use them, but for words of a list.
CommandLine ParseCommandLine(int argc, const char* const* argv);

}  // namespace larnax::cli
