#include "test/sim/traffic.h"

#include <algorithm>
#include <bit>

#include "base/civil_time.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/encoder.h"
#include "wire/remote_write/histogram_message.h"
#include "wire/remote_write/negotiation.h"

namespace larnax::sim {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Names that have met a reader or a column of the same or nearly the same name.
constexpr std::string_view kNames[] = {"pod",          "Pod",       "POD",
                                       "le",           "a.b",       "with space",
                                       "größe",        "GRÖSSE",    "date",
                                       "value",        "metric",    "timestamp",
                                       "stale",        "series_id", "x\"y",
                                       "filename",     "x\\y",      "pod_label",
                                       "other_labels", "__meta",    "prom2parquet_prefix"};

int64_t Signed(uint64_t number) { return static_cast<int64_t>(number); }

}  // namespace

Traffic::Traffic(uint64_t seed, const DatabaseOptions& options) : random_(seed), options_(options) {
  const size_t count = 3 + random_.Below(random_.Chance(0.2) ? 300 : 60);
  while (series_.size() < count) series_.push_back(MakeSeries());
  sends_non_floats_ = random_.Chance(0.7);
  for (int i = 0; i < 3; ++i) near_days_.push_back(Signed(random_.Below(40)));
  for (int i = 0; i < 3; ++i) far_days_.push_back(Signed(random_.Below(400)));
  for (int i = 0; i < 8; ++i) invalid_.push_back(MakeInvalidSeries());
}

std::string Traffic::RawBytes(Pairs pairs) {
  if (random_.Chance(0.1)) pairs.emplace_back("zz_empty", "");
  std::sort(pairs.begin(), pairs.end());
  if (random_.Chance(0.1)) std::swap(pairs[0], pairs[random_.Below(pairs.size())]);
  std::string raw;
  for (const auto& [name, value] : pairs) wire::AppendLabel(name, value, &raw);
  return raw;
}

Traffic::SeriesPlan Traffic::MakeSeries() {
  Pairs pairs{{"__name__", "metric_" + std::to_string(random_.Below(6))}};
  if (random_.Chance(0.8)) pairs.emplace_back("job", "job-" + std::to_string(random_.Below(3)));
  if (random_.Chance(0.8)) pairs.emplace_back("instance", std::to_string(random_.Below(5)));
  for (const std::string_view name : kNames) {
    if (!random_.Chance(0.15)) continue;
    std::string value = "v" + std::to_string(random_.Below(4));
    if (random_.Chance(0.05)) value.append(random_.Below(600), 'x');
    if (random_.Chance(0.05)) value += "\xE2\x98\x83\n\"";
    pairs.emplace_back(name, value);
  }
  SeriesPlan plan;
  plan.labels = Labels::Make(pairs).ValueOrDie();
  plan.raw = RawBytes(std::move(pairs));
  plan.has_starts = random_.Chance(0.2);
  return plan;
}

Traffic::SeriesPlan Traffic::MakeInvalidSeries() {
  SeriesPlan plan;
  plan.is_valid = false;
  Pairs pairs{{"__name__", "metric_0"}, {"job", "bad"}};
  switch (random_.Below(6)) {
    case 0:
      pairs.erase(pairs.begin());
      break;
    case 1:
      pairs.emplace_back("job", "again");
      break;
    case 2:
      pairs.emplace_back("", "no name");
      break;
    case 3:
      pairs.emplace_back("utf8", "\xC3\x28");
      break;
    case 4:
      pairs.emplace_back("long",
                         std::string(static_cast<size_t>(options_.max_label_value_bytes) + 1, 'x'));
      break;
    default:
      for (int64_t i = 0; i < options_.max_labels_per_series; ++i) {
        pairs.emplace_back("n" + std::to_string(1000 + i), "x");
      }
  }
  for (const auto& [name, value] : pairs) wire::AppendLabel(name, value, &plan.raw);
  return plan;
}

uint64_t Traffic::DrawBits() {
  switch (random_.Below(16)) {
    case 0:
      return kStaleBits;
    case 1:
      return 0x7ff8000000000000u + random_.Below(4);
    case 2:
      return 0xfff0000000000001u + random_.Below(4);
    case 3:
      return std::bit_cast<uint64_t>(random_.Chance(0.5) ? -0.0 : 0.0);
    case 4:
      return random_.Chance(0.5) ? 0x7ff0000000000000u : 0xfff0000000000000u;
    case 5:
      return random_.Next();
    default:
      return std::bit_cast<uint64_t>(static_cast<double>(random_.Below(50)) / 4);
  }
}

