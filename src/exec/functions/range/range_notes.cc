#include "exec/functions/range/range_notes.h"

#include "base/check.h"
#include "base/number_text.h"

namespace larnax::exec {
namespace {

constexpr int kNoteCount = static_cast<int>(RangeNote::kResetsCollide) + 1;

std::string Quoted(std::string_view head, std::string_view name) {
  std::string text(head);
  base::AppendQuoted(name, &text);
  return text;
}

void Give(RangeNote note, std::string_view metric, promql::PositionRange position,
          Annotations* annotations) {
  constexpr std::string_view kReconciled = "mismatched custom buckets were reconciled during ";
  switch (note) {
    case RangeNote::kMixedTypes:
      return annotations->Warn(
          Quoted("encountered a mix of histograms and floats for metric name ", metric), position);
    case RangeNote::kHistogramsIgnored:
      return annotations->Inform(
          Quoted("ignored histograms in a range containing both floats and histograms for metric "
                 "name ",
                 metric),
          position);
    case RangeNote::kMixedSchemas:
      return annotations->Warn(
          Quoted("vector contains a mix of histograms with exponential and custom buckets schemas "
                 "for metric name ",
                 metric),
          position);
    case RangeNote::kNotCounter:
      return annotations->Warn(Quoted("this native histogram metric is not a counter: ", metric),
                               position);
    case RangeNote::kNotGauge:
      return annotations->Warn(Quoted("this native histogram metric is not a gauge: ", metric),
                               position);
    case RangeNote::kBoundsAdded:
      return annotations->Inform(std::string(kReconciled) + "addition", position);
    case RangeNote::kBoundsSubtracted:
      return annotations->Inform(std::string(kReconciled) + "subtraction", position);
    case RangeNote::kBoundsAggregated:
      return annotations->Inform(std::string(kReconciled) + "aggregation", position);
    case RangeNote::kResetsCollide:
      return annotations->Warn("conflicting counter resets during histogram aggregation", position);
  }
  LARNAX_UNREACHABLE();
}

}  // namespace

promql::PositionRange BareArgPosition(const CallContext& call, size_t arg) {
  if (arg >= call.call->args.size()) return call.position();
  const promql::Expr& bare = promql::Unwrap(*call.call->args[arg]);
  // What comes out of a subquery has no place in the text: notes about it stand at its beginning.
  if (bare.As<promql::Subquery>() != nullptr) return {};
  return bare.position;
}

promql::PositionRange RangeArgPosition(const CallContext& call) {
  for (size_t i = 0; i < call.call->args.size(); ++i) {
    if (call.call->args[i]->type == promql::ValueType::kMatrix) {
      return BareArgPosition(call, i);
    }
  }
  return call.position();
}

void RangeNotes::Report(LabelsView labels, promql::PositionRange position,
                        Annotations* annotations) const {
  if (bits_ == 0) return;
  const std::string_view metric = labels.metric();
  for (int note = 0; note < kNoteCount; ++note) {
    if ((bits_ >> note & 1) != 0) {
      Give(static_cast<RangeNote>(note), metric, position, annotations);
    }
  }
}

std::string ForMetric(std::string_view metric) {
  return metric.empty() ? std::string() : Quoted(" for metric name ", metric);
}

}  // namespace larnax::exec
