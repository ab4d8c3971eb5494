#include "columns/write/chunk_encoder.h"

#include <algorithm>
#include <cstring>

#include "columns/schema/schema.h"

namespace larnax::columns {
namespace {

// Levels of other_labels that one page may have.
constexpr int64_t kMaxPageLevels = 1 << 18;

int64_t RowsOf(std::span<const Run> runs) {
  int64_t rows = 0;
  for (const Run& run : runs) rows += run.count;
  return rows;
}

/// Cut runs into pages of `page_rows`, calling sink(first_row, rows, runs of the page).
template <typename Sink>
void ForEachPage(std::span<const Run> runs, int64_t page_rows, Sink&& sink) {
  if (page_rows <= 0) {
    sink(int64_t{0}, RowsOf(runs), runs);
    return;
  }
  std::vector<Run> page;
  int64_t first_row = 0;
  int64_t rows = 0;
  for (Run run : runs) {
    while (run.count > 0) {
      const int64_t take = std::min(run.count, page_rows - rows);
      AppendRun(run.value, take, &page);
      rows += take;
      run.count -= take;
      if (rows < page_rows) continue;
      sink(first_row, rows, std::span<const Run>(page));
      first_row += rows;
      rows = 0;
      page.clear();
    }
  }
  if (rows > 0) sink(first_row, rows, std::span<const Run>(page));
}

/// Write the data pages of a dictionary-encoded chunk. \param codes Runs of indices or kNullCode.
void AddIndexPages(std::span<const Run> codes, size_t dictionary_size, bool optional,
                   const ChunkContext& context, EncodedChunk* chunk) {
  // Some readers want one bit at least.
  const int bit_width = std::max(1, BitWidthFor(dictionary_size - 1));
  std::vector<Run> levels;
  std::string body;
  ForEachPage(codes, context.page_rows,
              [&](int64_t first, int64_t rows, std::span<const Run> page) {
                body.clear();
                if (optional) {
                  levels.clear();
                  for (const Run& run : page) {
                    const bool null = run.value == kNullCode;
                    AppendRun(null ? 0 : 1, run.count, &levels);
                    if (null) chunk->bounds.null_count += run.count;
                  }
                  AppendLevels(levels, 1, &body);
                }
                body.push_back(static_cast<char>(bit_width));
                HybridEncoder encoder(bit_width, &body);
                for (const Run& run : page) {
                  if (run.value != kNullCode) encoder.Put(run.value, run.count);
                }
                encoder.Finish();
                AddDataPage(body, Encoding::kRleDictionary, rows, first, context.compressor,
                            context.zstd, chunk);
              });
}

void PutStringBounds(std::string_view min, std::string_view max, ColumnBounds* bounds) {
  if (min.size() <= kMaxBoundBytes) bounds->min = std::string(min);
  if (max.size() <= kMaxBoundBytes) bounds->max = std::string(max);
}

void AppendString(std::string_view value, std::string* out) {
  AppendFixed(static_cast<uint32_t>(value.size()), out);
  out->append(value);
}

/// Sort the used codes by their strings; give the new code of each old one.
struct SortedCodes {
  std::vector<uint32_t> order;  // Old codes, in order of their strings.
  std::vector<uint32_t> remap;  // Old code -> new code.
};

SortedCodes SortUsed(const StringDictionary& dictionary, std::vector<uint8_t> used) {
  SortedCodes sorted;
  for (uint32_t code = 0; code < dictionary.size(); ++code) {
    if (used[code] != 0) sorted.order.push_back(code);
  }
  std::sort(sorted.order.begin(), sorted.order.end(),
            [&](uint32_t a, uint32_t b) { return dictionary[a] < dictionary[b]; });
  sorted.remap.assign(dictionary.size(), kNullCode);
  for (uint32_t i = 0; i < sorted.order.size(); ++i) sorted.remap[sorted.order[i]] = i;
  return sorted;
}

/// Write the dictionary page of sorted strings and the chunk's bounds.
void AddStringDictionary(const StringDictionary& dictionary, const SortedCodes& sorted,
                         const ChunkContext& context, EncodedChunk* chunk) {
  std::string plain;
  for (const uint32_t code : sorted.order) AppendString(dictionary[code], &plain);
  AddDictionaryPage(plain, static_cast<int32_t>(sorted.order.size()), /*is_sorted=*/true,
                    context.compressor, context.zstd, chunk);
  PutStringBounds(dictionary[sorted.order.front()], dictionary[sorted.order.back()],
                  &chunk->bounds);
}

/// Compress both bodies and append the smaller page.
void AddSmallerPage(std::string_view plain, std::string_view other, Encoding other_encoding,
                    int64_t rows, int64_t first_row, const ChunkContext& context,
                    EncodedChunk* chunk) {
  std::string a;
  std::string b;
  context.compressor->Compress(plain, context.zstd, &a);
  context.compressor->Compress(other, context.zstd, &b);
  if (b.size() < a.size()) {
    AddCompressedPage(b, other.size(), other_encoding, rows, first_row, chunk);
  } else {
    AddCompressedPage(a, plain.size(), Encoding::kPlain, rows, first_row, chunk);
  }
}

/// Find few distinct values. \return False when there are more than a quarter of the rows.
bool FindDistinct(std::span<const int64_t> values, std::vector<int64_t>* distinct,
                  std::vector<Run>* runs) {
  const size_t limit = values.size() / 4 + 1;
  const size_t mask = std::bit_ceil(limit * 2 + 2) - 1;
  std::vector<uint32_t> slots(mask + 1, 0);
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && values[i] == values[i - 1]) {
      ++runs->back().count;
      continue;
    }
    size_t slot = (static_cast<uint64_t>(values[i]) * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (slots[slot] != 0 && (*distinct)[slots[slot] - 1] != values[i]) slot = (slot + 1) & mask;
    if (slots[slot] == 0) {
      if (distinct->size() == limit) return false;
      distinct->push_back(values[i]);
      slots[slot] = static_cast<uint32_t>(distinct->size());
    }
    runs->push_back({slots[slot] - 1, 1});
  }
  return true;
}

/// Encodes the two leaves of `other_labels` side by side: their levels are the same.
class OtherLabelPages {
 public:
  OtherLabelPages(const StringDictionary& dictionary, std::span<const OtherLabels> sets,
                  std::span<const Run> runs, const ChunkContext& context)
      : dictionary_(dictionary), context_(context) {
    for (int side = 0; side < 2; ++side) {
      std::vector<uint8_t> used(dictionary.size(), 0);
      for (const Run& run : runs) {
        if (run.value == kNullCode) continue;
        for (const auto& label : sets[run.value]) used[side == 0 ? label.first : label.second] = 1;
      }
      sides_[side].sorted = SortUsed(dictionary, std::move(used));
    }
    any_ = !sides_[0].sorted.order.empty();
  }

