#include "exec/operator.h"

#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "exec/match_signatures.h"
#include "larnax/error.h"

namespace larnax::exec {
namespace {

using RowIndex = boost::unordered_flat_map<std::string_view, size_t, BytesHash, BytesEqual>;

arrow::Status RepeatedLabels() {
  return MakeError(ErrorKind::kExecution, "vector cannot contain metrics with the same labelset");
}

bool Overlap(const StepSeries& a, const StepSeries& b, size_t steps) {
  for (size_t i = 0; i < PresenceWordCount(steps); ++i) {
    if ((a.present[i] & b.present[i]) != 0) return true;
  }
  return false;
}

void MoveSamples(const StepSeries& from, StepVector* vector, StepSeries* to) {
  ForEachPresent(from.present, vector->steps(), [&](size_t step) {
    if (from.IsHistogram(step)) {
      vector->SetHistogram(to, step, from.histograms[step]);
    } else {
      to->SetFloat(step, from.values[step]);
    }
    if (from.sample_time_ms != nullptr && to->sample_time_ms != nullptr) {
      to->sample_time_ms[step] = from.sample_time_ms[step];
    }
  });
}

}  // namespace

arrow::Result<StepVector> VectorOperator::Next() {
  ARROW_RETURN_NOT_OK(context_->budget->Check());
  const bool analyze = plan_ != nullptr && context_->analyze;
  const int64_t begin = analyze ? context_->clock->MonotonicNs() : 0;
  auto batch = DoNext();
  if (batch.ok()) batch->CountRows();
  if (!analyze) return batch;
  plan_->time_ns += context_->clock->MonotonicNs() - begin;
  if (!batch.ok()) return batch;
  plan_->series += static_cast<int64_t>(batch->size());
  for (const StepSeries& row : batch->series) {
    plan_->samples += static_cast<int64_t>(CountPresent(row.present, batch->steps()));
  }
  return batch;
}

arrow::Result<StepVector> Drain(VectorOperator* input) {
  arrow::Result<StepVector> all = input->Next();
  if (!all.ok() || all->empty()) return all;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(StepVector batch, input->Next());
    if (batch.empty()) return all;
    all->Append(std::move(batch));
  }
}

arrow::Status MergeSameLabels(StepVector* vector) {
  if (vector->size() < 2) return arrow::Status::OK();
  RowIndex rows;
  rows.reserve(vector->size());
  std::vector<bool> merged;
  for (size_t i = 0; i < vector->size(); ++i) {
    const auto [found, added] = rows.try_emplace(vector->series[i].labels.bytes(), i);
    if (added) continue;
    StepSeries& to = vector->series[found->second];
    const StepSeries& from = vector->series[i];
    if (Overlap(to, from, vector->steps())) return RepeatedLabels();
    MoveSamples(from, vector, &to);
    merged.resize(vector->size());
    merged[i] = true;
  }
  if (merged.empty()) return arrow::Status::OK();
  size_t kept = 0;
  for (size_t i = 0; i < vector->size(); ++i) {
    if (!merged[i]) vector->series[kept++] = vector->series[i];
  }
  vector->series.resize(kept);
  return arrow::Status::OK();
}

arrow::Status RefuseSameLabels(const StepVector& vector) {
  if (vector.size() < 2) return arrow::Status::OK();
  RowIndex rows;
  rows.reserve(vector.size());
  for (const StepSeries& row : vector.series) {
    if (!rows.try_emplace(row.labels.bytes(), 0).second) return RepeatedLabels();
  }
  return arrow::Status::OK();
}

}  // namespace larnax::exec
