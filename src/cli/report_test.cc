#include "cli/report.h"

#include <nlohmann/json.hpp>

#include "cli/exit_code.h"
#include "cli/human.h"
#include "cli/progress_bar.h"
#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

InspectReport SomeReport() {
  InspectReport report;
  report.format_version = 1;
  report.manifest = 12;
  report.next_sequence = 34;
  report.rows = 2000;
  report.bytes = 3000;
  report.wal_bytes = 2048;
  report.files = {{"samples/date=1970-01-01/a.parquet", "samples", 1, 1500, 500, 1500, 10, 0, 1000},
                  {"samples/date=1970-01-01/b.parquet", "samples", 0, 900, 100, 500, 5, 500, 2000}};
  report.columns = {{"job", "", 10, 20, 3, "RLE_DICTIONARY"},
                    {"value", "", 2000, 16'000, 0, "PLAIN"},
                    {"value_label", "value", 5, 6, 2, "RLE_DICTIONARY"}};
  report.experiments = {"run-1", "run-2"};
  return report;
}

TEST(InspectText, SumsUpByTable) {
  const std::string text = InspectText(SomeReport(), false, false);
  EXPECT_EQ(text,
            "Archive format 1, manifest 12, next sequence 34\n"
            "2,000 rows in 2 files, 2.93 KiB (1.500 bytes a row), log 2.00 KiB\n"
            "\n"
            "table    files   rows      size  bytes/row  first                     last\n"
            "samples      2  2,000  2.93 KiB      1.500  1970-01-01T00:00:00.000Z  "
            "1970-01-01T00:00:02.000Z\n"
            "\n"
            "Experiments: run-1, run-2\n");
}

TEST(InspectText, ListsFilesAndColumnsWhenAsked) {
  const std::string files = InspectText(SomeReport(), true, false);
  EXPECT_THAT(files, HasSubstr("samples/date=1970-01-01/b.parquet"));
  EXPECT_THAT(files, Not(HasSubstr("RLE_DICTIONARY")));
  const std::string columns = InspectText(SomeReport(), false, true);
  EXPECT_THAT(columns, HasSubstr("value_label (value)"));
  EXPECT_LT(columns.find("PLAIN"), columns.find("RLE_DICTIONARY")) << "largest first";
}

TEST(InspectText, TellsBytesPerRowOfEachTable) {
  InspectReport report = SomeReport();
  report.files.push_back({.path = "histograms/date=1970-01-01/c.parquet",
                          .table = "histograms",
                          .bytes = 900,
                          .rows = 100,
                          .series = 1});
  report.columns.push_back({.column = "sum",
                            .label = {},
                            .bytes = 750,
                            .raw_bytes = 800,
                            .encodings = "PLAIN",
                            .table = "histograms"});
  const std::string text = InspectText(report, false, true);
  EXPECT_THAT(text, ContainsRegex("histograms +sum +750 B +7.500 "));
  EXPECT_THAT(text, ContainsRegex("samples +value +1.95 KiB +1.000 "));
  EXPECT_EQ(nlohmann::json::parse(InspectJson(report))["columns"][3]["table"], "histograms");
}

TEST(InspectText, NamesLostFiles) {
  InspectReport report = SomeReport();
  report.files[1].problem = "gone: path=b";
  EXPECT_THAT(InspectText(report, false, false), HasSubstr("\n1 file is lost or damaged:\n"
                                                           "  gone: path=b\n"));
  EXPECT_THAT(InspectText(report, true, false),
              ContainsRegex("b.parquet .*02.000Z  lost or damaged"));
  EXPECT_EQ(nlohmann::json::parse(InspectJson(report))["files"][1]["problem"], "gone: path=b");
}

TEST(InspectText, TellsOfAnEmptyArchive) {
  EXPECT_THAT(InspectText(InspectReport(), true, true), HasSubstr("0 rows in 0 files"));
}

TEST(InspectJson, HoldsEverything) {
  const auto json = nlohmann::json::parse(InspectJson(SomeReport()));
  EXPECT_EQ(json["rows"], 2000);
  EXPECT_EQ(json["next_sequence"], 34);
  EXPECT_EQ(json["files"][1]["path"], "samples/date=1970-01-01/b.parquet");
  EXPECT_EQ(json["files"][0]["series_bytes"], 500);
  EXPECT_EQ(json["columns"][2]["label"], "value");
  EXPECT_EQ(json["experiments"], (std::vector<std::string>{"run-1", "run-2"}));
  InspectReport odd;
  odd.experiments = {"\xff"};
  EXPECT_EQ(nlohmann::json::parse(InspectJson(odd))["experiments"][0], "\xEF\xBF\xBD");
}

TEST(VerifyReport, TellsOfProblems) {
  VerifyReport report;
  report.files = 3;
  report.rows = 1000;
  EXPECT_THAT(VerifyText(report),
              HasSubstr("3 files, 1,000 rows, 0 B, 0 log records: all is well"));
  EXPECT_EQ(nlohmann::json::parse(VerifyJson(report))["ok"], true);
  report.files = report.wal_records = 1;
  report.problems = {"a.parquet: page 3"};
  EXPECT_EQ(VerifyText(report),
            "1 file, 1,000 rows, 0 B, 1 log record: 1 problem\n  a.parquet: page 3\n");
  report.problems = {"a.parquet: page 3", "b.parquet: footer"};
  EXPECT_THAT(VerifyText(report), HasSubstr(": 2 problems\n  a.parquet: page 3\n  b.parquet"));
  const auto json = nlohmann::json::parse(VerifyJson(report));
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["problems"][1], "b.parquet: footer");
}

