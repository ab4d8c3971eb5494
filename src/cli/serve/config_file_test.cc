#include "cli/serve/config_file.h"

#include <fstream>

#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::cli {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(ParseConfig, ReadsSettings) {
  ASSERT_OK_AND_ASSIGN(const GivenSettings given, ParseConfig("# Ours.\n"
                                                              "data: /srv/larnax\n"
                                                              "listen: '[::1]:80'\n"
                                                              "max-connections: 12\n"
                                                              "experiment-label:\n"
                                                              "--max-future: 1h\n",
                                                              "c.yml"));
  EXPECT_THAT(given, ElementsAre(Pair("data", "/srv/larnax"), Pair("listen", "[::1]:80"),
                                 Pair("max-connections", "12"), Pair("experiment-label", ""),
                                 Pair("max-future", "1h")));
}

TEST(ParseConfig, MayBeEmpty) {
  EXPECT_TRUE(ParseConfig("", "c.yml").ValueOrDie().empty());
  EXPECT_TRUE(ParseConfig("# nothing\n", "c.yml").ValueOrDie().empty());
}

TEST(ParseConfig, NamesTheLineThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"data: a\nnothing: b\n", "c.yml:2: unknown setting: nothing"},
      {"data: a\n\nwal-sync: perhaps\n", "c.yml:3: invalid wal-sync: must be batch"},
      {"data: a\ndata: b\n", "c.yml:2: setting given twice: data"},
      {"data: [a, b]\n", "c.yml:1: the value of data must be one word"},
      {"data:\n  path: a\n", "the value of data must be one word"},
      {"- data\n", "c.yml:1: expected `setting: value` lines"},
      {"just text\n", "c.yml:1: expected"},
      {"data: a\n  b: c\n", "c.yml:2:"},
      {"data: {a\n", "c.yml:"},
      {"? [a]\n: b\n", "c.yml:1: a setting's name must be a word"},
      {"---: x\n", "unknown setting"}};
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(ParseConfig(text, "c.yml"), test::IsKind(ErrorKind::kBadQuery)) << text;
    EXPECT_THAT(ParseConfig(text, "c.yml"), test::HasMessage(message)) << text;
  }
  EXPECT_THAT(ParseConfig(std::string(2 << 20, '#'), "c.yml"), test::HasMessage("1 MiB"));
}

TEST(ReadConfigFile, ReadsAFile) {
  const std::string path = testing::TempDir() + "/larnax_config_file_test.yml";
  std::ofstream(path) << "data: a\n";
  EXPECT_THAT(ReadConfigFile(path).ValueOrDie(), ElementsAre(Pair("data", "a")));
  std::remove(path.c_str());
  EXPECT_THAT(ReadConfigFile(path), test::IsKind(ErrorKind::kNotFound));
}

}  // namespace
}  // namespace larnax::cli
