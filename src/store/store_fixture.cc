#include "store/store_fixture.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/hash.h"
#include "model/label_order.h"

namespace larnax::store {

Labels MakeLabels(std::vector<std::pair<std::string, std::string>> pairs) {
  auto labels = Labels::Make(std::move(pairs));
  LARNAX_CHECK(labels.ok());
  return *std::move(labels);
}

std::shared_ptr<head::FrozenGeneration> TestHead::Freeze(const std::vector<TestSample>& samples,
                                                         head::LogPosition end) {
  auto generation = std::make_shared<head::Generation>(next_number_++, head::LogPosition());
  auto arena = std::make_shared<head::LabelArena>();
  std::map<std::string, std::pair<head::SeriesRef, std::string_view>> refs;
  for (const TestSample& sample : samples) {
    const std::string key(sample.labels.bytes());
    auto found = refs.find(key);
    if (found == refs.end()) {
      const auto ref = static_cast<head::SeriesRef>(refs.size());
      found = refs.emplace(key, std::pair(ref, arena->Add(key))).first;
    }
    generation->Append(found->second.first, sample.time_ms, sample.value, sample.start_ms);
  }
  generation->set_end(end);
  auto frozen = std::make_shared<head::FrozenGeneration>();
  for (const auto& [key, series] : refs) {
    const auto through = flushed_through_ms_.find(key);
    frozen->series.push_back({.labels = LabelsView(series.second),
                              .ref = series.first,
                              .flushed_through_ms = through == flushed_through_ms_.end()
                                                        ? files_through_ms_
                                                        : through->second});
  }
  std::sort(frozen->series.begin(), frozen->series.end(), [](const auto& a, const auto& b) {
    return model::CompareForFile(a.labels, b.labels) < 0;
  });
  frozen->generation = std::move(generation);
  frozen->arena = std::move(arena);
  return frozen;
}

void TestHead::NoteFlushed(const head::FrozenGeneration& frozen) {
  files_through_ms_ = std::max(files_through_ms_, frozen.generation->time_range().end_ms);
  for (const head::FrozenSeries& series : frozen.series) {
    int64_t& through_ms =
        flushed_through_ms_.try_emplace(std::string(series.labels.bytes()), files_through_ms_)
            .first->second;
    through_ms = std::max(through_ms, frozen.generation->RangeOf(series.ref).end_ms);
  }
}

void TestHead::Restart(int64_t files_through_ms) {
  flushed_through_ms_.clear();
  files_through_ms_ = files_through_ms;
}

head::HeadSnapshot TestHead::Capture(const head::FrozenGeneration& frozen) {
  head::HeadSnapshot snapshot;
  for (const head::FrozenSeries& series : frozen.series) {
    snapshot.series.push_back(
        {.labels = series.labels, .parts = {frozen.generation->Capture(series.ref)}});
  }
  snapshot.generations.push_back(frozen.generation);
  snapshot.arena = frozen.arena;
  return snapshot;
}

void AddToOracle(const std::vector<TestSample>& samples, Oracle* oracle) {
  for (const TestSample& sample : samples) {
    OracleSample& stored = (*oracle)[std::string(sample.labels.bytes())][sample.time_ms];
    const auto bits = std::bit_cast<uint64_t>(sample.value);
    // A repeat with the same bits changes nothing, its start time neither.
    if (stored.bits == bits && stored.is_set) continue;
    stored = {.bits = bits, .start_ms = sample.start_ms, .is_set = true};
  }
}

arrow::Result<Oracle> ReadAll(SampleStream& stream) {
  Oracle all;
  Labels previous;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const SampleBatch batch, stream.Next());
    if (batch.series.empty()) return all;
    for (const SeriesSamples& series : batch.series) {
      const std::string name = series.labels.ToString();
      if (!all.empty() && model::CompareForFile(previous, series.labels) >= 0) {
        return arrow::Status::Invalid("not in file order: ", name);
      }
      previous = Labels(series.labels);
      const TimestampVector& times = *series.time_ms;
      if (times.empty() || times.size() != series.value.size() ||
          (!series.start_ms.empty() && series.start_ms.size() != times.size())) {
        return arrow::Status::Invalid("lengths differ: ", name);
      }
      auto& samples = all[std::string(series.labels.bytes())];
      for (size_t i = 0; i < times.size(); ++i) {
        if (i > 0 && times[i] <= times[i - 1]) {
          return arrow::Status::Invalid("times do not ascend: ", name);
        }
        samples[times[i]] = {.bits = std::bit_cast<uint64_t>(series.value[i]),
                             .start_ms = series.start_ms.empty() ? 0 : series.start_ms[i],
                             .is_set = true};
      }
    }
  }
}

