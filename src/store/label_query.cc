#include "store/label_query.h"

#include <algorithm>
#include <functional>
#include <set>

#include "model/label_order.h"
#include "store/query_guard.h"
#include "store/series_walk.h"

namespace larnax::store {
namespace {

using Names = std::set<std::string, std::less<>>;

void Add(std::vector<std::string> names, Names* all) {
  for (std::string& name : names) all->insert(std::move(name));
}

NamesAnswer Finish(const Names& names, int64_t limit, ReadStats stats) {
  NamesAnswer answer;
  const size_t size = limit > 0 ? std::min(names.size(), static_cast<size_t>(limit)) : names.size();
  answer.names.assign(names.begin(), std::next(names.begin(), static_cast<std::ptrdiff_t>(size)));
  answer.truncated = size < names.size();
  answer.stats = stats;
  return answer;
}

// Calls `visit` for each file that has wanted rows.
arrow::Status ForEachSource(const Snapshot& snapshot, const SelectRequest& request,
                            const QueryGuard& guard, ReadStats* stats,
                            const std::function<arrow::Status(const SeriesWalk::Source&)>& visit) {
  ARROW_ASSIGN_OR_RAISE(const auto sources, FindSources(snapshot.files->sample_files(),
                                                        request.selectors, request.range, stats));
  for (const SeriesWalk::Source& source : sources) {
    ARROW_RETURN_NOT_OK(guard.Check());
    ARROW_RETURN_NOT_OK(visit(source));
  }
  return arrow::Status::OK();
}

bool IsEmpty(TimeRange range) { return range.start_ms > range.end_ms; }

}  // namespace

arrow::Result<NamesAnswer> LabelNames(const Snapshot& snapshot, const SelectRequest& request,
                                      const io::Clock& clock) {
  Names names;
  ReadStats stats;
  if (IsEmpty(request.range)) return NamesAnswer();
  ARROW_RETURN_NOT_OK(ForEachSource(
      snapshot, request, QueryGuard(request, clock), &stats,
      [&](const SeriesWalk::Source& source) -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(auto found, source.all_rows
                                              ? source.index->DistinctNames(&stats)
                                              : source.index->DistinctNames(source.rows, &stats));
        Add(std::move(found), &names);
        return arrow::Status::OK();
      }));
  for (const head::HeadSeries& series : snapshot.head.series) {
    for (const Label& label : series.labels) {
      if (!names.contains(label.name)) names.emplace(label.name);
    }
  }
  return Finish(names, request.limit, stats);
}

arrow::Result<NamesAnswer> LabelValues(const Snapshot& snapshot, std::string_view name,
                                       const SelectRequest& request, const io::Clock& clock) {
  Names values;
  ReadStats stats;
  if (IsEmpty(request.range)) return NamesAnswer();
  ARROW_RETURN_NOT_OK(ForEachSource(
      snapshot, request, QueryGuard(request, clock), &stats,
      [&](const SeriesWalk::Source& source) -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(
            auto found, source.all_rows ? source.index->DistinctValues(name, &stats)
                                        : source.index->DistinctValues(name, source.rows, &stats));
        Add(std::move(found), &values);
        return arrow::Status::OK();
      }));
  for (const head::HeadSeries& series : snapshot.head.series) {
    const std::string_view value = series.labels.Get(name);
    if (!value.empty() && !values.contains(value)) values.emplace(value);
  }
  return Finish(values, request.limit, stats);
}

arrow::Result<SeriesAnswer> ListSeries(const Snapshot& snapshot, const SelectRequest& request,
                                       const io::Clock& clock) {
  SeriesAnswer answer;
  if (IsEmpty(request.range)) return answer;
  const QueryGuard guard(request, clock);
  ARROW_ASSIGN_OR_RAISE(auto sources, FindSources(snapshot.files->sample_files(), request.selectors,
                                                  request.range, &answer.stats));
  SeriesWalk walk(std::move(sources), &answer.stats);
  ARROW_ASSIGN_OR_RAISE(bool in_files, walk.Start());
  const auto& head = snapshot.head.series;
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
    if (order >= 0) ++next_head;
    if (order <= 0) {
      ARROW_ASSIGN_OR_RAISE(in_files, walk.Next());
    }
  }
  answer.stats.series = static_cast<int64_t>(answer.series.size());
  return answer;
}

}  // namespace larnax::store