  /// Add rows without labels, at most `rows`. \return How many fitted into the page.
  int64_t AddNulls(int64_t rows) {
    FlushWhenFull();
    if (context_.page_rows > 0) rows = std::min(rows, first_row_ + context_.page_rows - row_);
    AppendRun(0, rows, &repetition_);
    AppendRun(0, rows, &definition_);
    levels_ += rows;
    null_levels_ += rows;
    row_ += rows;
    return rows;
  }

  /// Add one row. \return 1.
  int64_t AddSet(const OtherLabels& set) {
    FlushWhenFull();
    AppendRun(0, 1, &repetition_);
    AppendRun(1, static_cast<int64_t>(set.size()) - 1, &repetition_);
    AppendRun(2, static_cast<int64_t>(set.size()), &definition_);
    for (const auto& [key, value] : set) {
      sides_[0].codes.push_back(key);
      sides_[1].codes.push_back(value);
    }
    levels_ += static_cast<int64_t>(set.size());
    ++row_;
    return 1;
  }

  std::pair<EncodedChunk, EncodedChunk> Finish() {
    if (levels_ > 0) Flush();
    for (Side& side : sides_) {
      side.chunk.bounds.null_count = null_levels_;
      if (any_) AddStringDictionary(dictionary_, side.sorted, context_, &side.chunk);
    }
    return {std::move(sides_[0].chunk), std::move(sides_[1].chunk)};
  }

 private:
  struct Side {
    EncodedChunk chunk;
    SortedCodes sorted;
    std::vector<uint32_t> codes;  // Of one page.
  };

  void FlushWhenFull() {
    if (levels_ == 0) return;
    const bool is_full = context_.page_rows > 0 && row_ - first_row_ >= context_.page_rows;
    if (is_full || levels_ >= kMaxPageLevels) Flush();
  }

