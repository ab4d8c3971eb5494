#include "head/sample_record.h"

#include <bit>
#include <limits>
#include <random>

#include "test/matchers.h"

namespace larnax::head {
namespace {

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

SampleRecord RandomRecord(std::mt19937_64* random, std::vector<std::string>* labels) {
  SampleRecord record;
  const size_t definitions = (*random)() % 5;
  labels->clear();
  for (size_t i = 0; i < definitions; ++i) labels->emplace_back((*random)() % 300, 'x');
  for (size_t i = 0; i < definitions; ++i) {
    record.definitions.push_back({static_cast<uint32_t>((*random)()), (*labels)[i]});
  }
  const size_t samples = (*random)() % 100;
  const bool has_starts = (*random)() % 2 == 0;
  for (size_t i = 0; i < samples; ++i) {
    record.refs.push_back(static_cast<uint32_t>((*random)()));
    record.time_ms.push_back(static_cast<int64_t>((*random)() >> ((*random)() % 64)));
    record.value.push_back(std::bit_cast<double>((*random)()));
    if (has_starts) record.start_ms.push_back(static_cast<int64_t>((*random)()));
  }
  return record;
}

void ExpectSame(const SampleRecord& a, const SampleRecord& b) {
  ASSERT_EQ(a.definitions.size(), b.definitions.size());
  for (size_t i = 0; i < a.definitions.size(); ++i) {
    EXPECT_EQ(a.definitions[i].ref, b.definitions[i].ref);
    EXPECT_EQ(a.definitions[i].labels, b.definitions[i].labels);
  }
  EXPECT_EQ(a.refs, b.refs);
  EXPECT_EQ(a.time_ms, b.time_ms);
  EXPECT_EQ(a.start_ms, b.start_ms);
  ASSERT_EQ(a.value.size(), b.value.size());
  for (size_t i = 0; i < a.value.size(); ++i) {
    EXPECT_EQ(std::bit_cast<uint64_t>(a.value[i]), std::bit_cast<uint64_t>(b.value[i]));
  }
}

TEST(SampleRecord, ComesBackAsItWas) {
  std::mt19937_64 random(1);
  std::string encoded;
  SampleRecord decoded;
  std::vector<std::string> labels;
  for (int i = 0; i < 500; ++i) {
    const SampleRecord record = RandomRecord(&random, &labels);
    EncodeSampleRecord(record, &encoded);
    ASSERT_OK(DecodeSampleRecord(Bytes(encoded), &decoded));
    ExpectSame(record, decoded);
  }
}

TEST(SampleRecord, KeepsTheExtremesOfTime) {
  SampleRecord record;
  record.refs = {std::numeric_limits<uint32_t>::max(), 0};
  record.time_ms = {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};
  record.value = {1, 2};
  std::string encoded;
  EncodeSampleRecord(record, &encoded);
  SampleRecord decoded;
  ASSERT_OK(DecodeSampleRecord(Bytes(encoded), &decoded));
  ExpectSame(record, decoded);
}

TEST(SampleRecord, EveryCutIsCorrupt) {
  std::mt19937_64 random(2);
  std::vector<std::string> labels;
  const SampleRecord record = RandomRecord(&random, &labels);
  std::string encoded;
  EncodeSampleRecord(record, &encoded);
  SampleRecord decoded;
  for (size_t size = 0; size < encoded.size(); ++size) {
    EXPECT_THAT(DecodeSampleRecord(Bytes(encoded.substr(0, size)), &decoded),
                test::IsKind(ErrorKind::kCorrupt));
  }
  EXPECT_THAT(DecodeSampleRecord(Bytes(encoded + "x"), &decoded),
              test::IsKind(ErrorKind::kCorrupt));
}

TEST(SampleRecord, SurvivesRandomBytes) {
  std::mt19937_64 random(3);
  SampleRecord decoded;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes(random() % 60, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % (i % 2 == 0 ? 256 : 4));
    // Any outcome but a crash or a giant allocation.
    (void)DecodeSampleRecord(Bytes(bytes), &decoded);
    EXPECT_LE(decoded.refs.size(), bytes.size());
  }
}

}  // namespace
}  // namespace larnax::head
