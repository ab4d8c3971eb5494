#include "head/head.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "larnax/error.h"
#include "wire/label_bytes.h"

namespace larnax::head {
namespace {

// A series without samples in this many generations may be forgotten.
constexpr uint64_t kIdleGenerations = 10;

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

// A start time that no calendar has, and no file can hold, is as good as none.
int64_t KnownStart(int64_t start_ms) {
  return start_ms >= kMinTimeMs && start_ms <= kMaxTimeMs ? start_ms : 0;
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

// More than this of histograms and exemplars in one write is no honest one: each brings its series'
// labels along.
constexpr size_t kMostTypedBytes = 64 << 20;
// No log has lost so often.
constexpr uint64_t kLogIncomplete = std::numeric_limits<uint64_t>::max();

size_t MostSampleBytes(const wire::WriteRequest& request) {
  size_t bytes =
      64 + request.series.size() * kMaxDefinitionBytes + request.time_ms.size() * kMaxSampleBytes;
  for (const wire::DecodedSeries& series : request.series) bytes += series.labels.size();
  return bytes;
}

size_t MostTypedBytes(const wire::WriteRequest& request) {
  constexpr size_t kMostFieldBytes = 64;
  size_t bytes = 0;
  for (const wire::DecodedSeries& series : request.series) {
    bytes += (series.labels.size() + kMostFieldBytes) *
             (size_t{series.histogram_count} + series.exemplar_count);
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

// Refuses `count` samples for their times, the first of the series among them.
void RefuseTimes(const wire::WriteRequest& request, const wire::DecodedSeries& series,
                 int64_t count, const AppendRules& rules, WriteReport* report) {
  Refuse("out of bounds", count, report, [&] {
    return Describe(series.labels) +
           " time_ms=" + std::to_string(request.time_ms[series.first_sample]) +
           " latest_ms=" + std::to_string(rules.max_time_ms);
  });
}

}  // namespace

Head::Head(Log* log, Log* typed_log, int64_t files_through_ms)
    : log_(log), typed_log_(typed_log), files_through_ms_(files_through_ms) {
  BeginGeneration(log_->appended());
}

void Head::BeginGeneration(LogPosition begin) {
  losses_before_active_ = log_->loss_count();
  active_ = std::make_shared<Generation>(next_generation_++, begin);
}

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
    *refusal = limits.message().substr(0, limits.message().find(':'));
    return kNoSeries;
  }
  // A sender with another label order: known by its canonical bytes.
  const uint64_t hash =
      labels->bytes() == series.labels ? series.hash : base::Hash64(labels->bytes());
  const SeriesRef canonical = table_.Find(labels->bytes(), hash);
  return canonical != kNoSeries ? canonical : table_.Add(*labels, hash, files_through_ms_);
}

void Head::DefineInSegment(SeriesRef ref, uint64_t segment) {
  SeriesTable::Entry& entry = table_[ref];
  if (entry.log_segment == segment) return;
  entry.log_segment = segment;
  record_.definitions.push_back({static_cast<uint32_t>(ref), entry.labels});
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
    Refuse(refusal, series.sample_count, report, [&] { return Describe(series.labels); });
    return;
  }
  for (uint32_t i = first_good; i < end; ++i) {
    const int64_t time_ms = request.time_ms[i];
    if (!in_bounds(i)) [[unlikely]] {
      RefuseTimes(request, {.labels = series.labels, .first_sample = i}, 1, rules, report);
      continue;
    }
    const int64_t start_ms = request.start_ms.empty() ? 0 : KnownStart(request.start_ms[i]);
    ++report->samples;
    if (active_->Append(ref, time_ms, request.value[i], start_ms) ==
        Generation::Outcome::kDuplicate) {
      ++report->duplicates;
      if (log_has_all_) continue;
    }
    DefineInSegment(ref, segment);
    record_.refs.push_back(static_cast<uint32_t>(ref));
    record_.time_ms.push_back(time_ms);
    record_.value.push_back(request.value[i]);
    if (!request.start_ms.empty()) record_.start_ms.push_back(start_ms);
  }
  table_[ref].last_generation = active_->number();
}

void Head::CollectTyped(const wire::WriteRequest& request, const AppendRules& rules,
                        WriteReport* report) {
  typed_record_ = {};
  typed_labels_.clear();
  const auto keep = [this](arrow::Result<Labels> labels) -> std::string_view {
    typed_labels_.push_back(std::make_unique<Labels>(std::move(labels).ValueUnsafe()));
    return typed_labels_.back()->bytes();
  };
  for (const wire::DecodedSeries& series : request.series) {
    if (series.histogram_count == 0 && series.exemplar_count == 0) continue;
    wire::RejectReason reason = wire::RejectReason::kNone;
    auto canonical = wire::CanonicalLabels(series.labels, &reason);
    arrow::Status bad = canonical.ok() ? CheckLimits(*canonical, rules) : canonical.status();
    if (!bad.ok()) {
      const int64_t parts = series.histogram_count + series.exemplar_count;
      // Refused with its samples already, where it has any.
      if (series.sample_count == 0) {
        Refuse(wire::RejectReasonText(reason), parts, report,
               [&] { return Describe(series.labels); });
      }
      continue;
    }
    const std::string_view labels = keep(std::move(canonical));
    for (uint32_t i = 0; i < series.histogram_count; ++i) {
      const wire::DecodedHistogram& histogram = request.histograms[series.first_histogram + i];
      if (histogram.rejection != wire::RejectReason::kNone) {
        Refuse(wire::RejectReasonText(histogram.rejection), 1, report,
               [&] { return Describe(labels); });
      } else if (histogram.time_ms < kMinTimeMs || histogram.time_ms > rules.max_time_ms) {
        Refuse("out of bounds", 1, report,
               [&] { return Describe(labels) + " time_ms=" + std::to_string(histogram.time_ms); });
      } else {
        typed_record_.histograms.push_back({labels, histogram.message});
        ++report->histograms;
      }
    }
    for (uint32_t i = 0; i < series.exemplar_count; ++i) {
      const wire::DecodedExemplar& exemplar = request.exemplars[series.first_exemplar + i];
      auto own = wire::CanonicalExemplarLabels(exemplar.labels, &reason);
      if (!own.ok()) {
        Refuse(wire::RejectReasonText(reason), 1, report,
               [&] { return "an exemplar of " + Describe(labels); });
        continue;
      }
      const std::string_view own_labels = keep(std::move(own));
      typed_record_.exemplars.push_back({labels, own_labels, exemplar.time_ms, exemplar.value});
      ++report->exemplars;
    }
  }
  for (const wire::DecodedMetadata& metadata : request.metadata) {
    typed_record_.metadata.push_back(
        {metadata.metric, static_cast<uint8_t>(metadata.type), metadata.help, metadata.unit});
    ++report->metadata;
  }
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
  ARROW_RETURN_NOT_OK(CheckRecordSize("samples", most_bytes, kMaxPayloadBytes));
  ARROW_RETURN_NOT_OK(
      CheckRecordSize("histograms and exemplars", MostTypedBytes(request), kMostTypedBytes));

  const std::lock_guard lock(mutex_);
  AppendPosition position;
  if (!request.time_ms.empty()) {
    record_.Clear();
    const uint64_t segment = log_->PrepareAppend(most_bytes);
    const int64_t before = active_->sample_count();
    const uint64_t losses = losses_before_active_;
    log_has_all_ = log_->loss_count() == losses;
    // Should memory run out below, memory holds what the log does not.
    losses_before_active_ = kLogIncomplete;
    for (const wire::DecodedSeries& series : request.series) {
      if (series.sample_count > 0) AppendSamples(request, series, rules, segment, report);
    }
    if (before == 0 && active_->sample_count() > 0) active_->set_first_append_ms(now_ms);
    if (!record_.refs.empty()) {
      EncodeSampleRecord(record_, &encoded_);
      position.samples = log_->Append(kSampleRecord, AsBytes(encoded_));
    } else {
      // Only duplicates: durable when what they repeat is. Where the log gave up the segment since,
      // that may be lost.
      position.samples = log_->appended();
      if (position.samples.segment != segment) {
        position.samples = {segment, std::numeric_limits<int64_t>::max()};
      }
    }
    losses_before_active_ = losses;
  }
  CollectTyped(request, rules, report);
  if (!typed_record_.empty()) {
    EncodeTypedRecord(typed_record_, &encoded_);
    typed_log_->PrepareAppend(encoded_.size());
    position.typed = typed_log_->Append(kTypedRecord, AsBytes(encoded_));
  }
  return position;
}

arrow::Status Head::Replay(std::span<const uint8_t> payload, LogPosition position,
                           bool apply_samples, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(DecodeSampleRecord(payload, &record_));
  if (position.segment != replay_segment_) {
    replay_segment_ = position.segment;
    replay_refs_.clear();
  }
  for (const SeriesDefinition& definition : record_.definitions) {
    if (!wire::IsCanonical(definition.labels)) {
      return MakeError(ErrorKind::kCorrupt, "sample record defines a series with bad labels");
    }
    const uint64_t hash = base::Hash64(definition.labels);
    SeriesRef ref = table_.Find(definition.labels, hash);
    if (ref == kNoSeries) ref = table_.Add(LabelsView(definition.labels), hash, files_through_ms_);
    // Refs are dense in a good log; a wild one must not make memory.
    constexpr uint32_t kMostRefs = 64 << 20;
    if (definition.ref >= kMostRefs) {
      return MakeError(ErrorKind::kCorrupt, "sample record defines a series with a wild ref");
    }
    if (definition.ref >= replay_refs_.size()) replay_refs_.resize(definition.ref + 1, kNoSeries);
    replay_refs_[definition.ref] = ref;
  }
  if (!apply_samples) return arrow::Status::OK();
  if (active_->sample_count() == 0) active_->set_first_append_ms(now_ms);
  for (size_t i = 0; i < record_.refs.size(); ++i) {
    const uint32_t log_ref = record_.refs[i];
    if (log_ref >= replay_refs_.size() || replay_refs_[log_ref] == kNoSeries) {
      return MakeError(ErrorKind::kCorrupt, "sample record names a series that is not defined");
    }
    const SeriesRef ref = replay_refs_[log_ref];
    active_->Append(ref, record_.time_ms[i], record_.value[i],
                    record_.start_ms.empty() ? 0 : record_.start_ms[i]);
    table_[ref].last_generation = active_->number();
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<const FrozenGeneration>> Head::Freeze() {
  const std::lock_guard lock(mutex_);
  if (active_->sample_count() == 0) return std::shared_ptr<const FrozenGeneration>();
  table_.RefreshOrder();
  active_->set_end(log_->appended());
  auto frozen = std::make_shared<FrozenGeneration>();
  frozen->generation = active_;
  frozen->arena = table_.arena();
  std::vector<SeriesRef> refs = active_->touched();
  std::sort(refs.begin(), refs.end(),
            [this](SeriesRef a, SeriesRef b) { return table_[a].rank < table_[b].rank; });
  frozen->series.reserve(refs.size());
  for (const SeriesRef ref : refs) {
    const SeriesTable::Entry& entry = table_[ref];
    int64_t through_ms = entry.flushed_through_ms;
    // Generations that wait to be flushed are in files before this one.
    for (const auto& waiting : frozen_) {
      if (waiting->Has(ref)) through_ms = std::max(through_ms, waiting->RangeOf(ref).end_ms);
    }
    frozen->series.push_back({LabelsView(entry.labels), ref, through_ms, active_->Capture(ref)});
  }
  frozen_.push_back(active_);
  BeginGeneration(frozen->generation->end());
  return std::shared_ptr<const FrozenGeneration>(std::move(frozen));
}

void Head::DropFrozen(const FrozenGeneration& frozen) {
  const std::lock_guard lock(mutex_);
  LARNAX_CHECK(!frozen_.empty() && frozen_.front() == frozen.generation);
  frozen_.erase(frozen_.begin());
  files_through_ms_ = std::max(files_through_ms_, frozen.generation->time_range().end_ms);
  for (const FrozenSeries& series : frozen.series) {
    int64_t& through_ms = table_[series.ref].flushed_through_ms;
    through_ms = std::max(through_ms, frozen.generation->RangeOf(series.ref).end_ms);
  }
  const uint64_t oldest_alive = frozen_.empty() ? active_->number() : frozen_.front()->number();
  const uint64_t idle_before =
      next_generation_ > kIdleGenerations ? next_generation_ - kIdleGenerations : 0;
  table_.ForgetIdle(std::min(oldest_alive, idle_before));
}

bool Head::HasSamplesIn(SeriesRef ref, TimeRange range) const {
  const auto overlaps = [&](const Generation& generation) {
    return generation.Has(ref) && generation.RangeOf(ref).Overlaps(range);
  };
  return overlaps(*active_) || std::any_of(frozen_.begin(), frozen_.end(),
                                           [&](const auto& each) { return overlaps(*each); });
}

std::vector<SeriesRef> Head::MatchLocked(std::span<const std::vector<Matcher>> selectors,
                                         TimeRange range) const {
  std::vector<SeriesRef> matched;
  if (selectors.empty()) {
    for (const SeriesRef ref : table_.order()) {
      if (HasSamplesIn(ref, range)) matched.push_back(ref);
    }
    return matched;
  }
  for (const std::vector<Matcher>& matchers : selectors) {
    const std::vector<SeriesRef>* candidates = &table_.order();
    static const std::vector<SeriesRef> kNone;
    for (const Matcher& matcher : matchers) {
      if (matcher.type() != MatchType::kEqual || matcher.name() != kMetricLabel) continue;
      candidates = table_.OfMetric(matcher.value());
      if (candidates == nullptr) candidates = &kNone;
      break;
    }
    for (const SeriesRef ref : *candidates) {
      const LabelsView labels(table_[ref].labels);
      const bool matches = std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& each) {
        return each.Matches(labels.Get(each.name()));
      });
      if (matches && HasSamplesIn(ref, range)) matched.push_back(ref);
    }
  }
  std::sort(matched.begin(), matched.end(),
            [this](SeriesRef a, SeriesRef b) { return table_[a].rank < table_[b].rank; });
  matched.erase(std::unique(matched.begin(), matched.end()), matched.end());
  return matched;
}

HeadSnapshot Head::Capture(std::span<const std::vector<Matcher>> selectors, TimeRange range) {
  const std::lock_guard lock(mutex_);
  table_.RefreshOrder();
  HeadSnapshot snapshot;
  snapshot.arena = table_.arena();
  snapshot.generations = frozen_;
  snapshot.generations.push_back(active_);
  for (const SeriesRef ref : MatchLocked(selectors, range)) {
    HeadSeries series{.labels = LabelsView(table_[ref].labels), .parts = {}};
    for (const auto& generation : snapshot.generations) {
      if (generation->Has(ref) && generation->RangeOf(ref).Overlaps(range)) {
        series.parts.push_back(generation->Capture(ref));
      }
    }
    snapshot.series.push_back(std::move(series));
  }
  return snapshot;
}

int64_t Head::sample_count() const {
  const std::lock_guard lock(mutex_);
  int64_t count = active_->sample_count();
  for (const auto& generation : frozen_) count += generation->sample_count();
  return count;
}

int64_t Head::active_sample_count() const {
  const std::lock_guard lock(mutex_);
  return active_->sample_count();
}

int64_t Head::series_count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int64_t>(table_.size());
}

TimeRange Head::time_range() const {
  const std::lock_guard lock(mutex_);
  TimeRange range = active_->time_range();
  for (const auto& generation : frozen_) {
    range.start_ms = std::min(range.start_ms, generation->time_range().start_ms);
    range.end_ms = std::max(range.end_ms, generation->time_range().end_ms);
  }
  return range;
}

int64_t Head::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = table_.memory_bytes() + active_->memory_bytes();
  for (const auto& generation : frozen_) bytes += generation->memory_bytes();
  return bytes;
}

int64_t Head::oldest_append_ms() const {
  const std::lock_guard lock(mutex_);
  return active_->sample_count() == 0 ? 0 : active_->first_append_ms();
}

}  // namespace larnax::head
