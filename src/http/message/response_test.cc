#include "http/message/response.h"

#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::http {
namespace {

TEST(ErrorResponse, HasAStatusForEveryKind) {
  const std::tuple<ErrorKind, int, const char*> cases[] = {
      {ErrorKind::kBadQuery, 400, "bad_data"},  {ErrorKind::kBadSample, 400, "bad_data"},
      {ErrorKind::kTooLarge, 413, "bad_data"},  {ErrorKind::kUnsupported, 415, "bad_data"},
      {ErrorKind::kLimit, 422, "execution"},    {ErrorKind::kOverloaded, 503, "unavailable"},
      {ErrorKind::kNotFound, 404, "not_found"}, {ErrorKind::kCorrupt, 500, "internal"},
      {ErrorKind::kTimeout, 503, "timeout"},    {ErrorKind::kCancelled, 499, "canceled"},
      {ErrorKind::kClosed, 503, "unavailable"}, {ErrorKind::kInternal, 500, "internal"},
  };
  for (const auto& [kind, status, type] : cases) {
    const Response response = ErrorResponse(MakeError(kind, "it \"failed\""));
    EXPECT_EQ(response.status, status) << type;
    EXPECT_EQ(response.body, std::string(R"({"status":"error","errorType":")") + type +
                                 R"(","error":"it \"failed\""})");
    EXPECT_EQ(response.content_type, "application/json");
    EXPECT_EQ(response.headers.empty(), type != std::string("unavailable")) << type;
  }
  EXPECT_EQ(ErrorResponse(arrow::Status::IOError("disk")).status, 500);
}

TEST(ErrorResponse, AsksToTryAgainWhereMemoryRanOut) {
  const Response response = ErrorResponse(arrow::Status::OutOfMemory("no page"));
  EXPECT_EQ(response.status, 503);
  EXPECT_FALSE(response.headers.empty());
  EXPECT_EQ(response.body, R"({"status":"error","errorType":"unavailable","error":"no page"})");
}

TEST(JsonResponse, ShowsWarningsOnlyWhereThereAreAny) {
  EXPECT_EQ(JsonResponse("[1]").body, R"({"status":"success","data":[1]})");
  EXPECT_EQ(JsonResponse("[]", {"a", "b\n"}).body,
            R"({"status":"success","data":[],"warnings":["a","b\n"]})");
}

TEST(TextResponse, IsAlwaysUtf8) {
  EXPECT_EQ(TextResponse(400, "größe 😀 ").body, "größe 😀 \n");
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(TextResponse(400,
                         "a\xff"
                         "b")
                .body,
            "a" + bad + "b\n");
  EXPECT_EQ(TextResponse(400, "\xc3").body, bad + "\n");
  EXPECT_EQ(TextResponse(400, "\xc0\x80").body, bad + bad + "\n");
  EXPECT_EQ(TextResponse(400, "\xed\xa0\x80").body, bad + bad + bad + "\n");
  EXPECT_EQ(TextResponse(400, "\xf4\x90\x80\x80").body, bad + bad + bad + bad + "\n");
  EXPECT_EQ(TextResponse(400, "\xe2\x82").body, bad + bad + "\n");
}

std::string HeadOf(const Response& response, const Framing& framing) {
  std::string out;
  AppendHead(response, framing, "DATE", &out);
  return out;
}

TEST(AppendHead, TellsWhereTheMessageEnds) {
  Response response;
  response.status = 404;
  response.content_type = "text/plain";
  response.headers.emplace_back("X-A", "b");
  const std::string fields =
      " 404 Not Found\r\nDate: DATE\r\nContent-Type: text/plain\r\nX-A: b\r\n";
  EXPECT_EQ(HeadOf(response, {.content_length = 12}),
            "HTTP/1.1" + fields + "Content-Length: 12\r\n\r\n");
  EXPECT_EQ(HeadOf(response, {.chunked = true, .has_length = false}),
            "HTTP/1.1" + fields + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(HeadOf(response, {.keep_alive = false, .has_length = false}),
            "HTTP/1.1" + fields + "Connection: close\r\n\r\n");
  EXPECT_EQ(HeadOf(response, {.http_1_1 = false, .content_length = 0}),
            "HTTP/1.0" + fields + "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

}  // namespace
}  // namespace larnax::http
