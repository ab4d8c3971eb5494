#include "store/read/part_salvage.h"

#include <algorithm>
#include <utility>

namespace larnax::store {
namespace {

// Times of the samples that are in `times`: indexes [first, second).
template <typename T, typename TimeOf>
std::pair<size_t, size_t> IndexesOf(std::span<const T> samples, TimeRange times, TimeOf time_of) {
  const auto first = std::partition_point(samples.begin(), samples.end(), [&](const T& sample) {
    return time_of(sample) < times.start_ms;
  });
  const auto last = std::partition_point(
      first, samples.end(), [&](const T& sample) { return time_of(sample) <= times.end_ms; });
  return {static_cast<size_t>(first - samples.begin()),
          static_cast<size_t>(last - samples.begin())};
}

template <typename T>
std::unique_ptr<std::vector<T>> Without(std::span<const T> from, size_t first, size_t last) {
  auto kept = std::make_unique<std::vector<T>>(from.begin(), from.end());
  kept->erase(kept->begin() + static_cast<std::ptrdiff_t>(first),
              kept->begin() + static_cast<std::ptrdiff_t>(last));
  return kept;
}

PartSamples Slice(const PartSamples& samples, size_t first, size_t count) {
  return {samples.time_ms.subspan(first, count), samples.value.subspan(first, count),
          samples.start_ms.empty() ? samples.start_ms : samples.start_ms.subspan(first, count)};
}

}  // namespace

PartSalvage::PartSalvage(const std::vector<SeriesWalk::Source>& sources, TimeRange range,
                         ReadStats* stats, DamageReport* damage)
    : sources_(sources),
      range_(range),
      stats_(stats),
      damage_(damage),
      was_opened_(sources.size()),
      opened_(sources.size()) {}

// A damaged file is not opened again for each of its series.
arrow::Status PartSalvage::Open(uint32_t file) {
  if (!was_opened_[file]) {
    was_opened_[file] = true;
    const SeriesWalk::Source& source = sources_[file];
    if (source.samples == nullptr && source.histograms == nullptr) {
      opened_[file] = source.file->OpenRows(stats_);
    }
  }
  return opened_[file];
}

arrow::Status PartSalvage::TryRead(const SeriesPart& part) {
  ARROW_RETURN_NOT_OK(Open(part.file));
  const SeriesWalk::Source& source = sources_[part.file];
  if (!source.file->holds_histograms()) {
    return LoadParts(sources_, {&part, 1}, range_, {.stats = stats_}, &loaded_);
  }
  std::shared_ptr<columns::HistogramsReader> reader = source.histograms;
  if (reader == nullptr) {
    ARROW_ASSIGN_OR_RAISE(reader, source.file->Histograms(stats_));
  }
  return reader->Read({&part.extent, 1}, range_, &histograms_, stats_);
}

arrow::Result<std::vector<SeriesPart>> PartSalvage::Intact(const SeriesPart& part,
                                                           std::vector<TimeRange>* gaps) {
  const arrow::Status whole = TryRead(part);
  if (whole.ok()) return std::vector<SeriesPart>{part};
  ARROW_RETURN_NOT_OK(damage_->Note(whole));
  if (Open(part.file).ok() && !sources_[part.file].file->holds_histograms()) {
    return IntactPages(part, gaps);
  }
  gaps->push_back({part.extent.min_time_ms, part.extent.max_time_ms});
  return std::vector<SeriesPart>();
}

arrow::Result<std::vector<SeriesPart>> PartSalvage::IntactPages(const SeriesPart& part,
                                                                std::vector<TimeRange>* gaps) {
  const columns::SeriesExtent& extent = part.extent;
  std::vector<columns::RowRange> pieces;
  std::shared_ptr<columns::SamplesReader> reader = sources_[part.file].samples;
  if (reader == nullptr) {
    ARROW_ASSIGN_OR_RAISE(reader, sources_[part.file].file->Samples(stats_));
  }
  const arrow::Status cut =
      reader->CutAtPages({extent.row_start, extent.row_count}, stats_).Value(&pieces);
  if (!cut.ok()) ARROW_RETURN_NOT_OK(damage_->Note(cut));

  std::vector<SeriesPart> intact;
  bool in_gap = !cut.ok();
  int64_t gap_start_ms = extent.min_time_ms;
  for (const columns::RowRange& rows : pieces) {
    SeriesPart piece = part;
    piece.extent.row_start = rows.first;
    piece.extent.row_count = rows.count;
    if (const arrow::Status read = TryRead(piece); !read.ok()) {
      ARROW_RETURN_NOT_OK(damage_->Note(read));
      in_gap = true;
      continue;
    }
    const std::span<const int64_t> times = loaded_.parts[0].time_ms;
    if (in_gap && !times.empty()) {
      gaps->push_back({gap_start_ms, times.front() - 1});
      in_gap = false;
    }
    if (!times.empty()) gap_start_ms = times.back() + 1;
    intact.push_back(piece);
  }
  if (in_gap) gaps->push_back({gap_start_ms, extent.max_time_ms});
  return intact;
}

PartSamples CutSamples::Without(const PartSamples& samples, TimeRange times) {
  const auto [first, last] =
      IndexesOf(samples.time_ms, times, [](int64_t time_ms) { return time_ms; });
  if (first == last) return samples;
  if (first == 0) return Slice(samples, last, samples.size() - last);
  if (last == samples.size()) return Slice(samples, 0, first);
  PartSamples kept;
  kept.time_ms = *times_.emplace_back(store::Without(samples.time_ms, first, last));
  kept.value = *values_.emplace_back(store::Without(samples.value, first, last));
  if (!samples.start_ms.empty()) {
    kept.start_ms = *times_.emplace_back(store::Without(samples.start_ms, first, last));
  }
  return kept;
}

std::span<const HistogramSample> CutSamples::Without(std::span<const HistogramSample> samples,
                                                     TimeRange times) {
  const auto [first, last] =
      IndexesOf(samples, times, [](const HistogramSample& sample) { return sample.time_ms; });
  if (first == last) return samples;
  return *histograms_.emplace_back(store::Without(samples, first, last));
}

}  // namespace larnax::store
