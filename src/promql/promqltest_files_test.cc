// Parses every expression of a folder of `.test` files: LARNAX_PROMQLTEST=FOLDER.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <string>

#include "promql/parser.h"
#include "promql/printer.h"
#include "test/matchers.h"

namespace larnax::promql {
namespace {

constexpr ParseOptions kAll = {
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

// Expressions must parse even where their evaluation is to fail.
void CheckExpressionsOf(const std::filesystem::path& path, int* count) {
  static const std::regex kInstant(
      R"(eval(?:_(?:fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+))?\s+(.+))",
      std::regex::icase);
  static const std::regex kRange(
      R"(eval(?:_(?:fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+))",
      std::regex::icase);
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    std::smatch match;
    std::string text;
    if (std::regex_match(line, match, kInstant)) text = match[2];
    if (std::regex_match(line, match, kRange)) text = match[4];
    if (text.empty()) continue;
    ++*count;
    const auto expr = Parse(text, kAll);
    ASSERT_TRUE(expr.ok()) << path << ":" << number << ": " << text << "\n"
                           << expr.status().message();
    const auto again = Parse(ToString(**expr), kAll);
    ASSERT_TRUE(again.ok()) << path << ":" << number << ": " << ToString(**expr);
    EXPECT_EQ(ToString(**again), ToString(**expr)) << path << ":" << number;
  }
}

TEST(PromqlTestFiles, EveryExpressionParses) {
  const char* folder = std::getenv("LARNAX_PROMQLTEST");
  if (folder == nullptr) GTEST_SKIP() << "LARNAX_PROMQLTEST names no folder of .test files";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".test") CheckExpressionsOf(entry.path(), &count);
  }
  EXPECT_GT(count, 0) << "no expressions in " << folder;
  std::cout << count << " expressions parsed\n";
}

}  // namespace
}  // namespace larnax::promql
