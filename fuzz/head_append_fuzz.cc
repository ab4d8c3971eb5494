// Input: a byte for the version (bit 0) and for where the second request begins, then messages of
// remote write.
//
// Whatever they say, the head takes or refuses each sample, and says how many of each; what it took
// is what its log gives back to another head.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "head/head.h"
#include "head/log.h"
#include "head/log_replay.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "larnax/error.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/negotiation.h"

namespace larnax::head {
namespace {

constexpr char kFolder[] = "wal/samples";

// Times and bits of the floats per series, and how many histograms and exemplars.
struct Content {
  std::map<std::string, std::map<int64_t, uint64_t>> floats;
  std::map<std::string, size_t> non_floats;
  friend bool operator==(const Content&, const Content&) = default;
};

Content ReadAll(Head* head) {
  Content content;
  const HeadSnapshot snapshot = head->Capture({}, TimeRange());
  SampleColumns columns;
  for (const HeadSeries& series : snapshot.series) {
    const std::string labels(series.labels.bytes());
    for (const SeriesCapture& part : series.parts) {
      ReadCapture(part, TimeRange(), &columns);
      for (size_t i = 0; i < columns.time_ms.size(); ++i) {
        LARNAX_CHECK(columns.time_ms[i] >= kMinTimeMs && columns.time_ms[i] <= kMaxTimeMs);
        content.floats[labels][columns.time_ms[i]] = std::bit_cast<uint64_t>(columns.value[i]);
      }
      content.non_floats[labels] += 1;
    }
  }
  return content;
}

bool Decode(bool is_version_2, std::string_view message, wire::WriteRequest* request) {
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(message.data()),
                                       message.size());
  request->max_arena_bytes = size_t{8} << 20;
  const auto status =
      is_version_2 ? wire::DecodeV2(bytes, request) : wire::DecodeV1(bytes, request);
  return status.ok();
}

void AppendTo(Head* head, bool is_version_2, std::string_view message) {
  wire::WriteRequest request;
  if (!Decode(is_version_2, message, &request)) return;
  AppendRules rules;
  rules.max_labels = 30;
  rules.max_name_bytes = 100;
  rules.max_value_bytes = 1000;
  WriteReport report;
  const auto position = head->Append(request, rules, 77, &report);
  if (!position.ok()) {
    LARNAX_CHECK(KindOf(position.status()) != ErrorKind::kInternal);
    return;
  }
  // No sample is lost sight of: each was kept or refused.
  int64_t refused = 0;
  for (const Refusal& refusal : report.refused) {
    LARNAX_CHECK(!refusal.reason.empty() && refusal.count > 0);
    refused += refusal.count;
  }
  const int64_t sent = std::ssize(request.time_ms) + std::ssize(request.histograms);
  const int64_t kept = report.samples + report.histograms;
  LARNAX_CHECK(kept <= sent);
  LARNAX_CHECK(kept + refused >= sent);
  LARNAX_CHECK(report.duplicates <= kept);
}

}  // namespace
}  // namespace larnax::head

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace larnax;        // NOLINT(google-build-using-namespace)
  using namespace larnax::head;  // NOLINT(google-build-using-namespace)
  if (size == 0) return 0;
  const bool is_version_2 = (data[0] & 1) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  io::SimFileSystem fs(1);
  io::SimClock clock;
  auto log = Log::Open(fs, clock, kFolder, {.salt_seed = 1}).ValueOrDie();
  auto first = std::make_unique<Head>(log.get(), -1);
  // The same message twice, and then a part of it: repeats, overwrites and what is broken.
  AppendTo(first.get(), is_version_2, bytes);
  AppendTo(first.get(), is_version_2, bytes);
  AppendTo(first.get(), is_version_2, bytes.substr(bytes.size() * data[0] / 256));
  LARNAX_CHECK(log->Commit().ok());
  const Content wanted = ReadAll(first.get());
  first.reset();
  log.reset();

  log = Log::Open(fs, clock, kFolder, {.salt_seed = 2}).ValueOrDie();
  Head second(log.get(), -1);
  ReplayOptions options;
  options.deliver_before_start = true;
  const auto report = ReplayLog(fs, kFolder, {}, options, [&](const RecordView& record) {
    return second.Replay(record, 78);
  });
  LARNAX_CHECK(report.ok());
  LARNAX_CHECK(ReadAll(&second) == wanted);
  return 0;
}
