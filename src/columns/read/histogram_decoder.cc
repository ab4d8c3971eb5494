#include "columns/read/histogram_decoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "columns/read/series_rows_reader.h"
#include "columns/schema/histogram_columns.h"
#include "columns/schema/schema.h"
#include "columns/schema/tables.h"
#include "model/histogram_layout.h"

namespace larnax::columns {
namespace {

/// Hands out the lists of a column, row after row.
template <typename T>
class ListCursor {
 public:
  explicit ListCursor(const ListColumn<T>& column) : column_(column) {}
  bool is_null() const { return column_.lengths[row_] == kNullList; }
  std::span<const T> Next() {
    const auto size = static_cast<size_t>(std::max(column_.lengths[row_++], 0));
    const auto list = std::span(column_.values).subspan(value_, size);
    value_ += size;
    return list;
  }

 private:
  const ListColumn<T>& column_;
  size_t row_ = 0;
  size_t value_ = 0;
};

struct SideColumns {
  ListColumn<int32_t> offsets;
  ListColumn<int32_t> lengths;
  ListColumn<double> buckets;
  ListColumn<int64_t> integers;

  arrow::Status Read(GroupColumns* columns, const HistogramLeaves::Side& leaves) {
    ARROW_RETURN_NOT_OK(columns->Lists(leaves.offsets, &offsets));
    ARROW_RETURN_NOT_OK(columns->Lists(leaves.lengths, &lengths));
    ARROW_RETURN_NOT_OK(columns->Lists(leaves.buckets, &buckets));
    return columns->Lists(leaves.integers, &integers);
  }
};

/// Columns of the wanted rows of a row group.
struct Columns {
  std::vector<int64_t> starts;
  std::vector<uint8_t> has_start;
  std::vector<uint8_t> stale;
  std::vector<double> count;
  std::vector<double> sum;
  std::vector<int32_t> schema;
  std::vector<double> zero_threshold;
  std::vector<double> zero_count;
  SideColumns positive;
  SideColumns negative;
  ListColumn<double> custom_bounds;
  std::vector<uint8_t> hints;
  std::vector<uint8_t> is_integer;
  std::vector<int64_t> count_int;
  std::vector<uint8_t> has_count_int;
  std::vector<int64_t> zero_count_int;
  std::vector<uint8_t> has_zero_count_int;

  arrow::Status Read(GroupColumns* columns, const HistogramLeaves& leaves);
};

arrow::Status Columns::Read(GroupColumns* columns, const HistogramLeaves& leaves) {
  static constexpr double kStale = std::bit_cast<double>(kStaleBits);
  ARROW_RETURN_NOT_OK(columns->OptionalInts(leaves.start, &starts, &has_start));
  ARROW_RETURN_NOT_OK(columns->Flags(leaves.stale, &stale));
  ARROW_RETURN_NOT_OK(columns->Doubles(leaves.count, nullptr, &count));
  ARROW_RETURN_NOT_OK(columns->Doubles(leaves.sum, &kStale, &sum));
  ARROW_RETURN_NOT_OK(columns->Int32s(leaves.schema, &schema));
  ARROW_RETURN_NOT_OK(columns->Doubles(leaves.zero_threshold, nullptr, &zero_threshold));
  ARROW_RETURN_NOT_OK(columns->Doubles(leaves.zero_count, nullptr, &zero_count));
  ARROW_RETURN_NOT_OK(positive.Read(columns, leaves.positive));
  ARROW_RETURN_NOT_OK(negative.Read(columns, leaves.negative));
  ARROW_RETURN_NOT_OK(columns->Lists(leaves.custom_bounds, &custom_bounds));
  ARROW_RETURN_NOT_OK(columns->Enums(leaves.hint, kCounterResetHints, &hints));
  ARROW_RETURN_NOT_OK(columns->Flags(leaves.is_integer, &is_integer));
  ARROW_RETURN_NOT_OK(columns->OptionalInts(leaves.count_int, &count_int, &has_count_int));
  return columns->OptionalInts(leaves.zero_count_int, &zero_count_int, &has_zero_count_int);
}

/// Turn a double back into the integer that was sent.
///
/// \return False where it was none.
bool ToInteger(double value, int64_t* out) {
  constexpr auto kMax = static_cast<double>(kMaxExactCount);
  if (!(value >= -kMax && value <= kMax) || value != std::trunc(value)) return false;
  *out = static_cast<int64_t>(value);
  return true;
}

/// Makes histograms of columns, row after row.
class RowBuilder {
 public:
  RowBuilder(const Columns& columns, const HistogramLeaves& leaves, const GroupColumns& group)
      : columns_(columns),
        leaves_(leaves),
        group_(group),
        positive_(columns.positive),
        negative_(columns.negative),
        custom_bounds_(columns.custom_bounds) {}