// Few shapes, so that repeats and overwrites are frequent; each kind of histogram is among them.
NativeHistogram Traffic::DrawHistogram() {
  NativeHistogram histogram;
  histogram.sum = std::bit_cast<double>(DrawBits());
  histogram.counter_reset_hint = static_cast<CounterResetHint>(random_.Below(4));
  const size_t buckets = random_.Below(random_.Chance(0.1) ? 200 : 4);
  const auto spans = [&] {
    std::vector<BucketSpan> result;
    for (size_t left = buckets; left > 0;) {
      const size_t length = 1 + random_.Below(left);
      const auto offset = static_cast<int32_t>(random_.Below(4)) - (result.empty() ? 2 : 0);
      result.push_back({offset, static_cast<uint32_t>(length)});
      left -= length;
    }
    return result;
  };
  histogram.positive_spans = spans();
  if (random_.Chance(0.3)) {
    histogram.schema = NativeHistogram::kCustomBounds;
    if (!histogram.positive_spans.empty()) histogram.positive_spans[0].offset = 0;
    for (size_t i = 0; i < 2000 && histogram.custom_bounds.size() < 4 * buckets + 8; ++i) {
      histogram.custom_bounds.push_back(static_cast<double>(i) / 2);
    }
  } else {
    histogram.schema = static_cast<int32_t>(random_.Below(13)) - 4;
    histogram.zero_threshold = 0.25;
    histogram.negative_spans = spans();
  }
  const bool has_negative = !histogram.negative_spans.empty();
  histogram.is_integer = random_.Chance(0.6);
  if (histogram.is_integer) {
    // With a NaN observed the count may be above the buckets; else it is their sum.
    for (size_t i = 0; i < buckets; ++i) {
      histogram.integer_positive.push_back(Signed(random_.Below(5)));
      if (has_negative) histogram.integer_negative.push_back(Signed(random_.Below(5)));
    }
    for (const int64_t each : histogram.integer_positive) histogram.integer_count += each;
    for (const int64_t each : histogram.integer_negative) histogram.integer_count += each;
  } else {
    for (size_t i = 0; i < buckets; ++i) {
      histogram.positive.push_back(static_cast<double>(random_.Below(5)) / 4);
      if (has_negative) histogram.negative.push_back(static_cast<double>(random_.Below(5)) / 4);
    }
    for (const double each : histogram.positive) histogram.count += each;
    for (const double each : histogram.negative) histogram.count += each;
  }
  return histogram;
}

void Traffic::AddHistogram(const SeriesPlan& plan, int64_t time_ms, int64_t latest_ms,
                           wire::RequestEncoder* encoder, Request* request,
                           std::vector<SentSample>* histograms) {
  NativeHistogram histogram = DrawHistogram();
  const bool is_bad = random_.Chance(0.05);
  if (is_bad) histogram.schema = 60;
  const int64_t start_ms = plan.has_starts ? plan.start_ms : 0;
  encoder->AddHistogram(wire::EncodeHistogram(histogram, time_ms, start_ms));
  if (is_bad || !plan.is_valid || time_ms < kMinTimeMs || time_ms > latest_ms) {
    ++request->bad_count;
    return;
  }
  const bool is_known = start_ms >= kMinTimeMs && start_ms <= kMaxTimeMs;
  histograms->push_back({plan.labels, time_ms, HistogramValue(histogram, is_known ? start_ms : 0)});
}