Oracle Cut(const Oracle& oracle, TimeRange range) {
  Oracle cut;
  for (const auto& [labels, samples] : oracle) {
    for (const auto& [time_ms, sample] : samples) {
      if (range.Contains(time_ms)) cut[labels][time_ms] = sample;
    }
  }
  return cut;
}

std::string Difference(const Oracle& want, const Oracle& got) {
  const auto print = [](const std::string& labels, int64_t time_ms, const OracleSample* sample) {
    std::string text = LabelsView(labels).ToString() + " @" + std::to_string(time_ms);
    if (sample == nullptr) return text + " missing";
    return text + " bits=" + std::to_string(sample->bits) +
           " start=" + std::to_string(sample->start_ms);
  };
  for (const auto& [labels, samples] : want) {
    const auto found = got.find(labels);
    for (const auto& [time_ms, sample] : samples) {
      const OracleSample* other = nullptr;
      if (found != got.end()) {
        const auto at = found->second.find(time_ms);
        if (at != found->second.end()) other = &at->second;
      }
      if (other == nullptr || !(*other == sample)) {
        return "want " + print(labels, time_ms, &sample) + ", got " + print(labels, time_ms, other);
      }
    }
  }
  for (const auto& [labels, samples] : got) {
    const auto found = want.find(labels);
    for (const auto& [time_ms, sample] : samples) {
      if (found == want.end() || !found->second.contains(time_ms)) {
        return "not wanted: " + print(labels, time_ms, &sample);
      }
    }
  }
  return "";
}

namespace {

Labels DrawLabels(io::Random& random) {
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"__name__", "metric_" + std::to_string(random.Below(6))},
      {"job", "job-" + std::to_string(random.Below(2))},
      {"instance", "host-" + std::to_string(random.Below(3))}};
  if (random.Chance(0.3)) pairs.emplace_back("le", std::to_string(random.Below(3)));
  if (random.Chance(0.1)) pairs.emplace_back("odd \"name\" \xC3\xA9", "a,b=c");
  // Few archives in tests have room for all of these as columns.
  if (random.Chance(0.1)) {
    pairs.emplace_back("extra_" + std::to_string(random.Below(12)), "x");
  }
  if (random.Chance(0.05)) pairs.emplace_back("timestamp", "reserved");
  return MakeLabels(std::move(pairs));
}

double DrawValue(io::Random& random) {
  switch (random.Below(8)) {
    case 0:
      return std::bit_cast<double>(kStaleBits);
    case 1:
      return std::bit_cast<double>(uint64_t{0x7ff8000000000000} | random.Below(1000));
    case 2:
      return -0.0;
    case 3:
      return std::numeric_limits<double>::infinity();
    default:
      return static_cast<double>(random.Below(100)) / 8;
  }
}

}  // namespace

std::vector<TestSample> DrawSamples(io::Random& random, int count, int64_t first_ms,
                                    int64_t span_ms) {
  std::vector<TestSample> samples;
  std::vector<Labels> series;
  for (int i = 0; i < 40; ++i) series.push_back(DrawLabels(random));
  int64_t time_ms = first_ms;
  for (int i = 0; i < count; ++i) {
    time_ms += span_ms / count;
    TestSample sample{.labels = series[random.Below(series.size())], .time_ms = time_ms};
    if (random.Chance(0.15)) {
      // Out of order; on a coarse grid, so that times are met again.
      sample.time_ms = first_ms + static_cast<int64_t>(random.Below(20)) * (span_ms / 20);
    }
    sample.value = DrawValue(random);
    // The same at each writing: which start time of a repeated sample stays is not promised.
    if (base::Hash64(sample.labels.bytes()) % 4 == 0) {
      sample.start_ms = sample.time_ms - sample.time_ms % 3'600'000 + 1;
    }
    samples.push_back(sample);
    if (random.Chance(0.05)) samples.push_back(samples[random.Below(samples.size())]);
  }
  return samples;
}

}  // namespace larnax::store
