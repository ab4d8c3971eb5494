#include "larnax/query.h"
#include "db/database_fixture.h"

namespace larnax::db {
namespace {

using test::IsKind;

class DatabaseQueryTest : public DatabaseTest {
 protected:
  // Two series, one sample each 15 s of ten minutes.
  std::vector<Sample> SamplesFrom(int64_t first, int64_t last) const {
    std::vector<Sample> samples;
    for (int64_t i = first; i < last; ++i) {
      const int64_t time_ms = now_ms_ - 600'000 + i * 15'000;
      samples.push_back({R"(requests_total{job="a"})", time_ms, static_cast<double>(i)});
      samples.push_back({R"(requests_total{job="b"})", time_ms, static_cast<double>(10 * i)});
    }
    return samples;
  }

  arrow::Result<QueryResult> Ask(const std::string& text) {
    QueryRequest request;
    request.text = text;
    request.start_ms = now_ms_ - 600'000;
    request.end_ms = now_ms_;
    request.step_ms = 60'000;
    return database_->Query(request);
  }

  // The samples rise by 11 a 15 s in sum, wherever they lie.
  void ExpectRates() {
    ASSERT_OK_AND_ASSIGN(const QueryResult result, Ask("sum(rate(requests_total[2m]))"));
    ASSERT_EQ(result.series.size(), 1u);
    EXPECT_EQ(result.series[0].labels, Labels());
    ASSERT_EQ(result.series[0].value.size(), 10u);
    for (size_t i = 1; i < 10; ++i) {
      EXPECT_NEAR(result.series[0].value[i], 11.0 / 15, 1e-12) << "step " << i;
    }
    EXPECT_EQ(result.stats.series, 2);
    EXPECT_EQ(result.stats.samples_read, 80);
  }
};

TEST_F(DatabaseQueryTest, SeesMemoryAndFilesAsOne) {
  ASSERT_OK(Open());
  ASSERT_OK(Write(SamplesFrom(0, 20)));
  ASSERT_OK(database_->Flush());
  ASSERT_OK(Write(SamplesFrom(20, 40)));
  ExpectRates();
  ASSERT_OK(database_->Flush());
  ExpectRates();
  ASSERT_OK(database_->Merge(true));
  ExpectRates();
  Close();
  ASSERT_OK(Open());
  ExpectRates();
}

TEST_F(DatabaseQueryTest, CountsWhatWasRead) {
  ASSERT_OK(Open());
  ASSERT_OK(Write(SamplesFrom(0, 40)));
  ASSERT_OK(database_->Flush());
  ASSERT_OK_AND_ASSIGN(const QueryResult result, Ask("requests_total{job=\"a\"}"));
  EXPECT_EQ(result.stats.read.files_read, 1);
  EXPECT_GT(result.stats.read.pages_read, 0);
  EXPECT_GT(result.stats.read.bytes_read, 0);
  EXPECT_EQ(result.stats.read.samples, 40);
}

TEST_F(DatabaseQueryTest, FailsWithTheKindOfWhatIsWrong) {
  ASSERT_OK(Open());
  ASSERT_OK(Write(SamplesFrom(0, 40)));
  EXPECT_THAT(Ask("rate("), IsKind(ErrorKind::kBadQuery));
  EXPECT_THAT(Ask("requests_total + on () requests_total"), IsKind(ErrorKind::kExecution));
  QueryRequest request;
  request.text = "requests_total";
  request.start_ms = now_ms_;
  request.max_samples = 1;
  EXPECT_THAT(database_->Query(request), IsKind(ErrorKind::kLimit));
}

}  // namespace
}  // namespace larnax::db
