#include "head/series_lists.h"

#include <algorithm>
#include <memory>

#include "head/generation.h"
#include "wire/remote_write/histogram_message.h"

namespace larnax::head {
namespace {

bool IsEarlier(const HistogramNode* a, const HistogramNode* b) { return a->time_ms < b->time_ms; }

std::vector<const HistogramNode*> LastOfEachTime(const ListCapture& capture) {
  std::vector<const HistogramNode*> nodes;
  nodes.reserve(capture.histogram_count);
  const HistogramNode* node = capture.first_histogram;
  for (uint32_t i = 0; i < capture.histogram_count; ++i) {
    // Behind the last one of the capture a writer may be at work: its link is not read.
    if (i > 0) node = node->next;
    nodes.push_back(node);
  }
  if (!std::is_sorted(nodes.begin(), nodes.end(), IsEarlier)) {
    std::stable_sort(nodes.begin(), nodes.end(), IsEarlier);
  }
  size_t kept = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i + 1 < nodes.size() && nodes[i + 1]->time_ms == nodes[i]->time_ms) continue;
    nodes[kept++] = nodes[i];
  }
  nodes.resize(kept);
  return nodes;
}

}  // namespace

std::vector<const HistogramNode*> CountingHistograms(const SeriesCapture& capture) {
  std::vector<const HistogramNode*> nodes = LastOfEachTime(capture.lists);
  if (nodes.empty() || capture.count == 0) return nodes;
  std::vector<bool> replaced(nodes.size());
  uint32_t index = 0;
  ForEachChunk(capture, [&](const int64_t* times, const double*, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i, ++index) {
      const HistogramNode wanted{.time_ms = times[i]};
      const auto at = std::lower_bound(nodes.begin(), nodes.end(), &wanted, IsEarlier);
      if (at == nodes.end() || (*at)->time_ms != times[i]) continue;
      if (index >= (*at)->floats_before) replaced[static_cast<size_t>(at - nodes.begin())] = true;
    }
  });
  size_t kept = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!replaced[i]) nodes[kept++] = nodes[i];
  }
  nodes.resize(kept);
  return nodes;
}

arrow::Status ReadHistograms(const SeriesCapture& capture, TimeRange range,
                             std::vector<HistogramSample>* out) {
  out->clear();
  if (capture.lists.histogram_count == 0) return arrow::Status::OK();
  for (const HistogramNode* node : CountingHistograms(capture)) {
    if (!range.Contains(node->time_ms)) continue;
    ARROW_ASSIGN_OR_RAISE(wire::HistogramMessage message, wire::DecodeHistogram(node->message()));
    out->push_back(
        {.time_ms = node->time_ms,
         .start_ms = node->start_ms,
         .histogram = std::make_shared<const NativeHistogram>(std::move(message.histogram))});
  }
  return arrow::Status::OK();
}

void ReadExemplars(const SeriesCapture& capture, TimeRange range,
                   std::vector<const ExemplarNode*>* out) {
  out->clear();
  const ExemplarNode* node = capture.lists.first_exemplar;
  for (uint32_t i = 0; i < capture.lists.exemplar_count; ++i) {
    if (i > 0) node = node->next;
    if (range.Contains(node->time_ms)) out->push_back(node);
  }
}

}  // namespace larnax::head
