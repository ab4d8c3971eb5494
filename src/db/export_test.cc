#include <bit>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>

#include "columns/read/samples_reader.h"
#include "db/database_fixture.h"
#include "larnax/archive.h"
#include "larnax/format.h"

namespace larnax::db {
namespace {

class ExportTest : public DatabaseTest {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("larnax_export_" +
               std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    ASSERT_OK(Open());
    ASSERT_OK(Write({{"b{job=\"x,\\\"y\\\"\"}", now_ms_, 2.5},
                     {"a{job=\"x\"}", now_ms_, 1},
                     {"a{job=\"x\"}", now_ms_ + 1, std::bit_cast<double>(kStaleBits)},
                     {"a{instance=\"i\"}", now_ms_, -0.0}}));
    ASSERT_OK(database_->Flush());
    ASSERT_OK(Write({{"a{job=\"x\"}", now_ms_ + 2, 3}}));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ExportRequest Request(ExportFormat format, const std::string& name) {
    ExportRequest request;
    request.format = format;
    request.output = (folder_ / name).string();
    return request;
  }
  static std::string Content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST_F(ExportTest, CsvHasAColumnForEachLabelAndQuotesWhereItMust) {
  const ExportRequest request = Request(ExportFormat::kCsv, "all.csv");
  ASSERT_OK_AND_ASSIGN(const ExportReport report, ExportSamples(*database_, request));
  EXPECT_EQ(report.files, 1);
  EXPECT_EQ(report.series, 3);
  EXPECT_EQ(report.samples, 5);
  const std::string t0 = FormatTime(now_ms_);
  EXPECT_EQ(Content(request.output),
            "metric,instance,job,other_labels,timestamp,value,stale,start_timestamp,histogram\n"
            "a,i,,," +
                t0 +
                ",-0,false,,\n"
                "a,,x,," +
                t0 +
                ",1,false,,\n"
                "a,,x,," +
                FormatTime(now_ms_ + 1) +
                ",,true,,\n"
                "a,,x,," +
                FormatTime(now_ms_ + 2) +
                ",3,false,,\n"
                "b,,\"x,\"\"y\"\"\",," +
                t0 + ",2.5,false,,\n");
  EXPECT_EQ(report.bytes, static_cast<int64_t>(Content(request.output).size()));
}

TEST_F(ExportTest, OpenMetricsNamesEachMetricOnce) {
  ExportRequest request = Request(ExportFormat::kOpenMetrics, "all.om");
  request.select.selectors.push_back(ParseSelector("{job!=\"\"}").ValueOrDie());
  request.select.range = {.start_ms = now_ms_, .end_ms = now_ms_};
  ASSERT_OK(ExportSamples(*database_, request));
  const std::string text = Content(request.output);
  EXPECT_THAT(text, testing::StartsWith("# TYPE a unknown\na{job=\"x\"} 1 "));
  EXPECT_THAT(text, testing::HasSubstr("# TYPE b unknown\nb{job=\"x,\\\"y\\\"\"} 2.5 "));
  EXPECT_THAT(text, testing::EndsWith("# EOF\n"));
}

TEST_F(ExportTest, ParquetHoldsTheSameBits) {
  const ExportRequest request = Request(ExportFormat::kParquet, "all.parquet");
  ASSERT_OK(ExportSamples(*database_, request));
  ASSERT_OK_AND_ASSIGN(auto file, io::RealFileSystem().OpenReadable(request.output));
  ASSERT_OK_AND_ASSIGN(const auto reader, columns::SamplesReader::Open(std::move(file), nullptr));
  ASSERT_EQ(reader->rows(), 5);
  const columns::RowRange all{.first = 0, .count = 5};
  std::vector<double> values;
  ASSERT_OK(reader->ReadValues({&all, 1}, &values, nullptr));
  EXPECT_TRUE(std::signbit(values[0]));
  EXPECT_EQ(std::bit_cast<uint64_t>(values[2]), kStaleBits);
  EXPECT_EQ(values[3], 3);
  // The file alone: no index beside it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(ExportTest, OneFilePerMetric) {
  ExportRequest request = Request(ExportFormat::kCsv, "folder");
  request.layout = ExportLayout::kPerMetric;
  int64_t last_done = 0;
  ASSERT_OK_AND_ASSIGN(const ExportReport report,
                       ExportSamples(*database_, request, [&](int64_t done, int64_t total) {
                         last_done = done;
                         EXPECT_EQ(total, 0);
                       }));
  EXPECT_EQ(report.files, 2);
  EXPECT_EQ(last_done, 3);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "folder" / "a.csv"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "folder" / "b.csv"));
}

TEST_F(ExportTest, NothingSelectedIsAnEmptyFileAndNothingIsOverwritten) {
  ExportRequest request = Request(ExportFormat::kCsv, "none.csv");
  request.select.selectors.push_back(ParseSelector("nothing").ValueOrDie());
  ASSERT_OK(ExportSamples(*database_, request));
  EXPECT_EQ(Content(request.output),
            "metric,other_labels,timestamp,value,stale,start_timestamp,histogram\n");
  EXPECT_THAT(ExportSamples(*database_, request), test::IsKind(ErrorKind::kBadQuery));
}

// What comes while labels are listed, or fails in the midst.
class StrangeDatabase final : public Database {
 public:
  explicit StrangeDatabase(Database* base) : base_(base) {}

