// Runs .test files: larnax-promqltest [--storage memory|head|files|reopened] [--threads N] FILE...
//
// Prints each failure as `FILE:LINE: ...` and ends with `N passed, M failed`; exits 1 where any
// failed, 2 where a file cannot be read.

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "test/promql/runner.h"
#include "test/promql/script.h"
#include "test/promql/storage.h"

namespace larnax::promqltest {
namespace {

struct Options {
  std::string storage = "memory";
  int threads = 0;
  std::vector<std::string> files;
};

std::optional<Options> ParseArguments(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool has_value = i + 1 < argc;
    if (argument == "--storage" && has_value) {
      options.storage = argv[++i];
    } else if (argument == "--threads" && has_value) {
      const std::string_view text = argv[++i];
      const auto [end, error] =
          std::from_chars(text.data(), text.data() + text.size(), options.threads);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    } else if (argument.starts_with("--")) {
      return std::nullopt;
    } else {
      options.files.emplace_back(argument);
    }
  }
  if (options.files.empty()) return std::nullopt;
  return options;
}

arrow::Result<RunReport> RunFile(const std::string& path, const Options& options) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return arrow::Status::IOError("cannot read the file");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  ARROW_ASSIGN_OR_RAISE(const std::vector<Command> commands, ParseScript(text));
  ARROW_ASSIGN_OR_RAISE(const auto storage, MakeStorage(options.storage));
  return RunScript(commands, options.threads, storage.get());
}

int Main(int argc, char** argv) {
  const std::optional<Options> options = ParseArguments(argc, argv);
  if (!options) {
    std::cerr << "usage: larnax-promqltest [--storage memory|head|files|reopened] [--threads N] "
                 "FILE...\n";
    return 2;
  }
  int passed = 0;
  int failed = 0;
  bool unreadable = false;
  for (const std::string& path : options->files) {
    const auto report = RunFile(path, *options);
    if (!report.ok()) {
      std::cout << path << ":" << report.status().message() << "\n";
      unreadable = true;
      continue;
    }
    for (const std::string& failure : report->failures) {
      std::cout << path << ":" << failure << "\n";
    }
    passed += report->passed;
    failed += report->failed;
  }
  std::cout << passed << " passed, " << failed << " failed\n";
  if (unreadable) return 2;
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace larnax::promqltest

int main(int argc, char** argv) { return larnax::promqltest::Main(argc, argv); }
