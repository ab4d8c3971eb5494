#include <algorithm>
#include <bit>
#include <cmath>

#include <arrow/array/array_binary.h>
#include <arrow/array/array_dict.h>
#include <arrow/array/array_nested.h>
#include <arrow/array/array_primitive.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include "http/fake_database_for_test.h"
#include "larnax/error.h"
#include "larnax/query.h"
#include "test/matchers.h"

namespace larnax::http {
namespace {

using testing::ElementsAre;

const double kStale = std::bit_cast<double>(kStaleBits);
const double kOddNan = std::bit_cast<double>(uint64_t{0x7ff80000deadbeef});

std::unique_ptr<SampleStream> StreamOf(FakeDatabase* database, int64_t limit = 0) {
  SelectRequest request;
  request.limit = limit;
  return database->Select(request).ValueOrDie();
}

// All of a body; checks that no piece but the end is empty, and how large pieces are.
std::string Drain(AnswerWriter* source, size_t max_piece = 1 << 20) {
  std::string all;
  while (true) {
    std::string piece;
    const auto more = source->Next(&piece);
    EXPECT_OK(more);
    EXPECT_LE(piece.size(), max_piece);
    all += piece;
    if (!more.ok() || !*more) return all;
  }
}

void AddTwoSeries(FakeDatabase* database) {
  database->AddSeries({{"__name__", "up"}, {"job", "a,\"b\""}},
                      {{1000, 1}, {1500, kStale}, {2001, -0.0, 500}});
  database->AddSeries({{"__name__", "up"}, {"instance", "x\ny"}, {"value", "v"}},
                      {{-1, kOddNan}, {5000, INFINITY}});
}

TEST(SamplesJson, IsAMatrix) {
  FakeDatabase database;
  AddTwoSeries(&database);
  EXPECT_EQ(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kJson, {}, {}).get()),
            R"({"status":"success","data":{"resultType":"matrix","result":[)"
            R"({"metric":{"__name__":"up","job":"a,\"b\""},)"
            R"("values":[[1,"1"],[1.500,null],[2.001,"-0"]],)"
            R"("start_timestamps":[null,null,0.500]},)"
            R"({"metric":{"__name__":"up","instance":"x\ny","value":"v"},)"
            R"("values":[[-0.001,"NaN"],[5,"+Inf"]]}]}})");
}

TEST(SamplesJson, IsEmptyWithoutSeries) {
  FakeDatabase database;
  EXPECT_EQ(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kJson, {}, {}).get()),
            R"({"status":"success","data":{"resultType":"matrix","result":[]}})");
}

TEST(SamplesJson, LeavesStaleMarkersOutWhenAsked) {
  FakeDatabase database;
  database.AddSeries({{"__name__", "gone"}}, {{1000, kStale}, {2000, kStale}});
  database.AddSeries({{"__name__", "up"}}, {{1000, kStale}, {2000, 1, 1000}, {3000, kStale}});
  EXPECT_EQ(
      Drain(WriteSamples(StreamOf(&database), AnswerFormat::kJson, {}, {.drop_stale = true}).get()),
      R"({"status":"success","data":{"resultType":"matrix","result":[)"
      R"({"metric":{"__name__":"up"},"values":[[2,"1"]],"start_timestamps":[1]}]}})");
}

TEST(SamplesJson, WarnsOfALimitAndTellsWhatWasRead) {
  FakeDatabase database;
  AddTwoSeries(&database);
  const auto body =
      WriteSamples(StreamOf(&database, 2), AnswerFormat::kJson, {}, {.limit = 1, .stats = true});
  const std::string text = Drain(body.get());
  EXPECT_THAT(text,
              testing::EndsWith(R"(],"stats":{"filesConsidered":0,"filesRead":0,"pagesRead":0,)"
                                R"("bytesRead":0,"samplesDecoded":0,"headSamples":0,"series":2,)"
                                R"("samples":5}},"warnings":["results truncated due to limit"]})"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("instance")));
  EXPECT_EQ(body->stats().series, 2);
  // A limit that cuts nothing warns of nothing.
  const auto whole = WriteSamples(StreamOf(&database, 3), AnswerFormat::kJson, {}, {.limit = 2});
  EXPECT_THAT(Drain(whole.get()), testing::Not(testing::HasSubstr("warnings")));
}

