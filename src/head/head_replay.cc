// What recovery reads from the log.

#include <memory>
#include <string>

#include "base/hash.h"
#include "head/head.h"
#include "larnax/error.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/histogram_check.h"

namespace larnax::head {

arrow::Status Head::ReplayDefinitions(std::span<const SeriesDefinition> definitions,
                                      uint64_t segment) {
  if (segment != replay_segment_) {
    replay_segment_ = segment;
    ForgetReplayed();
  }
  for (const SeriesDefinition& definition : definitions) {
    if (!wire::IsCanonical(definition.labels)) {
      return MakeError(ErrorKind::kCorrupt, "a record of the log defines a series with bad labels");
    }
    // Refs are dense in a good log; a wild one must not make memory.
    constexpr uint32_t kMostRefs = 64 << 20;
    if (definition.ref >= kMostRefs) {
      return MakeError(ErrorKind::kCorrupt, "a record of the log defines a series with a wild ref");
    }
    if (definition.ref >= replayed_.size()) replayed_.resize(definition.ref + 1);
    if (replayed_labels_ == nullptr) replayed_labels_ = std::make_unique<LabelArena>();
    replayed_[definition.ref] = {.labels = replayed_labels_->Add(definition.labels),
                                 .is_defined = true};
  }
  return arrow::Status::OK();
}

arrow::Result<SeriesRef> Head::ReplayedRef(uint32_t log_ref) {
  if (log_ref >= replayed_.size() || !replayed_[log_ref].is_defined) {
    return MakeError(ErrorKind::kCorrupt, "a record of the log names a series that is not defined");
  }
  ReplayedSeries& series = replayed_[log_ref];
  if (series.ref == kNoSeries) {
    const uint64_t hash = base::Hash64(series.labels);
    series.ref = table_.Find(series.labels, hash);
    if (series.ref == kNoSeries) {
      series.ref = table_.Add(LabelsView(series.labels), hash, files_through_ms_);
    }
  }
  return series.ref;
}

void Head::ForgetReplayed() {
  replayed_ = {};
  replayed_labels_.reset();
}

arrow::Status Head::ReplaySamples() {
  for (size_t i = 0; i < record_.refs.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const SeriesRef ref, ReplayedRef(record_.refs[i]));
    table_[ref].last_generation = active_->number();
    active_->Append(ref, record_.time_ms[i], record_.value[i],
                    record_.start_ms.empty() ? 0 : record_.start_ms[i]);
  }
  return arrow::Status::OK();
}

arrow::Status Head::ReplayNonFloats() {
  for (const LoggedHistogram& histogram : non_float_record_.histograms) {
    ARROW_ASSIGN_OR_RAISE(const SeriesRef ref, ReplayedRef(histogram.ref));
    wire::DecodedHistogram decoded;
    const uint8_t* broken_at = nullptr;
    if (!wire::CheckHistogram(histogram.message, &decoded, &broken_at) ||
        decoded.rejection != wire::RejectReason::kNone || decoded.time_ms < kMinTimeMs ||
        decoded.time_ms > kMaxTimeMs) {
      return MakeError(ErrorKind::kCorrupt, "a record of the log holds a bad histogram");
    }
    active_->AppendHistogram(ref, decoded.time_ms, decoded.start_ms, histogram.message);
    table_[ref].last_generation = active_->number();
  }
  for (const LoggedExemplar& exemplar : non_float_record_.exemplars) {
    ARROW_ASSIGN_OR_RAISE(const SeriesRef ref, ReplayedRef(exemplar.ref));
    // The log of old took exemplars of any time; no file can hold these.
    if (exemplar.time_ms < kMinTimeMs || exemplar.time_ms > kMaxTimeMs) continue;
    if (!wire::CanonicalExemplarLabels(exemplar.labels).ok()) {
      return MakeError(ErrorKind::kCorrupt, "a record of the log holds a bad exemplar");
    }
    active_->AppendExemplar(ref, exemplar.time_ms, exemplar.value, exemplar.labels);
    table_[ref].last_generation = active_->number();
  }
  return arrow::Status::OK();
}

arrow::Status Head::Replay(const RecordView& record, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  const bool was_empty = active_->is_empty();
  const uint64_t segment = record.position.segment;
  switch (record.type) {
    case kSampleRecord:
      ARROW_RETURN_NOT_OK(DecodeSampleRecord(record.payload, &record_));
      ARROW_RETURN_NOT_OK(ReplayDefinitions(record_.definitions, segment));
      if (!record.before_start) ARROW_RETURN_NOT_OK(ReplaySamples());
      break;
    case kOldNonFloatRecord:
      ARROW_RETURN_NOT_OK(DecodeOldNonFloatRecord(record.payload, &non_float_record_));
      // It defines its own series, whatever others of the segment did.
      ForgetReplayed();
      [[fallthrough]];
    case kNonFloatRecord:
      if (record.type == kNonFloatRecord) {
        ARROW_RETURN_NOT_OK(DecodeNonFloatRecord(record.payload, &non_float_record_));
      }
      ARROW_RETURN_NOT_OK(ReplayDefinitions(non_float_record_.definitions, segment));
      if (record.before_start) break;
      ARROW_RETURN_NOT_OK(ReplayNonFloats());
      for (const LoggedMetadata& each : non_float_record_.metadata) {
        active_->AppendMetadata({std::string(each.metric), each.type, std::string(each.help),
                                 std::string(each.unit),
                                 each.seen_ms == 0 ? now_ms : each.seen_ms});
      }
      break;
    default:
      return MakeError(ErrorKind::kCorrupt,
                       "unknown record in the log: type=" + std::to_string(record.type));
  }
  if (was_empty && !active_->is_empty()) active_->set_first_append_ms(now_ms);
  return arrow::Status::OK();
}

}  // namespace larnax::head
