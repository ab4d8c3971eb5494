#include "cli/command_line.h"

#include "cli/exit_code.h"
#include "larnax/version.h"
#include "test/matchers.h"

namespace larnax::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

CommandLine Parse(std::vector<const char*> words) {
  words.insert(words.begin(), "larnax");
  return ParseCommandLine(static_cast<int>(words.size()), words.data());
}

// What is printed instead of running a command.
PrintAndExit Printed(std::vector<const char*> words) {
  const CommandLine line = Parse(std::move(words));
  const auto* print = std::get_if<PrintAndExit>(&line);
  EXPECT_NE(print, nullptr);
  return print == nullptr ? PrintAndExit{} : *print;
}

TEST(ParseCommandLine, Serve) {
  const auto line = Parse({"serve", "--data", "d", "--web.listen-address=:80", "--config.file",
                           "c.yml", "--experiment-label="});
  const auto& serve = std::get<ServeArguments>(line);
  EXPECT_EQ(serve.config, "c.yml");
  EXPECT_THAT(serve.given, UnorderedElementsAre(Pair("data", "d"), Pair("listen", ":80"),
                                                Pair("experiment-label", "")));
  EXPECT_TRUE(std::get<ServeArguments>(Parse({"serve"})).given.empty());
}

TEST(ParseCommandLine, Inspect) {
  const auto bare = std::get<InspectArguments>(Parse({"inspect"}));
  EXPECT_EQ(bare.data, "./data");
  EXPECT_FALSE(bare.files || bare.columns);
  EXPECT_EQ(bare.format, OutputFormat::kText);
  const auto full = std::get<InspectArguments>(
      Parse({"inspect", "x", "--files", "--columns", "--format", "json"}));
  EXPECT_EQ(full.data, "x");
  EXPECT_TRUE(full.files && full.columns);
  EXPECT_EQ(full.format, OutputFormat::kJson);
  EXPECT_EQ(std::get<InspectArguments>(Parse({"inspect", "--data", "y"})).data, "y");
}

TEST(ParseCommandLine, Verify) {
  const auto verify = std::get<VerifyArguments>(Parse({"verify", "x", "--format=json"}));
  EXPECT_EQ(verify.data, "x");
  EXPECT_EQ(verify.format, OutputFormat::kJson);
  EXPECT_EQ(std::get<VerifyArguments>(Parse({"verify", "--data", "y"})).data, "y");
}

TEST(ParseCommandLine, Export) {
  const auto args = std::get<ExportArguments>(
      Parse({"export", "d", "--match", "up", "--match", "{job=~\"a,b\"}", "--start", "1", "--end",
             "2", "--format", "csv", "--layout", "per-metric", "--output", "o"}));
  EXPECT_EQ(args.data, "d");
  EXPECT_THAT(args.match, ElementsAre("up", "{job=~\"a,b\"}"));
  EXPECT_EQ(args.start, "1");
  EXPECT_EQ(args.end, "2");
  EXPECT_EQ(args.format, "csv");
  EXPECT_EQ(args.layout, "per-metric");
  EXPECT_EQ(args.output, "o");
  const auto swapped =
      std::get<ExportArguments>(Parse({"export", "--output", "o", "--match", "up", "d"}));
  EXPECT_EQ(swapped.data, "d");
  EXPECT_THAT(swapped.match, ElementsAre("up"));
}

TEST(ParseCommandLine, Query) {
  const auto bare = std::get<QueryArguments>(Parse({"query", "up"}));
  EXPECT_EQ(bare.query, "up");
  EXPECT_EQ(bare.data, "./data");
  EXPECT_EQ(bare.format, "table");
  const auto range = std::get<QueryArguments>(
      Parse({"query", "rate(x[5m])", "--url", "http://a:1", "--start", "-1h30m", "--end", "now",
             "--step", "15s", "--timeout", "5s", "--format", "graph"}));
  EXPECT_EQ(range.query, "rate(x[5m])");
  EXPECT_EQ(range.url, "http://a:1");
  EXPECT_EQ(range.start, "-1h30m");
  EXPECT_EQ(range.end, "now");
  EXPECT_EQ(range.step, "15s");
  EXPECT_EQ(range.timeout, "5s");
  EXPECT_EQ(range.format, "graph");
  EXPECT_EQ(std::get<QueryArguments>(Parse({"query", "--", "-up"})).query, "-up");
  EXPECT_EQ(Printed({"query"}).exit_code, kBadRequest);
  EXPECT_EQ(Printed({"query", "up", "--format", "xml"}).exit_code, kBadRequest);
  EXPECT_EQ(Printed({"query", "up", "--data", "d", "--url", "u"}).exit_code, kBadRequest);
}

TEST(ParseCommandLine, Explain) {
  const auto explain =
      std::get<ExplainArguments>(Parse({"explain", "up", "--data", "d", "--analyze"}));
  EXPECT_EQ(explain.query.query, "up");
  EXPECT_EQ(explain.query.data, "d");
  EXPECT_TRUE(explain.query.analyze);
}

TEST(ParseCommandLine, Version) {
  EXPECT_EQ(std::get<VersionArguments>(Parse({"version"})).format, OutputFormat::kText);
  EXPECT_THAT(Printed({"--version"}).text, HasSubstr(Version()));
  EXPECT_EQ(Printed({"--version"}).exit_code, kOk);
}

TEST(ParseCommandLine, HelpNamesEverything) {
  const PrintAndExit root = Printed({"--help"});
  EXPECT_EQ(root.exit_code, kOk);
  for (const char* word :
       {"serve", "inspect", "verify", "export", "query", "explain", "version", "Examples:"}) {
    EXPECT_THAT(root.text, HasSubstr(word));
  }
  const PrintAndExit serve = Printed({"serve", "--help"});
  EXPECT_EQ(serve.exit_code, kOk);
  for (const Setting& setting : AllSettings()) {
    EXPECT_THAT(serve.text, HasSubstr("--" + std::string(setting.name)));
    EXPECT_THAT(serve.text, HasSubstr(std::string(setting.alias)));
  }
  EXPECT_THAT(serve.text, HasSubstr("127.0.0.1:9797"));
}

TEST(ParseCommandLine, ComplainsOfMisuse) {
  const std::pair<std::vector<const char*>, const char*> cases[] = {
      {{}, "subcommand"},
      {{"serf"}, "serf"},
      {{"serve", "--colour"}, "--colour"},
      {{"serve", "--data"}, "--data"},
      {{"inspect", "--format", "xml"}, "xml"},
      {{"inspect", "a", "b"}, "b"},
      {{"inspect", "a", "--data", "b"}, "--data"},
      {{"export", "d", "--output", "o"}, "--match"},
      {{"export", "d", "--match", "up"}, "--output"},
      {{"export", "d", "--match", "up", "--output", "o", "--layout", "round"}, "round"}};
  for (const auto& [words, phrase] : cases) {
    const PrintAndExit print = Printed(words);
    EXPECT_EQ(print.exit_code, kBadRequest) << phrase;
    EXPECT_THAT(print.text, HasSubstr(phrase));
  }
}

}  // namespace
}  // namespace larnax::cli