void Traffic::AddExemplar(const SeriesPlan& plan, int64_t time_ms, int64_t latest_ms,
                          wire::RequestEncoder* encoder, Request* request) {
  const uint64_t bits = DrawBits();
  std::string raw;
  std::string canonical;
  if (random_.Chance(0.8)) {
    const std::string trace = std::to_string(random_.Below(5));
    const bool is_turned = random_.Chance(0.2);
    if (is_turned) wire::AppendLabel("trace_id", trace, &raw);
    wire::AppendLabel("a", "b", &raw);
    if (!is_turned) wire::AppendLabel("trace_id", trace, &raw);
    wire::AppendLabel("a", "b", &canonical);
    wire::AppendLabel("trace_id", trace, &canonical);
  }
  encoder->AddExemplar(raw, std::bit_cast<double>(bits), time_ms);
  if (!plan.is_valid || time_ms < kMinTimeMs || time_ms > latest_ms) {
    ++request->bad_count;
  } else {
    request->exemplars.push_back(
        {std::string(plan.labels.bytes()), time_ms, bits, std::move(canonical)});
  }
}

int64_t Traffic::DrawTime(int64_t now_ms) {
  switch (random_.Below(20)) {
    case 0:
      return now_ms - near_days_[random_.Below(near_days_.size())] * base::kDayMs;
    case 1:
      return now_ms - Signed(random_.Below(7'200'000));
    case 2:
      return now_ms + Signed(random_.Below(2 * static_cast<uint64_t>(options_.max_future_ms) + 2));
    case 3:
      // Around a day's edge, where files are cut.
      return base::DayOf(now_ms) * base::kDayMs - 2 + Signed(random_.Below(4));
    case 4:
      switch (random_.Below(20)) {
        case 0:
          return Signed(random_.Below(3)) - 1;
        case 1:
          return kMaxTimeMs - 1 + Signed(random_.Below(3));
        case 2:
          return Signed(random_.Next());
        default:
          return now_ms - far_days_[random_.Below(far_days_.size())] * base::kDayMs;
      }
    default:
      return now_ms - Signed(random_.Below(4)) * 1000;
  }
}

Request Traffic::Make(int64_t now_ms) {
  Request request;
  const auto version = random_.Chance(0.5) ? wire::WriteVersion::kV1 : wire::WriteVersion::kV2;
  const bool version_2 = version == wire::WriteVersion::kV2;
  wire::RequestEncoder encoder(version);
  const int64_t latest_ms = std::min(kMaxTimeMs, now_ms + options_.max_future_ms);
  const bool many_days = random_.Chance(0.003);
  const size_t count = 1 + random_.Below(random_.Chance(0.1) ? 200 : 12);
  const auto add = [&](const SeriesPlan& plan, int64_t time_ms, uint64_t bits, int64_t start_ms) {
    encoder.AddSample(time_ms, std::bit_cast<double>(bits), start_ms);
    if (!plan.is_valid || time_ms < kMinTimeMs || time_ms > latest_ms) {
      ++request.bad_count;
    } else {
      const bool is_known = version_2 && start_ms >= kMinTimeMs && start_ms <= kMaxTimeMs;
      request.good.push_back({plan.labels, time_ms, {bits, is_known ? start_ms : 0}});
    }
  };
  std::vector<SentSample> histograms;
  for (size_t i = 0; i < count; ++i) {
    if (random_.Chance(0.02)) {
      const SeriesPlan& plan = invalid_[random_.Below(invalid_.size())];
      encoder.BeginSeries(plan.raw);
      add(plan, DrawTime(now_ms), DrawBits(), 0);
      if (random_.Chance(0.2)) {
        AddHistogram(plan, now_ms, latest_ms, &encoder, &request, &histograms);
      }
      continue;
    }
    if (sends_non_floats_ && random_.Chance(0.25)) {
      const bool again = !recent_.empty() && random_.Chance(0.4);
      const PointedTime& pointed = again ? recent_[random_.Below(recent_.size())] : PointedTime();
      const size_t index = again ? pointed.series : random_.Below(series_.size());
      const int64_t time_ms = again ? pointed.time_ms : DrawTime(now_ms);
      encoder.BeginSeries(series_[index].raw);
      if (random_.Chance(0.2)) add(series_[index], time_ms, DrawBits(), 0);
      if (random_.Chance(0.8)) {
        AddHistogram(series_[index], time_ms, latest_ms, &encoder, &request, &histograms);
        if (recent_.size() < 64) recent_.emplace_back();
        recent_[random_.Below(recent_.size())] = {index, time_ms, DrawBits()};
      } else {
        AddExemplar(series_[index], time_ms, latest_ms, &encoder, &request);
      }
      continue;
    }
    if (!recent_.empty() && random_.Chance(0.15)) {
      const PointedTime& again = recent_[random_.Below(recent_.size())];
      encoder.BeginSeries(series_[again.series].raw);
      add(series_[again.series], again.time_ms, random_.Chance(0.6) ? again.bits : DrawBits(), 0);
      continue;
    }
    const size_t index = random_.Below(series_.size());
    SeriesPlan& plan = series_[index];
    encoder.BeginSeries(plan.raw);
    const size_t samples = many_days ? 20 : 1 + random_.Below(random_.Chance(0.1) ? 40 : 2);
    for (size_t j = 0; j < samples; ++j) {
      const int64_t time_ms =
          many_days ? now_ms - Signed(j) * base::kDayMs : DrawTime(now_ms) - Signed(samples - j);
      const uint64_t bits = DrawBits();
      if (plan.has_starts && random_.Chance(0.1)) {
        plan.start_ms = std::max<int64_t>(0, time_ms - Signed(random_.Below(5000)));
      }
      add(plan, time_ms, bits, plan.start_ms);
      if (recent_.size() < 64) recent_.emplace_back();
      recent_[random_.Below(recent_.size())] = {index, time_ms, bits};
    }
  }
  request.good.insert(request.good.end(), histograms.begin(), histograms.end());
  if (random_.Chance(0.05)) {
    const std::string metric = "metric_" + std::to_string(random_.Below(6));
    const std::string help = "help " + std::to_string(random_.Below(4));
    if (!version_2) {
      encoder.AddMetadata({metric, wire::MetricType::kGauge, help, ""});
      request.metadata.emplace_back(metric, help);
    }
  }
  constexpr wire::BodyEncoding kEncodings[] = {
      wire::BodyEncoding::kSnappy, wire::BodyEncoding::kIdentity, wire::BodyEncoding::kZstd};
  const wire::BodyEncoding encoding = kEncodings[random_.Below(3)];
  wire::Compress(encoding, encoder.Finish(), &request.body);
  request.content_type = wire::ContentTypeName(version);
  request.content_encoding = encoding == wire::BodyEncoding::kIdentity
                                 ? "identity"
                                 : std::string(wire::ContentEncodingName(encoding));
  if (encoding != wire::BodyEncoding::kIdentity && random_.Chance(0.02)) {
    // Cut: the size that the body tells does not fit any more.
    request.body.resize(random_.Below(request.body.size()));
    request.is_malformed = true;
  }
  return request;
}

