// Writes over the wire: what goes to the database, and what its report becomes.

#include <utility>

#include "http/server_fixture.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

constexpr const char* kVersion2 =
    "Content-Type: application/x-protobuf; proto=\"io.prometheus.write.v2.Request\"\r\n";

WriteReport ReportOf(int64_t samples) {
  WriteReport report;
  report.samples = samples;
  return report;
}

using WriteTest = ServerTest;

TEST_F(WriteTest, Write) {
  database_.write_outcome = ReportOf(3);
  Start();
  for (const char* path : {"/api/v1/write", "/receive"}) {
    const RawResponse response = Post(path, "body",
                                      "Content-Type: application/x-protobuf\r\n"
                                      "Content-Encoding: snappy\r\n");
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.Header("content-length"), "");
    EXPECT_EQ(response.Header("x-prometheus-remote-write-samples-written"), "");
  }
  ASSERT_EQ(database_.writes().size(), 2);
  EXPECT_EQ(database_.writes()[0].content_type, "application/x-protobuf");
  EXPECT_EQ(database_.writes()[0].content_encoding, "snappy");
  EXPECT_EQ(database_.writes()[0].body, "body");
}

TEST_F(WriteTest, WriteOfVersion2TellsWhatWasWritten) {
  WriteReport report = ReportOf(3);
  report.histograms = 2;
  report.exemplars = 1;
  database_.write_outcome = report;
  Start();
  const RawResponse response = Post("/api/v1/write", "body", kVersion2);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.Header("x-prometheus-remote-write-samples-written"), "3");
  EXPECT_EQ(response.Header("x-prometheus-remote-write-histograms-written"), "2");
  EXPECT_EQ(response.Header("x-prometheus-remote-write-exemplars-written"), "1");
}

TEST_F(WriteTest, WriteNamesWhatWasRefused) {
  WriteReport report = ReportOf(5);
  report.refused = {{"out of bounds", 2, "up{job=\"a\"} at 1"}, {"no metric name", 1, ""}};
  database_.write_outcome = report;
  Start();
  const RawResponse response = Post("/api/v1/write", "body", kVersion2);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body,
            "out of bounds: count=2 first=up{job=\"a\"} at 1\nno metric name: count=1\n");
  EXPECT_EQ(response.Header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(response.Header("x-prometheus-remote-write-samples-written"), "5");
}

TEST_F(WriteTest, WriteFailures) {
  Start();
  const std::pair<ErrorKind, int> cases[] = {
      {ErrorKind::kBadSample, 400},  {ErrorKind::kTooLarge, 413}, {ErrorKind::kUnsupported, 415},
      {ErrorKind::kOverloaded, 503}, {ErrorKind::kClosed, 503},   {ErrorKind::kInternal, 500}};
  for (const auto& [kind, status] : cases) {
    database_.write_outcome = MakeError(kind, "because");
    const RawResponse first = Post("/api/v1/write", "body");
    EXPECT_EQ(first.status, status);
    EXPECT_EQ(first.body, "because\n");
    EXPECT_EQ(first.Header("retry-after").empty(), status != 503);
    EXPECT_EQ(first.Header("x-prometheus-remote-write-samples-written"), "");
    const RawResponse second =
        Post("/api/v1/write", "body",
             "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\n");
    EXPECT_EQ(second.status, status);
    EXPECT_EQ(second.Header("x-prometheus-remote-write-samples-written"), "0");
  }
}

}  // namespace
}  // namespace larnax::http