  void Flush() {
    for (Side& side : sides_) {
      std::string body;
      AppendLevels(repetition_, 1, &body);
      AppendLevels(definition_, 2, &body);
      if (any_) {
        const int bit_width = std::max(1, BitWidthFor(side.sorted.order.size() - 1));
        body.push_back(static_cast<char>(bit_width));
        HybridEncoder encoder(bit_width, &body);
        for (const uint32_t code : side.codes) encoder.Put(side.sorted.remap[code], 1);
        encoder.Finish();
      }
      AddDataPage(body, any_ ? Encoding::kRleDictionary : Encoding::kPlain, levels_, first_row_,
                  context_.compressor, context_.zstd, &side.chunk);
      side.codes.clear();
    }
    repetition_.clear();
    definition_.clear();
    levels_ = 0;
    first_row_ = row_;
  }

  const StringDictionary& dictionary_;
  const ChunkContext& context_;
  Side sides_[2];
  bool any_ = false;  // Some row has labels.
  std::vector<Run> repetition_;
  std::vector<Run> definition_;
  int64_t levels_ = 0;
  int64_t null_levels_ = 0;
  int64_t row_ = 0;
  int64_t first_row_ = 0;  // Of the page.
};

}  // namespace

EncodedChunk EncodeStrings(const StringDictionary& dictionary, std::span<const Run> runs,
                           bool optional, const ChunkContext& context) {
  std::vector<uint8_t> used(dictionary.size(), 0);
  bool any = false;
  for (const Run& run : runs) {
    if (run.value == kNullCode) continue;
    used[run.value] = 1;
    any = true;
  }
  if (!any) return EncodeNulls(RowsOf(runs), context);
  const SortedCodes sorted = SortUsed(dictionary, std::move(used));
  std::vector<Run> codes(runs.begin(), runs.end());
  for (Run& run : codes) {
    if (run.value != kNullCode) run.value = sorted.remap[run.value];
  }
  EncodedChunk chunk;
  AddIndexPages(codes, sorted.order.size(), optional, context, &chunk);
  AddStringDictionary(dictionary, sorted, context, &chunk);
  return chunk;
}

EncodedChunk EncodeNulls(int64_t rows, const ChunkContext& context) {
  EncodedChunk chunk;
  const Run all{0, rows};
  ForEachPage(std::span(&all, 1), context.page_rows,
              [&](int64_t first, int64_t page_rows, std::span<const Run> page) {
                std::string body;
                AppendLevels(page, 1, &body);
                AddDataPage(body, Encoding::kPlain, page_rows, first, context.compressor,
                            context.zstd, &chunk);
              });
  chunk.bounds.null_count = rows;
  return chunk;
}

EncodedChunk EncodeIntRuns(std::span<const int64_t> values, std::span<const Run> runs,
                           bool optional, const ChunkContext& context) {
  if (values.empty()) return EncodeNulls(RowsOf(runs), context);
  EncodedChunk chunk;
  AddIndexPages(runs, values.size(), optional, context, &chunk);
  const std::string_view plain(reinterpret_cast<const char*>(values.data()), values.size() * 8);
  AddDictionaryPage(plain, static_cast<int32_t>(values.size()), /*is_sorted=*/false,
                    context.compressor, context.zstd, &chunk);
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  PutIntBounds(*min, *max, &chunk.bounds);
  return chunk;
}

EncodedChunk EncodeInts(std::span<const int64_t> values, const ChunkContext& context) {
  std::vector<int64_t> distinct;
  std::vector<Run> runs;
  if (!values.empty() && FindDistinct(values, &distinct, &runs)) {
    return EncodeIntRuns(distinct, runs, /*optional=*/false, context);
  }
  EncodedChunk chunk;
  const size_t step = context.page_rows > 0 ? static_cast<size_t>(context.page_rows)
                                            : std::max<size_t>(1, values.size());
  for (size_t first = 0; first < values.size(); first += step) {
    const auto page = values.subspan(first, std::min(step, values.size() - first));
    std::string delta;
    AppendDelta(page, &delta);
    AddSmallerPage({reinterpret_cast<const char*>(page.data()), page.size() * 8}, delta,
                   Encoding::kDeltaBinaryPacked, static_cast<int64_t>(page.size()),
                   static_cast<int64_t>(first), context, &chunk);
  }
  if (!values.empty()) {
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    PutIntBounds(*min, *max, &chunk.bounds);
  }
  return chunk;
}

