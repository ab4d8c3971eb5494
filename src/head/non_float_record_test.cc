#include "head/non_float_record.h"

#include <bit>
#include <limits>

#include "test/matchers.h"

namespace larnax::head {
namespace {

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

NonFloatRecord Sample() {
  NonFloatRecord record;
  record.definitions = {{7, "labels-1"}, {UINT32_MAX, ""}};
  record.histograms = {{7, std::string_view("\x00\x01", 2)}, {300, "message"}};
  record.exemplars = {{.ref = 7,
                       .labels = "trace",
                       .time_ms = -5,
                       .value = std::bit_cast<double>(uint64_t{0x7ff0000000000002})},
                      {.ref = UINT32_MAX,
                       .labels = "",
                       .time_ms = std::numeric_limits<int64_t>::max(),
                       .value = -0.0}};
  record.metadata = {
      {.metric = "up", .type = 2, .help = "Is it up?", .unit = "bool", .seen_ms = 1234567}};
  return record;
}

TEST(NonFloatRecord, ComesBackAsItWas) {
  const NonFloatRecord record = Sample();
  std::string encoded;
  EncodeNonFloatRecord(record, &encoded);
  NonFloatRecord decoded;
  ASSERT_OK(DecodeNonFloatRecord(Bytes(encoded), &decoded));
  ASSERT_EQ(decoded.definitions.size(), 2u);
  EXPECT_EQ(decoded.definitions[0].labels, "labels-1");
  EXPECT_EQ(decoded.definitions[1].ref, UINT32_MAX);
  ASSERT_EQ(decoded.histograms.size(), 2u);
  EXPECT_EQ(decoded.histograms[0].message, std::string_view("\x00\x01", 2));
  EXPECT_EQ(decoded.histograms[1].ref, 300u);
  ASSERT_EQ(decoded.exemplars.size(), 2u);
  EXPECT_EQ(decoded.exemplars[0].labels, "trace");
  EXPECT_EQ(decoded.exemplars[0].time_ms, -5);
  EXPECT_EQ(std::bit_cast<uint64_t>(decoded.exemplars[0].value), 0x7ff0000000000002u);
  EXPECT_EQ(decoded.exemplars[1].ref, UINT32_MAX);
  EXPECT_EQ(decoded.exemplars[1].time_ms, std::numeric_limits<int64_t>::max());
  ASSERT_EQ(decoded.metadata.size(), 1u);
  EXPECT_EQ(decoded.metadata[0].metric, "up");
  EXPECT_EQ(decoded.metadata[0].type, 2);
  EXPECT_EQ(decoded.metadata[0].help, "Is it up?");
  EXPECT_EQ(decoded.metadata[0].unit, "bool");
  EXPECT_EQ(decoded.metadata[0].seen_ms, 1234567);
}

// Of archives from before there was one log for all: labels a, b; histograms of a and b, an
// exemplar of a, metadata.
constexpr std::string_view kOld(
    "\x02\x01"
    "a\x01x\x01"
    "b\x01y"
    "\x01\x01"
    "a\x01t\x09\0\0\0\0\0\0\xf0\x3f"
    "\x01\x01m\x01\x04help\x00",
    33);

TEST(NonFloatRecord, ReadsTheOldKind) {
  const std::string old(kOld);
  NonFloatRecord decoded;
  ASSERT_OK(DecodeOldNonFloatRecord(Bytes(old), &decoded));
  ASSERT_EQ(decoded.definitions.size(), 2u);
  EXPECT_EQ(decoded.definitions[0].labels, "a");
  EXPECT_EQ(decoded.definitions[1].labels, "b");
  ASSERT_EQ(decoded.histograms.size(), 2u);
  EXPECT_EQ(decoded.histograms[1].ref, 1u);
  EXPECT_EQ(decoded.histograms[1].message, "y");
  ASSERT_EQ(decoded.exemplars.size(), 1u);
  EXPECT_EQ(decoded.exemplars[0].ref, 0u);
  EXPECT_EQ(decoded.exemplars[0].labels, "t");
  EXPECT_EQ(decoded.exemplars[0].time_ms, -5);
  EXPECT_EQ(decoded.exemplars[0].value, 1);
  ASSERT_EQ(decoded.metadata.size(), 1u);
  EXPECT_EQ(decoded.metadata[0].help, "help");
  EXPECT_EQ(decoded.metadata[0].seen_ms, 0);
}

TEST(NonFloatRecord, EveryCutIsCorrupt) {
  std::string encoded;
  EncodeNonFloatRecord(Sample(), &encoded);
  NonFloatRecord decoded;
  for (size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_THAT(DecodeNonFloatRecord(Bytes(encoded.substr(0, size)), &decoded),
                test::IsKind(ErrorKind::kCorrupt));
  }
  EXPECT_THAT(DecodeNonFloatRecord(Bytes(encoded + "x"), &decoded),
              test::IsKind(ErrorKind::kCorrupt));
  for (size_t size = 0; size < kOld.size(); ++size) {
    EXPECT_THAT(DecodeOldNonFloatRecord(Bytes(std::string(kOld.substr(0, size))), &decoded),
                test::IsKind(ErrorKind::kCorrupt));
  }
}

}  // namespace
}  // namespace larnax::head
