#include "store/read/exemplar_select.h"

#include <utility>
#include <vector>

#include "model/label_order.h"
#include "store/read/exemplar_merge.h"
#include "store/read/query_guard.h"

namespace larnax::store {
namespace {

void AddHead(const head::HeadSeries& series, TimeRange range, ReadStats* stats,
             std::vector<columns::ExemplarRow>* rows) {
  std::vector<const head::ExemplarNode*> nodes;
  for (const head::SeriesCapture& part : series.parts) {
    head::ReadExemplars(part, range, &nodes);
    for (const head::ExemplarNode* node : nodes) {
      rows->push_back({.time_ms = node->time_ms, .value = node->value, .labels = node->labels()});
    }
    stats->head_samples += static_cast<int64_t>(nodes.size());
  }
}

}  // namespace

arrow::Result<ExemplarsAnswer> SelectExemplars(const Snapshot& snapshot,
                                               const SelectRequest& request,
                                               const io::Clock& clock) {
  ExemplarsAnswer answer;
  if (request.range.start_ms > request.range.end_ms) return answer;
  const QueryGuard guard(request, clock);
  DamageReport damage("samples", snapshot.gone_is_damage);
  ARROW_ASSIGN_OR_RAISE(auto sources,
                        FindSources(snapshot.files->FilesOf(kExemplarsTable), request.selectors,
                                    request.range, &answer.stats, &guard, &damage));
  ExemplarWalk walk(std::move(sources), request.range, &answer.stats, &damage);
  ARROW_ASSIGN_OR_RAISE(bool in_files, walk.Start());
  const auto& head = snapshot.head.series;
  std::vector<columns::ExemplarRow> rows;
  for (size_t next_head = 0; in_files || next_head < head.size();) {
    ARROW_RETURN_NOT_OK(guard.Check());
    int order = in_files ? -1 : 1;  // Below 0: the files' series comes first.
    if (in_files && next_head < head.size()) {
      order = model::CompareForFile(walk.labels(), head[next_head].labels);
    }
    SeriesExemplars series{.labels = Labels(order <= 0 ? walk.labels() : head[next_head].labels),
                           .exemplars = {}};
    rows.clear();
    if (order <= 0) rows = walk.rows();
    if (order >= 0) {
      AddHead(head[next_head++], request.range, &answer.stats, &rows);
      SortExemplars(&rows);
    }
    for (const columns::ExemplarRow& row : rows) {
      series.exemplars.push_back({row.time_ms, row.value, Labels(LabelsView(row.labels))});
    }
    if (order <= 0) {
      ARROW_ASSIGN_OR_RAISE(in_files, walk.Next());
    }
    if (rows.empty()) continue;
    answer.stats.samples += static_cast<int64_t>(rows.size());
    ++answer.stats.series;
    ARROW_RETURN_NOT_OK(guard.CheckSamples(answer.stats.samples));
    answer.series.push_back(std::move(series));
  }
  answer.warnings = damage.warnings();
  return answer;
}

}  // namespace larnax::store
