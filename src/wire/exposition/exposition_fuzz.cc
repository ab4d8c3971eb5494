#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/hash.h"
#include "wire/exposition/text_decoder.h"
#include "wire/exposition/text_encoder.h"
#include "wire/label_bytes.h"

// The first byte chooses the format.

namespace {

using namespace larnax::wire;  // NOLINT(google-build-using-namespace)

// Samples with good labels, written again, are read as the same.
void CheckRoundTrip(ExpositionFormat format, const WriteRequest& request) {
  constexpr int64_t kMaxExactMs = int64_t{1} << 40;
  std::string text;
  ExpositionWriter writer(format, &text);
  std::vector<size_t> written;
  for (size_t i = 0; i < request.series.size(); ++i) {
    const int64_t time_ms = request.time_ms[i];
    if (!IsCanonical(request.series[i].labels)) continue;
    if (time_ms < 0 || time_ms > kMaxExactMs) continue;
    writer.Sample(larnax::LabelsView(request.series[i].labels), request.value[i], time_ms);
    written.push_back(i);
  }
  writer.Finish();
  WriteRequest again;
  LARNAX_CHECK(DecodeExposition(text, format, 0, &again).ok());
  LARNAX_CHECK(again.series.size() == written.size());
  for (size_t i = 0; i < written.size(); ++i) {
    LARNAX_CHECK(again.series[i].labels == request.series[written[i]].labels);
    LARNAX_CHECK(again.time_ms[i] == request.time_ms[written[i]]);
    const double before = request.value[written[i]];
    LARNAX_CHECK(again.value[i] == before ||
                 (again.value[i] != again.value[i] && before != before));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto format =
      (data[0] & 1) == 0 ? ExpositionFormat::kPrometheusText : ExpositionFormat::kOpenMetrics;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  WriteRequest request;
  request.max_arena_bytes = size_t{8} << 20;
  if (!DecodeExposition(text, format, 1000, &request).ok()) return 0;
  LARNAX_CHECK(request.time_ms.size() == request.series.size());
  LARNAX_CHECK(request.value.size() == request.series.size());
  for (const DecodedSeries& series : request.series) {
    LARNAX_CHECK(series.hash == larnax::base::Hash64(series.labels));
    RejectReason reason = RejectReason::kNone;
    const bool good = CanonicalLabels(series.labels, &reason).ok();
    LARNAX_CHECK(good == (reason == RejectReason::kNone));
    LARNAX_CHECK(good == IsCanonical(series.labels));
  }
  for (const DecodedExemplar& exemplar : request.exemplars) {
    (void)CanonicalExemplarLabels(exemplar.labels);
  }
  CheckRoundTrip(format, request);
  return 0;
}
