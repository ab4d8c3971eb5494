// What looks at an archive from outside knows the tables of histograms, exemplars and metadata:
// verify, inspect and export.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <sstream>
#include <string>

#include "columns/read/histograms_reader.h"
#include "columns/schema/histogram_columns.h"
#include "larnax/archive.h"
#include "test/matchers.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/histogram_message.h"

namespace larnax {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kFirst = 1'700'000'000'000;
constexpr int kRows = 30;

NativeHistogram HistogramAt(int64_t i) {
  NativeHistogram histogram;
  histogram.is_integer = true;
  histogram.schema = 2;
  histogram.integer_count = static_cast<uint64_t>(i + 4);
  histogram.sum = 0.25 * static_cast<double>(i);
  histogram.positive_spans = {{.offset = -1, .length = 2}};
  histogram.integer_positive = {i, 4};
  return histogram;
}

class OtherTablesArchiveTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("larnax_other_tables_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    data_ = (folder_ / "data").string();
    ASSERT_OK_AND_ASSIGN(const auto database, Database::Open(data_, {}));
    ASSERT_OK(Fill(*database));
    ASSERT_OK(database->Flush());
    ASSERT_OK(database->Close());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static arrow::Status Fill(Database& database) {
    const Labels labels =
        Labels::Make({{"__name__", "latency"}, {"job", "shop"}, {"schema", "public"}}).ValueOrDie();
    wire::RequestEncoder encoder(wire::WriteVersion::kV1);
    encoder.BeginSeries(labels.bytes());
    for (int i = 0; i < kRows; ++i) {
      encoder.AddHistogram(wire::EncodeHistogram(HistogramAt(i), kFirst + i * 15'000, 0));
    }
    const Labels trace = Labels::Make({{"trace_id", "abc"}}).ValueOrDie();
    encoder.AddExemplar(trace.bytes(), 0.5, kFirst);
    encoder.BeginSeries(Labels::Make({{"__name__", "up"}, {"job", "shop"}}).ValueOrDie().bytes());
    encoder.AddSample(kFirst, 1);
    encoder.AddMetadata({"latency", wire::MetricType::kHistogram, "How long it took.", "s"});
    const std::string_view message = encoder.Finish();
    std::promise<arrow::Result<WriteReport>> answer;
    database.Ingest(
        {.content_type = {},
         .content_encoding = "identity",
         .body = {reinterpret_cast<const uint8_t*>(message.data()), message.size()}},
        [&](arrow::Result<WriteReport> result) { answer.set_value(std::move(result)); });
    ARROW_ASSIGN_OR_RAISE(const WriteReport report, answer.get_future().get());
    EXPECT_EQ(report.histograms, kRows);
    EXPECT_EQ(report.exemplars, 1);
    EXPECT_EQ(report.metadata, 1);
    return arrow::Status::OK();
  }

  // Files below a folder of the archive, the schema files left out.
  std::vector<std::filesystem::path> FilesIn(const std::string& folder) const {
    std::vector<std::filesystem::path> files;
    const auto root = std::filesystem::path(data_) / folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.is_regular_file() && entry.path().filename() != "00-schema.parquet") {
        files.push_back(entry.path());
      }
    }
    return files;
  }

  std::filesystem::path folder_;
  std::string data_;
};

void FlipByte(const std::filesystem::path& path, std::streamoff at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int byte = file.get();
  file.seekp(at);
  file.put(static_cast<char>(byte ^ 0x20));
}

TEST_F(OtherTablesArchiveTest, VerifyFindsDamageInEveryTable) {
  ASSERT_OK_AND_ASSIGN(const VerifyReport good, VerifyArchive(data_));
  EXPECT_THAT(good.problems, IsEmpty());
  EXPECT_EQ(good.rows, kRows + 3);  // An exemplar, a float, a row of metadata.
  for (const char* folder :
       {"histograms", "exemplars", "metadata", "series/histograms", "series/exemplars"}) {
    SCOPED_TRACE(folder);
    const auto files = FilesIn(folder);
    ASSERT_EQ(files.size(), 1u);
    FlipByte(files[0], 60);
    ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyArchive(data_));
    ASSERT_EQ(report.problems.empty(), false);
    EXPECT_THAT(report.problems[0], HasSubstr(files[0].filename().string()));
    FlipByte(files[0], 60);
  }
  EXPECT_THAT(VerifyArchive(data_)->problems, IsEmpty());
}

TEST_F(OtherTablesArchiveTest, VerifyFindsFilesThatTheManifestDoesNotList) {
  const auto stray = FilesIn("histograms")[0].parent_path() / "other.parquet";
  std::ofstream(stray) << "x";
  ASSERT_OK_AND_ASSIGN(const VerifyReport report, VerifyArchive(data_));
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_THAT(report.problems[0], HasSubstr("other.parquet: not in the manifest"));
}

TEST_F(OtherTablesArchiveTest, InspectTellsOfEveryTable) {
  ASSERT_OK_AND_ASSIGN(const InspectReport report, InspectArchive(data_));
  std::set<std::string> tables;
  for (const FileUse& file : report.files) {
    tables.insert(file.table);
    EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(data_ + "/" + file.path)),
              file.bytes);
    EXPECT_GE(file.min_time_ms, kFirst) << file.path;
  }
  EXPECT_EQ(tables, (std::set<std::string>{"exemplars", "histograms", "metadata", "samples"}));
  EXPECT_EQ(report.rows, kRows + 3);
  std::set<std::string> columns;
  for (const ColumnUse& use : report.columns) {
    EXPECT_GT(use.bytes, 0) << use.table << "." << use.column;
    columns.insert(use.table + "." + use.column + (use.label.empty() ? "" : "=" + use.label));
  }
  for (const char* column :
       {"samples.value", "histograms.positive_buckets.list.element",
        "histograms.schema_label=schema", "exemplars.schema", "metadata.help"}) {
    EXPECT_TRUE(columns.contains(column)) << column;
  }
}

