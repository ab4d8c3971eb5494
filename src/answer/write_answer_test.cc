// Answers of queries as tables; their JSON is tested where it is sent, in http/endpoints.

#include <algorithm>
#include <bit>
#include <cmath>

#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>

#include "larnax/query.h"
#include "test/matchers.h"
#include "test/query_series.h"

namespace larnax {
namespace {

using test::SeriesOf;
using testing::HasSubstr;
using testing::StartsWith;

QueryHistogram HistogramAt(int64_t time_ms) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->count = 3;
  histogram->sum = -0.5;
  histogram->zero_threshold = 0.25;
  histogram->zero_count = 1;
  histogram->negative_spans = {{0, 1}};
  histogram->negative = {2};
  return {time_ms, std::move(histogram)};
}

std::string Written(QueryResult result, AnswerFormat format) {
  const auto writer = WriteAnswer(std::move(result), format);
  std::string all;
  while (writer->Next(&all).ValueOrDie()) continue;
  return all;
}

arrow::RecordBatchVector ReadArrow(const std::string& bytes) {
  auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  return arrow::ipc::RecordBatchStreamReader::Open(input)
      .ValueOrDie()
      ->ToRecordBatches()
      .ValueOrDie();
}

TEST(WriteAnswer, PutsHistogramsBetweenFloats) {
  QueryResult result;
  result.type = QueryValueType::kMatrix;
  result.series.push_back(SeriesOf({{"a", "b"}}, {0, 2000}, {1, 2}));
  result.series[0].histograms = {HistogramAt(1000)};
  EXPECT_EQ(Written(result, AnswerFormat::kCsv),
            "metric,a,other_labels,timestamp,value,histogram\n"
            ",b,,1970-01-01T00:00:00.000Z,1,\n"
            ",b,,1970-01-01T00:00:01.000Z,,\"{\"\"count\"\":\"\"3\"\",\"\"sum\"\":\"\"-0.5\"\","
            "\"\"buckets\"\":[[1,\"\"-1\"\",\"\"-0.5\"\",\"\"2\"\"],[3,\"\"-0.25\"\",\"\"0.25\"\","
            "\"\"1\"\"]]}\"\n"
            ",b,,1970-01-01T00:00:02.000Z,2,\n");
  const auto batches = ReadArrow(Written(result, AnswerFormat::kArrow));
  ASSERT_EQ(batches.size(), 1);
  ASSERT_OK(batches[0]->ValidateFull());
  const auto histograms = batches[0]->GetColumnByName("histogram");
  EXPECT_TRUE(histograms->IsNull(0) && !histograms->IsNull(1) && histograms->IsNull(2));
  EXPECT_THAT(histograms->GetScalar(1).ValueOrDie()->ToString(), HasSubstr("sum:double = -0.5"));
  EXPECT_TRUE(batches[0]->GetColumnByName("value")->IsNull(1));
  EXPECT_THAT(Written(result, AnswerFormat::kParquet), StartsWith("PAR1"));
}

TEST(WriteAnswer, HasNoColumnForWhatThereIsNot) {
  QueryResult result;
  result.series.push_back(SeriesOf({{"value", "v"}}, {0}, {1}));
  const auto batches = ReadArrow(Written(result, AnswerFormat::kArrow));
  ASSERT_EQ(batches.size(), 1);
  EXPECT_THAT(batches[0]->schema()->field_names(),
              testing::ElementsAre("metric", "value_label", "other_labels", "timestamp", "value"));
  EXPECT_EQ(Written(QueryResult(), AnswerFormat::kCsv), "metric,other_labels,timestamp,value\n");
}

TEST(WriteAnswer, KeepsEveryBitOfScalarsToo) {
  QueryResult result;
  result.type = QueryValueType::kScalar;
  const double odd_nan = std::bit_cast<double>(uint64_t{0xfff8000000abcdef});
  result.series.push_back(SeriesOf({}, {1500}, {odd_nan}));
  const auto batches = ReadArrow(Written(result, AnswerFormat::kArrow));
  ASSERT_EQ(batches.size(), 1);
  const auto& value = static_cast<const arrow::DoubleArray&>(*batches[0]->GetColumnByName("value"));
  EXPECT_EQ(std::bit_cast<uint64_t>(value.Value(0)), 0xfff8000000abcdef);
}

TEST(WriteAnswer, PutsLabelsPastTheLimitTogether) {
  QueryResult result;
  std::vector<std::pair<std::string, std::string>> labels;
  for (int i = 1000; i < 1300; ++i) labels.emplace_back("l" + std::to_string(i), "v");
  result.series.push_back(SeriesOf(std::move(labels), {0}, {1}));
  const std::string csv = Written(result, AnswerFormat::kCsv);
  const std::string header = csv.substr(0, csv.find('\n'));
  EXPECT_EQ(std::count(header.begin(), header.end(), ','), 256 + 3);
  EXPECT_THAT(csv, HasSubstr("{\"\"l1256\"\":\"\"v\"\",\"\"l1257\"\":\"\"v\"\","));
}

TEST(WriteAnswer, WritesManyRowsInPieces) {
  QueryResult result;
  result.type = QueryValueType::kMatrix;
  for (int i = 0; i < 3; ++i) {
    TimestampVector times(30'000);
    for (size_t t = 0; t < times.size(); ++t) times[t] = static_cast<int64_t>(t);
    result.series.push_back(
        SeriesOf({{"i", std::to_string(i)}}, std::move(times), std::vector<double>(30'000, i)));
  }
  const auto batches = ReadArrow(Written(result, AnswerFormat::kArrow));
  EXPECT_EQ(batches.size(), 3);
  int64_t rows = 0;
  for (const auto& batch : batches) {
    const auto& value = static_cast<const arrow::DoubleArray&>(*batch->GetColumnByName("value"));
    for (int64_t row = 0; row < batch->num_rows(); ++row, ++rows) {
      ASSERT_EQ(value.Value(row), static_cast<double>(rows / 30'000));
    }
  }
  EXPECT_EQ(rows, 90'000);
}

// Times are shared by series or not, and there are more than text is kept of at once.
TEST(WriteAnswer, WritesManyPointsAsJson) {
  QueryResult result;
  result.type = QueryValueType::kMatrix;
  std::string want = R"({"status":"success","data":{"resultType":"matrix","result":[)";
  TimestampVector times(40'000);
  for (size_t t = 0; t < times.size(); ++t) times[t] = static_cast<int64_t>(t) * 1000;
  for (const size_t offset : {size_t{0}, size_t{0}, size_t{7}}) {
    TimestampVector some(times.begin() + static_cast<ptrdiff_t>(offset), times.end());
    const size_t points = some.size();
    result.series.push_back(SeriesOf({{"n", "x"}}, std::move(some), std::vector(points, 0.5)));
    if (result.series.size() == 2) result.series[1].time_ms = result.series[0].time_ms;
    want += result.series.size() > 1 ? "," : "";
    want += R"({"metric":{"n":"x"},"values":[)";
    for (size_t t = offset; t < times.size(); ++t) {
      want += (t == offset ? "[" : ",[") + std::to_string(t) + R"(,"0.5"])";
    }
    want += "]}";
  }
  EXPECT_TRUE(Written(std::move(result), AnswerFormat::kJson) == want + "]}}");
}

// Pieces end after some 64 KiB: with names of every length they end in every place.
TEST(WriteAnswer, MayCutJsonAnywhere) {
  for (size_t length = 1; length < 200; length += 7) {
    QueryResult result;
    result.type = QueryValueType::kMatrix;
    std::string want = R"({"status":"success","data":{"resultType":"matrix","result":[)";
    const std::string name(length, 'x');
    for (int i = 0; i < 700; ++i) {
      result.series.push_back(SeriesOf({{"n", name}}, {0, 1000}, {1, 2}));
      result.series.back().histograms = {HistogramAt(3000)};
      want += (i == 0 ? "" : ",") + (R"({"metric":{"n":")" + name) +
              R"("},"values":[[0,"1"],[1,"2"]],"histograms":[[3,{"count":"3","sum":"-0.5",)"
              R"("buckets":[[1,"-1","-0.5","2"],[3,"-0.25","0.25","1"]]}]]})";
    }
    ASSERT_TRUE(Written(std::move(result), AnswerFormat::kJson) == want + "]}}") << length;
  }
}

}  // namespace
}  // namespace larnax
