// Columns from `timestamp` on, in the order of HistogramsSchema. One row group is buffered as plain
// vectors, because the encoding of each page is chosen from its values.

#include "columns/write/histograms_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <utility>

#include "base/check.h"
#include "columns/schema/histogram_columns.h"
#include "columns/schema/tables.h"
#include "columns/write/list_encoder.h"
#include "columns/write/series_rows.h"

namespace larnax::columns {
namespace {

// Rows of a page of lists that are short; pages of long ones end by their levels.
constexpr int64_t kListPageRows = 16384;
constexpr int64_t kNumberPageRows = 8192;
// Counts that all move have little that repeats: level 9 saves 1 to 2% for three times the time.
constexpr int kMaxListLevel = 3;
// Elements of all lists of a row group.
constexpr int64_t kMaxGroupElements = int64_t{2} << 20;

int64_t ElementsOf(const NativeHistogram& histogram) {
  const size_t spans = histogram.positive_spans.size() + histogram.negative_spans.size();
  const size_t buckets = histogram.positive.size() + histogram.negative.size() +
                         histogram.integer_positive.size() + histogram.integer_negative.size();
  return static_cast<int64_t>(2 * spans + buckets + histogram.custom_bounds.size());
}

/// Lists of one sign.
struct Side {
  ListColumn<int32_t> offsets;
  ListColumn<int32_t> lengths;
  ListColumn<double> buckets;
  ListColumn<int64_t> integers;

  void Add(const std::vector<BucketSpan>& spans, const std::vector<double>& floats,
           const std::vector<int64_t>& exact, bool is_integer) {
    for (const BucketSpan& span : spans) {
      offsets.values.push_back(span.offset);
      lengths.values.push_back(static_cast<int32_t>(span.length));
    }
    offsets.lengths.push_back(static_cast<int32_t>(spans.size()));
    lengths.lengths.push_back(static_cast<int32_t>(spans.size()));
    if (!is_integer) {
      buckets.Add(floats);
      integers.AddNull();
      return;
    }
    buckets.lengths.push_back(static_cast<int32_t>(exact.size()));
    for (const int64_t count : exact) buckets.values.push_back(static_cast<double>(count));
    if (std::all_of(exact.begin(), exact.end(), [](int64_t n) { return IsExactDouble(n); })) {
      integers.AddNull();
    } else {
      integers.Add(exact);
    }
  }
};

/// An optional column of 64-bit integers that is mostly NULL.
struct SparseInts {
  std::vector<int64_t> values;
  std::vector<Run> runs;

  void Add(int64_t value) {
    if (values.empty() || values.back() != value) values.push_back(value);
    AppendRun(static_cast<uint32_t>(values.size() - 1), 1, &runs);
  }
  void AddNull() { AppendRun(kNullCode, 1, &runs); }
  EncodedChunk Encode(const ChunkContext& context) const {
    return EncodeIntRuns(values, runs, /*optional=*/true, context);
  }
};

/// Rows of one row group.
struct HistogramColumns {
  std::vector<int64_t> times_us;
  SparseInts starts;
  std::vector<int64_t> stale_rows;
  std::vector<double> count;
  std::vector<double> sum;
  std::vector<uint8_t> has_sum;
  std::vector<int32_t> schema;
  std::vector<double> zero_threshold;
  std::vector<double> zero_count;
  Side positive;
  Side negative;
  ListColumn<double> custom_bounds;
  std::vector<Run> hints;
  std::vector<int64_t> integer_rows;
  SparseInts count_int;
  SparseInts zero_count_int;
  int64_t rows = 0;
  int64_t elements = 0;

