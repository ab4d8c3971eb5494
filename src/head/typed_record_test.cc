#include "head/typed_record.h"

#include <bit>
#include <limits>

#include "test/matchers.h"

namespace larnax::head {
namespace {

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TypedRecord Sample() {
  TypedRecord record;
  record.histograms = {{"labels-1", std::string_view("\x00\x01", 2)}, {"", "message"}};
  record.exemplars = {{.labels = "labels-2",
                       .exemplar_labels = "trace",
                       .time_ms = -5,
                       .value = std::bit_cast<double>(uint64_t{0x7ff0000000000002})},
                      {.labels = "",
                       .exemplar_labels = "",
                       .time_ms = std::numeric_limits<int64_t>::max(),
                       .value = -0.0}};
  record.metadata = {{.metric = "up", .type = 2, .help = "Is it up?", .unit = "bool"}};
  return record;
}

TEST(TypedRecord, ComesBackAsItWas) {
  const TypedRecord record = Sample();
  std::string encoded;
  EncodeTypedRecord(record, &encoded);
  TypedRecord decoded;
  ASSERT_OK(DecodeTypedRecord(Bytes(encoded), &decoded));
  ASSERT_EQ(decoded.histograms.size(), 2u);
  EXPECT_EQ(decoded.histograms[0].labels, "labels-1");
  EXPECT_EQ(decoded.histograms[0].message, std::string_view("\x00\x01", 2));
  ASSERT_EQ(decoded.exemplars.size(), 2u);
  EXPECT_EQ(decoded.exemplars[0].exemplar_labels, "trace");
  EXPECT_EQ(decoded.exemplars[0].time_ms, -5);
  EXPECT_EQ(std::bit_cast<uint64_t>(decoded.exemplars[0].value), 0x7ff0000000000002u);
  EXPECT_EQ(decoded.exemplars[1].time_ms, std::numeric_limits<int64_t>::max());
  ASSERT_EQ(decoded.metadata.size(), 1u);
  EXPECT_EQ(decoded.metadata[0].metric, "up");
  EXPECT_EQ(decoded.metadata[0].type, 2);
  EXPECT_EQ(decoded.metadata[0].help, "Is it up?");
  EXPECT_EQ(decoded.metadata[0].unit, "bool");
}

TEST(TypedRecord, EveryCutIsCorrupt) {
  std::string encoded;
  EncodeTypedRecord(Sample(), &encoded);
  TypedRecord decoded;
  for (size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_THAT(DecodeTypedRecord(Bytes(encoded.substr(0, size)), &decoded),
                test::IsKind(ErrorKind::kCorrupt));
  }
  EXPECT_THAT(DecodeTypedRecord(Bytes(encoded + "x"), &decoded), test::IsKind(ErrorKind::kCorrupt));
}

}  // namespace
}  // namespace larnax::head
