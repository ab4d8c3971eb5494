#include "store/read/label_query.h"

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/label_order.h"
#include "store/read/query_guard.h"
#include "store/read/series_walk.h"
#include "store/read/sorted_names.h"

namespace larnax::store {
namespace {

// What damage keeps from these answers.
constexpr std::string_view kMissing = "series";

NamesAnswer Finish(SortedNames names, int64_t limit, const ReadStats& stats,
                   const DamageReport& damage) {
  NamesAnswer answer;
  answer.names = names.Take();
  if (limit > 0 && answer.names.size() > static_cast<size_t>(limit)) {
    answer.names.resize(static_cast<size_t>(limit));
    answer.truncated = true;
  }
  answer.stats = stats;
  answer.warnings = damage.warnings();
  return answer;
}

// Adds what `find` gives for each file that has wanted rows; a damaged one is noted.
arrow::Status AddFromFiles(
    const Snapshot& snapshot, const SelectRequest& request, const QueryGuard& guard,
    const std::function<arrow::Result<std::vector<std::string>>(const SeriesWalk::Source&)>& find,
    SortedNames* names, ReadStats* stats, DamageReport* damage) {
  ARROW_ASSIGN_OR_RAISE(const auto sources,
                        FindSources(snapshot.files->sample_files(), request.selectors,
                                    request.range, stats, &guard, damage));
  for (const SeriesWalk::Source& source : sources) {
    ARROW_RETURN_NOT_OK(guard.Check());
    auto found = find(source);
    source.file->NoteUse();
    if (found.ok()) {
      names->Add(*std::move(found));
      if (guard.CheckLabelBytes(names->bytes()).ok()) continue;
      names->Settle();
      ARROW_RETURN_NOT_OK(guard.CheckLabelBytes(names->bytes()));
    } else {
      ARROW_RETURN_NOT_OK(damage->Note(found.status()));
    }
  }
  return arrow::Status::OK();
}

bool IsEmpty(TimeRange range) { return range.start_ms > range.end_ms; }

}  // namespace

arrow::Result<NamesAnswer> LabelNames(const Snapshot& snapshot, const SelectRequest& request,
                                      const io::Clock& clock) {
  SortedNames names(request.limit);
  ReadStats stats;
  DamageReport damage(kMissing, snapshot.gone_is_damage);
  if (IsEmpty(request.range)) return NamesAnswer();
  const auto find = [&](const SeriesWalk::Source& source) {
    return source.all_rows ? source.index->DistinctNames(&stats)
                           : source.index->DistinctNames(source.rows, &stats);
  };
  const QueryGuard guard(request, clock);
  ARROW_RETURN_NOT_OK(AddFromFiles(snapshot, request, guard, find, &names, &stats, &damage));
  for (const head::HeadSeries& series : snapshot.head.series) {
    for (const Label& label : series.labels) names.Add(label.name);
    ARROW_RETURN_NOT_OK(guard.CheckLabelBytes(names.bytes()));
  }
  return Finish(std::move(names), request.limit, stats, damage);
}

arrow::Result<NamesAnswer> LabelValues(const Snapshot& snapshot, std::string_view name,
                                       const SelectRequest& request, const io::Clock& clock) {
  SortedNames values(request.limit);
  ReadStats stats;
  DamageReport damage(kMissing, snapshot.gone_is_damage);
  if (IsEmpty(request.range)) return NamesAnswer();
  const auto find = [&](const SeriesWalk::Source& source) {
    return source.all_rows ? source.index->DistinctValues(name, &stats)
                           : source.index->DistinctValues(name, source.rows, &stats);
  };
  const QueryGuard guard(request, clock);
  ARROW_RETURN_NOT_OK(AddFromFiles(snapshot, request, guard, find, &values, &stats, &damage));
  for (const head::HeadSeries& series : snapshot.head.series) {
    const std::string_view value = series.labels.Get(name);
    if (value.empty()) continue;
    values.Add(value);
    ARROW_RETURN_NOT_OK(guard.CheckLabelBytes(values.bytes()));
  }
  return Finish(std::move(values), request.limit, stats, damage);
}

arrow::Result<SeriesAnswer> ListSeries(const Snapshot& snapshot, const SelectRequest& request,
                                       const io::Clock& clock) {
  SeriesAnswer answer;
  if (IsEmpty(request.range)) return answer;
  const QueryGuard guard(request, clock);
  DamageReport damage(kMissing, snapshot.gone_is_damage);
  ARROW_ASSIGN_OR_RAISE(auto sources, FindSources(snapshot.files->sample_files(), request.selectors,
                                                  request.range, &answer.stats, &guard, &damage));
  SeriesWalk walk(std::move(sources), &answer.stats, &damage);
  ARROW_ASSIGN_OR_RAISE(bool in_files, walk.Start());
  const auto& head = snapshot.head.series;
  int64_t label_bytes = 0;
  for (size_t next_head = 0; in_files || next_head < head.size();) {
    if (request.limit > 0 && answer.series.size() == static_cast<size_t>(request.limit)) {
      answer.truncated = true;
      break;
    }
    if (answer.series.size() % 4096 == 0) ARROW_RETURN_NOT_OK(guard.Check());
    int order = in_files ? -1 : 1;  // Below 0: the files' series comes first.
    if (in_files && next_head < head.size()) {
      order = model::CompareForFile(walk.labels(), head[next_head].labels);
    }
    answer.series.emplace_back(order <= 0 ? walk.labels() : head[next_head].labels);
    label_bytes += static_cast<int64_t>(answer.series.back().bytes().size() + sizeof(Labels));
    ARROW_RETURN_NOT_OK(guard.CheckLabelBytes(label_bytes));
    if (order >= 0) ++next_head;
    if (order <= 0) {
      ARROW_ASSIGN_OR_RAISE(in_files, walk.Next());
    }
  }
  answer.stats.series = static_cast<int64_t>(answer.series.size());
  answer.warnings = damage.warnings();
  return answer;
}

}  // namespace larnax::store
