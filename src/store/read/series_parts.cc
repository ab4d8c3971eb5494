#include "store/read/series_parts.h"

#include <algorithm>

namespace larnax::store {
namespace {

// A float sample in memory: time and value.
constexpr int64_t kSampleBytes = 16;

// Calls read(file, extents, parts) for each file of the parts: the rows that are wanted of it and
// the indexes of their parts.
template <typename Read>
arrow::Status ForEachFile(size_t file_count, std::span<const SeriesPart> parts, Read read) {
  std::vector<std::vector<size_t>> by_file(file_count);
  for (size_t i = 0; i < parts.size(); ++i) by_file[parts[i].file].push_back(i);
  std::vector<columns::SeriesExtent> extents;
  for (size_t file = 0; file < file_count; ++file) {
    if (by_file[file].empty()) continue;
    extents.clear();
    for (const size_t part : by_file[file]) extents.push_back(parts[part].extent);
    ARROW_RETURN_NOT_OK(read(file, std::span<const columns::SeriesExtent>(extents),
                             std::span<const size_t>(by_file[file])));
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<columns::HistogramsReader>> HistogramsOf(
    const SeriesWalk::Source& source, ReadStats* stats) {
  if (source.histograms != nullptr) return source.histograms;
  return source.file->Histograms(stats);
}

}  // namespace

arrow::Result<int64_t> RowLoad(const SeriesWalk::Source& source, ReadStats* stats) {
  if (source.file->holds_histograms()) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, HistogramsOf(source, stats));
    return 1 + reader->mean_row_bytes() / kSampleBytes;
  }
  if (source.file->entry().table != kExemplarsTable) return 1;
  ARROW_ASSIGN_OR_RAISE(const auto reader, source.file->Exemplars(stats));
  return 1 + reader->mean_row_bytes() / kSampleBytes;
}

void SeriesParts::Clear() {
  series_.clear();
  float_parts_.clear();
  float_precedence_.clear();
  histogram_parts_.clear();
  gaps_.clear();
  load_ = 0;
  cut_ = nullptr;
}

void SeriesParts::Add(const std::vector<SeriesWalk::Source>& sources,
                      std::span<const SeriesPart> parts, ReadStats* stats) {
  series_.push_back({.first_float = float_parts_.size(),
                     .float_count = 0,
                     .first_histogram = histogram_parts_.size(),
                     .histogram_count = 0});
  AddParts(sources, parts, stats);
}

// Adds parts to the last series.
void SeriesParts::AddParts(const std::vector<SeriesWalk::Source>& sources,
                           std::span<const SeriesPart> parts, ReadStats* stats) {
  for (const SeriesPart& part : parts) {
    const SeriesWalk::Source& source = sources[part.file];
    if (!source.file->holds_histograms()) [[likely]] {
      float_parts_.push_back(part);
      float_precedence_.push_back(source.file->entry().max_sequence);
      load_ += part.extent.row_count;
      continue;
    }
    histogram_parts_.push_back(part);
    // A file that cannot be opened is told when its rows are to be read.
    load_ += part.extent.row_count * RowLoad(source, stats).ValueOr(1);
  }
  Series& series = series_.back();
  series.float_count = float_parts_.size() - series.first_float;
  series.histogram_count = histogram_parts_.size() - series.first_histogram;
}

arrow::Status SeriesParts::Load(const std::vector<SeriesWalk::Source>& sources, TimeRange range,
                                ReadStats* stats) {
  if (float_parts_.empty()) {
    loaded_.parts.clear();
  } else {
    ARROW_RETURN_NOT_OK(LoadParts(sources, float_parts_, range, {stats, runner_}, &loaded_));
  }
  histograms_.clear();
  histogram_rows_.clear();
  if (histogram_parts_.empty()) return arrow::Status::OK();
  return LoadHistograms(sources, range, stats);
}

arrow::Status SeriesParts::LoadIntact(const std::vector<SeriesWalk::Source>& sources,
                                      TimeRange range, ReadStats* stats, DamageReport* damage) {
  if (const arrow::Status loaded = Load(sources, range, stats); !loaded.ok()) {
    ARROW_RETURN_NOT_OK(damage->Note(loaded));
    ARROW_RETURN_NOT_OK(LoadSalvage(sources, range, stats, damage));
  }
  if (gaps_.empty()) return arrow::Status::OK();
  cut_ = std::make_shared<CutSamples>();
  for (const Gap& gap : gaps_) LeaveOut(gap);
  return arrow::Status::OK();
}

// Loads what can be read of the parts; what cannot becomes gaps.
arrow::Status SeriesParts::LoadSalvage(const std::vector<SeriesWalk::Source>& sources,
                                       TimeRange range, ReadStats* stats, DamageReport* damage) {
  PartSalvage salvage(sources, range, stats, damage);
  SeriesParts intact;
  intact.gaps_ = std::move(gaps_);
  std::vector<TimeRange> missing;
  const auto keep = [&](const SeriesPart& part) -> arrow::Status {
    missing.clear();
    ARROW_ASSIGN_OR_RAISE(const auto pieces, salvage.Intact(part, &missing));
    intact.AddParts(sources, pieces, stats);
    for (const TimeRange times : missing) {
      intact.gaps_.push_back({.series = intact.series_.size() - 1,
                              .precedence = sources[part.file].file->entry().max_sequence,
                              .times = times});
    }
    return arrow::Status::OK();
  };
  for (const Series& series : series_) {
    intact.Add(sources, {}, stats);
    for (size_t i = 0; i < series.float_count; ++i) {
      ARROW_RETURN_NOT_OK(keep(float_parts_[series.first_float + i]));
    }
    for (size_t i = 0; i < series.histogram_count; ++i) {
      ARROW_RETURN_NOT_OK(keep(histogram_parts_[series.first_histogram + i]));
    }
  }
  intact.runner_ = std::move(runner_);
  intact.make_histograms_ = make_histograms_;
  *this = std::move(intact);
  return Load(sources, range, stats);
}

// What is missing may have replaced what older files have at its times.
void SeriesParts::LeaveOut(const Gap& gap) {
  const Series& series = series_[gap.series];
  for (size_t i = series.first_float; i < series.first_float + series.float_count; ++i) {
    if (float_precedence_[i] >= gap.precedence) continue;
    loaded_.parts[i] = cut_->Without(loaded_.parts[i], gap.times);
  }
  for (size_t i = series.first_histogram; i < series.first_histogram + series.histogram_count;
       ++i) {
    if (histograms_[i].precedence >= gap.precedence) continue;
    histograms_[i].samples = cut_->Without(histograms_[i].samples, gap.times);
  }
}

arrow::Status SeriesParts::LoadHistograms(const std::vector<SeriesWalk::Source>& sources,
                                          TimeRange range, ReadStats* stats) {
  histograms_.resize(histogram_parts_.size());
  histogram_rows_.reserve(sources.size());
  return ForEachFile(
      sources.size(), histogram_parts_,
      [&](size_t file, std::span<const columns::SeriesExtent> extents,
          std::span<const size_t> parts) -> arrow::Status {
        ARROW_ASSIGN_OR_RAISE(const auto reader, HistogramsOf(sources[file], stats));
        const auto rows = std::make_shared<columns::HistogramRows>();
        histogram_rows_.push_back(rows);
        ARROW_RETURN_NOT_OK(
            reader->Read(extents, range, rows.get(), stats, runner_, make_histograms_));
        for (size_t i = 0; i < parts.size(); ++i) {
          histograms_[parts[i]] = {rows->Of(i), sources[file].file->entry().max_sequence};
        }
        return arrow::Status::OK();
      });
}

std::span<const PartSamples> SeriesParts::floats(size_t series) const {
  return std::span(loaded_.parts).subspan(series_[series].first_float, series_[series].float_count);
}

std::span<const int64_t> SeriesParts::float_precedence(size_t series) const {
  return std::span(float_precedence_)
      .subspan(series_[series].first_float, series_[series].float_count);
}

std::span<const HistogramPart> SeriesParts::histograms(size_t series) const {
  return std::span(histograms_)
      .subspan(series_[series].first_histogram, series_[series].histogram_count);
}

arrow::Status LoadExemplars(const std::vector<SeriesWalk::Source>& sources,
                            std::span<const SeriesPart> parts, TimeRange range, ReadStats* stats,
                            LoadedExemplars* loaded, DamageReport* damage) {
  loaded->parts.assign(parts.size(), {});
  loaded->rows.clear();
  loaded->rows.reserve(sources.size());
  return ForEachFile(sources.size(), parts,
                     [&](size_t file, std::span<const columns::SeriesExtent> extents,
                         std::span<const size_t> indexes) -> arrow::Status {
                       columns::ExemplarRows& rows = loaded->rows.emplace_back();
                       const auto read = [&]() -> arrow::Status {
                         ARROW_ASSIGN_OR_RAISE(const auto reader,
                                               sources[file].file->Exemplars(stats));
                         return reader->Read(extents, range, &rows, stats);
                       };
                       if (const arrow::Status done = read(); !done.ok()) {
                         return damage == nullptr ? done : damage->Note(done);
                       }
                       for (size_t i = 0; i < indexes.size(); ++i) {
                         loaded->parts[indexes[i]] = rows.Of(i);
                       }
                       return arrow::Status::OK();
                     });
}

}  // namespace larnax::store
