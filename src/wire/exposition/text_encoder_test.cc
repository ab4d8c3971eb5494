#include "wire/exposition/text_encoder.h"

#include <limits>
#include <string>

#include "test/matchers.h"

namespace larnax::wire {
namespace {

using test::IsOk;

Labels Make(std::vector<std::pair<std::string, std::string>> pairs) {
  return Labels::Make(std::move(pairs)).ValueOrDie();
}

TEST(ExpositionWriter, WritesPrometheusText) {
  std::string out;
  ExpositionWriter writer(ExpositionFormat::kPrometheusText, &out);
  writer.Family({"requests_total", MetricType::kCounter, "All\nrequests \"ever\" \\.", "requests"});
  writer.Sample(Make({{"__name__", "requests_total"}, {"code", "2\"0\\0\n"}}), 3);
  writer.Sample(Make({{"__name__", "requests_total"}}), -std::numeric_limits<double>::infinity(),
                -1500);
  writer.Family({"state", MetricType::kStateset, "", ""});
  writer.Sample(Make({{"__name__", "my.state"}, {"a.b", "1"}, {"c", "2"}}), 1e30);
  writer.Finish();
  EXPECT_EQ(out,
            "# HELP requests_total All\\nrequests \"ever\" \\\\.\n"
            "# TYPE requests_total counter\n"
            "requests_total{code=\"2\\\"0\\\\0\\n\"} 3\n"
            "requests_total -Inf -1500\n"
            "# TYPE state untyped\n"
            "{\"my.state\",\"a.b\"=\"1\",c=\"2\"} 1e+30\n");
}

TEST(ExpositionWriter, WritesOpenMetrics) {
  std::string out;
  ExpositionWriter writer(ExpositionFormat::kOpenMetrics, &out);
  writer.Family({"cpu_seconds_total", MetricType::kCounter, "CPU \"time\".", "seconds"});
  writer.Sample(Make({{"__name__", "cpu_seconds_total"}}), 0.5, 1500);
  writer.Family({"restarts", MetricType::kCounter, "", "seconds"});
  writer.Finish();
  EXPECT_EQ(out,
            "# HELP cpu_seconds CPU \\\"time\\\".\n"
            "# TYPE cpu_seconds counter\n"
            "# UNIT cpu_seconds seconds\n"
            "cpu_seconds_total 0.5 1.500\n"
            "# TYPE restarts unknown\n"
            "# EOF\n");
}

TEST(ExpositionWriter, IsReadBack) {
  for (const auto format : {ExpositionFormat::kPrometheusText, ExpositionFormat::kOpenMetrics}) {
    std::string out;
    ExpositionWriter writer(format, &out);
    const Labels odd = Make({{"__name__", "ü.b"}, {"a\"b\\", "x\ny\"\\"}, {"le", "+Inf"}});
    writer.Family({"ü.b", MetricType::kGauge, "Line\nbreak \\ and \"quotes\".", ""});
    writer.Sample(odd, 0.1, 1'790'000'000'123);
    writer.Finish();
    WriteRequest request;
    ASSERT_OK(DecodeExposition(out, format, 0, &request)) << out;
    ASSERT_EQ(request.series.size(), 1);
    EXPECT_EQ(request.series[0].labels, odd.bytes());
    EXPECT_EQ(request.value[0], 0.1);
    EXPECT_EQ(request.time_ms[0], 1'790'000'000'123);
    ASSERT_EQ(request.metadata.size(), 1);
    EXPECT_EQ(request.metadata[0].metric, "ü.b");
    EXPECT_EQ(request.metadata[0].help, "Line\nbreak \\ and \"quotes\".");
  }
}

}  // namespace
}  // namespace larnax::wire
