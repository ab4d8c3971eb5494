#include "store/part_reader.h"

#include <algorithm>

namespace larnax::store {
namespace {

using columns::RowRange;

// Start times of unwanted rows are read along while there are at most so many for each wanted one.
constexpr int64_t kMaxStartGapFactor = 4;

int64_t TotalRows(std::span<const RowRange> ranges) {
  int64_t rows = 0;
  for (const RowRange& range : ranges) rows += range.count;
  return rows;
}

void AddRange(int64_t first, int64_t count, std::vector<RowRange>* ranges) {
  if (count == 0) return;
  if (!ranges->empty() && ranges->back().first + ranges->back().count == first) {
    ranges->back().count += count;
  } else {
    ranges->push_back({.first = first, .count = count});
  }
}

// Reads the parts of one file.
class FileParts {
 public:
  FileParts(std::shared_ptr<columns::SamplesReader> reader, TimeRange range, LoadedParts* loaded,
            ReadStats* stats)
      : reader_(std::move(reader)), range_(range), loaded_(loaded), stats_(stats) {}

  void Add(uint32_t part, const columns::SeriesExtent& extent) {
    wanted_.push_back({.part = part, .extent = extent});
  }

  // Lets the disk begin with what Read will read.
  arrow::Status WillRead() const {
    std::vector<RowRange> ranges;
    for (const Wanted& wanted : wanted_) {
      AddRange(wanted.extent.row_start, wanted.extent.row_count, &ranges);
    }
    return reader_->WillRead(ranges, stats_);
  }

  arrow::Status Read(LoadedParts::TimeBuffer* buffer) {
    ARROW_RETURN_NOT_OK(ReadTimes(buffer));
    std::vector<RowRange> ranges;
    for (const Wanted& wanted : wanted_) AddRange(wanted.first_row, wanted.count, &ranges);
    ARROW_RETURN_NOT_OK(ReadValues(ranges));
    return ReadStarts(ranges);
  }

 private:
  struct Wanted {
    uint32_t part;
    columns::SeriesExtent extent;
    int64_t first_row = 0;  // Of those in the time range.
    int64_t count = 0;
  };

  // Reads all times of the parts, and cuts the parts to the time range.
  arrow::Status ReadTimes(LoadedParts::TimeBuffer* buffer) {
    std::vector<RowRange> ranges;
    for (const Wanted& wanted : wanted_) {
      AddRange(wanted.extent.row_start, wanted.extent.row_count, &ranges);
    }
    const auto rows = static_cast<size_t>(TotalRows(ranges));
    if (buffer->capacity < rows) {
      buffer->times = std::make_unique_for_overwrite<int64_t[]>(rows);
      buffer->capacity = rows;
    }
    ARROW_RETURN_NOT_OK(reader_->ReadTimes(ranges, std::span(buffer->times.get(), rows), stats_));
    const int64_t* at = buffer->times.get();
    for (Wanted& wanted : wanted_) {
      const int64_t* const end = at + wanted.extent.row_count;
      const int64_t* first = at;
      const int64_t* last = end;
      if (wanted.extent.min_time_ms < range_.start_ms) {
        first = std::lower_bound(at, end, range_.start_ms);
      }
      if (wanted.extent.max_time_ms > range_.end_ms) {
        last = std::upper_bound(first, end, range_.end_ms);
      }
      wanted.first_row = wanted.extent.row_start + (first - at);
      wanted.count = last - first;
      loaded_->parts[wanted.part].time_ms = {first, last};
      at = end;
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadValues(const std::vector<RowRange>& ranges) {
    const auto rows = static_cast<size_t>(TotalRows(ranges));
    if (rows == 0) return arrow::Status::OK();
    auto values = std::make_unique_for_overwrite<double[]>(rows);
    ARROW_RETURN_NOT_OK(reader_->ReadValues(ranges, std::span(values.get(), rows), stats_));
    const double* at = values.get();
    for (const Wanted& wanted : wanted_) {
      loaded_->parts[wanted.part].value = {at, static_cast<size_t>(wanted.count)};
      at += wanted.count;
    }
    loaded_->values.push_back(std::move(values));
    return arrow::Status::OK();
  }

  arrow::Status ReadStarts(const std::vector<RowRange>& ranges) {
    if (ranges.empty()) return arrow::Status::OK();
    auto starts = std::make_unique<std::vector<int64_t>>();
    // Start times are few bytes but costly to seek in: one range rather than many.
    const RowRange whole{.first = ranges.front().first,
                         .count = ranges.back().first + ranges.back().count - ranges.front().first};
    bool is_dense = whole.count <= kMaxStartGapFactor * TotalRows(ranges);
    if (is_dense && !reader_->ReadStarts({&whole, 1}, starts.get(), stats_).ok()) {
      // What is damaged may be of rows that nobody wants.
      is_dense = false;
      starts->clear();
    }
    if (!is_dense) ARROW_RETURN_NOT_OK(reader_->ReadStarts(ranges, starts.get(), stats_));
    if (starts->empty()) return arrow::Status::OK();
    int64_t at = 0;
    for (const Wanted& wanted : wanted_) {
      const int64_t first = is_dense ? wanted.first_row - whole.first : at;
      const std::span<const int64_t> own(starts->data() + first, static_cast<size_t>(wanted.count));
      const bool any =
          std::any_of(own.begin(), own.end(), [](int64_t start) { return start != 0; });
      if (any) loaded_->parts[wanted.part].start_ms = own;
      at += wanted.count;
    }
    loaded_->starts.push_back(std::move(starts));
    return arrow::Status::OK();
  }

  std::shared_ptr<columns::SamplesReader> reader_;
  TimeRange range_;
  LoadedParts* loaded_;
  ReadStats* stats_;
  std::vector<Wanted> wanted_;
};

}  // namespace

arrow::Status LoadParts(const std::vector<SeriesWalk::Source>& sources,
                        std::span<const SeriesPart> parts, TimeRange range, ReadStats* stats,
                        LoadedParts* loaded) {
  loaded->parts.assign(parts.size(), {});
  loaded->times.resize(sources.size());
  loaded->values.clear();
  loaded->starts.clear();
  std::vector<std::unique_ptr<FileParts>> files(sources.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    const uint32_t file = parts[i].file;
    if (files[file] == nullptr) {
      std::shared_ptr<columns::SamplesReader> reader = sources[file].samples;
      if (reader == nullptr) {
        ARROW_ASSIGN_OR_RAISE(reader, sources[file].file->Samples(stats));
      }
      files[file] = std::make_unique<FileParts>(std::move(reader), range, loaded, stats);
    }
    files[file]->Add(static_cast<uint32_t>(i), parts[i].extent);
  }
  for (const auto& file : files) {
    if (file != nullptr) ARROW_RETURN_NOT_OK(file->WillRead());
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i] != nullptr) ARROW_RETURN_NOT_OK(files[i]->Read(&loaded->times[i]));
  }
  return arrow::Status::OK();
}

}  // namespace larnax::store
