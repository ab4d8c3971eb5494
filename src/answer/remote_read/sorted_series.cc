#include "answer/remote_read/sorted_series.h"

#include <algorithm>
#include <utility>

#include "larnax/error.h"
#include "wire/label_bytes.h"

namespace larnax::answer {

namespace {

using wire::AppendLabel;

bool IsBefore(const PreparedSeries& a, const PreparedSeries& b) {
  const int order = CompareLabels(a.labels, b.labels);
  return order != 0 ? order < 0 : CompareLabels(a.stored, b.stored) < 0;
}

Labels WithExternal(LabelsView labels, LabelsView external) {
  if (external.empty()) return Labels(labels);
  std::string merged;
  auto at = labels.begin();
  for (const Label& extra : external) {
    for (; at != labels.end() && at->name < extra.name; ++at) {
      AppendLabel(at->name, at->value, &merged);
    }
    const bool is_set = at != labels.end() && at->name == extra.name;
    if (!is_set) AppendLabel(extra.name, extra.value, &merged);
  }
  for (; at != labels.end(); ++at) AppendLabel(at->name, at->value, &merged);
  return Labels(LabelsView(merged));
}

bool HasNameBeforeMetric(LabelsView labels) {
  return !labels.empty() && labels.begin()->name < kMetricLabel;
}

// Remote read has no way to say that something is missing.
arrow::Status CheckWhole(const std::vector<std::string>& missing) {
  return missing.empty() ? arrow::Status::OK() : MakeError(ErrorKind::kCorrupt, missing.front());
}

}  // namespace

arrow::Result<const SeriesSamples*> SortedSeries::Cursor::Peek() {
  while (!done && next == batch.series.size()) {
    batch = SampleBatch{};
    next = 0;
    ARROW_ASSIGN_OR_RAISE(batch, stream->Next());
    done = batch.series.empty();
    ARROW_RETURN_NOT_OK(CheckWhole(stream->warnings()));
  }
  return done ? nullptr : &batch.series[next];
}

arrow::Result<std::unique_ptr<SortedSeries>> SortedSeries::Open(Database* database,
                                                                SelectRequest request,
                                                                EncodeSeries encode,
                                                                Options options) {
  std::unique_ptr<SortedSeries> series(
      new SortedSeries(database, std::move(request), std::move(encode), options));
  ARROW_RETURN_NOT_OK(options.labels_only ? series->StartLabelsOnly() : series->Start());
  return series;
}

arrow::Status SortedSeries::Start() {
  ARROW_ASSIGN_OR_RAISE(by_metric_, IsOrderedByMetric());
  ARROW_ASSIGN_OR_RAISE(cursor_.stream, database_->Select(request_));
  return arrow::Status::OK();
}

arrow::Status SortedSeries::StartLabelsOnly() {
  ARROW_ASSIGN_OR_RAISE(const SeriesAnswer answer, database_->Series(request_));
  ARROW_RETURN_NOT_OK(CheckWhole(answer.warnings));
  for (const Labels& stored : answer.series) {
    PreparedSeries prepared;
    prepared.labels = WithExternal(stored, options_.external_labels);
    prepared.stored = stored;
    group_.push_back(std::move(prepared));
  }
  SortGroup();
  cursor_.done = true;
  return arrow::Status::OK();
}

// File order has the metric first; so has label order, unless another name comes before.
arrow::Result<bool> SortedSeries::IsOrderedByMetric() {
  if (HasNameBeforeMetric(options_.external_labels)) return false;
  SelectRequest names = request_;
  names.limit = 0;
  names.sample_limit = 0;
  ARROW_ASSIGN_OR_RAISE(const NamesAnswer answer, database_->LabelNames(names));
  ARROW_RETURN_NOT_OK(CheckWhole(answer.warnings));
  return answer.names.empty() || answer.names.front() >= kMetricLabel;
}

arrow::Result<PreparedSeries*> SortedSeries::Next() {
  while (next_ == group_.size()) {
    ARROW_ASSIGN_OR_RAISE(const SeriesSamples* more, cursor_.Peek());
    if (incomplete_) {
      ARROW_RETURN_NOT_OK(LoadRest());
    } else if (more != nullptr) {
      ARROW_RETURN_NOT_OK(LoadGroup());
    } else {
      return nullptr;
    }
  }
  return &group_[next_++];
}

arrow::Status SortedSeries::LoadGroup() {
  ARROW_ASSIGN_OR_RAISE(const SeriesSamples* first, cursor_.Peek());
  std::string metric(first->labels.metric());
  if (by_metric_ && any_group_ && metric <= metric_) {
    return MakeError(ErrorKind::kInternal, "series are not in file order: metric=" + metric);
  }
  metric_ = std::move(metric);
  any_group_ = true;
  resume_.reset();
  return Collect(&cursor_);
}

// Read the group again, for the series that did not fit.
arrow::Status SortedSeries::LoadRest() {
  resume_ = std::move(group_.back());
  resume_->chunks = {};
  SelectRequest request = request_;
  if (by_metric_) {
    ARROW_ASSIGN_OR_RAISE(auto is_metric,
                          Matcher::Make(MatchType::kEqual, std::string(kMetricLabel), metric_));
    if (request.selectors.empty()) request.selectors.emplace_back();
    for (auto& selector : request.selectors) selector.push_back(is_metric);
  }
  Cursor again;
  ARROW_ASSIGN_OR_RAISE(again.stream, database_->Select(request));
  return Collect(&again);
}

arrow::Status SortedSeries::Collect(Cursor* cursor) {
  group_.clear();
  group_bytes_ = 0;
  incomplete_ = false;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const SeriesSamples* series, cursor->Peek());
    if (series == nullptr || (by_metric_ && series->labels.metric() != metric_)) break;
    Add(*series);
    ++cursor->next;
  }
  SortGroup();
  return arrow::Status::OK();
}

void SortedSeries::Add(const SeriesSamples& series) {
  PreparedSeries prepared;
  prepared.labels = WithExternal(series.labels, options_.external_labels);
  prepared.stored = Labels(series.labels);
  if (resume_ && !IsBefore(*resume_, prepared)) return;
  const bool is_full = group_bytes_ >= options_.max_buffered_bytes && !group_.empty();
  if (is_full && IsBefore(group_.front(), prepared)) {
    incomplete_ = true;
    return;
  }
  prepared.chunks = encode_(series);
  prepared.sample_count = std::ssize(series.value) + std::ssize(series.histograms);
  group_bytes_ += std::ssize(prepared.chunks.fields);
  group_.push_back(std::move(prepared));
  std::push_heap(group_.begin(), group_.end(), IsBefore);
  while (group_bytes_ > options_.max_buffered_bytes && group_.size() > 1) {
    std::pop_heap(group_.begin(), group_.end(), IsBefore);
    group_bytes_ -= std::ssize(group_.back().chunks.fields);
    group_.pop_back();
    incomplete_ = true;
  }
}

void SortedSeries::SortGroup() {
  std::sort(group_.begin(), group_.end(), IsBefore);
  next_ = 0;
}

}  // namespace larnax::answer