TEST(Human, Numbers) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(-1234567), "-1,234,567");
  EXPECT_EQ(FormatCount(-123), "-123");
  EXPECT_EQ(FormatBytes(0), "0B");
  EXPECT_EQ(FormatBytes(1536), "1536B");
  EXPECT_EQ(FormatBytes(32 << 20), "32MiB");
  EXPECT_EQ(RoundBytes(0), "0 B");
  EXPECT_EQ(RoundBytes(999), "999 B");
  EXPECT_EQ(RoundBytes(1000), "0.98 KiB");
  EXPECT_EQ(RoundBytes(1024), "1.00 KiB");
  EXPECT_EQ(RoundBytes(15 << 20), "15.0 MiB");
  EXPECT_EQ(RoundBytes(int64_t{5} << 50), "5120 TiB");
}

TEST(Human, Tables) {
  EXPECT_EQ(FormatTable({{"name", "n"}, {"größe", "1"}, {"b", "1,000"}}),
            "name       n\ngröße      1\nb      1,000\n");
}

TEST(ProgressLine, GrowsToItsEnd) {
  EXPECT_EQ(ProgressLine("x", 0, 10), "x  [------------------------------]  0%");
  EXPECT_EQ(ProgressLine("x", 5, 10), "x  [###############---------------]  50%");
  EXPECT_EQ(ProgressLine("x", 11, 10), "x  [##############################]  100%");
  EXPECT_EQ(ProgressLine("x", 1234, 0), "x  1,234");  // Of how many is not known.
}

TEST(ExitCode, HasOneForEveryKind) {
  const std::pair<ErrorKind, int> cases[] = {
      {ErrorKind::kNotFound, 1},    {ErrorKind::kBadQuery, 2}, {ErrorKind::kBadSample, 2},
      {ErrorKind::kUnsupported, 2}, {ErrorKind::kLimit, 3},    {ErrorKind::kTooLarge, 3},
      {ErrorKind::kOverloaded, 3},  {ErrorKind::kTimeout, 4},  {ErrorKind::kCancelled, 4},
      {ErrorKind::kCorrupt, 5},     {ErrorKind::kClosed, 5},   {ErrorKind::kInternal, 5}};
  for (const auto& [kind, code] : cases) {
    EXPECT_EQ(ExitCodeOf(MakeError(kind, "x")), code) << ErrorTypeName(kind);
  }
  EXPECT_EQ(ExitCodeOf(arrow::Status::OK()), 0);
  EXPECT_EQ(ExitCodeOf(arrow::Status::IOError("disk")), 5);
}

}  // namespace
}  // namespace larnax::cli