TEST(SamplesJson, ComesInPieces) {
  FakeDatabase database;
  database.AddSeries({{"__name__", "up"}}, std::vector<FakeDatabase::Sample>(200'000, {1000, 0.5}));
  const std::string text =
      Drain(WriteSamples(StreamOf(&database), AnswerFormat::kJson, {}, {}).get(), 70'000);
  EXPECT_EQ(std::count(text.begin(), text.end(), '['), 200'002);
}

TEST(SamplesJson, PassesFailuresOn) {
  FakeDatabase database;
  AddTwoSeries(&database);
  database.on_batch = [](int batch) {
    return batch == 1 ? MakeError(ErrorKind::kCorrupt, "damaged") : arrow::Status::OK();
  };
  std::string piece;
  EXPECT_THAT(WriteSamples(StreamOf(&database), AnswerFormat::kJson, {}, {})->Next(&piece),
              test::IsKind(ErrorKind::kCorrupt));
}

TEST(SamplesCsv, AvoidsTheAnswersOwnColumns) {
  FakeDatabase database;
  const std::vector<std::string> labels = {"Job",         "__name__",  "job", "value",
                                           "value_label", "histogram", "DATE"};
  EXPECT_EQ(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kCsv, labels, {}).get()),
            "metric,Job,job_label,value_label,value_label_label,histogram_label,DATE_label,"
            "other_labels,timestamp,value,stale,start_timestamp,histogram\n");
}

TEST(SamplesCsv, HasAColumnPerLabel) {
  FakeDatabase database;
  AddTwoSeries(&database);
  const std::vector<std::string> columns = {"__name__", "instance", "job", "value"};
  EXPECT_EQ(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kCsv, columns, {}).get()),
            "metric,instance,job,value_label,other_labels,timestamp,value,stale,start_timestamp,"
            "histogram\n"
            "up,,\"a,\"\"b\"\"\",,,1970-01-01T00:00:01.000Z,1,false,,\n"
            "up,,\"a,\"\"b\"\"\",,,1970-01-01T00:00:01.500Z,,true,,\n"
            "up,,\"a,\"\"b\"\"\",,,1970-01-01T00:00:02.001Z,-0,false,1970-01-01T00:00:00.500Z,\n"
            "up,\"x\ny\",,v,,1969-12-31T23:59:59.999Z,NaN,false,,\n"
            "up,\"x\ny\",,v,,1970-01-01T00:00:05.000Z,+Inf,false,,\n");
}

TEST(SamplesCsv, GathersOtherLabels) {
  FakeDatabase database;
  AddTwoSeries(&database);
  const std::string text =
      Drain(WriteSamples(StreamOf(&database), AnswerFormat::kCsv, {}, {.drop_stale = true}).get());
  EXPECT_THAT(text, testing::HasSubstr(
                        "up,\"{\"\"instance\"\":\"\"x\\ny\"\",\"\"value\"\":\"\"v\"\"}\",1969"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("true")));
}

TEST(SamplesCsv, HasAHeaderEvenIfEmpty) {
  FakeDatabase database;
  EXPECT_EQ(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kCsv, {}, {}).get()),
            "metric,other_labels,timestamp,value,stale,start_timestamp,histogram\n");
}

// Reads an Arrow stream back.
arrow::RecordBatchVector ReadArrow(const std::string& bytes) {
  auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(bytes));
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(input).ValueOrDie();
  return reader->ToRecordBatches().ValueOrDie();
}

// A cell of a dictionary-encoded column; `-` where it is null.
std::string TextAt(const arrow::RecordBatch& batch, const std::string& column, int64_t row) {
  const auto array = batch.GetColumnByName(column);
  const auto& dictionary = static_cast<const arrow::DictionaryArray&>(*array);
  if (dictionary.IsNull(row)) return "-";
  const auto& values = static_cast<const arrow::StringArray&>(*dictionary.dictionary());
  return values.GetString(dictionary.GetValueIndex(row));
}

TEST(SamplesArrow, KeepsEveryBit) {
  FakeDatabase database;
  AddTwoSeries(&database);
  const std::vector<std::string> columns = {"__name__", "job", "value"};
  const auto batches =
      ReadArrow(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kArrow, columns, {}).get()));
  ASSERT_EQ(batches.size(), 1);
  const arrow::RecordBatch& batch = *batches[0];
  ASSERT_OK(batch.ValidateFull());
  EXPECT_EQ(batch.schema()->ToString(),
            "metric: dictionary<values=string, indices=int32, ordered=0> not null\n"
            "job: dictionary<values=string, indices=int32, ordered=0>\n"
            "value_label: dictionary<values=string, indices=int32, ordered=0>\n"
            "other_labels: map<string, string>\n"
            "timestamp: timestamp[us, tz=UTC] not null\n"
            "value: double\n"
            "stale: bool not null\n"
            "start_timestamp: timestamp[us, tz=UTC]\n"
            "histogram: struct<count: double, sum: double, buckets: list<item: struct<boundaries: "
            "int8 not null, lower: double not null, upper: double not null, count: double not "
            "null>>>");
  EXPECT_EQ(batch.schema()->field(2)->metadata()->Get("label").ValueOrDie(), "value");
  ASSERT_EQ(batch.num_rows(), 5);
  EXPECT_EQ(TextAt(batch, "metric", 4), "up");
  EXPECT_EQ(TextAt(batch, "job", 0), "a,\"b\"");
  EXPECT_EQ(TextAt(batch, "job", 4), "-");
  EXPECT_EQ(TextAt(batch, "value_label", 3), "v");
  const auto& value = static_cast<const arrow::DoubleArray&>(*batch.GetColumnByName("value"));
  const auto& stale = static_cast<const arrow::BooleanArray&>(*batch.GetColumnByName("stale"));
  const auto& time = static_cast<const arrow::TimestampArray&>(*batch.GetColumnByName("timestamp"));
  const auto& start =
      static_cast<const arrow::TimestampArray&>(*batch.GetColumnByName("start_timestamp"));
  const auto& others = static_cast<const arrow::MapArray&>(*batch.GetColumnByName("other_labels"));
  EXPECT_TRUE(value.IsNull(1) && stale.Value(1));
  EXPECT_EQ(value.null_count(), 1);
  EXPECT_TRUE(std::signbit(value.Value(2)));
  EXPECT_EQ(std::bit_cast<uint64_t>(value.Value(3)), 0x7ff80000deadbeef);
  EXPECT_EQ(time.Value(2), 2'001'000);
  EXPECT_EQ(time.Value(3), -1000);
  EXPECT_TRUE(start.IsNull(0));
  EXPECT_EQ(start.Value(2), 500'000);
  EXPECT_EQ(others.value_length(0), 0);
  ASSERT_EQ(others.value_length(3), 1);
  EXPECT_EQ(static_cast<const arrow::StringArray&>(*others.keys()).GetString(0), "instance");
}

