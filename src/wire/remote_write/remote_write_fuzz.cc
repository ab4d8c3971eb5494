#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/hash.h"
#include "larnax/error.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/negotiation.h"

// The first byte chooses: bit 0 the version, bits 1 and 2 the encoding of what follows.

namespace {

using namespace larnax::wire;  // NOLINT(google-build-using-namespace)

// What every decoded request holds, whatever was sent.
void CheckRequest(const WriteRequest& request) {
  LARNAX_CHECK(request.time_ms.size() == request.value.size());
  LARNAX_CHECK(request.start_ms.empty() || request.start_ms.size() == request.time_ms.size());
  uint32_t next_sample = 0;
  uint32_t next_histogram = 0;
  uint32_t next_exemplar = 0;
  for (const DecodedSeries& series : request.series) {
    LARNAX_CHECK(series.first_sample == next_sample);
    LARNAX_CHECK(series.first_histogram == next_histogram);
    LARNAX_CHECK(series.first_exemplar == next_exemplar);
    next_sample += series.sample_count;
    next_histogram += series.histogram_count;
    next_exemplar += series.exemplar_count;
    LARNAX_CHECK(series.hash == larnax::base::Hash64(series.labels));
    RejectReason reason = RejectReason::kNone;
    const auto labels = CanonicalLabels(series.labels, &reason);
    // Decoded label bytes are well-formed: only what they say can be wrong.
    LARNAX_CHECK(labels.ok() == (reason == RejectReason::kNone));
    if (labels.ok()) LARNAX_CHECK(IsCanonical(labels->bytes()));
  }
  LARNAX_CHECK(next_sample == request.time_ms.size());
  LARNAX_CHECK(next_histogram == request.histograms.size());
  LARNAX_CHECK(next_exemplar == request.exemplars.size());
}

// What was decoded, encoded again, decodes to the same series and samples.
void CheckRoundTrip(WriteVersion version, const WriteRequest& request) {
  RequestEncoder encoder(version);
  for (const DecodedSeries& series : request.series) {
    encoder.BeginSeries(series.labels);
    for (uint32_t i = 0; i < series.sample_count; ++i) {
      const size_t at = series.first_sample + i;
      encoder.AddSample(request.time_ms[at], request.value[at],
                        request.start_ms.empty() ? 0 : request.start_ms[at]);
    }
    for (uint32_t i = 0; i < series.histogram_count; ++i) {
      encoder.AddHistogram(request.histograms[series.first_histogram + i].message);
    }
  }
  const std::string_view message = encoder.Finish();
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(message.data()),
                                       message.size());
  WriteRequest again;
  const auto status =
      version == WriteVersion::kV1 ? DecodeV1(bytes, &again) : DecodeV2(bytes, &again);
  LARNAX_CHECK(status.ok());
  LARNAX_CHECK(again.time_ms == request.time_ms);
  LARNAX_CHECK(again.histograms.size() == request.histograms.size());
  size_t at = 0;
  for (const DecodedSeries& series : request.series) {
    // Version 1 leaves out series without anything.
    const bool left_out = version == WriteVersion::kV1 && series.labels.empty() &&
                          series.sample_count + series.histogram_count == 0;
    if (left_out) continue;
    LARNAX_CHECK(at < again.series.size() && again.series[at].labels == series.labels);
    ++at;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const WriteVersion version = (data[0] & 1) == 0 ? WriteVersion::kV1 : WriteVersion::kV2;
  const auto encoding = static_cast<BodyEncoding>((data[0] >> 1) % 3);
  constexpr size_t kLimitBytes = size_t{1} << 20;
  std::string message;
  const auto decompressed = Decompress(encoding, {data + 1, size - 1}, kLimitBytes, &message);
  if (!decompressed.ok()) return 0;
  LARNAX_CHECK(message.size() <= kLimitBytes);
  WriteRequest request;
  request.max_arena_bytes = size_t{8} << 20;
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(message.data()),
                                       message.size());
  const auto status =
      version == WriteVersion::kV1 ? DecodeV1(bytes, &request) : DecodeV2(bytes, &request);
  if (!status.ok()) {
    const auto kind = larnax::KindOf(status);
    LARNAX_CHECK(kind == larnax::ErrorKind::kBadSample || kind == larnax::ErrorKind::kTooLarge);
    return 0;
  }
  CheckRequest(request);
  CheckRoundTrip(version, request);
  return 0;
}
