// Raw samples as tables and JSON; more of them in http/endpoints and test/app.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <arrow/array/array_dict.h>
#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>

#include "larnax/query.h"
#include "test/matchers.h"

namespace larnax {
namespace {

// One series a batch, with two samples; all that a batch lent is overwritten by the next one.
class FleetingStream final : public SampleStream {
 public:
  explicit FleetingStream(int count) : count_(count) {}

  arrow::Result<SampleBatch> Next() override {
    std::fill(labels_.begin(), labels_.end(), 'x');
    std::fill(values_.begin(), values_.end(), -1);
    SampleBatch batch;
    if (at_ == count_) return batch;
    const std::string name = "pod-" + std::to_string(at_++);
    const Labels labels =
        Labels::Make({{"__name__", "m"}, {"other", name}, {"pod", name}}).ValueOrDie();
    labels_.assign(labels.view().bytes());
    values_ = {static_cast<double>(at_), 0.5};
    SeriesSamples series;
    series.labels = LabelsView(labels_);
    series.time_ms = times_;
    series.value = values_;
    batch.series.push_back(series);
    return batch;
  }
  const ReadStats& stats() const override { return stats_; }

 private:
  const int count_;
  int at_ = 0;
  std::string labels_;
  std::vector<double> values_;
  const std::shared_ptr<const TimestampVector> times_ =
      std::make_shared<TimestampVector>(TimestampVector{1000, 2000});
  ReadStats stats_;
};

std::string Written(int series, AnswerFormat format) {
  const auto writer =
      WriteSamples(std::make_unique<FleetingStream>(series), format, {"pod"}, SamplesOptions());
  std::string all;
  while (writer->Next(&all).ValueOrDie()) continue;
  return all;
}

TEST(WriteSamples, NeedsNoBatchLongerThanUntilTheNext) {
  EXPECT_EQ(Written(2, AnswerFormat::kCsv),
            "metric,pod,other_labels,timestamp,value,stale,start_timestamp,histogram\n"
            "m,pod-0,\"{\"\"other\"\":\"\"pod-0\"\"}\",1970-01-01T00:00:01.000Z,1,false,,\n"
            "m,pod-0,\"{\"\"other\"\":\"\"pod-0\"\"}\",1970-01-01T00:00:02.000Z,0.5,false,,\n"
            "m,pod-1,\"{\"\"other\"\":\"\"pod-1\"\"}\",1970-01-01T00:00:01.000Z,2,false,,\n"
            "m,pod-1,\"{\"\"other\"\":\"\"pod-1\"\"}\",1970-01-01T00:00:02.000Z,0.5,false,,\n");
  EXPECT_EQ(Written(1, AnswerFormat::kJson),
            R"({"status":"success","data":{"resultType":"matrix","result":[)"
            R"({"metric":{"__name__":"m","other":"pod-0","pod":"pod-0"},)"
            R"("values":[[1,"1"],[2,"0.5"]]}]}})");

  auto input = std::make_shared<arrow::io::BufferReader>(
      arrow::Buffer::FromString(Written(3, AnswerFormat::kArrow)));
  ASSERT_OK_AND_ASSIGN(const auto reader, arrow::ipc::RecordBatchStreamReader::Open(input));
  ASSERT_OK_AND_ASSIGN(const auto table, reader->ToTable());
  ASSERT_EQ(table->num_rows(), 6);
  for (int64_t row = 0; row < 6; ++row) {
    const std::string name = "pod-" + std::to_string(row / 2);
    const auto text = [&](const char* column) {
      const auto cell = table->GetColumnByName(column)->GetScalar(row).ValueOrDie();
      return static_cast<const arrow::DictionaryScalar&>(*cell)
          .GetEncodedValue()
          .ValueOrDie()
          ->ToString();
    };
    EXPECT_EQ(text("metric"), "m") << row;
    EXPECT_EQ(text("pod"), name) << row;
    EXPECT_THAT(table->GetColumnByName("other_labels")->GetScalar(row).ValueOrDie()->ToString(),
                testing::HasSubstr(name))
        << row;
  }
}

// A client that hangs up ends an answer in the middle, and by then nobody has its pieces any more.
TEST(WriteSamples, WritesNothingMoreWhenItIsGivenUp) {
  for (const AnswerFormat format : {AnswerFormat::kArrow, AnswerFormat::kParquet}) {
    auto writer =
        WriteSamples(std::make_unique<FleetingStream>(3), format, {"pod"}, SamplesOptions());
    std::string piece;
    ASSERT_TRUE(writer->Next(&piece).ValueOrDie());
    const std::string before = piece;
    writer = nullptr;
    EXPECT_EQ(piece, before) << static_cast<int>(format);
  }
}

}  // namespace
}  // namespace larnax
