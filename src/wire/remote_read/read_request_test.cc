#include "wire/remote_read/read_request.h"

#include "base/varint.h"
#include "test/matchers.h"
#include "wire/remote_write/message_reader.h"

namespace larnax::wire {
namespace {

using test::HasMessage;
using test::IsKind;

std::string Number(uint32_t field, uint64_t value) {
  std::string out;
  base::PutVarint(FieldKey(field, WireType::kVarint), &out);
  base::PutVarint(value, &out);
  return out;
}
std::string Bytes(uint32_t field, std::string_view bytes) {
  std::string out;
  base::PutVarint(FieldKey(field, WireType::kBytes), &out);
  base::PutVarint(bytes.size(), &out);
  return out.append(bytes);
}
std::string MatcherOf(uint64_t type, std::string_view name, std::string_view value) {
  return Bytes(3, Number(1, type) + Bytes(2, name) + Bytes(3, value));
}

arrow::Result<ReadRequest> Decode(std::string_view message) {
  return DecodeReadRequest({reinterpret_cast<const uint8_t*>(message.data()), message.size()});
}

TEST(DecodeReadRequest, ReadsQueriesWithMatchersOfEveryKind) {
  const std::string query = Number(1, 1000) + Number(2, static_cast<uint64_t>(-1)) +
                            MatcherOf(0, "__name__", "up") + MatcherOf(1, "a", "") +
                            MatcherOf(2, "b", "x|y.*") + MatcherOf(3, "c", "z+");
  ASSERT_OK_AND_ASSIGN(const ReadRequest request,
                       Decode(Bytes(1, query) + Bytes(1, Number(2, 7)) + Number(2, 1)));
  EXPECT_EQ(request.answer_type, ReadAnswerType::kStreamedChunks);
  ASSERT_EQ(request.queries.size(), 2);
  EXPECT_EQ(request.queries[0].range.start_ms, 1000);
  EXPECT_EQ(request.queries[0].range.end_ms, -1);
  ASSERT_EQ(request.queries[0].matchers.size(), 4);
  EXPECT_EQ(request.queries[0].matchers[0].ToString(), "__name__=\"up\"");
  EXPECT_EQ(request.queries[0].matchers[1].type(), MatchType::kNotEqual);
  EXPECT_TRUE(request.queries[0].matchers[2].Matches("yes"));
  EXPECT_FALSE(request.queries[0].matchers[3].Matches("zz"));
  // Fields that are not sent are zero.
  EXPECT_EQ(request.queries[1].range.start_ms, 0);
  EXPECT_EQ(request.queries[1].range.end_ms, 7);
}

TEST(DecodeReadRequest, TakesTheFirstAnswerTypeItSpeaks) {
  const auto type = [](std::string_view message) { return Decode(message)->answer_type; };
  EXPECT_EQ(type(""), ReadAnswerType::kSamples);
  EXPECT_EQ(type(Number(2, 7) + Number(2, 1) + Number(2, 0)), ReadAnswerType::kStreamedChunks);
  EXPECT_EQ(type(Bytes(2, std::string("\x09\x00\x01", 3))), ReadAnswerType::kSamples);
  EXPECT_THAT(Decode(Number(2, 2)), HasMessage("does not support any of the requested"));
}

TEST(DecodeReadRequest, ReadsNoMoreThanIsHintedAt) {
  const auto range = [](const std::string& hints) {
    return Decode(Bytes(1, Number(1, 100) + Number(2, 200) + Bytes(4, hints)))->queries[0].range;
  };
  EXPECT_EQ(range(Number(3, 120) + Number(4, 250)).start_ms, 120);
  EXPECT_EQ(range(Number(3, 120) + Number(4, 250)).end_ms, 200);
  // No hint, and one that has nothing to do with the query.
  EXPECT_EQ(range(Number(1, 15)).start_ms, 100);
  EXPECT_EQ(range(Number(3, 300) + Number(4, 400)).end_ms, 200);
  ASSERT_OK_AND_ASSIGN(const auto series, Decode(Bytes(1, Bytes(4, Bytes(2, "series")))));
  EXPECT_TRUE(series.queries[0].labels_only);
  ASSERT_OK_AND_ASSIGN(const auto rate, Decode(Bytes(1, Bytes(4, Bytes(2, "rate")))));
  EXPECT_FALSE(rate.queries[0].labels_only);
}

TEST(DecodeReadRequest, RefusesWhatIsBroken) {
  const std::pair<std::string, const char*> cases[] = {
      {"\x0A\x05", "broken read request: offset_bytes=1"},
      {"\x0B", "offset_bytes=0"},
      {Bytes(1, "\x1A\xFF"), "offset_bytes=3"},
      {Bytes(1, Bytes(3, "\x08")), "offset_bytes=5"},
      {Bytes(1, Bytes(4, "\x18")), "offset_bytes=5"},
      {Bytes(2, "\x80"), "offset_bytes=2"},
      {Bytes(1, MatcherOf(4, "a", "b")), "unknown kind of matcher: type=4"},
      {Bytes(1, MatcherOf(0, "", "b")), "a matcher without a name"},
      {Bytes(1, MatcherOf(0, "a\xFF", "b")), "not in UTF-8"},
      {Bytes(1, MatcherOf(2, "a", "(")), "("},
  };
  for (const auto& [message, text] : cases) {
    EXPECT_THAT(Decode(message), HasMessage(text));
    EXPECT_THAT(Decode(message), IsKind(ErrorKind::kBadQuery));
  }
}

TEST(DecodeReadRequest, BoundsWhatOneRequestAsks) {
  std::string queries;
  for (size_t i = 0; i < kMaxReadQueries; ++i) queries += Bytes(1, "");
  EXPECT_OK(Decode(queries));
  EXPECT_THAT(Decode(queries + Bytes(1, "")), IsKind(ErrorKind::kTooLarge));
  std::string matchers;
  for (size_t i = 0; i < kMaxReadMatchers; ++i) matchers += MatcherOf(0, "a", "b");
  EXPECT_OK(Decode(Bytes(1, matchers)));
  EXPECT_THAT(Decode(Bytes(1, matchers) + Bytes(1, MatcherOf(0, "a", "b"))),
              IsKind(ErrorKind::kTooLarge));
}

}  // namespace
}  // namespace larnax::wire