  void Add(const HistogramSample& sample);
  void AddCounts(const NativeHistogram& histogram);
  std::vector<EncodedChunk> Encode(const ChunkContext& context) const;
};

void HistogramColumns::AddCounts(const NativeHistogram& histogram) {
  const auto add = [](uint64_t exact, std::vector<double>* floats, SparseInts* integers) {
    floats->push_back(static_cast<double>(exact));
    if (IsExactDouble(exact)) {
      integers->AddNull();
    } else {
      integers->Add(static_cast<int64_t>(exact));
    }
  };
  if (histogram.is_integer) {
    integer_rows.push_back(rows);
    add(histogram.integer_count, &count, &count_int);
    add(histogram.integer_zero_count, &zero_count, &zero_count_int);
  } else {
    count.push_back(histogram.count);
    zero_count.push_back(histogram.zero_count);
    count_int.AddNull();
    zero_count_int.AddNull();
  }
}

void HistogramColumns::Add(const HistogramSample& sample) {
  const NativeHistogram& histogram = *sample.histogram;
  times_us.push_back(sample.time_ms * 1000);
  if (sample.start_ms == 0) {
    starts.AddNull();
  } else {
    starts.Add(sample.start_ms * 1000);
  }
  const bool is_stale = std::bit_cast<uint64_t>(histogram.sum) == kStaleBits;
  if (is_stale) stale_rows.push_back(rows);
  sum.push_back(is_stale ? 0 : histogram.sum);
  has_sum.push_back(is_stale ? 0 : 1);
  AddCounts(histogram);
  schema.push_back(histogram.schema);
  zero_threshold.push_back(histogram.zero_threshold);
  positive.Add(histogram.positive_spans, histogram.positive, histogram.integer_positive,
               histogram.is_integer);
  negative.Add(histogram.negative_spans, histogram.negative, histogram.integer_negative,
               histogram.is_integer);
  if (histogram.custom_bounds.empty()) {
    custom_bounds.AddNull();
  } else {
    custom_bounds.Add(histogram.custom_bounds);
  }
  AppendRun(static_cast<uint32_t>(histogram.counter_reset_hint), 1, &hints);
  ++rows;
  elements += ElementsOf(histogram);
}

/// Encode required 32-bit integers.
EncodedChunk EncodeInt32s(std::span<const int32_t> values, const ChunkContext& context) {
  EncodedChunk chunk;
  const auto step = static_cast<size_t>(context.page_rows);
  for (size_t first = 0; first < values.size(); first += step) {
    const auto page = values.subspan(first, std::min(step, values.size() - first));
    AddDataPage({reinterpret_cast<const char*>(page.data()), page.size_bytes()}, Encoding::kPlain,
                static_cast<int64_t>(page.size()), static_cast<int64_t>(first), context.compressor,
                context.zstd, &chunk);
  }
  if (!values.empty()) {
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    chunk.bounds.min = std::string(reinterpret_cast<const char*>(&*min), 4);
    chunk.bounds.max = std::string(reinterpret_cast<const char*>(&*max), 4);
  }
  return chunk;
}

EncodedChunk EncodeHints(std::span<const Run> hints, const ChunkContext& context) {
  StringDictionary dictionary;
  for (const std::string_view name : kCounterResetHints) dictionary.Intern(name);
  return EncodeStrings(dictionary, hints, /*optional=*/false, context);
}

std::vector<EncodedChunk> HistogramColumns::Encode(const ChunkContext& context) const {
  ChunkContext numbers = context;
  numbers.page_rows = kNumberPageRows;
  ChunkContext lists = context;
  lists.page_rows = kListPageRows;
  lists.zstd.level = std::min(lists.zstd.level, kMaxListLevel);
  std::vector<EncodedChunk> chunks;
  chunks.push_back(EncodeTimes(times_us, context));
  chunks.push_back(starts.Encode(context));
  chunks.push_back(EncodeFlags(rows, stale_rows, context));
  chunks.push_back(EncodeDoubles(count, {}, numbers));
  chunks.push_back(EncodeDoubles(sum, has_sum, numbers));
  chunks.push_back(EncodeInt32s(schema, numbers));
  chunks.push_back(EncodeDoubles(zero_threshold, {}, numbers));
  chunks.push_back(EncodeDoubles(zero_count, {}, numbers));
  for (const Side* side : {&positive, &negative}) {
    chunks.push_back(EncodeLists(side->offsets, /*optional=*/false, lists));
    chunks.push_back(EncodeLists(side->lengths, /*optional=*/false, lists));
    chunks.push_back(EncodeLists(side->buckets, /*optional=*/false, lists));
  }
  chunks.push_back(EncodeLists(custom_bounds, /*optional=*/true, lists));
  chunks.push_back(EncodeHints(hints, context));
  chunks.push_back(EncodeFlags(rows, integer_rows, context));
  chunks.push_back(count_int.Encode(context));
  chunks.push_back(zero_count_int.Encode(context));
  for (const Side* side : {&positive, &negative}) {
    chunks.push_back(EncodeLists(side->integers, /*optional=*/true, lists));
  }
  return chunks;
}

}  // namespace

class HistogramsWriter::Impl {
 public:
  Impl(std::unique_ptr<SeriesRows> rows, int64_t group_rows)
      : rows_(std::move(rows)), max_group_rows_(group_rows) {}

