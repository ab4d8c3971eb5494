#include "columns/read/histogram_block.h"

#include <bit>
#include <cstring>
#include <memory>

namespace larnax::columns {
namespace {

// So many histograms are allocated together, and live as long as one of them.
constexpr size_t kChunkHistograms = 63;
// Layouts that are looked at before one is kept a second time.
constexpr size_t kMostLooks = 16;

bool SameBits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

template <typename T>
void Append(T value, std::vector<uint8_t>* out) {
  const size_t at = out->size();
  out->resize(at + sizeof(T));
  std::memcpy(out->data() + at, &value, sizeof(T));
}

template <typename T, typename From>
void AppendAll(std::span<const From> values, std::vector<uint8_t>* out) {
  const size_t at = out->size();
  out->resize(at + values.size() * sizeof(T));
  uint8_t* to = out->data() + at;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto value = static_cast<T>(values[i]);
    std::memcpy(to + i * sizeof(T), &value, sizeof(T));
  }
}

template <typename T>
T Load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T, typename To>
const uint8_t* LoadAll(const uint8_t* from, size_t count, std::vector<To>* out) {
  out->resize(count);
  for (size_t i = 0; i < count; ++i) (*out)[i] = static_cast<To>(Load<T>(from + i * sizeof(T)));
  return from + count * sizeof(T);
}

}  // namespace

bool HistogramBlock::Layout::IsOf(const NativeHistogram& histogram) const {
  return schema == histogram.schema &&
         std::bit_cast<uint64_t>(zero_threshold) ==
             std::bit_cast<uint64_t>(histogram.zero_threshold) &&
         positive_spans == histogram.positive_spans && negative_spans == histogram.negative_spans &&
         SameBits(custom_bounds, histogram.custom_bounds);
}

uint32_t HistogramBlock::LayoutOf(const NativeHistogram& histogram) {
  if (!rows_.empty() && layouts_[rows_.back().layout].IsOf(histogram)) return rows_.back().layout;
  const size_t last = layouts_.size();
  for (size_t i = last; i > 0 && last - i < kMostLooks; --i) {
    if (layouts_[i - 1].IsOf(histogram)) return static_cast<uint32_t>(i - 1);
  }
  layouts_.push_back({.schema = histogram.schema,
                      .zero_threshold = histogram.zero_threshold,
                      .positive_spans = histogram.positive_spans,
                      .negative_spans = histogram.negative_spans,
                      .custom_bounds = histogram.custom_bounds});
  const auto buckets = [](const std::vector<BucketSpan>& spans) {
    size_t count = 0;
    for (const BucketSpan& span : spans) count += span.length;
    return count;
  };
  layouts_.back().positive_buckets = buckets(histogram.positive_spans);
  layouts_.back().negative_buckets = buckets(histogram.negative_spans);
  return static_cast<uint32_t>(last);
}

template <typename T>
void HistogramBlock::AddIntegers(const NativeHistogram& histogram) {
  Append(static_cast<T>(histogram.integer_count), &counts_);
  Append(static_cast<T>(histogram.integer_zero_count), &counts_);
  AppendAll<T>(std::span(histogram.integer_positive), &counts_);
  AppendAll<T>(std::span(histogram.integer_negative), &counts_);
}

void HistogramBlock::Add(const NativeHistogram& histogram, int64_t start_ms) {
  Row row{.sum = histogram.sum,
          .counts = counts_.size(),
          .layout = LayoutOf(histogram),
          .hint = histogram.counter_reset_hint};
  if (histogram.is_integer) {
    uint64_t bits = histogram.integer_count | histogram.integer_zero_count;
    for (const int64_t count : histogram.integer_positive) bits |= static_cast<uint64_t>(count);
    for (const int64_t count : histogram.integer_negative) bits |= static_cast<uint64_t>(count);
    if (bits <= UINT8_MAX) {
      row.width = Width::kOne;
      AddIntegers<uint8_t>(histogram);
    } else if (bits <= UINT16_MAX) {
      row.width = Width::kTwo;
      AddIntegers<uint16_t>(histogram);
    } else if (bits <= UINT32_MAX) {
      row.width = Width::kFour;
      AddIntegers<uint32_t>(histogram);
    } else {
      row.width = Width::kEight;
      AddIntegers<uint64_t>(histogram);
    }
  } else {
    row.width = Width::kFloat;
    Append(histogram.count, &counts_);
    Append(histogram.zero_count, &counts_);
    AppendAll<double>(std::span(histogram.positive), &counts_);
    AppendAll<double>(std::span(histogram.negative), &counts_);
  }
  if (start_ms != 0 || !start_ms_.empty()) {
    start_ms_.resize(rows_.size());
    start_ms_.push_back(start_ms);
  }
  rows_.push_back(row);
}

void HistogramBlock::Shrink() {
  rows_.shrink_to_fit();
  layouts_.shrink_to_fit();
  counts_.shrink_to_fit();
  start_ms_.shrink_to_fit();
}

