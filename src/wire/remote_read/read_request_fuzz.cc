// Any bytes decode or fail with a kind that blames the sender. The bytes are samples of a series,
// too: what is encoded from them reads back as it was.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "larnax/error.h"
#include "wire/remote_read/chunk_decoder_fixture.h"
#include "wire/remote_read/read_request.h"
#include "wire/remote_read/series_chunks.h"

namespace {

using namespace larnax::wire;  // NOLINT(google-build-using-namespace)

void CheckDecoding(std::span<const uint8_t> message) {
  const auto request = DecodeReadRequest(message);
  if (!request.ok()) {
    const auto kind = larnax::KindOf(request.status());
    LARNAX_CHECK(kind == larnax::ErrorKind::kBadQuery || kind == larnax::ErrorKind::kTooLarge);
    return;
  }
  LARNAX_CHECK(request->queries.size() <= kMaxReadQueries);
}

// Each 9 bytes are a sample: one says how far it is from the one before, eight are the value.
void CheckChunks(std::span<const uint8_t> bytes) {
  auto times = std::make_shared<larnax::TimestampVector>();
  std::vector<double> values;
  int64_t time_ms = 0;
  for (; bytes.size() >= 9; bytes = bytes.subspan(9)) {
    time_ms += 1 + (int64_t{1} << (bytes[0] % 40)) + bytes[0];
    times->push_back(time_ms);
    std::memcpy(&values.emplace_back(), bytes.data() + 1, 8);
  }
  const SeriesChunks chunks = EncodeChunks({larnax::LabelsView(), times, values, {}, {}});
  size_t at = 0;
  for (const auto& field : larnax::wire::testing::ReadFields(chunks.fields)) {
    const auto parts = larnax::wire::testing::ReadFields(field.bytes);
    const auto samples = larnax::wire::testing::ReadXorChunk(parts.at(3).bytes);
    LARNAX_CHECK(samples.has_value());
    for (const auto& [time, value] : *samples) {
      LARNAX_CHECK(time == (*times)[at]);
      LARNAX_CHECK(std::memcmp(&value, &values[at], 8) == 0);
      ++at;
    }
  }
  LARNAX_CHECK(at == times->size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CheckDecoding({data, size});
  CheckChunks({data, size});
  return 0;
}
