#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "columns/read/page_cache.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Histograms of some rows in few bytes: what tells where buckets lie is there once for rows that
/// have it in common, and counts take the bytes that the largest of a row needs. Immutable, once it
/// is shared.
class HistogramBlock final : public DecodedPage, public HistogramSource {
 public:
  /// Make room for rows.
  void Reserve(size_t rows) { rows_.reserve(rows); }
  /// Append a row. \param histogram  As CheckHistogram wants it.
  void Add(const NativeHistogram& histogram, int64_t start_ms);
  /// Give back memory that was taken for more rows.
  void Shrink();

  size_t rows() const override { return rows_.size(); }
  int64_t memory_bytes() const override;

  int64_t start_ms(size_t row) const { return start_ms_.empty() ? 0 : start_ms_[row]; }
  /// Tell whether a row has the bits of the one before it; false where that was not noticed.
  bool Repeats(size_t row) const;
  void Make(size_t row, NativeHistogram* out) const override;
  size_t Numbers(size_t row) const override;
  /// Make samples of consecutive rows, one for each time; rows that repeat share one histogram.
  ///
  /// \param out  Shape [time_ms.size()].
  void MakeSamples(size_t first, std::span<const int64_t> time_ms, HistogramSample* out) const;
  /// The same, but histograms are left to be made when they are asked for: this outlives `out`.
  void LendSamples(size_t first, std::span<const int64_t> time_ms, HistogramSample* out) const;

 private:
  struct Layout {
    int32_t schema = 0;
    double zero_threshold = 0;
    std::vector<BucketSpan> positive_spans;
    std::vector<BucketSpan> negative_spans;
    std::vector<double> custom_bounds;
    size_t positive_buckets = 0;
    size_t negative_buckets = 0;

    bool IsOf(const NativeHistogram& histogram) const;
  };
  enum class Width : uint8_t { kOne, kTwo, kFour, kEight, kFloat };
  struct Row {
    double sum = 0;
    size_t counts = 0;  // Where its counts begin: count, zero count, positive, negative ones.
    uint32_t layout = 0;
    Width width = Width::kOne;
    CounterResetHint hint = CounterResetHint::kUnknown;
  };

  uint32_t LayoutOf(const NativeHistogram& histogram);
  template <typename T>
  void AddIntegers(const NativeHistogram& histogram);
  template <typename T>
  void FillIntegers(const Layout& layout, const uint8_t* counts, NativeHistogram* out) const;

  std::vector<Row> rows_;
  std::vector<Layout> layouts_;
  std::vector<uint8_t> counts_;
  std::vector<int64_t> start_ms_;  // Empty where none is known.
};

}  // namespace larnax::columns
