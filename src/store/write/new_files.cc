#include "store/write/new_files.h"

#include <algorithm>
#include <string_view>

namespace larnax::store {

std::string FileNames::Next(int64_t min_sequence, int64_t max_sequence) {
  return FileName(min_sequence, max_sequence, epoch_, next_++);
}

void FillEntry(const columns::FileSummary& summary, FileEntry* entry) {
  entry->bytes = summary.data_bytes;
  entry->series_bytes = summary.series_bytes;
  entry->rows = summary.rows;
  entry->series = summary.series;
  entry->min_time_ms = summary.min_time_ms;
  entry->max_time_ms = summary.max_time_ms;
  entry->min_metric = summary.min_metric;
  entry->max_metric = summary.max_metric;
  entry->footer_bytes = summary.data_footer_bytes;
  entry->footer_crc32c = summary.data_footer_crc32c;
  entry->series_footer_bytes = summary.series_footer_bytes;
  entry->series_footer_crc32c = summary.series_footer_crc32c;
}

void FillEntry(const columns::FileSummary& summary, MetadataEntry* entry) {
  entry->bytes = summary.data_bytes;
  entry->rows = summary.rows;
  entry->footer_bytes = summary.data_footer_bytes;
  entry->footer_crc32c = summary.data_footer_crc32c;
}

void ColumnAssigner::Assign(const head::FrozenGeneration& generation,
                            columns::ColumnRegistry* registry) {
  if (arena_ != generation.arena) seen_.clear();
  arena_ = generation.arena;
  // Neighbours in file order mostly have the same names: only others are looked up.
  std::vector<std::string_view> previous;
  for (const head::FrozenSeries& series : generation.series) {
    const auto ref = static_cast<size_t>(series.ref);
    if (ref >= seen_.size()) seen_.resize(std::max(ref + 1, seen_.size() * 2));
    const char* const bytes = series.labels.bytes().data();
    if (seen_[ref] == bytes) continue;
    seen_[ref] = bytes;
    size_t at = 0;
    for (const Label& label : series.labels) {
      if (at == previous.size()) previous.emplace_back();
      if (previous[at] != label.name) {
        registry->Assign(label.name);
        previous[at] = label.name;
      }
      ++at;
    }
    previous.resize(at);
  }
}

}  // namespace larnax::store