std::string Traffic::DrawLabelName() {
  switch (random_.Below(5)) {
    case 0:
      return "__name__";
    case 1:
      return "job";
    case 2:
      return "instance";
    case 3:
      return std::string(kNames[random_.Below(std::size(kNames))]);
    default:
      return random_.Chance(0.2) ? "absent" : "pod";
  }
}

std::vector<Matcher> Traffic::DrawMatchers() {
  std::vector<Matcher> matchers;
  const size_t count = 1 + random_.Below(3);
  while (matchers.size() < count) {
    const std::string name = DrawLabelName();
    std::string value(series_[random_.Below(series_.size())].labels.Get(name));
    const auto type = static_cast<MatchType>(random_.Below(4));
    if (type == MatchType::kRegex || type == MatchType::kNotRegex) {
      constexpr std::string_view kPatterns[] = {".*",           ".+",     "v[01].*",
                                                "metric_[0-3]", "job-1|", ".*[13]"};
      value = kPatterns[random_.Below(std::size(kPatterns))];
    }
    matchers.push_back(Matcher::Make(type, name, value).ValueOrDie());
  }
  return matchers;
}

TimeRange Traffic::DrawRange(int64_t now_ms) {
  if (random_.Chance(0.4)) return {};
  const int64_t start_ms = DrawTime(now_ms);
  constexpr uint64_t kLengths[] = {1, 5'000, 3'600'000, 3 * 86'400'000, 500ull * 86'400'000};
  const int64_t length_ms = Signed(random_.Below(kLengths[random_.Below(std::size(kLengths))]));
  if (start_ms > kMaxTimeMs) return {.start_ms = start_ms, .end_ms = start_ms};
  return {.start_ms = start_ms, .end_ms = start_ms + length_ms};
}

}  // namespace larnax::sim