int64_t HistogramBlock::memory_bytes() const {
  size_t bytes = sizeof(*this) + rows_.capacity() * sizeof(Row) + counts_.capacity() +
                 start_ms_.capacity() * sizeof(int64_t) + layouts_.capacity() * sizeof(Layout);
  for (const Layout& layout : layouts_) {
    bytes +=
        (layout.positive_spans.capacity() + layout.negative_spans.capacity()) * sizeof(BucketSpan) +
        layout.custom_bounds.capacity() * sizeof(double);
  }
  return static_cast<int64_t>(bytes);
}

bool HistogramBlock::Repeats(size_t row) const {
  if (row == 0) return false;
  const Row& a = rows_[row - 1];
  const Row& b = rows_[row];
  if (a.layout != b.layout || a.width != b.width || a.hint != b.hint ||
      std::bit_cast<uint64_t>(a.sum) != std::bit_cast<uint64_t>(b.sum)) {
    return false;
  }
  // Of the same buckets in the same width: as many bytes.
  return std::memcmp(counts_.data() + a.counts, counts_.data() + b.counts, b.counts - a.counts) ==
         0;
}

template <typename T>
void HistogramBlock::FillIntegers(const Layout& layout, const uint8_t* counts,
                                  NativeHistogram* out) const {
  out->integer_count = Load<T>(counts);
  out->integer_zero_count = Load<T>(counts + sizeof(T));
  counts = LoadAll<T>(counts + 2 * sizeof(T), layout.positive_buckets, &out->integer_positive);
  LoadAll<T>(counts, layout.negative_buckets, &out->integer_negative);
}

void HistogramBlock::Make(size_t row, NativeHistogram* out) const {
  const Row& from = rows_[row];
  const Layout& layout = layouts_[from.layout];
  out->schema = layout.schema;
  out->counter_reset_hint = from.hint;
  out->is_integer = from.width != Width::kFloat;
  out->zero_threshold = layout.zero_threshold;
  out->sum = from.sum;
  out->positive_spans = layout.positive_spans;
  out->negative_spans = layout.negative_spans;
  out->custom_bounds = layout.custom_bounds;
  // Whatever was there before.
  out->count = 0;
  out->zero_count = 0;
  out->positive.clear();
  out->negative.clear();
  out->integer_count = 0;
  out->integer_zero_count = 0;
  out->integer_positive.clear();
  out->integer_negative.clear();
  const uint8_t* const counts = counts_.data() + from.counts;
  switch (from.width) {
    case Width::kOne:
      return FillIntegers<uint8_t>(layout, counts, out);
    case Width::kTwo:
      return FillIntegers<uint16_t>(layout, counts, out);
    case Width::kFour:
      return FillIntegers<uint32_t>(layout, counts, out);
    case Width::kEight:
      return FillIntegers<uint64_t>(layout, counts, out);
    case Width::kFloat:
      break;
  }
  out->count = Load<double>(counts);
  out->zero_count = Load<double>(counts + sizeof(double));
  const uint8_t* const rest =
      LoadAll<double>(counts + 2 * sizeof(double), layout.positive_buckets, &out->positive);
  LoadAll<double>(rest, layout.negative_buckets, &out->negative);
}

size_t HistogramBlock::Numbers(size_t row) const {
  const Layout& layout = layouts_[rows_[row].layout];
  return layout.positive_spans.size() + layout.negative_spans.size() + layout.positive_buckets +
         layout.negative_buckets + layout.custom_bounds.size();
}

void HistogramBlock::LendSamples(size_t first, std::span<const int64_t> time_ms,
                                 HistogramSample* out) const {
  for (size_t i = 0; i < time_ms.size(); ++i) {
    out[i] = {time_ms[i], start_ms(first + i), nullptr, this, first + i};
  }
}

void HistogramBlock::MakeSamples(size_t first, std::span<const int64_t> time_ms,
                                 HistogramSample* out) const {
  std::shared_ptr<NativeHistogram[]> chunk;
  size_t size = 0;
  size_t used = 0;
  for (size_t i = 0; i < time_ms.size(); ++i) {
    const size_t row = first + i;
    out[i].time_ms = time_ms[i];
    out[i].start_ms = start_ms(row);
    if (i > 0 && Repeats(row)) {
      out[i].histogram = out[i - 1].histogram;
      continue;
    }
    if (used == size) {
      // As many as there are before the next one that repeats, up to a chunk.
      size = 1;
      while (size < kChunkHistograms && i + size < time_ms.size() && !Repeats(row + size)) ++size;
      chunk = std::make_shared<NativeHistogram[]>(size);
      used = 0;
    }
    Make(row, &chunk[used]);
    out[i].histogram = std::shared_ptr<const NativeHistogram>(chunk, &chunk[used++]);
  }
}

}  // namespace larnax::columns
