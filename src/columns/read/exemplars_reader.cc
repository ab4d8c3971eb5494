#include "columns/read/exemplars_reader.h"

#include <algorithm>
#include <string>
#include <utility>

#include "columns/format/parquet_file.h"
#include "columns/read/group_columns.h"
#include "columns/read/group_labels.h"
#include "columns/read/series_rows_reader.h"
#include "columns/schema/schema.h"
#include "columns/schema/tables.h"

namespace larnax::columns {
namespace {

// Labels of a row group: equal strings may be in the file once, but have to end in memory. Writers
// end a row group at a quarter of that.
constexpr size_t kMaxGroupLabelBytes = size_t{256} << 20;

struct Leaves {
  size_t value = 0;
  size_t label_names = 0;
  size_t label_values = 0;
};

arrow::Result<Leaves> FindLeaves(const ParquetFile& file) {
  Leaves leaves;
  const LeafFinder finder(file);
  ARROW_RETURN_NOT_OK(
      finder.Find(kValueColumn, PhysicalType::kDouble, /*optional=*/true, &leaves.value));
  ARROW_RETURN_NOT_OK(finder.FindList(kExemplarLabelsColumn, PhysicalType::kBytes,
                                      /*optional=*/true, &leaves.label_names));
  leaves.label_values = leaves.label_names + 1;
  const bool has_values = leaves.label_values < file.leaves().size() &&
                          file.leaves()[leaves.label_values].path[0] == kExemplarLabelsColumn &&
                          file.leaves()[leaves.label_values].type == PhysicalType::kBytes &&
                          file.leaves()[leaves.label_values].max_definition == 2 &&
                          file.leaves()[leaves.label_values].max_repetition == 1;
  if (!has_values) {
    return file.Corrupt("no column exemplar_labels", file.file_bytes() - file.footer_bytes());
  }
  return leaves;
}

/// Tell whether labels may stand in a LabelsView: names ascending, nothing empty.
bool AreCanonical(std::span<const std::string_view> names,
                  std::span<const std::string_view> values) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty() || values[i].empty() || (i > 0 && names[i - 1] >= names[i])) return false;
  }
  return true;
}

}  // namespace

class ExemplarsReader::Impl {
 public:
  Impl(SeriesRowsReader rows, Leaves leaves) : rows_(std::move(rows)), leaves_(leaves) {}

  const SeriesRowsReader& rows() const { return rows_; }
  /// Append rows; their labels are offsets in `bytes` until all are there.
  arrow::Status ReadGroup(const GroupRows& rows, ExemplarRows* out, std::vector<size_t>* label_ends,
                          std::string* bytes, ReadStats* stats) const;

 private:
  const SeriesRowsReader rows_;
  const Leaves leaves_;
};

arrow::Status ExemplarsReader::Impl::ReadGroup(const GroupRows& rows, ExemplarRows* out,
                                               std::vector<size_t>* label_ends, std::string* bytes,
                                               ReadStats* stats) const {
  GroupColumns group(rows_.file(), rows.group, rows.ranges, stats);
  std::vector<double> value;
  StringLists names;
  StringLists values;
  ARROW_RETURN_NOT_OK(group.Doubles(leaves_.value, nullptr, &value));
  ARROW_RETURN_NOT_OK(group.Lists(leaves_.label_names, &names));
  ARROW_RETURN_NOT_OK(group.Lists(leaves_.label_values, &values));
  if (names.lists.lengths != values.lists.lengths) {
    return group.Corrupt("a map has more keys or more values", leaves_.label_values);
  }
  size_t at = 0;
  size_t label_bytes = 0;
  for (size_t row = 0; row < rows.time_ms.size(); ++row) {
    const auto count = static_cast<size_t>(std::max(names.lists.lengths[row], 0));
    const auto own_names = std::span(names.lists.values).subspan(at, count);
    const auto own_values = std::span(values.lists.values).subspan(at, count);
    at += count;
    for (const auto& parts : {own_names, own_values}) {
      for (const std::string_view part : parts) label_bytes += part.size();
    }
    if (label_bytes > kMaxGroupLabelBytes) {
      return group.Corrupt("too many labels", leaves_.label_values);
    }
    if (!AreCanonical(own_names, own_values)) {
      return group.Corrupt("labels of an exemplar are out of order", leaves_.label_names);
    }
    for (size_t i = 0; i < count; ++i) AppendLabel(own_names[i], own_values[i], bytes);
    label_ends->push_back(bytes->size());
    out->rows.push_back({.time_ms = rows.time_ms[row], .value = value[row], .labels = {}});
  }
  return arrow::Status::OK();
}

ExemplarsReader::ExemplarsReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ExemplarsReader::~ExemplarsReader() = default;

arrow::Result<std::shared_ptr<ExemplarsReader>> ExemplarsReader::Open(
    std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes,
    std::optional<uint32_t> footer_crc32c) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows, SeriesRowsReader::Open(std::move(file), stats, footer_bytes, footer_crc32c));
  ARROW_ASSIGN_OR_RAISE(const Leaves leaves, FindLeaves(rows.file()));
  return std::shared_ptr<ExemplarsReader>(
      new ExemplarsReader(std::make_unique<Impl>(std::move(rows), leaves)));
}

int64_t ExemplarsReader::rows() const { return impl_->rows().file().meta().rows; }
const std::string& ExemplarsReader::path() const { return impl_->rows().file().path(); }

int64_t ExemplarsReader::mean_row_bytes() const {
  return impl_->rows().mean_row_bytes() + static_cast<int64_t>(sizeof(ExemplarRow));
}

arrow::Status ExemplarsReader::Read(std::span<const SeriesExtent> extents, TimeRange range,
                                    ExemplarRows* out, ReadStats* stats) const {
  out->rows.clear();
  auto bytes = std::make_shared<std::string>();
  std::vector<size_t> label_ends;
  ARROW_RETURN_NOT_OK(impl_->rows().ForEachGroup(
      extents, range, /*strict=*/false, &out->ends, stats, [&](const GroupRows& rows) {
        return impl_->ReadGroup(rows, out, &label_ends, bytes.get(), stats);
      }));
  size_t begin = 0;
  for (size_t i = 0; i < out->rows.size(); ++i) {
    out->rows[i].labels = std::string_view(*bytes).substr(begin, label_ends[i] - begin);
    begin = label_ends[i];
  }
  out->memory = std::move(bytes);
  return arrow::Status::OK();
}

}  // namespace larnax::columns
