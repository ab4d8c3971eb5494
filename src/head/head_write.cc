#include <algorithm>
#include <limits>
#include <utility>

#include "base/hash.h"
#include "head/head.h"
#include "larnax/error.h"
#include "wire/label_bytes.h"

// New writes.
namespace larnax::head {
namespace {

// Counts what is refused; `describe` is only called for the first of its reason, as a request may
// hold millions.
template <typename Describe>
void Refuse(std::string_view reason, int64_t count, WriteReport* report, Describe describe) {
  for (Refusal& refusal : report->refused) {
    if (refusal.reason == reason) {
      refusal.count += count;
      return;
    }
  }
  report->refused.push_back({std::string(reason), count, describe()});
}

// Label bytes as they came, which may be anything that is well-formed.
std::string Describe(std::string_view raw_labels) {
  constexpr size_t kMost = 300;
  const auto canonical = wire::CanonicalLabels(raw_labels);
  if (canonical.ok()) return canonical->ToString();
  std::string out = "{";
  wire::LabelBytesReader reader(raw_labels);
  for (Label label; reader.Next(&label) && out.size() < kMost;) {
    if (out.size() > 1) out += ", ";
    out.append(label.name).append("=\"").append(label.value).append("\"");
  }
  return out + "}";
}

std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

arrow::Status CheckLimits(LabelsView labels, const AppendRules& rules) {
  int64_t count = 0;
  for (const Label& label : labels) {
    ++count;
    if (static_cast<int64_t>(label.name.size()) > rules.max_name_bytes) {
      return MakeError(ErrorKind::kBadSample,
                       "label name is too long: bytes=" + std::to_string(label.name.size()) +
                           " limit=" + std::to_string(rules.max_name_bytes));
    }
    if (static_cast<int64_t>(label.value.size()) > rules.max_value_bytes) {
      return MakeError(ErrorKind::kBadSample,
                       "label value is too long: label=" + std::string(label.name) +
                           " bytes=" + std::to_string(label.value.size()) +
                           " limit=" + std::to_string(rules.max_value_bytes));
    }
  }
  if (count > rules.max_labels) {
    return MakeError(ErrorKind::kBadSample, "too many labels: count=" + std::to_string(count) +
                                                " limit=" + std::to_string(rules.max_labels));
  }
  return arrow::Status::OK();
}

// More than this of histograms and exemplars in one write is no honest one.
constexpr size_t kMostNonFloatBytes = 64 << 20;
// Scratch memory that is kept from one write to the next.
constexpr size_t kMostScratchBytes = 8 << 20;
// No log has lost so often.
constexpr uint64_t kLogIncomplete = std::numeric_limits<uint64_t>::max();

size_t MostSampleBytes(const wire::WriteRequest& request) {
  size_t bytes =
      64 + request.series.size() * kMaxDefinitionBytes + request.time_ms.size() * kMaxSampleBytes;
  for (const wire::DecodedSeries& series : request.series) bytes += series.labels.size();
  return bytes;
}

size_t MostNonFloatBytes(const wire::WriteRequest& request) {
  constexpr size_t kMostFieldBytes = 64;
  size_t bytes = 0;
  for (const wire::DecodedSeries& series : request.series) {
    const size_t parts = size_t{series.histogram_count} + series.exemplar_count;
    if (parts == 0) continue;
    bytes += series.labels.size() + kMaxDefinitionBytes + parts * kMostFieldBytes;
  }
  for (const auto& histogram : request.histograms) bytes += histogram.message.size();
  for (const auto& exemplar : request.exemplars) bytes += exemplar.labels.size();
  for (const auto& metadata : request.metadata) {
    bytes += metadata.metric.size() + metadata.help.size() + metadata.unit.size() + kMostFieldBytes;
  }
  return bytes;
}

arrow::Status CheckRecordSize(const char* what, size_t most_bytes, size_t limit_bytes) {
  if (most_bytes <= limit_bytes) return arrow::Status::OK();
  return MakeError(ErrorKind::kTooLarge,
                   std::string("too many ") + what + " in one request: bytes=" +
                       std::to_string(most_bytes) + " limit=" + std::to_string(limit_bytes));
}

constexpr std::string_view kOutOfBounds = "out of bounds";

// What a message of CheckLimits says before it comes to numbers.
std::string ReasonOf(const arrow::Status& limits) {
  return limits.message().substr(0, limits.message().find(':'));
}

// Refuses `count` samples for their times, the first of the series among them.
void RefuseTimes(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                 int64_t count, const AppendRules& rules, WriteReport* report) {
  Refuse(kOutOfBounds, count, report, [&] {
    return Describe(series.labels) +
           " time_ms=" + std::to_string(request.time_ms[series.first_sample]) +
           " latest_ms=" + std::to_string(rules.max_time_ms);
  });
}

}  // namespace

SeriesRef Head::Resolve(const wire::DecodedSeries& series, const AppendRules& rules,
                        std::string* refusal) {
  const SeriesRef known = table_.Find(series.labels, series.hash);
  if (known != kNoSeries) return known;
  wire::RejectReason reason = wire::RejectReason::kNone;
  const auto labels = wire::CanonicalLabels(series.labels, &reason);
  if (!labels.ok()) {
    *refusal = reason == wire::RejectReason::kNone ? labels.status().message()
                                                   : wire::RejectReasonText(reason);
    return kNoSeries;
  }
  if (const arrow::Status limits = CheckLimits(*labels, rules); !limits.ok()) {
    *refusal = ReasonOf(limits);
    return kNoSeries;
  }
  // A sender with another label order: known by its canonical bytes.
  const uint64_t hash =
      labels->bytes() == series.labels ? series.hash : base::Hash64(labels->bytes());
  const SeriesRef canonical = table_.Find(labels->bytes(), hash);
  return canonical != kNoSeries ? canonical : table_.Add(*labels, hash, files_through_ms_);
}

void Head::DefineInSegment(SeriesRef ref, uint64_t segment,
                           std::vector<SeriesDefinition>* definitions) {
  SeriesTable::Entry& entry = table_[ref];
  if (entry.log_segment == segment) return;
  definitions->push_back({static_cast<uint32_t>(ref), entry.labels});
  entry.log_segment = segment;
}

// A record that did not come to the log has not defined its series there.
void Head::Undefine(std::span<const SeriesDefinition> definitions) {
  for (const SeriesDefinition& each : definitions) table_[SeriesRef{each.ref}].log_segment = 0;
}

// The segment that the next record goes to. Whether the log has all that memory has is looked at
// after: a segment given up since is not this one, and one given up later is, where nothing of it
// counts.
uint64_t Head::PrepareLog(size_t most_bytes) {
  const uint64_t segment = log_->PrepareAppend(most_bytes);
  log_has_all_ = log_->loss_count() == losses_before_active_;
  return segment;
}

// Where a write is durable that only repeats what is logged: when that is. Where the log gave up
// the segment since, that may be lost.
LogPosition Head::EndOfRepeats(uint64_t segment) const {
  const LogPosition end = log_->appended();
  if (end.segment == segment) return end;
  return {segment, std::numeric_limits<int64_t>::max()};
}

void Head::AppendSamples(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                         const AppendRules& rules, uint64_t segment, WriteReport* report) {
  const auto in_bounds = [&](uint32_t i) {
    return request.time_ms[i] >= kMinTimeMs && request.time_ms[i] <= rules.max_time_ms;
  };
  const uint32_t end = series.first_sample + series.sample_count;
  uint32_t first_good = series.first_sample;
  while (first_good < end && !in_bounds(first_good)) ++first_good;
  if (first_good > series.first_sample) {
    RefuseTimes(request, series, first_good - series.first_sample, rules, report);
  }
  // A series of which nothing is kept takes no memory.
  if (first_good == end) return;
  std::string refusal;
  const SeriesRef ref = Resolve(series, rules, &refusal);
  if (ref == kNoSeries) {
    Refuse(refusal, end - first_good, report, [&] { return Describe(series.labels); });
    return;
  }
  table_[ref].last_generation = active_->number();
  for (uint32_t i = first_good; i < end; ++i) {
    const int64_t time_ms = request.time_ms[i];
    if (!in_bounds(i)) [[unlikely]] {
      RefuseTimes(request, {.labels = series.labels, .first_sample = i}, 1, rules, report);
      continue;
    }
    const int64_t start_ms = request.start_ms.empty() ? 0 : request.start_ms[i];
    ++report->samples;
    if (active_->Append(ref, time_ms, request.value[i], start_ms) ==
        Generation::Outcome::kDuplicate) {
      ++report->duplicates;
      if (log_has_all_) continue;
    }
    DefineInSegment(ref, segment, &record_.definitions);
    record_.refs.push_back(static_cast<uint32_t>(ref));
    record_.time_ms.push_back(time_ms);
    record_.value.push_back(request.value[i]);
    if (!request.start_ms.empty()) record_.start_ms.push_back(start_ms);
  }
}

LogPosition Head::AppendFloats(const wire::WriteRequest& request, const AppendRules& rules,
                               size_t most_bytes, WriteReport* report) {
  if (request.time_ms.empty()) return {};
  const uint64_t segment = PrepareLog(most_bytes);
  for (const wire::DecodedSeries& series : request.series) {
    if (series.sample_count > 0) AppendSamples(request, series, rules, segment, report);
  }
  if (record_.refs.empty()) return EndOfRepeats(segment);
  EncodeSampleRecord(record_, &encoded_);
  return log_->Append(kSampleRecord, AsBytes(encoded_));
}

void Head::AppendHistograms(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                            const AppendRules& rules, uint64_t segment, WriteReport* report) {
  for (uint32_t i = 0; i < series.histogram_count; ++i) {
    const wire::DecodedHistogram& histogram = request.histograms[series.first_histogram + i];
    const auto describe = [&] {
      return Describe(series.labels) + " time_ms=" + std::to_string(histogram.time_ms);
    };
    if (histogram.rejection != wire::RejectReason::kNone) {
      Refuse(wire::RejectReasonText(histogram.rejection), 1, report, describe);
      continue;
    }
    if (histogram.time_ms < kMinTimeMs || histogram.time_ms > rules.max_time_ms) {
      Refuse(kOutOfBounds, 1, report, describe);
      continue;
    }
    std::string refusal;
    const SeriesRef ref = Resolve(series, rules, &refusal);
    if (ref == kNoSeries) {
      Refuse(refusal, 1, report, describe);
      continue;
    }
    ++report->histograms;
    table_[ref].last_generation = active_->number();
    const auto outcome =
        active_->AppendHistogram(ref, histogram.time_ms, histogram.start_ms, histogram.message);
    if (outcome == Generation::Outcome::kDuplicate && log_has_all_) continue;
    DefineInSegment(ref, segment, &non_float_record_.definitions);
    non_float_record_.histograms.push_back({static_cast<uint32_t>(ref), histogram.message});
  }
}

void Head::AppendExemplars(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                           const AppendRules& rules, uint64_t segment, WriteReport* report) {
  for (uint32_t i = 0; i < series.exemplar_count; ++i) {
    const wire::DecodedExemplar& exemplar = request.exemplars[series.first_exemplar + i];
    const auto describe = [&] { return "an exemplar of " + Describe(series.labels); };
    if (exemplar.time_ms < kMinTimeMs || exemplar.time_ms > rules.max_time_ms) {
      Refuse(kOutOfBounds, 1, report, describe);
      continue;
    }
    wire::RejectReason reason = wire::RejectReason::kNone;
    auto own = wire::CanonicalExemplarLabels(exemplar.labels, &reason);
    const arrow::Status limits = own.ok() ? CheckLimits(*own, rules) : own.status();
    if (!limits.ok()) {
      Refuse(
          reason == wire::RejectReason::kNone ? ReasonOf(limits) : wire::RejectReasonText(reason),
          1, report, describe);
      continue;
    }
    std::string refusal;
    const SeriesRef ref = Resolve(series, rules, &refusal);
    if (ref == kNoSeries) {
      Refuse(refusal, 1, report, describe);
      continue;
    }
    ++report->exemplars;
    table_[ref].last_generation = active_->number();
    const auto outcome =
        active_->AppendExemplar(ref, exemplar.time_ms, exemplar.value, own->bytes());
    if (outcome == Generation::Outcome::kDuplicate && log_has_all_) continue;
    exemplar_labels_.push_back(std::move(own).ValueUnsafe());
    DefineInSegment(ref, segment, &non_float_record_.definitions);
    non_float_record_.exemplars.push_back({static_cast<uint32_t>(ref),
                                           exemplar_labels_.back().bytes(), exemplar.time_ms,
                                           exemplar.value});
  }
}

LogPosition Head::AppendNonFloats(const wire::WriteRequest& request, const AppendRules& rules,
                                  size_t most_bytes, int64_t now_ms, WriteReport* report) {
  if (request.histograms.empty() && request.exemplars.empty() && request.metadata.empty()) {
    return {};
  }
  exemplar_labels_.clear();
  const uint64_t segment = PrepareLog(most_bytes);
  const int64_t kept_before = report->histograms + report->exemplars;
  for (const wire::DecodedSeries& series : request.series) {
    AppendHistograms(request, series, rules, segment, report);
    AppendExemplars(request, series, rules, segment, report);
  }
  const int64_t seen_ms = std::clamp(now_ms, kMinTimeMs, kMaxTimeMs);
  for (const wire::DecodedMetadata& each : request.metadata) {
    const auto type = static_cast<uint8_t>(each.type);
    non_float_record_.metadata.push_back({each.metric, type, each.help, each.unit, seen_ms});
    active_->AppendMetadata(
        {std::string(each.metric), type, std::string(each.help), std::string(each.unit), seen_ms});
    ++report->metadata;
  }
  if (non_float_record_.empty()) {
    const bool has_kept = report->histograms + report->exemplars > kept_before;
    return has_kept ? EndOfRepeats(segment) : LogPosition{};
  }
  EncodeNonFloatRecord(non_float_record_, &encoded_);
  return log_->Append(kNonFloatRecord, AsBytes(encoded_));
}

arrow::Result<AppendPosition> Head::Append(const wire::WriteRequest& request,
                                           const AppendRules& rules, int64_t now_ms,
                                           WriteReport* report) {
  for (const wire::Rejection& rejection : request.rejections) {
    if (rejection.reason != wire::RejectReason::kNoSamples) continue;
    Refuse(wire::RejectReasonText(rejection.reason), 1, report,
           [&] { return Describe(request.series[rejection.series].labels); });
  }
  const size_t most_bytes = MostSampleBytes(request);
  const size_t most_non_float_bytes = MostNonFloatBytes(request);
  ARROW_RETURN_NOT_OK(CheckRecordSize("samples", most_bytes, kMaxPayloadBytes));
  ARROW_RETURN_NOT_OK(
      CheckRecordSize("histograms and exemplars", most_non_float_bytes, kMostNonFloatBytes));

  const std::lock_guard lock(mutex_);
  if (!replayed_.empty()) ForgetReplayed();
  const bool was_empty = active_->is_empty();
  record_.Clear();
  non_float_record_.Clear();
  AppendPosition position;
  try {
    position.floats = AppendFloats(request, rules, most_bytes, report);
    position.non_floats = AppendNonFloats(request, rules, most_non_float_bytes, now_ms, report);
  } catch (...) {
    // Memory ran out, and holds what the log does not.
    losses_before_active_ = kLogIncomplete;
    Undefine(record_.definitions);
    Undefine(non_float_record_.definitions);
    if (was_empty && !active_->is_empty()) active_->set_first_append_ms(now_ms);
    throw;
  }
  if (was_empty && !active_->is_empty()) active_->set_first_append_ms(now_ms);
  // A rare giant gives its memory back.
  if (encoded_.capacity() > kMostScratchBytes) {
    record_ = {};
    non_float_record_ = {};
    exemplar_labels_ = {};
    encoded_ = {};
  }
  return position;
}

}  // namespace larnax::head
