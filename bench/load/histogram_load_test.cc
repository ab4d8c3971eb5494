#include "bench/load/histogram_load.h"

#include <memory>
#include <string>

#include "bench/load/output.h"
#include "test/matchers.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/negotiation.h"

namespace larnax::load {
namespace {

TEST(HistogramLoad, SendsEverySampleAsAHistogram) {
  LoadOptions options;
  options.histograms = 7;
  options.batch = 5;
  options.span_ms = 60'000;
  const auto maker = std::make_shared<HistogramLoad>(options);
  const RequestSource next = ToRequests(
      [maker](std::vector<LoadSample>* samples) { maker->Next(samples); }, SendOptions(), 0, 1);
  int64_t samples = 0;
  std::string message;
  wire::WriteRequest decoded;
  for (PreparedRequest request; next(&request);) {
    EXPECT_LE(request.samples, options.batch);
    samples += request.samples;
    const auto* const body = reinterpret_cast<const uint8_t*>(request.body.data());
    ASSERT_OK(wire::Decompress(wire::BodyEncoding::kSnappy, {body, request.body.size()}, 1 << 20,
                               &message));
    const auto* const data = reinterpret_cast<const uint8_t*>(message.data());
    ASSERT_OK(wire::DecodeV1({data, message.size()}, &decoded));
    ASSERT_EQ(decoded.histograms.size(), static_cast<size_t>(request.samples));
  }
  EXPECT_EQ(samples, 7 * 4);
}

}  // namespace
}  // namespace larnax::load