  /// Build the next row; `out` is replaced.
  arrow::Status Next(NativeHistogram* out);

 private:
  struct Side {
    explicit Side(const SideColumns& columns)
        : offsets(columns.offsets),
          lengths(columns.lengths),
          buckets(columns.buckets),
          integers(columns.integers) {}
    ListCursor<int32_t> offsets;
    ListCursor<int32_t> lengths;
    ListCursor<double> buckets;
    ListCursor<int64_t> integers;
  };

  arrow::Status NextSide(Side* side, const HistogramLeaves::Side& leaves, bool is_integer,
                         std::vector<BucketSpan>* spans, std::vector<double>* floats,
                         std::vector<int64_t>* integers);
  arrow::Status CheckBuckets(const NativeHistogram& histogram) const;
  arrow::Status ToCount(size_t leaf, double value, bool has_twin, int64_t twin, bool is_integer,
                        double* floating, uint64_t* integer);

  const Columns& columns_;
  const HistogramLeaves& leaves_;
  const GroupColumns& group_;
  Side positive_;
  Side negative_;
  ListCursor<double> custom_bounds_;
  size_t row_ = 0;
};

arrow::Status RowBuilder::NextSide(Side* side, const HistogramLeaves::Side& leaves, bool is_integer,
                                   std::vector<BucketSpan>* spans, std::vector<double>* floats,
                                   std::vector<int64_t>* integers) {
  const auto offsets = side->offsets.Next();
  const auto lengths = side->lengths.Next();
  const auto buckets = side->buckets.Next();
  const bool has_twin = !side->integers.is_null();
  const auto twin = side->integers.Next();
  if (offsets.size() != lengths.size()) {
    return group_.Corrupt("spans have more offsets or more lengths", leaves.lengths);
  }
  spans->clear();
  uint64_t total = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (lengths[i] < 0) return group_.Corrupt("negative length of a span", leaves.lengths);
    spans->push_back({offsets[i], static_cast<uint32_t>(lengths[i])});
    total += static_cast<uint64_t>(lengths[i]);
  }
  if (total != buckets.size()) {
    return group_.Corrupt("spans and buckets differ in number", leaves.buckets);
  }
  if (has_twin && (!is_integer || twin.size() != buckets.size())) {
    return group_.Corrupt("integer buckets do not fit the others", leaves.integers);
  }
  floats->clear();
  integers->clear();
  if (!is_integer) {
    floats->assign(buckets.begin(), buckets.end());
  } else if (has_twin) {
    integers->assign(twin.begin(), twin.end());
  } else {
    integers->resize(buckets.size());
    for (size_t i = 0; i < buckets.size(); ++i) {
      if (!ToInteger(buckets[i], &(*integers)[i])) {
        return group_.Corrupt("not an integer", leaves.buckets);
      }
    }
  }
  return arrow::Status::OK();
}

arrow::Status RowBuilder::ToCount(size_t leaf, double value, bool has_twin, int64_t twin,
                                  bool is_integer, double* floating, uint64_t* integer) {
  *floating = 0;
  *integer = 0;
  if (!is_integer) {
    if (has_twin) return group_.Corrupt("a floating count has an integer twin", leaf);
    *floating = value;
    return arrow::Status::OK();
  }
  int64_t exact = twin;
  if (!has_twin && (!ToInteger(value, &exact) || exact < 0)) {
    return group_.Corrupt("not an integer", leaf);
  }
  *integer = static_cast<uint64_t>(exact);
  return arrow::Status::OK();
}

// What the format cannot say: files come from anywhere, and those who read take buckets as they
// lie.
arrow::Status RowBuilder::CheckBuckets(const NativeHistogram& histogram) const {
  switch (model::CheckLayout(histogram)) {
    case model::LayoutFault::kNone:
      break;
    case model::LayoutFault::kSchema:
      return group_.Corrupt("unknown schema", leaves_.schema);
    case model::LayoutFault::kBounds:
      return group_.Corrupt("custom bounds do not fit the buckets", leaves_.custom_bounds);
    case model::LayoutFault::kPositiveSpans:
      return group_.Corrupt("impossible spans", leaves_.positive.offsets);
    case model::LayoutFault::kNegativeSpans:
      return group_.Corrupt("impossible spans", leaves_.negative.offsets);
  }
  return arrow::Status::OK();
}

arrow::Status RowBuilder::Next(NativeHistogram* out) {
  const size_t row = row_++;
  out->schema = columns_.schema[row];
  out->counter_reset_hint = static_cast<CounterResetHint>(columns_.hints[row]);
  out->is_integer = columns_.is_integer[row] != 0;
  out->zero_threshold = columns_.zero_threshold[row];
  out->sum = columns_.sum[row];
  if ((std::bit_cast<uint64_t>(out->sum) == kStaleBits) != (columns_.stale[row] != 0)) {
    return group_.Corrupt("sum and stale disagree", leaves_.stale);
  }
  ARROW_RETURN_NOT_OK(ToCount(leaves_.count, columns_.count[row], columns_.has_count_int[row] != 0,
                              columns_.count_int[row], out->is_integer, &out->count,
                              &out->integer_count));
  ARROW_RETURN_NOT_OK(ToCount(leaves_.zero_count, columns_.zero_count[row],
                              columns_.has_zero_count_int[row] != 0, columns_.zero_count_int[row],
                              out->is_integer, &out->zero_count, &out->integer_zero_count));
  ARROW_RETURN_NOT_OK(NextSide(&positive_, leaves_.positive, out->is_integer, &out->positive_spans,
                               &out->positive, &out->integer_positive));
  ARROW_RETURN_NOT_OK(NextSide(&negative_, leaves_.negative, out->is_integer, &out->negative_spans,
                               &out->negative, &out->integer_negative));
  const auto bounds = custom_bounds_.Next();
  out->custom_bounds.assign(bounds.begin(), bounds.end());
  return CheckBuckets(*out);
}

}  // namespace