EncodedChunk EncodeDoubles(std::span<const double> values, std::span<const uint8_t> present,
                           const ChunkContext& context) {
  EncodedChunk chunk;
  DoubleBounds bounds;
  const size_t step = context.page_rows > 0 ? static_cast<size_t>(context.page_rows)
                                            : std::max<size_t>(1, values.size());
  for (size_t first = 0; first < values.size(); first += step) {
    const size_t rows = std::min(step, values.size() - first);
    std::vector<double> dense;
    std::vector<Run> levels;
    for (size_t i = first; i < first + rows; ++i) {
      const bool is_present = present.empty() || present[i] != 0;
      AppendRun(is_present ? 1 : 0, 1, &levels);
      if (is_present) dense.push_back(values[i]);
    }
    bounds.Add(dense);
    chunk.bounds.null_count += static_cast<int64_t>(rows - dense.size());
    std::string plain;
    AppendLevels(levels, 1, &plain);
    std::string split = plain;
    plain.append(reinterpret_cast<const char*>(dense.data()), dense.size() * 8);
    if (context.wide_compat) {
      AddDataPage(plain, Encoding::kPlain, static_cast<int64_t>(rows), static_cast<int64_t>(first),
                  context.compressor, context.zstd, &chunk);
      continue;
    }
    AppendByteStreamSplit(dense, &split);
    AddSmallerPage(plain, split, Encoding::kByteStreamSplit, static_cast<int64_t>(rows),
                   static_cast<int64_t>(first), context, &chunk);
  }
  bounds.Put(&chunk.bounds);
  return chunk;
}

EncodedChunk EncodeFlags(int64_t rows, std::span<const int64_t> true_rows,
                         const ChunkContext& context) {
  EncodedChunk chunk;
  std::string bits(static_cast<size_t>((rows + 7) / 8), '\0');
  for (const int64_t row : true_rows) {
    bits[static_cast<size_t>(row / 8)] |= static_cast<char>(1 << (row % 8));
  }
  AddDataPage(bits, Encoding::kPlain, rows, 0, context.compressor, context.zstd, &chunk);
  chunk.bounds.min = std::string(1, static_cast<int64_t>(true_rows.size()) == rows ? '\1' : '\0');
  chunk.bounds.max = std::string(1, true_rows.empty() ? '\0' : '\1');
  return chunk;
}

std::pair<EncodedChunk, EncodedChunk> EncodeOtherLabels(const StringDictionary& dictionary,
                                                        std::span<const OtherLabels> sets,
                                                        std::span<const Run> runs,
                                                        const ChunkContext& context) {
  OtherLabelPages pages(dictionary, sets, runs, context);
  for (Run run : runs) {
    while (run.count > 0) {
      const int64_t rows =
          run.value == kNullCode ? pages.AddNulls(run.count) : pages.AddSet(sets[run.value]);
      run.count -= rows;
    }
  }
  return pages.Finish();
}

void DoubleBounds::Add(std::span<const double> values) {
  // Four independent chains keep the processor busy.
  double min[4] = {min_, min_, min_, min_};
  double max[4] = {max_, max_, max_, max_};
  bool nan = false;
  size_t i = 0;
  const auto add = [&](double value, size_t k) {
    min[k] = value < min[k] ? value : min[k];
    max[k] = value > max[k] ? value : max[k];
    nan |= value != value;
  };
  for (; i + 4 <= values.size(); i += 4) {
    for (size_t k = 0; k < 4; ++k) add(values[i + k], k);
  }
  for (; i < values.size(); ++i) add(values[i], 0);
  min_ = std::min(std::min(min[0], min[1]), std::min(min[2], min[3]));
  max_ = std::max(std::max(max[0], max[1]), std::max(max[2], max[3]));
  has_nan_ |= nan;
}

void DoubleBounds::Put(ColumnBounds* bounds) const {
  if (has_nan_ || min_ > max_) return;
  const double min = min_ == 0 ? -0.0 : min_;
  const double max = max_ == 0 ? 0.0 : max_;
  bounds->min = std::string(reinterpret_cast<const char*>(&min), 8);
  bounds->max = std::string(reinterpret_cast<const char*>(&max), 8);
}

void PutIntBounds(int64_t min, int64_t max, ColumnBounds* bounds) {
  bounds->min = std::string(reinterpret_cast<const char*>(&min), 8);
  bounds->max = std::string(reinterpret_cast<const char*>(&max), 8);
}

}  // namespace larnax::columns
