#include "http/exchange.h"

#include <stdexcept>

#include "http/raw_client_for_test.h"
#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::http {
namespace {

using testing::HasSubstr;

// A stream by script: a text is a piece, "FAIL" a failure, "THROW" an exception.
class ScriptedSource : public BodySource {
 public:
  ScriptedSource(std::vector<std::string> script, std::string trailer)
      : script_(std::move(script)), trailer_(std::move(trailer)) {}
  arrow::Result<bool> Next(std::string* out) override {
    if (at_ == script_.size()) return false;
    const std::string& step = script_[at_++];
    if (step == "FAIL") return MakeError(ErrorKind::kLimit, "it failed");
    if (step == "THROW") throw std::runtime_error("it threw");
    out->append(step);
    return true;
  }
  std::string Trailer() override { return trailer_; }

 private:
  std::vector<std::string> script_;
  std::string trailer_;
  size_t at_ = 0;
};

// What the endpoint of the next call does: it is a plain function.
std::vector<std::string> next_script;
std::string next_trailer;

arrow::Result<Response> AnswerScripted(const Request&, const Services&) {
  Response response;
  response.stream = std::make_unique<ScriptedSource>(next_script, next_trailer);
  return response;
}

class ExchangeTest : public testing::Test {
 protected:
  std::unique_ptr<Exchange> AnswerBy(Endpoint endpoint, std::string accept_encoding = "") {
    auto exchange = std::make_unique<Exchange>();
    exchange->request.head.method = Method::kGet;
    exchange->request.head.accept_encoding = std::move(accept_encoding);
    const Services services{nullptr, options_, metrics_};
    Answer({.pattern = "/x", .allow = "GET", .endpoint = endpoint}, services, exchange.get());
    return exchange;
  }
  std::unique_ptr<Exchange> Stream(std::vector<std::string> script, std::string trailer = "",
                                   std::string accept_encoding = "") {
    next_script = std::move(script);
    next_trailer = std::move(trailer);
    return AnswerBy(AnswerScripted, std::move(accept_encoding));
  }
  static DrawnPiece Next(Exchange* exchange) {
    if (exchange->pieces.BeginDrawing()) DrawPieces(exchange, [] {});
    return *exchange->pieces.Take();
  }
  // The end of the stream, in `bytes` of which are all pieces up to there, joined.
  static DrawnPiece Rest(Exchange* exchange) {
    std::string all;
    DrawnPiece piece;
    for (piece = Next(exchange); !piece.is_last(); piece = Next(exchange)) {
      EXPECT_FALSE(piece.bytes.empty());
      all += piece.bytes;
    }
    EXPECT_OK(piece.status);
    piece.bytes = all;
    return piece;
  }