arrow::Result<HistogramLeaves> FindHistogramLeaves(const ParquetFile& file) {
  HistogramLeaves leaves;
  const LeafFinder finder(file);
  struct Flat {
    std::string_view name;
    PhysicalType type;
    bool optional;
    size_t* leaf;
  };
  for (const Flat& column :
       {Flat{kStartTimestampColumn, PhysicalType::kInt64, true, &leaves.start},
        Flat{kStaleColumn, PhysicalType::kBoolean, false, &leaves.stale},
        Flat{kCountColumn, PhysicalType::kDouble, true, &leaves.count},
        Flat{kSumColumn, PhysicalType::kDouble, true, &leaves.sum},
        Flat{kSchemaColumn, PhysicalType::kInt32, false, &leaves.schema},
        Flat{kZeroThresholdColumn, PhysicalType::kDouble, true, &leaves.zero_threshold},
        Flat{kZeroCountColumn, PhysicalType::kDouble, true, &leaves.zero_count},
        Flat{kCounterResetHintColumn, PhysicalType::kBytes, false, &leaves.hint},
        Flat{kIsIntegerColumn, PhysicalType::kBoolean, false, &leaves.is_integer},
        Flat{kCountIntColumn, PhysicalType::kInt64, true, &leaves.count_int},
        Flat{kZeroCountIntColumn, PhysicalType::kInt64, true, &leaves.zero_count_int}}) {
    ARROW_RETURN_NOT_OK(finder.Find(column.name, column.type, column.optional, column.leaf));
  }
  HistogramLeaves::Side& positive = leaves.positive;
  HistogramLeaves::Side& negative = leaves.negative;
  for (const Flat& column :
       {Flat{kPositiveOffsetsColumn, PhysicalType::kInt32, false, &positive.offsets},
        Flat{kPositiveLengthsColumn, PhysicalType::kInt32, false, &positive.lengths},
        Flat{kPositiveBucketsColumn, PhysicalType::kDouble, false, &positive.buckets},
        Flat{kPositiveBucketsIntColumn, PhysicalType::kInt64, true, &positive.integers},
        Flat{kNegativeOffsetsColumn, PhysicalType::kInt32, false, &negative.offsets},
        Flat{kNegativeLengthsColumn, PhysicalType::kInt32, false, &negative.lengths},
        Flat{kNegativeBucketsColumn, PhysicalType::kDouble, false, &negative.buckets},
        Flat{kNegativeBucketsIntColumn, PhysicalType::kInt64, true, &negative.integers},
        Flat{kCustomBoundsColumn, PhysicalType::kDouble, true, &leaves.custom_bounds}}) {
    ARROW_RETURN_NOT_OK(finder.FindList(column.name, column.type, column.optional, column.leaf));
  }
  return leaves;
}

arrow::Status DecodeHistograms(GroupColumns* group, const HistogramLeaves& leaves,
                               const TakeHistogram& take) {
  Columns columns;
  ARROW_RETURN_NOT_OK(columns.Read(group, leaves));
  RowBuilder builder(columns, leaves, *group);
  NativeHistogram histogram;
  for (const int64_t start_us : columns.starts) {
    ARROW_RETURN_NOT_OK(builder.Next(&histogram));
    take(histogram, start_us / 1000);
  }
  return arrow::Status::OK();
}

}  // namespace larnax::columns