  std::function<void()> after_names;
  std::function<arrow::Status()> on_batch;

  arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) override {
    ARROW_ASSIGN_OR_RAISE(auto stream, base_->Select(request));
    return std::make_unique<Stream>(this, std::move(stream));
  }
  arrow::Result<NamesAnswer> LabelNames(const SelectRequest& request) override {
    auto names = base_->LabelNames(request);
    if (after_names) after_names();
    return names;
  }
  // Export asks nothing else.
  void Ingest(const WriteMessage&, WriteDone) override {}
  arrow::Result<NamesAnswer> LabelValues(std::string_view, const SelectRequest&) override {
    return No();
  }
  arrow::Result<SeriesAnswer> Series(const SelectRequest&) override { return No(); }
  arrow::Result<ExemplarsAnswer> Exemplars(const SelectRequest&) override { return No(); }
  arrow::Result<QueryResult> Query(const QueryRequest&) override { return No(); }
  arrow::Result<std::vector<MetricMetadata>> Metadata(std::string_view) override { return No(); }
  arrow::Status Flush() override { return No(); }
  arrow::Status Merge(bool) override { return No(); }
  arrow::Result<DatabaseStatus> Status(int) override { return No(); }
  std::string MetricsText() override { return {}; }
  arrow::Status RecordOwnMetrics(std::string_view) override { return No(); }
  arrow::Status Close() override { return No(); }

 private:
  class Stream final : public SampleStream {
   public:
    Stream(StrangeDatabase* database, std::unique_ptr<SampleStream> base)
        : database_(database), base_(std::move(base)) {}
    arrow::Result<SampleBatch> Next() override {
      if (database_->on_batch) ARROW_RETURN_NOT_OK(database_->on_batch());
      return base_->Next();
    }
    const ReadStats& stats() const override { return base_->stats(); }

   private:
    StrangeDatabase* database_;
    std::unique_ptr<SampleStream> base_;
  };
  static arrow::Status No() { return arrow::Status::NotImplemented("not asked by exports"); }

  Database* base_;
};

TEST_F(ExportTest, AFailedExportLeavesNothingAndCanBeTriedAgain) {
  StrangeDatabase database(database_.get());
  for (const ExportLayout layout : {ExportLayout::kSingle, ExportLayout::kPerMetric}) {
    for (const ExportFormat format :
         {ExportFormat::kParquet, ExportFormat::kCsv, ExportFormat::kOpenMetrics}) {
      ExportRequest request = Request(format, "output");
      request.layout = layout;
      int batches = 0;
      database.on_batch = [&] {
        return batches++ == 0 ? arrow::Status::OK() : arrow::Status::IOError("the disk is gone");
      };
      EXPECT_FALSE(ExportSamples(database, request).ok());
      EXPECT_TRUE(std::filesystem::is_empty(folder_));
      // Nor is one in the way that was killed.
      std::filesystem::create_directory(folder_ / "output.partial");
      std::ofstream(folder_ / "output.partial" / "output") << "half";
      database.on_batch = {};
      EXPECT_OK(ExportSamples(database, request));
      EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
      std::filesystem::remove_all(folder_ / "output");
    }
  }
}

TEST_F(ExportTest, NoRowLosesALabelThatComesMeanwhile) {
  StrangeDatabase database(database_.get());
  database.after_names = [&] { EXPECT_OK(Write({{"a{zone=\"z\"}", now_ms_, 7}})); };
  const ExportRequest request = Request(ExportFormat::kCsv, "all.csv");
  ASSERT_OK(ExportSamples(database, request));
  EXPECT_THAT(Content(request.output), testing::Not(testing::HasSubstr(",7,")));
}

}  // namespace
}  // namespace larnax::db
