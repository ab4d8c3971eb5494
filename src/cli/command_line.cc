#include "cli/command_line.h"

#include <sstream>

// The only file that includes it: it takes many seconds to compile.
#include <CLI/CLI.hpp>

#include "cli/exit_code.h"
#include "larnax/version.h"

namespace larnax::cli {
namespace {

constexpr const char* kRootFooter = R"(
Examples:
  larnax serve --data ./data                 take remote write, answer over HTTP
  larnax inspect ./data --columns            what takes how much room
  larnax verify ./data                       check every checksum
  larnax query 'sum by (job) (up)'           answer PromQL, from files or a server
  larnax export ./data --match up --format csv --output up.csv

`larnax COMMAND --help` says more. The files need no Larnax: any Parquet reader opens them.)";

constexpr const char* kServeFooter = R"(
Durations are like 15s, 1h30m or seconds; sizes like 32MiB. A setting may also stand in the config
file, under its name without dashes; flags go first. Prometheus' names mean the same things.

Examples:
  larnax serve --data ./data
  larnax serve --data /srv/larnax --listen :9797 --wal-sync interval
  larnax serve --config larnax.yml

larnax.yml:
  data: /srv/larnax
  listen: 0.0.0.0:9797
  max-future: 1h)";

constexpr const char* kInspectFooter = R"(
Examples:
  larnax inspect ./data
  larnax inspect ./data --files --columns
  larnax inspect ./data --format json | jq .rows)";

constexpr const char* kVerifyFooter = R"(
Works beside a running server. Exits 5 when there are problems.

Examples:
  larnax verify ./data
  larnax verify ./data --format json)";

constexpr const char* kExportFooter = R"(
Flush a running server first (POST /flush): what is only in its memory is not seen. Times are
seconds since 1970, RFC 3339, `now`, or a duration before now: `-1h30m`.

Examples:
  larnax export ./data --match 'http_requests_total{job="api"}' --output run.parquet
  larnax export ./data --match '{job=~"api|web"}' --start 2026-11-22T00:00:00Z \
      --end 2026-11-23T00:00:00Z --format csv --output day.csv
  larnax export ./data --match '{__name__=~".+"}' --start -1d --layout per-metric --output all/)";

constexpr const char* kQueryFooter = R"(
Without a range it is an instant query. Times are seconds since 1970, RFC 3339, `now`, or a duration
before now: `-1h30m`. Beside a running server only its files are seen: --url asks it for all it has.

Examples:
  larnax query 'topk(5, count by (__name__) ({__name__=~".+"}))'
  larnax query 'rate(http_requests_total[5m])' --start -1h --end now --step 15s --format graph
  larnax query up --url http://localhost:9797 --format json
  larnax query 'avg by (job) (up)' --start -1d --step 1m --format parquet > up.parquet)";

constexpr const char* kExplainFooter = R"(
The query is planned and nothing is read. With --analyze it is run, and it is told what each step of
the plan took and put out.

Examples:
  larnax explain 'sum by (job) (rate(http_requests_total[5m]))'
  larnax explain 'sum(rate(x[5m]))' --start -6h --step 15s --analyze)";

void AddData(CLI::App* command, std::string* data) {
  auto* positional = command->add_option("DIR", *data, "The archive")->capture_default_str();
  command->add_option("--data", *data, "The same as DIR")->excludes(positional);
}

void AddFormat(CLI::App* command, OutputFormat* format) {
  command
      ->add_option_function<std::string>(
          "--format",
          [format](const std::string& text) {
            *format = text == "json" ? OutputFormat::kJson : OutputFormat::kText;
          },
          "text, or json for scripts")
      ->check(CLI::IsMember({"text", "json"}))
      ->default_str("text");
}

CLI::App* AddServe(CLI::App* app, ServeArguments* arguments) {
  auto* command = app->add_subcommand("serve", "Take remote write and answer over HTTP");
  command->add_option("--config,--config.file", arguments->config, "Settings in YAML")
      ->type_name("FILE");
  const ServeSettings defaults;
  for (const Setting& setting : AllSettings()) {
    std::string names = "--" + std::string(setting.name);
    if (!setting.alias.empty()) names += ",--" + std::string(setting.alias);
    auto* option = command->add_option_function<std::vector<std::string>>(
        names,
        [arguments, name = std::string(setting.name)](const std::vector<std::string>& values) {
          for (const std::string& value : values) arguments->given.emplace_back(name, value);
        },
        std::string(setting.help));
    option->type_name(std::string(setting.value))
        ->default_str(setting.show(defaults))
        ->group(std::string(setting.group))
        ->type_size(1)
        ->expected(1);
    if (setting.repeats) option->take_all()->allow_extra_args(false);
  }
  command->footer(kServeFooter);
  return command;
}

CLI::App* AddInspect(CLI::App* app, InspectArguments* arguments) {
  auto* command = app->add_subcommand("inspect", "Show what an archive holds and what it takes");
  AddData(command, &arguments->data);
  command->add_flag("--files", arguments->files, "List every live file");
  command->add_flag("--columns", arguments->columns, "List columns by the room they take");
  AddFormat(command, &arguments->format);
  command->footer(kInspectFooter);
  return command;
}

CLI::App* AddVerify(CLI::App* app, VerifyArguments* arguments) {
  auto* command = app->add_subcommand("verify", "Check every checksum, index and order");
  AddData(command, &arguments->data);
  AddFormat(command, &arguments->format);
  command->footer(kVerifyFooter);
  return command;
}