TEST(SamplesArrow, BringsADictionaryPerBatch) {
  FakeDatabase database;
  for (int i = 0; i < 3; ++i) {
    database.AddSeries({{"__name__", "m" + std::to_string(i)}},
                       std::vector<FakeDatabase::Sample>(30'000, {1000, double(i)}));
  }
  const auto batches = ReadArrow(
      Drain(WriteSamples(StreamOf(&database), AnswerFormat::kArrow, {}, {}).get(), 4 << 20));
  ASSERT_EQ(batches.size(), 3);
  int64_t rows = 0;
  for (const auto& batch : batches) {
    for (int64_t row = 0; row < batch->num_rows(); ++row, ++rows) {
      ASSERT_EQ(TextAt(*batch, "metric", row), "m" + std::to_string(rows / 30'000));
    }
  }
  EXPECT_EQ(rows, 90'000);
}

TEST(SamplesArrow, HasASchemaEvenIfEmpty) {
  FakeDatabase database;
  EXPECT_TRUE(
      ReadArrow(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kArrow, {}, {}).get()))
          .empty());
}

HistogramSample HistogramAt(int64_t time_ms, double sum) {
  auto histogram = std::make_shared<NativeHistogram>();
  histogram->is_integer = true;
  histogram->integer_count = 7;
  histogram->sum = sum;
  histogram->zero_threshold = 0.5;
  histogram->integer_zero_count = 1;
  histogram->positive_spans = {{1, 2}};
  histogram->integer_positive = {2, 0};
  histogram->negative_spans = {{2, 1}};
  histogram->integer_negative = {4};
  return {time_ms, 0, std::move(histogram)};
}

TEST(SamplesJson, HasHistograms) {
  FakeDatabase database;
  database.AddSeries({{"__name__", "h"}}, {{2000, 1}});
  database.AddHistograms({HistogramAt(1000, 3.5), HistogramAt(3000, kStale)});
  EXPECT_EQ(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kJson, {}, {}).get()),
            R"({"status":"success","data":{"resultType":"matrix","result":[)"
            R"({"metric":{"__name__":"h"},"values":[[2,"1"]],"histograms":[)"
            R"([1,{"count":"7","sum":"3.5","buckets":[[1,"-4","-2","4"],[3,"-0.5","0.5","1"],)"
            R"([0,"1","2","2"]]}],[3,null]]}]}})");
  EXPECT_EQ(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kCsv, {}, {}).get()),
            "metric,other_labels,timestamp,value,stale,start_timestamp,histogram\n"
            "h,,1970-01-01T00:00:01.000Z,,false,,\"{\"\"count\"\":\"\"7\"\",\"\"sum\"\":"
            "\"\"3.5\"\",\"\"buckets\"\":[[1,\"\"-4\"\",\"\"-2\"\",\"\"4\"\"],"
            "[3,\"\"-0.5\"\",\"\"0.5\"\",\"\"1\"\"],[0,\"\"1\"\",\"\"2\"\",\"\"2\"\"]]}\"\n"
            "h,,1970-01-01T00:00:02.000Z,1,false,,\n"
            "h,,1970-01-01T00:00:03.000Z,,true,,\n");
}

TEST(SamplesArrow, HasHistograms) {
  FakeDatabase database;
  database.AddSeries({{"__name__", "h"}}, {{2000, 1}});
  database.AddHistograms({HistogramAt(1000, 3.5)});
  const auto batches =
      ReadArrow(Drain(WriteSamples(StreamOf(&database), AnswerFormat::kArrow, {}, {}).get()));
  ASSERT_EQ(batches.size(), 1);
  ASSERT_OK(batches[0]->ValidateFull());
  const auto cell = batches[0]->GetColumnByName("histogram")->GetScalar(0).ValueOrDie();
  EXPECT_THAT(cell->ToString(), testing::HasSubstr("count:double = 7, sum:double = 3.5"));
}

}  // namespace
}  // namespace larnax::http
