#include "wire/remote_write/negotiation.h"

#include <string>

#include "test/matchers.h"

namespace larnax::wire {
namespace {

using test::IsKind;
using test::IsOk;

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(NegotiateVersion, FollowsTheContentType) {
  const auto version = [](std::string_view type) { return NegotiateVersion(type).ValueOrDie(); };
  EXPECT_EQ(version(""), WriteVersion::kV1);
  EXPECT_EQ(version("application/x-protobuf"), WriteVersion::kV1);
  EXPECT_EQ(version("application/x-protobuf;proto=prometheus.WriteRequest"), WriteVersion::kV1);
  EXPECT_EQ(version("application/x-protobuf;proto=io.prometheus.write.v2.Request"),
            WriteVersion::kV2);
  EXPECT_EQ(version("Application/X-Protobuf ; charset=x; Proto=\"io.prometheus.write.v2.Request\""),
            WriteVersion::kV2);
  for (const char* const refused :
       {"text/plain", "application/json", "application/x-protobuf;proto=other.Message",
        ";proto=prometheus.WriteRequest", "application/x-protobufs"}) {
    EXPECT_THAT(NegotiateVersion(refused), IsKind(ErrorKind::kUnsupported)) << refused;
  }
  for (const auto each : {WriteVersion::kV1, WriteVersion::kV2}) {
    EXPECT_EQ(version(ContentTypeName(each)), each);
  }
}

TEST(NegotiateEncoding, KnowsThree) {
  EXPECT_EQ(NegotiateEncoding("").ValueOrDie(), BodyEncoding::kSnappy);
  EXPECT_EQ(NegotiateEncoding(" Snappy ").ValueOrDie(), BodyEncoding::kSnappy);
  EXPECT_EQ(NegotiateEncoding("zstd").ValueOrDie(), BodyEncoding::kZstd);
  EXPECT_EQ(NegotiateEncoding("identity").ValueOrDie(), BodyEncoding::kIdentity);
  EXPECT_THAT(NegotiateEncoding("gzip"), IsKind(ErrorKind::kUnsupported));
  EXPECT_THAT(NegotiateEncoding("snappy, gzip"), IsKind(ErrorKind::kUnsupported));
}

class DecompressTest : public testing::TestWithParam<BodyEncoding> {
 protected:
  std::string Compressed(std::string_view text) {
    std::string body;
    Compress(GetParam(), text, &body);
    return body;
  }
  std::string out_;
};

INSTANTIATE_TEST_SUITE_P(Encodings, DecompressTest,
                         testing::Values(BodyEncoding::kIdentity, BodyEncoding::kSnappy,
                                         BodyEncoding::kZstd));

TEST_P(DecompressTest, RoundTrips) {
  std::string text;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{3'000'000}}) {
    while (text.size() < size) text += "sample " + std::to_string(text.size());
    text.resize(size);
    const std::string body = Compressed(text);
    ASSERT_OK(Decompress(GetParam(), Bytes(body), size, &out_));
    EXPECT_EQ(out_, text);
  }
}

TEST_P(DecompressTest, RefusesMoreThanTheLimit) {
  const std::string body = Compressed(std::string(100'000, 'x'));
  EXPECT_THAT(Decompress(GetParam(), Bytes(body), 99'999, &out_), IsKind(ErrorKind::kTooLarge));
  EXPECT_OK(Decompress(GetParam(), Bytes(body), 100'000, &out_));
}

TEST_P(DecompressTest, RefusesBrokenBodies) {
  if (GetParam() == BodyEncoding::kIdentity) return;
  std::string text;
  while (text.size() < 5000) text += std::to_string(text.size() * 7919);
  const std::string body = Compressed(text);
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_THAT(Decompress(GetParam(), Bytes(body.substr(0, size)), 1 << 20, &out_),
                IsKind(ErrorKind::kBadSample))
        << size;
  }
  // Most changed bytes are noticed, none may crash.
  for (size_t at = 0; at < body.size(); ++at) {
    std::string changed = body;
    changed[at] = static_cast<char>(changed[at] ^ 0x55);
    (void)Decompress(GetParam(), Bytes(changed), 1 << 20, &out_);
  }
}

TEST(Decompress, BoundsZstdThatDoesNotTellItsSize) {
  // A frame without content size whose one RLE block repeats a byte 128 KiB times, often.
  std::string body("\x28\xb5\x2f\xfd\x00\x58", 6);
  for (int i = 0; i < 1000; ++i) body += std::string("\x02\x00\x10x", 4);
  body += std::string("\x01\x00\x00", 3);
  std::string out;
  EXPECT_THAT(Decompress(BodyEncoding::kZstd, Bytes(body), 1 << 20, &out),
              IsKind(ErrorKind::kTooLarge));
  EXPECT_LE(out.size(), 4u << 20);
  ASSERT_OK(Decompress(BodyEncoding::kZstd, Bytes(body), 1 << 28, &out));
  EXPECT_EQ(out, std::string(size_t{1000} << 17, 'x'));
}

TEST(Decompress, DoesNotTrustSnappysLength) {
  const std::string lie(
      "\xff\xff\xff\x7f"
      "abc",
      7);
  std::string out;
  EXPECT_THAT(Decompress(BodyEncoding::kSnappy, Bytes(lie), size_t{1} << 32, &out),
              IsKind(ErrorKind::kBadSample));
  EXPECT_EQ(out.capacity(), std::string().capacity());
}

}  // namespace
}  // namespace larnax::wire