  arrow::Status Append(LabelsView labels, std::span<const HistogramSample> samples);
  int64_t bytes_written() const {
    // Compressed counts and times take about a byte.
    return rows_->bytes_written() + columns_.elements + 9 * columns_.rows;
  }
  int64_t rows_written() const { return rows_->rows_written(); }
  arrow::Result<FileSummary> Finish() {
    ARROW_RETURN_NOT_OK(FlushGroup());
    return rows_->Finish(HistogramsSchema);
  }

 private:
  arrow::Status FlushGroup() {
    if (columns_.rows == 0) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(rows_->FlushGroup(columns_.Encode(rows_->context())));
    columns_ = {};
    return arrow::Status::OK();
  }
  bool HasRoom(const NativeHistogram& next) const {
    return columns_.rows == 0 || (columns_.rows < max_group_rows_ &&
                                  columns_.elements + ElementsOf(next) <= kMaxGroupElements);
  }

  std::unique_ptr<SeriesRows> rows_;
  const int64_t max_group_rows_;
  HistogramColumns columns_;
};

arrow::Status HistogramsWriter::Impl::Append(LabelsView labels,
                                             std::span<const HistogramSample> samples) {
  if (samples.empty()) return arrow::Status::OK();
  for (const HistogramSample& sample : samples) {
    ARROW_RETURN_NOT_OK(CheckHistogram(*sample.histogram));
  }
  LARNAX_DCHECK(
      std::adjacent_find(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
        return a.time_ms >= b.time_ms;
      }) == samples.end());
  LARNAX_DCHECK(samples.front().time_ms >= kMinTimeMs && samples.back().time_ms <= kMaxTimeMs);
  ARROW_RETURN_NOT_OK(rows_->Begin(labels));
  int64_t stale_count = 0;
  for (size_t at = 0; at < samples.size();) {
    if (!HasRoom(*samples[at].histogram)) ARROW_RETURN_NOT_OK(FlushGroup());
    const size_t first = at;
    const size_t stale_before = columns_.stale_rows.size();
    for (; at < samples.size() && HasRoom(*samples[at].histogram); ++at) {
      columns_.Add(samples[at]);
    }
    stale_count += static_cast<int64_t>(columns_.stale_rows.size() - stale_before);
    rows_->AddRows(static_cast<int64_t>(at - first), samples[first].time_ms,
                   samples[at - 1].time_ms);
  }
  rows_->End(stale_count);
  return arrow::Status::OK();
}

HistogramsWriter::HistogramsWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HistogramsWriter::~HistogramsWriter() = default;

arrow::Result<std::unique_ptr<HistogramsWriter>> HistogramsWriter::Open(
    io::FileSystem& fs, std::string data_path, std::string series_path,
    std::vector<ColumnName> columns, WriterOptions options) {
  const int64_t group_rows = std::min(options.row_group_rows, kMostLargeRows);
  ARROW_ASSIGN_OR_RAISE(auto rows, SeriesRows::Open(fs, data_path, series_path, std::move(columns),
                                                    SchemaTable::kHistograms, std::move(options)));
  return std::unique_ptr<HistogramsWriter>(
      new HistogramsWriter(std::make_unique<Impl>(std::move(rows), group_rows)));
}

arrow::Status HistogramsWriter::Append(LabelsView labels,
                                       std::span<const HistogramSample> samples) {
  return impl_->Append(labels, samples);
}

int64_t HistogramsWriter::bytes_written() const { return impl_->bytes_written(); }
int64_t HistogramsWriter::rows_written() const { return impl_->rows_written(); }
arrow::Result<FileSummary> HistogramsWriter::Finish() { return impl_->Finish(); }

}  // namespace larnax::columns