  ServerOptions options_;
  ServerMetrics metrics_{{}};
};

TEST_F(ExchangeTest, AShortStreamIsABody) {
  for (const auto& script : {std::vector<std::string>{"abc"}, {"", "abc", "", ""}}) {
    const auto exchange = Stream(script);
    EXPECT_EQ(exchange->stream, nullptr);
    EXPECT_EQ(exchange->response.body, "abc");
  }
  EXPECT_EQ(Stream({})->stream, nullptr);
}

TEST_F(ExchangeTest, ALongStreamHasNoEmptyPieces) {
  const auto exchange = Stream({"a", "", "b", "", "", "c", ""});
  ASSERT_NE(exchange->stream, nullptr);
  const DrawnPiece end = Rest(exchange.get());
  EXPECT_EQ(end.bytes, "abc");
  EXPECT_EQ(end.trailer, "");
}

TEST_F(ExchangeTest, AStreamWithATrailerStaysOne) {
  const auto exchange = Stream({"a"}, "T: 1\r\n");
  ASSERT_NE(exchange->stream, nullptr);
  const DrawnPiece end = Rest(exchange.get());
  EXPECT_EQ(end.bytes, "a");
  EXPECT_EQ(end.trailer, "T: 1\r\n");
}

TEST_F(ExchangeTest, AnEarlyFailureIsAnError) {
  for (const auto& script : {std::vector<std::string>{"FAIL"}, {"a", "FAIL"}}) {
    const auto exchange = Stream(script);
    EXPECT_EQ(exchange->response.status, 422);
    EXPECT_EQ(exchange->stream, nullptr);
    EXPECT_THAT(exchange->response.body, HasSubstr("it failed"));
  }
  EXPECT_EQ(Stream({"a", "THROW"})->response.status, 500);
}

TEST_F(ExchangeTest, ALateFailureIsAStatus) {
  for (const auto& [step, message] : {std::pair("FAIL", "it failed"), {"THROW", "it threw"}}) {
    const auto exchange = Stream({"a", "b", step, "c"});
    EXPECT_EQ(exchange->response.status, 200);
    EXPECT_EQ(Next(exchange.get()).bytes, "ab");
    EXPECT_THAT(Next(exchange.get()).status, test::HasMessage(message));
  }
}

// A connection that comes in vain is called when there is something, and only then.
TEST_F(ExchangeTest, TellsOfThePieceThatIsWaitedFor) {
  const auto exchange = Stream({"a", "b", "c", "d", "THROW"});
  PieceQueue& pieces = exchange->pieces;
  int told = 0;
  const auto draw = [&] {
    ASSERT_TRUE(pieces.BeginDrawing());
    DrawPieces(exchange.get(), [&] { ++told; });
  };
  EXPECT_EQ(pieces.Take()->bytes, "ab");
  EXPECT_FALSE(pieces.Take().has_value());
  draw();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(pieces.Take()->bytes, "c");
  EXPECT_EQ(pieces.Take()->bytes, "d");
  EXPECT_THAT(pieces.Take()->status, test::HasMessage("it threw"));
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(pieces.BeginDrawing());
}

TEST_F(ExchangeTest, CompressesAStreamAsAWhole) {
  const std::string text(100'000, 'x');
  const auto exchange = Stream({text, text, text}, "", "zstd");
  EXPECT_EQ(exchange->response.headers[0],
            (std::pair<std::string_view, std::string>("Content-Encoding", "zstd")));
  EXPECT_EQ(Decompress(Rest(exchange.get()).bytes, "zstd"), text + text + text);
}

TEST_F(ExchangeTest, TranslatesFailuresOfEndpoints) {
  const auto failed = AnswerBy([](const Request&, const Services&) -> arrow::Result<Response> {
    return MakeError(ErrorKind::kNotFound, "no such thing");
  });
  EXPECT_EQ(failed->response.status, 404);
  const auto threw = AnswerBy([](const Request&, const Services&) -> arrow::Result<Response> {
    throw std::runtime_error("out of luck");
  });
  EXPECT_EQ(threw->response.status, 500);
  EXPECT_THAT(threw->response.body, HasSubstr("out of luck"));
  // Others will be done with theirs: that is not a fault, but a matter of time.
  const auto starved = AnswerBy(
      [](const Request&, const Services&) -> arrow::Result<Response> { throw std::bad_alloc(); });
  EXPECT_EQ(starved->response.status, 503);
}

// What is not an endpoint's own doing must not reach the threads that answer, either.
TEST_F(ExchangeTest, TranslatesFailuresAroundEndpoints) {
  const auto exchange = AnswerBy(
      [](const Request&, const Services&) -> arrow::Result<Response> {
        Response response;
        response.stream = std::make_unique<ScriptedSource>(
            std::vector<std::string>{"a", "b", "c", "THROW"}, std::string());
        return response;
      },
      "gzip");
  // Compressed, four short pieces are one: the failure is an early one.
  EXPECT_EQ(exchange->response.status, 500);
  EXPECT_EQ(exchange->stream, nullptr);
}

}  // namespace
}  // namespace larnax::http
