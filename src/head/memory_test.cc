// What a head does where memory is short, and how much it takes of it.

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "head/head.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"
#include "test/matchers.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/encoder.h"

namespace {

int64_t allocations_to_go = -1;  // Those that go well yet, then one fails; negative: none does.
int64_t bytes_in_use = 0;
int64_t most_bytes_in_use = 0;

void* Allocate(size_t size, size_t alignment) {
  if (allocations_to_go >= 0 && --allocations_to_go < 0) throw std::bad_alloc();
  size = (std::max<size_t>(size, 1) + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, size);
  if (memory == nullptr) throw std::bad_alloc();
  bytes_in_use += static_cast<int64_t>(::malloc_usable_size(memory));
  most_bytes_in_use = std::max(most_bytes_in_use, bytes_in_use);
  return memory;
}

void Free(void* memory) {
  bytes_in_use -= static_cast<int64_t>(::malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

#include "test/replace_new.h"

namespace larnax::head {
namespace {

constexpr int64_t kDayMs = 86'400'000;

// Appends a sample while the allocation after so many fails; tells whether one did.
bool AppendShort(int64_t allocations, int64_t time_ms, int64_t start_ms, Generation* generation) {
  allocations_to_go = allocations;
  bool is_short = false;
  try {
    generation->Append(SeriesRef{0}, time_ms, static_cast<double>(time_ms), start_ms);
  } catch (const std::bad_alloc&) {
    is_short = true;
  }
  allocations_to_go = -1;
  return is_short;
}

// Each sample in turn finds no memory, at each place; then it and the one before are sent again, as
// a request is that was not answered.
TEST(MemoryOfGeneration, ASampleCountsWhollyOrNotAtAll) {
  for (const int64_t changes_start : {0, 1}) {
    for (int64_t last = 0; last < 20; ++last) {
      const int64_t time_ms = kDayMs + last;
      bool is_short = true;
      for (int64_t place = 0; is_short; ++place) {
        ASSERT_LT(place, 10);
        Generation generation(1, {});
        for (int64_t i = 0; i < last; ++i) {
          generation.Append(SeriesRef{0}, i, static_cast<double>(i), changes_start);
        }
        is_short = AppendShort(place, time_ms, 2 * changes_start, &generation);
        EXPECT_EQ(generation.sample_count(), last + (is_short ? 0 : 1));
        for (const int64_t again : {last - 1, time_ms}) {
          if (again >= 0) generation.Append(SeriesRef{0}, again, static_cast<double>(again), 0);
        }
        SampleColumns columns;
        ReadCapture(generation.Capture(SeriesRef{0}), {}, &columns);
        std::vector<int64_t> expected(static_cast<size_t>(last));
        for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int64_t>(i);
        expected.push_back(time_ms);
        EXPECT_EQ(columns.time_ms, expected) << last << " " << place;
        for (size_t i = 0; i < columns.value.size(); ++i) {
          EXPECT_EQ(columns.value[i], static_cast<double>(columns.time_ms[i]));
        }
      }
    }
  }
}

// Reads wait for no write, but what they take for it does not grow with their selectors.
TEST(MemoryOfHead, ManySelectorsTakeHardlyMoreThanOne) {
  io::SimFileSystem fs(1);
  io::SimClock clock;
  const auto log = Log::Open(fs, clock, "wal", {.salt_seed = 1}).ValueOrDie();
  Head head(log.get(), -1);
  constexpr int kSeries = 6000;
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  for (int i = 0; i < kSeries; ++i) {
    const std::string metric = "m" + std::to_string(i % 2);
    encoder.BeginSeries(
        Labels::Make({{"__name__", metric}, {"i", std::to_string(i)}}).ValueOrDie().bytes());
    encoder.AddSample(1000, i);
  }
  const std::string message(encoder.Finish());
  wire::WriteRequest request;
  ASSERT_OK(
      wire::DecodeV1({reinterpret_cast<const uint8_t*>(message.data()), message.size()}, &request));
  WriteReport report;
  ASSERT_OK(head.Append(request, {}, 0, &report));

  const auto selector = [](const std::string& metric, const std::string& regex) {
    std::vector<Matcher> matchers = {Matcher::Make(MatchType::kRegex, "i", regex).ValueOrDie()};
    if (!metric.empty()) {
      matchers.push_back(
          Matcher::Make(MatchType::kEqual, std::string(kMetricLabel), metric).ValueOrDie());
    }
    return matchers;
  };
  // The most bytes that a capture has in use, and the series it gives.
  const auto capture = [&](const std::vector<std::vector<Matcher>>& selectors) {
    const int64_t before = most_bytes_in_use = bytes_in_use;
    const size_t series = head.Capture(selectors, {}).series.size();
    return std::pair(most_bytes_in_use - before, series);
  };
  for (const std::string regex : {"none.*", ".*7.*"}) {
    const auto [bytes, series] = capture({selector("", regex)});
    std::vector<std::vector<Matcher>> many;
    for (int i = 0; i < 256; ++i) {
      many.push_back(selector(i % 3 == 0 ? "" : "m" + std::to_string(i % 2), regex));
    }
    const auto [bytes_of_many, series_of_many] = capture(many);
    EXPECT_EQ(series_of_many, series);
    EXPECT_LT(bytes_of_many, 4 * bytes) << regex;
  }
}

}  // namespace
}  // namespace larnax::head
