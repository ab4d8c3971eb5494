#include "wire/exposition/text_decoder.h"

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "test/matchers.h"
#include "wire/label_bytes.h"

namespace larnax::wire {
namespace {

using test::HasMessage;
using test::IsKind;
using test::IsOk;
using testing::ElementsAre;

constexpr int64_t kNow = 1'790'000'000'000;

class TextDecoderTest : public testing::Test {
 protected:
  arrow::Status Decode(std::string_view text,
                       ExpositionFormat format = ExpositionFormat::kPrometheusText) {
    // Exactly the bytes, so that a sanitizer sees reads past the end.
    bytes_ = std::make_unique<char[]>(text.size());
    std::copy(text.begin(), text.end(), bytes_.get());
    return DecodeExposition({bytes_.get(), text.size()}, format, kNow, &request_);
  }
  arrow::Status DecodeOpenMetrics(std::string_view text) {
    return Decode(text, ExpositionFormat::kOpenMetrics);
  }
  std::vector<std::string> Shown() const {
    std::vector<std::string> shown;
    for (const DecodedSeries& series : request_.series) {
      shown.push_back(LabelsView(series.labels).ToString());
    }
    return shown;
  }

  std::unique_ptr<char[]> bytes_;
  WriteRequest request_;
};

TEST_F(TextDecoderTest, ReadsSamplesInAnySpelling) {
  ASSERT_OK(
      Decode("up 1\n"
             "  spaced  { b = \"2\" ,\ta=\"1\", }   -3.5e2   1234 \n"
             "empty{} +Inf -5\r\n"
             "\n"
             "# just a comment\n"
             "http:rate{e=\"\"} nan\n"
             "last 1e-400"));
  EXPECT_THAT(Shown(), ElementsAre("up", R"(spaced{a="1", b="2"})", "empty", "http:rate", "last"));
  EXPECT_THAT(request_.time_ms, ElementsAre(kNow, 1234, -5, kNow, kNow));
  EXPECT_EQ(request_.value[1], -350);
  EXPECT_EQ(request_.value[2], std::numeric_limits<double>::infinity());
  EXPECT_EQ(std::bit_cast<uint64_t>(request_.value[3]), 0x7ff8000000000001);
  EXPECT_EQ(request_.value[4], 0);
}

TEST_F(TextDecoderTest, HashesAsRemoteWriteDoes) {
  ASSERT_OK(Decode("up{zone=\"a\",Job=\"b\"} 1\n"));
  ASSERT_OK_AND_ASSIGN(const Labels labels,
                       Labels::Make({{"__name__", "up"}, {"zone", "a"}, {"Job", "b"}}));
  EXPECT_EQ(request_.series[0].labels, labels.bytes());
  EXPECT_EQ(request_.series[0].hash, base::Hash64(labels.bytes()));
  EXPECT_TRUE(IsCanonical(request_.series[0].labels));
}

TEST_F(TextDecoderTest, ReadsEscapesAndQuotedNames) {
  ASSERT_OK(
      Decode("m{a=\"back\\\\slash \\\"quoted\\\" new\\nline \\x\"} 1\n"
             "{\"my.metric\",\"label.x\"=\"v\",b=\"1\"} 2\n"));
  EXPECT_EQ(LabelsView(request_.series[0].labels).Get("a"), "back\\slash \"quoted\" new\nline \\x");
  EXPECT_EQ(LabelsView(request_.series[1].labels).metric(), "my.metric");
  EXPECT_EQ(LabelsView(request_.series[1].labels).Get("label.x"), "v");
}

TEST_F(TextDecoderTest, GathersMetadataByFamily) {
  ASSERT_OK(
      Decode("# HELP a_total Some \\\\ help\\ntext \\\" here\n"
             "# TYPE a_total counter\n"
             "a_total 1\n"
             "# TYPE b untyped\n"
             "# TYPE \"c.d\" gauge\n"
             "# UNIT b seconds\n"));
  ASSERT_EQ(request_.metadata.size(), 3);
  EXPECT_EQ(request_.metadata[0].metric, "a_total");
  EXPECT_EQ(request_.metadata[0].type, MetricType::kCounter);
  EXPECT_EQ(request_.metadata[0].help, "Some \\ help\ntext \\\" here");
  EXPECT_EQ(request_.metadata[1].type, MetricType::kUnknown);
  EXPECT_EQ(request_.metadata[2].metric, "c.d");
  EXPECT_EQ(request_.metadata[2].unit, "");
}

TEST_F(TextDecoderTest, ReadsOpenMetrics) {
  ASSERT_OK(
      DecodeOpenMetrics("# TYPE latency_seconds histogram\n"
                        "# UNIT latency_seconds seconds\n"
                        "# HELP latency_seconds Quoted \\\"help\\\".\n"
                        "latency_seconds_bucket{le=\"1.0\"} 4 1.001 # {trace_id=\"x\"} 0.25 1.5\n"
                        "latency_seconds_count 4 1520879607.789\n"
                        "plain 1 # {} 2\n"
                        "# EOF\n"));
  EXPECT_THAT(request_.time_ms, ElementsAre(1001, 1520879607789, kNow));
  ASSERT_EQ(request_.exemplars.size(), 2);
  EXPECT_EQ(request_.exemplars[0].value, 0.25);
  EXPECT_EQ(request_.exemplars[0].time_ms, 1500);
  EXPECT_EQ(LabelsView(request_.exemplars[0].labels).Get("trace_id"), "x");
  EXPECT_EQ(request_.exemplars[1].time_ms, kNow);
  EXPECT_EQ(request_.series[0].exemplar_count, 1);
  EXPECT_EQ(request_.series[1].exemplar_count, 0);
  EXPECT_EQ(request_.series[2].first_exemplar, 1);
  ASSERT_EQ(request_.metadata.size(), 1);
  EXPECT_EQ(request_.metadata[0].type, MetricType::kHistogram);
  EXPECT_EQ(request_.metadata[0].unit, "seconds");
  EXPECT_EQ(request_.metadata[0].help, "Quoted \"help\".");
}

TEST_F(TextDecoderTest, NeedsTheEndOfOpenMetrics) {
  EXPECT_THAT(DecodeOpenMetrics("up 1\n"), HasMessage("no # EOF"));
  EXPECT_THAT(DecodeOpenMetrics("# EOF\nup 1\n"), HasMessage("text after # EOF"));
  EXPECT_OK(DecodeOpenMetrics("# EOF"));
  // Prometheus' own format takes it for a comment.
  EXPECT_OK(Decode("# EOF\nup 1\n"));
}

TEST_F(TextDecoderTest, NamesTheLineThatIsWrong) {
  EXPECT_THAT(Decode("up 1\nup{a=1} 1\n"), HasMessage("line=2"));
  for (const char* const bad : {"up",
                                "up ",
                                "up x",
                                "up{",
                                "up{a",
                                "up{a=",
                                "up{a=\"",
                                "up{a=\"1",
                                "up{a=\"1\\",
                                "up{a=\"1\"",
                                "up{a=\"1\" b=\"2\"} 1",
                                "up{,} 1",
                                "up{a:b=\"1\"} 1",
                                "up{\"x\"} 1",
                                "{\"x\",\"y\"} 1",
                                "1up 1",
                                "up 1 2 3",
                                "up 1 1.5",
                                "up 1_000",
                                "up 0x10",
                                "up 1e400",
                                "up +-1",
                                "up nan(1)",
                                "é 1",
                                "# TYPE up",
                                "# TYPE up wrong",
                                "# HELP",
                                "# TYPE 1 gauge",
                                "up 1 # {a=\"b\"} 1"}) {
    EXPECT_THAT(Decode(bad), IsKind(ErrorKind::kBadSample)) << bad;
  }
  for (const char* const bad : {"up 1 1e18", "up 1 nan", "up 1 # x", "up 1 # {} x",
                                "up 1 # {\"x\"} 1", "up 1 # {} 1 1 1"}) {
    EXPECT_THAT(DecodeOpenMetrics(std::string(bad) + "\n# EOF\n"), IsKind(ErrorKind::kBadSample))
        << bad;
  }
}

TEST_F(TextDecoderTest, LeavesBadLabelsToTheirSeries) {
  ASSERT_OK(
      Decode("up{a=\"1\",a=\"2\"} 1\nup{a=\"\xff\"} 1\n{a=\"1\"} 1\n{\"\"=\"1\",b=\"1\"} 1\n"));
  const std::vector<RejectReason> expected{RejectReason::kRepeatedLabelName,
                                           RejectReason::kInvalidUtf8, RejectReason::kNoMetricName,
                                           RejectReason::kEmptyLabelName};
  for (size_t i = 0; i < expected.size(); ++i) {
    RejectReason reason = RejectReason::kNone;
    EXPECT_THAT(CanonicalLabels(request_.series[i].labels, &reason), IsKind(ErrorKind::kBadSample));
    EXPECT_EQ(reason, expected[i]) << i;
  }
}

TEST_F(TextDecoderTest, LimitsEntries) {
  request_.max_entries = 2;
  EXPECT_THAT(Decode("a 1\nb 1\nc 1\n"), IsKind(ErrorKind::kTooLarge));
}

TEST_F(TextDecoderTest, SurvivesCutsAndFlips) {
  const std::string whole =
      "# HELP a Help \\n.\n# TYPE a counter\na_total{b=\"c\\\\\",\"d.e\"=\"f\"} 1.5 12.5 # "
      "{t=\"1\"} 2 3\n# EOF\n";
  for (size_t size = 0; size < whole.size(); ++size) {
    (void)DecodeOpenMetrics(std::string_view(whole).substr(0, size));
    (void)Decode(std::string_view(whole).substr(0, size));
    for (const char c : {'\0', '"', '{', '\\', '\n', '#', '\xff'}) {
      std::string changed = whole;
      changed[size] = c;
      (void)DecodeOpenMetrics(changed);
    }
  }
  EXPECT_OK(DecodeOpenMetrics(whole));
}

}  // namespace
}  // namespace larnax::wire
