// Files of histograms, exemplars and metadata of format 1 as they were first written, in
// test/golden: they must be read for ever, and the writer must go on writing the same bytes.
//
// With LARNAX_UPDATE_GOLDEN=1 in the environment the files are written anew instead; a change of
// theirs is a change of the format and belongs in docs/format.

#include <zstd.h>

#include <bit>
#include <functional>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "columns/golden_for_test.h"
#include "columns/other_tables_for_test.h"
#include "columns/schema/histogram_columns.h"
#include "columns/write/metadata_file.h"
#include "columns/write/schema_file.h"
#include "io/file_system.h"

namespace larnax::columns {
namespace {

using nlohmann::json;

const std::string kDirectory = LARNAX_GOLDEN_DIR;
const std::string kContent = kDirectory + "/other-tables-1.json";

struct GoldenFile {
  const char* name;
  WriterOptions options;
  int max_columns;
};

std::vector<GoldenFile> GoldenFiles() {
  return {{"fresh", {.tier = Tier::kFresh}, 256},
          {"day", {.tier = Tier::kDay, .row_group_rows = 50, .series_page_rows = 4}, 256},
          {"wide", {.tier = Tier::kMerged, .wide_compat = true}, 6}};
}

/// Histograms such as servers send: bounds that grow, the largest and smallest bounds, custom ones.
TestHistograms OrdinaryHistograms() {
  NativeHistogram latency;
  latency.schema = 3;
  latency.is_integer = true;
  latency.integer_count = 25;
  latency.integer_zero_count = 3;
  latency.zero_threshold = 0x1p-128;
  latency.sum = 31.25;
  latency.positive_spans = {{-3, 2}, {2, 3}};
  latency.integer_positive = {1, 4, 9, 0, 5};
  latency.negative_spans = {{0, 2}};
  latency.integer_negative = {2, 1};
  NativeHistogram wide;
  wide.schema = -4;
  wide.counter_reset_hint = CounterResetHint::kGauge;
  wide.count = 7.5;
  wide.sum = 1e300;
  wide.positive_spans = {{-64, 1}, {127, 2}};
  wide.positive = {2.5, 4, 1};
  NativeHistogram custom;
  custom.schema = NativeHistogram::kCustomBounds;
  custom.is_integer = true;
  custom.integer_count = 10;
  custom.sum = 4;
  custom.positive_spans = {{0, 1}, {1, 2}};
  custom.integer_positive = {5, 3, 2};
  custom.custom_bounds = {0.1, 0.25, 1};
  TestHistograms series{MakeLabels({{"__name__", "ordinary"}, {"job", "shop"}}), {}};
  int64_t time_ms = 1'700'000'000'000;
  for (const NativeHistogram& one : {latency, wide, custom}) {
    series.samples.push_back({time_ms += 15'000, 0, std::make_shared<const NativeHistogram>(one)});
  }
  return series;
}

/// Series whose labels are called like columns of both tables come on top.
std::vector<TestHistograms> GoldenHistograms() {
  std::vector<TestHistograms> all = AwkwardHistograms(2026, 14, 14);
  TestHistograms taken = all.front();
  taken.labels = MakeLabels({{"__name__", "taken"},
                             {"Count", "a"},
                             {"schema", "b"},
                             {"schema_label", "c"},
                             {"counter_reset_hint", "d"},
                             {"exemplar_labels", "e"},
                             {"positive_buckets", "f"}});
  all.push_back(OrdinaryHistograms());
  all.push_back(std::move(taken));
  return all;
}

std::vector<TestExemplars> GoldenExemplars() {
  std::vector<TestExemplars> all = AwkwardExemplars(2026, 14, 14);
  TestExemplars taken;
  taken.labels = GoldenHistograms().back().labels;
  taken.rows.push_back({1'700'000'000'000, 1.5, {}});
  all.push_back(std::move(taken));
  return all;
}

std::vector<MetadataRow> GoldenMetadata() {
  return {{"", "unknown", "", "", 0, kMaxTimeMs},
          {"a_total", "counter", "Größe \"x\"\nsecond line\\", "bytes", 1'700'000'000'000,
           1'700'000'060'000},
          {"a_total", "gauge", "Größe", "", 1'700'000'000'000, 1'700'000'000'000},
          {"m", "histogram", std::string(700, 'h'), "seconds", 5, 6}};
}

std::string Hex(double value) {
  char bits[17];
  std::snprintf(bits, sizeof(bits), "%016llx",
                static_cast<unsigned long long>(std::bit_cast<uint64_t>(value)));
  return bits;
}

json LabelsJson(LabelsView labels) {
  json object = json::object();
  for (const Label& label : labels) object[std::string(label.name)] = std::string(label.value);
  return object;
}

/// Doubles as bits in hexadecimal, integers as decimal text.
json NumbersJson(const NativeHistogram& h, const std::vector<double>& floats,
                 const std::vector<int64_t>& integers) {
  json list = json::array();
  for (const double value : floats) list.push_back(Hex(value));
  for (const int64_t value : integers) list.push_back(std::to_string(value));
  EXPECT_TRUE(h.is_integer ? floats.empty() : integers.empty());
  return list;
}

json SpansJson(const std::vector<BucketSpan>& spans) {
  json list = json::array();
  for (const BucketSpan& span : spans) list.push_back({span.offset, span.length});
  return list;
}

json SampleJson(const HistogramSample& sample) {
  const NativeHistogram& h = *sample.histogram;
  json bounds = json::array();
  for (const double bound : h.custom_bounds) bounds.push_back(Hex(bound));
  return {{"time_ms", sample.time_ms},
          {"start_ms", sample.start_ms},
          {"schema", h.schema},
          {"counter_reset_hint", kCounterResetHints[static_cast<size_t>(h.counter_reset_hint)]},
          {"is_integer", h.is_integer},
          {"zero_threshold", Hex(h.zero_threshold)},
          {"sum", Hex(h.sum)},
          {"count", h.is_integer ? std::to_string(h.integer_count) : Hex(h.count)},
          {"zero_count", h.is_integer ? std::to_string(h.integer_zero_count) : Hex(h.zero_count)},
          {"positive_spans", SpansJson(h.positive_spans)},
          {"negative_spans", SpansJson(h.negative_spans)},
          {"positive_buckets", NumbersJson(h, h.positive, h.integer_positive)},
          {"negative_buckets", NumbersJson(h, h.negative, h.integer_negative)},
          {"custom_bounds", std::move(bounds)}};
}

json HistogramsJson(LabelsView labels, std::span<const HistogramSample> samples) {
  json list = json::array();
  for (const HistogramSample& sample : samples) list.push_back(SampleJson(sample));
  return {{"labels", LabelsJson(labels)}, {"samples", std::move(list)}};
}

json ExemplarsJson(LabelsView labels, std::span<const ExemplarRow> rows) {
  json list = json::array();
  for (const ExemplarRow& row : rows) {
    list.push_back({{"time_ms", row.time_ms},
                    {"value", Hex(row.value)},
                    {"exemplar_labels", LabelsJson(LabelsView(row.labels))}});
  }
  return {{"labels", LabelsJson(labels)}, {"exemplars", std::move(list)}};
}

json MetadataJson(std::span<const MetadataRow> rows) {
  json list = json::array();
  for (const MetadataRow& row : rows) {
    list.push_back({{"metric", row.metric},
                    {"type", row.type},
                    {"help", row.help},
                    {"unit", row.unit},
                    {"first_seen_ms", row.first_seen_ms},
                    {"last_seen_ms", row.last_seen_ms}});
  }
  return list;
}

json ExpectedContent() {
  json histograms = json::array();
  for (const auto& one : GoldenHistograms()) {
    histograms.push_back(HistogramsJson(one.labels, one.samples));
  }
  json exemplars = json::array();
  for (const auto& one : GoldenExemplars()) {
    exemplars.push_back(ExemplarsJson(one.labels, one.rows));
  }
  return {{"zstd", ZSTD_versionString()},
          {"histograms", std::move(histograms)},
          {"exemplars", std::move(exemplars)},
          {"metadata", MetadataJson(GoldenMetadata())}};
}

/// Write every golden file; `place` makes a path of a file's name.
arrow::Status WriteAll(io::FileSystem& fs,
                       const std::function<std::string(const std::string&)>& place) {
  const auto histograms = GoldenHistograms();
  const auto exemplars = GoldenExemplars();
  for (const GoldenFile& file : GoldenFiles()) {
    const std::string end = std::string("-1-") + file.name + ".parquet";
    ARROW_RETURN_NOT_OK(WriteHistograms(fs, histograms, ColumnsOf(histograms, file.max_columns),
                                        file.options, place("histograms" + end),
                                        place("histograms-series" + end))
                            .status());
    ARROW_RETURN_NOT_OK(WriteExemplars(fs, exemplars, ColumnsOf(exemplars, file.max_columns),
                                       file.options, place("exemplars" + end),
                                       place("exemplars-series" + end))
                            .status());
  }
  ARROW_RETURN_NOT_OK(
      WriteMetadataFile(fs, place("metadata-1.parquet"), GoldenMetadata(), {}).status());
  ARROW_RETURN_NOT_OK(WriteSchemaFile(fs, place("histograms-1-schema.parquet"),
                                      ColumnsOf(histograms), SchemaTable::kHistograms));
  return WriteSchemaFile(fs, place("exemplars-1-schema.parquet"), ColumnsOf(exemplars),
                         SchemaTable::kExemplars);
}

json ReadContent() {
  return json::parse(io::ReadFile(io::RealFileSystem(), kContent).ValueOrDie());
}

TEST(OtherTablesGolden, WritesThemAnewWhenTold) {
  if (!IsUpdatingGolden()) GTEST_SKIP() << "LARNAX_UPDATE_GOLDEN is not set";
  io::FileSystem& fs = io::RealFileSystem();
  ASSERT_TRUE(WriteAll(fs, [&](const std::string& name) {
                const std::string path = kDirectory + "/" + name;
                (void)fs.RemoveFile(path);
                return path;
              }).ok());
  ASSERT_TRUE(io::ReplaceFile(fs, kContent, ExpectedContent().dump(1) + "\n").ok());
}

TEST(OtherTablesGolden, ReadsHistograms) {
  const json expected = ReadContent();
  for (const GoldenFile& file : GoldenFiles()) {
    SCOPED_TRACE(file.name);
    const std::string end = std::string("-1-") + file.name + ".parquet";
    const auto table =
        OpenTableFiles<HistogramsReader>(io::RealFileSystem(), kDirectory + "/histograms" + end,
                                         kDirectory + "/histograms-series" + end);
    ASSERT_TRUE(table.ok()) << table.status();
    HistogramRows rows;
    const auto status = table->data->Read(table->extents, TimeRange(), &rows, nullptr);
    ASSERT_TRUE(status.ok()) << status;
    json found = json::array();
    for (size_t i = 0; i < table->extents.size(); ++i) {
      found.push_back(HistogramsJson(table->labels[i], rows.Of(i)));
    }
    EXPECT_EQ(found, expected["histograms"]);
  }
}

TEST(OtherTablesGolden, ReadsExemplars) {
  const json expected = ReadContent();
  for (const GoldenFile& file : GoldenFiles()) {
    SCOPED_TRACE(file.name);
    const std::string end = std::string("-1-") + file.name + ".parquet";
    const auto table =
        OpenTableFiles<ExemplarsReader>(io::RealFileSystem(), kDirectory + "/exemplars" + end,
                                        kDirectory + "/exemplars-series" + end);
    ASSERT_TRUE(table.ok()) << table.status();
    ExemplarRows rows;
    const auto status = table->data->Read(table->extents, TimeRange(), &rows, nullptr);
    ASSERT_TRUE(status.ok()) << status;
    json found = json::array();
    for (size_t i = 0; i < table->extents.size(); ++i) {
      found.push_back(ExemplarsJson(table->labels[i], rows.Of(i)));
    }
    EXPECT_EQ(found, expected["exemplars"]);
  }
}

TEST(OtherTablesGolden, ReadsMetadata) {
  auto file = io::RealFileSystem().OpenReadable(kDirectory + "/metadata-1.parquet").ValueOrDie();
  const auto rows = ReadMetadataFile(std::move(file), nullptr);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(MetadataJson(*rows), ReadContent()["metadata"]);
}

TEST(OtherTablesGolden, WritesTheSameBytes) {
  const json expected = ReadContent();
  if (expected["zstd"] != ZSTD_versionString()) {
    GTEST_SKIP() << "another zstd compresses to other bytes: theirs=" << expected["zstd"];
  }
  io::SimFileSystem memory(1);
  std::vector<std::string> names;
  ASSERT_TRUE(WriteAll(memory, [&](const std::string& name) {
                names.push_back(name);
                return name;
              }).ok());
  for (const std::string& name : names) {
    EXPECT_TRUE(ComparableBytes(memory, name) ==
                ComparableBytes(io::RealFileSystem(), kDirectory + "/" + name))
        << name;
  }
}

}  // namespace
}  // namespace larnax::columns