TEST_F(OtherTablesArchiveTest, InspectGoesOnWithoutLostAndDamagedFiles) {
  ASSERT_OK_AND_ASSIGN(const InspectReport whole, InspectArchive(data_));
  for (const char* folder :
       {"samples", "histograms", "exemplars", "metadata", "series/histograms"}) {
    SCOPED_TRACE(folder);
    const auto path = FilesIn(folder)[0];
    for (const bool is_lost : {true, false}) {
      const auto away = folder_ / "away";
      std::filesystem::copy_file(path, away);
      if (is_lost) {
        std::filesystem::remove(path);
      } else {
        std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
      }
      ASSERT_OK_AND_ASSIGN(const InspectReport report, InspectArchive(data_));
      EXPECT_EQ(report.files.size(), whole.files.size());
      EXPECT_EQ(report.rows, whole.rows);
      EXPECT_EQ(report.bytes, whole.bytes);
      EXPECT_LT(report.columns.size(), whole.columns.size());
      for (const FileUse& file : report.files) {
        const bool is_it = std::filesystem::path(file.path).filename() == path.filename() &&
                           std::string_view(folder).ends_with(file.table);
        EXPECT_EQ(!file.problem.empty(), is_it) << file.path << ' ' << file.problem;
        if (is_it) {
          EXPECT_THAT(file.problem, HasSubstr(path.filename().string()));
        }
      }
      std::filesystem::remove(path);
      std::filesystem::rename(away, path);
    }
  }
}

TEST_F(OtherTablesArchiveTest, InspectOfALostFileEndsBesideAServerThatCommits) {
  ASSERT_OK_AND_ASSIGN(const auto database, Database::Open(data_, {}));
  std::filesystem::remove(FilesIn("histograms")[0]);
  auto inspected = std::async([this] { return InspectArchive(data_); });
  int commits = 0;
  for (; inspected.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready; ++commits) {
    ASSERT_OK(Fill(*database));
    ASSERT_OK(database->Flush());
  }
  ASSERT_OK_AND_ASSIGN(const InspectReport report, inspected.get());
  EXPECT_EQ(std::count_if(report.files.begin(), report.files.end(),
                          [](const FileUse& file) { return !file.problem.empty(); }),
            1);
  ASSERT_OK(database->Close());
  ASSERT_OK_AND_ASSIGN(const InspectReport last, InspectArchive(data_));
  // Looks that begin anew with each commit take about twenty, and the last is as new as can be; a
  // single look begins before the commits that it waits for.
  EXPECT_TRUE(commits < 15 || report.manifest + 2 < last.manifest)
      << "commits=" << commits << " looked at=" << report.manifest << " last=" << last.manifest;
}

TEST_F(OtherTablesArchiveTest, ExportWritesHistogramsBesideTheFloats) {
  DatabaseOptions options;
  options.read_only = true;
  ASSERT_OK_AND_ASSIGN(const auto database, Database::Open(data_, options));
  ExportRequest request;
  request.output = (folder_ / "all.parquet").string();
  ASSERT_OK_AND_ASSIGN(const ExportReport report, ExportSamples(*database, request));
  EXPECT_EQ(report.samples, kRows + 1);
  EXPECT_EQ(report.histograms, kRows);
  EXPECT_EQ(report.histograms_left_out, 0);
  const std::string beside = (folder_ / "all-histograms.parquet").string();
  ASSERT_OK_AND_ASSIGN(auto file, io::RealFileSystem().OpenReadable(beside));
  ASSERT_OK_AND_ASSIGN(const auto reader,
                       columns::HistogramsReader::Open(std::move(file), nullptr));
  const columns::SeriesExtent all{.row_count = reader->rows(), .max_time_ms = kMaxTimeMs};
  columns::HistogramRows rows;
  ASSERT_OK(reader->Read({&all, 1}, TimeRange(), &rows, nullptr));
  ASSERT_EQ(rows.samples.size(), static_cast<size_t>(kRows));
  for (int i = 0; i < kRows; ++i) {
    const HistogramSample& sample = rows.samples[static_cast<size_t>(i)];
    EXPECT_EQ(sample.time_ms, kFirst + i * 15'000);
    EXPECT_TRUE(columns::SameHistogram(*sample.histogram, HistogramAt(i)));
  }
  request.output = (folder_ / "all.csv").string();
  request.format = ExportFormat::kCsv;
  ASSERT_OK_AND_ASSIGN(const ExportReport csv, ExportSamples(*database, request));
  EXPECT_EQ(csv.samples, kRows + 1);
  EXPECT_EQ(csv.histograms, kRows);
  std::ostringstream text;
  text << std::ifstream(request.output).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(R"("{""count"":""4"",""sum"":""0"",)"));
  request.output = (folder_ / "all.om").string();
  request.format = ExportFormat::kOpenMetrics;
  ASSERT_OK_AND_ASSIGN(const ExportReport metrics, ExportSamples(*database, request));
  EXPECT_EQ(metrics.samples, 1);
  EXPECT_EQ(metrics.histograms_left_out, kRows);
}

}  // namespace
}  // namespace larnax