CLI::App* AddExport(CLI::App* app, ExportArguments* arguments) {
  auto* command = app->add_subcommand("export", "Write selected samples to files of another shape");
  AddData(command, &arguments->data);
  command->add_option("--match", arguments->match, "A selector; may be repeated")
      ->type_name("SELECTOR")
      ->required()
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--start", arguments->start, "First time, included")->type_name("TIME");
  command->add_option("--end", arguments->end, "Last time, included")->type_name("TIME");
  command->add_option("--format", arguments->format, "parquet, csv or openmetrics")
      ->check(CLI::IsMember({"parquet", "csv", "openmetrics"}))
      ->capture_default_str();
  command->add_option("--layout", arguments->layout, "one file, or a folder with one per metric")
      ->check(CLI::IsMember({"single", "per-metric"}))
      ->capture_default_str();
  command->add_option("--output", arguments->output, "File or folder; must not exist")
      ->type_name("PATH")
      ->required();
  command->footer(kExportFooter);
  return command;
}

void AddQuestion(CLI::App* command, QueryArguments* arguments) {
  command->add_option("EXPR", arguments->query, "The question, in PromQL")->required();
  command->add_option("--data", arguments->data, "The archive")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_option("--time", arguments->time, "Of an instant query; without it: now")
      ->type_name("TIME");
  command->add_option("--start", arguments->start, "First step of a range")->type_name("TIME");
  command->add_option("--end", arguments->end, "Last step of a range; without it: now")
      ->type_name("TIME");
  command->add_option("--step", arguments->step, "Between steps; without it: a 250th of the range")
      ->type_name("DURATION");
  command->add_option("--timeout", arguments->timeout, "Give up after it")->type_name("DURATION");
  command->add_option("--enable-feature", arguments->features, "As of `larnax serve`")
      ->type_name("NAMES");
}

CLI::App* AddQuery(CLI::App* app, QueryArguments* arguments) {
  auto* command = app->add_subcommand("query", "Answer a question in PromQL");
  AddQuestion(command, arguments);
  command->add_option("--url", arguments->url, "Ask this server, Larnax or Prometheus, instead")
      ->type_name("URL")
      ->excludes("--data");
  command->add_option("--format", arguments->format, "table, csv, json, arrow, parquet or graph")
      ->check(CLI::IsMember({"table", "csv", "json", "arrow", "parquet", "graph"}))
      ->capture_default_str();
  command->footer(kQueryFooter);
  return command;
}

CLI::App* AddExplain(CLI::App* app, ExplainArguments* arguments) {
  auto* command = app->add_subcommand("explain", "Show how a question in PromQL is answered");
  AddQuestion(command, &arguments->query);
  command->add_flag("--analyze", arguments->query.analyze, "Tell what each step took");
  command->footer(kExplainFooter);
  return command;
}

// The words in the order CLI11 wants: last first. It takes `--name=` for a flag without its value;
// here it is one with an empty value.
std::vector<std::string> ReversedWords(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) {
    std::string word = argv[i];
    if (word.size() > 3 && word.starts_with("--") && word.ends_with('=')) {
      word.pop_back();
      words.emplace_back();
    }
    words.push_back(std::move(word));
  }
  return words;
}

PrintAndExit Complain(const CLI::App& app, const CLI::ParseError& error,
                      const std::vector<std::string>& words) {
  std::ostringstream out;
  std::ostringstream complaint;
  const int code = app.exit(error, out, complaint);
  if (code == 0) return PrintAndExit{out.str(), kOk};
  // CLI11 only says that it misses a command.
  if (app.get_subcommands().empty() && !words.empty() && !words.back().starts_with('-')) {
    return PrintAndExit{"Unknown command: " + words.back() + "\n" + complaint.str(), kBadRequest};
  }
  return PrintAndExit{complaint.str(), kBadRequest};
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  CLI::App app("Larnax keeps every Prometheus sample, exactly, as rows of Parquet.", "larnax");
  ServeArguments serve;
  InspectArguments inspect;
  VerifyArguments verify;
  ExportArguments export_arguments;
  QueryArguments query;
  ExplainArguments explain;
  VersionArguments version;
  app.footer(kRootFooter);
  app.require_subcommand(1);
  app.get_formatter()->column_width(44);
  app.set_version_flag("--version", std::string("larnax ") + Version());
  const CLI::App* serve_command = AddServe(&app, &serve);
  const CLI::App* inspect_command = AddInspect(&app, &inspect);
  const CLI::App* verify_command = AddVerify(&app, &verify);
  const CLI::App* export_command = AddExport(&app, &export_arguments);
  const CLI::App* query_command = AddQuery(&app, &query);
  const CLI::App* explain_command = AddExplain(&app, &explain);
  auto* version_command = app.add_subcommand("version", "Say what this is");
  AddFormat(version_command, &version.format);
  const std::vector<std::string> words = ReversedWords(argc, argv);
  try {
    app.parse(std::vector<std::string>(words));
  } catch (const CLI::ParseError& e) {
    return Complain(app, e, words);
  }
  if (serve_command->parsed()) return serve;
  if (inspect_command->parsed()) return inspect;
  if (verify_command->parsed()) return verify;
  if (export_command->parsed()) return export_arguments;
  if (query_command->parsed()) return query;
  if (explain_command->parsed()) return explain;
  return version;
}

}  // namespace larnax::cli
