// Columns: `timestamp`, `value`, `exemplar_labels` (keys, values). Labels that begin traces
// hardly ever repeat, so that their values are mostly written as they are.

#include "columns/write/exemplars_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "columns/schema/tables.h"
#include "columns/write/list_encoder.h"
#include "columns/write/series_rows.h"
#include "larnax/samples.h"

namespace larnax::columns {
namespace {

constexpr int64_t kPageRows = 4096;
// Label bytes of a row group.
constexpr int64_t kMaxGroupBytes = int64_t{64} << 20;

/// Rows of one row group.
struct ExemplarColumns {
  std::vector<int64_t> times_us;
  std::vector<double> value;
  ListColumn<uint32_t> keys;  // Codes into `strings`.
  ListColumn<uint32_t> values;
  StringDictionary strings;
  int64_t label_bytes = 0;

  int64_t rows() const { return static_cast<int64_t>(value.size()); }
  void Add(const ExemplarRow& row);
  std::vector<EncodedChunk> Encode(const ChunkContext& context) const;
};

void ExemplarColumns::Add(const ExemplarRow& row) {
  times_us.push_back(row.time_ms * 1000);
  value.push_back(row.value);
  int32_t count = 0;
  for (const Label& label : LabelsView(row.labels)) {
    keys.values.push_back(strings.Intern(label.name));
    values.values.push_back(strings.Intern(label.value));
    ++count;
  }
  keys.lengths.push_back(count == 0 ? kNullList : count);
  values.lengths.push_back(keys.lengths.back());
  label_bytes += static_cast<int64_t>(row.labels.size());
}

std::vector<EncodedChunk> ExemplarColumns::Encode(const ChunkContext& context) const {
  ChunkContext pages = context;
  pages.page_rows = kPageRows;
  std::vector<EncodedChunk> chunks;
  chunks.push_back(EncodeTimes(times_us, context));
  chunks.push_back(EncodeDoubles(value, {}, pages));
  chunks.push_back(EncodeLists(keys, strings, /*optional=*/true, pages));
  chunks.push_back(EncodeLists(values, strings, /*optional=*/true, pages));
  return chunks;
}

}  // namespace

class ExemplarsWriter::Impl {
 public:
  Impl(std::unique_ptr<SeriesRows> rows, int64_t group_rows)
      : rows_(std::move(rows)),
        max_group_rows_(group_rows),
        columns_(std::make_unique<ExemplarColumns>()) {}

  arrow::Status Append(LabelsView labels, std::span<const ExemplarRow> exemplars);
  int64_t bytes_written() const {
    return rows_->bytes_written() + columns_->label_bytes + 9 * columns_->rows();
  }
  int64_t rows_written() const { return rows_->rows_written(); }
  arrow::Result<FileSummary> Finish() {
    ARROW_RETURN_NOT_OK(FlushGroup());
    return rows_->Finish(ExemplarsSchema);
  }

 private:
  arrow::Status FlushGroup() {
    if (columns_->rows() == 0) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(rows_->FlushGroup(columns_->Encode(rows_->context())));
    columns_ = std::make_unique<ExemplarColumns>();
    return arrow::Status::OK();
  }
  bool HasRoom() const {
    return columns_->rows() < max_group_rows_ && columns_->label_bytes < kMaxGroupBytes;
  }

  std::unique_ptr<SeriesRows> rows_;
  const int64_t max_group_rows_;
  std::unique_ptr<ExemplarColumns> columns_;
};

arrow::Status ExemplarsWriter::Impl::Append(LabelsView labels,
                                            std::span<const ExemplarRow> exemplars) {
  if (exemplars.empty()) return arrow::Status::OK();
  LARNAX_DCHECK(std::adjacent_find(exemplars.begin(), exemplars.end(),
                                   [](const ExemplarRow& a, const ExemplarRow& b) {
                                     return CompareExemplars(a, b) >= 0;
                                   }) == exemplars.end());
  LARNAX_DCHECK(exemplars.front().time_ms >= kMinTimeMs && exemplars.back().time_ms <= kMaxTimeMs);
  ARROW_RETURN_NOT_OK(rows_->Begin(labels));
  for (size_t at = 0; at < exemplars.size();) {
    if (!HasRoom()) ARROW_RETURN_NOT_OK(FlushGroup());
    const size_t first = at;
    for (; at < exemplars.size() && HasRoom(); ++at) {
      columns_->Add(exemplars[at]);
    }
    rows_->AddRows(static_cast<int64_t>(at - first), exemplars[first].time_ms,
                   exemplars[at - 1].time_ms);
  }
  rows_->End(/*stale_count=*/0);
  return arrow::Status::OK();
}

ExemplarsWriter::ExemplarsWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ExemplarsWriter::~ExemplarsWriter() = default;

arrow::Result<std::unique_ptr<ExemplarsWriter>> ExemplarsWriter::Open(
    io::FileSystem& fs, std::string data_path, std::string series_path,
    std::vector<ColumnName> columns, WriterOptions options) {
  const int64_t group_rows = std::min(options.row_group_rows, kMostLargeRows);
  ARROW_ASSIGN_OR_RAISE(auto rows, SeriesRows::Open(fs, data_path, series_path, std::move(columns),
                                                    SchemaTable::kExemplars, std::move(options)));
  return std::unique_ptr<ExemplarsWriter>(
      new ExemplarsWriter(std::make_unique<Impl>(std::move(rows), group_rows)));
}

arrow::Status ExemplarsWriter::Append(LabelsView labels, std::span<const ExemplarRow> exemplars) {
  return impl_->Append(labels, exemplars);
}

int64_t ExemplarsWriter::bytes_written() const { return impl_->bytes_written(); }
int64_t ExemplarsWriter::rows_written() const { return impl_->rows_written(); }
arrow::Result<FileSummary> ExemplarsWriter::Finish() { return impl_->Finish(); }

}  // namespace larnax::columns
