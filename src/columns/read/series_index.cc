#include "columns/read/series_index.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "columns/format/parquet_file.h"
#include "columns/read/packed_column.h"
#include "columns/read/page_cache.h"
#include "columns/read/series_columns.h"
#include "columns/schema/schema.h"
#include "model/label_bytes.h"

namespace larnax::columns {
namespace {

bool Covers(TimeRange outer, TimeRange inner) {
  return outer.start_ms <= inner.start_ms && outer.end_ms >= inner.end_ms;
}

std::vector<RowSpan> AllRows(int64_t rows) {
  std::vector<RowSpan> spans;
  AppendSpan(0, static_cast<uint32_t>(rows), &spans);
  return spans;
}

// Label sets are kept in blocks of so many rows, ...
constexpr uint32_t kBlockRows = 256;
// ... made when so many rows of one are for each that is wanted.
constexpr size_t kMostUnwantedFactor = 4;
// What stands for the column of a block where columns have numbers.
constexpr size_t kLabelBlocks = std::numeric_limits<size_t>::max();

class LabelBlock final : public DecodedPage {
 public:
  explicit LabelBlock(LabelSets sets) : sets_(std::move(sets)) {}
  size_t rows() const override { return sets_.size(); }
  int64_t memory_bytes() const override { return sets_.memory_bytes(); }
  const LabelSets& sets() const { return sets_; }

 private:
  LabelSets sets_;
};

}  // namespace

class SeriesIndex::Impl {
 public:
  Impl(std::shared_ptr<const ParquetFile> file, std::shared_ptr<FilePages> kept)
      : columns_(std::move(file)), kept_(std::move(kept)) {}
  arrow::Status Init();

  SeriesColumns& columns() { return columns_; }
  const std::vector<std::string>& label_names() const { return label_names_; }
  int64_t data_rows() const { return data_rows_; }
  TimeRange time_range() const { return time_range_; }

  arrow::Result<std::vector<uint32_t>> Match(std::span<const Matcher> matchers, TimeRange range,
                                             ReadStats* stats);
  arrow::Result<LabelSets> LabelsOf(std::span<const uint32_t> rows,
                                    const std::function<bool(std::string_view)>& wanted,
                                    ReadStats* stats);
  arrow::Status ViewLabels(std::span<const uint32_t> rows, std::vector<LabelsView>* labels,
                           std::shared_ptr<const void>* memory, ReadStats* stats);
  arrow::Result<std::vector<std::string>> DistinctValues(std::string_view label,
                                                         std::span<const RowSpan> spans,
                                                         ReadStats* stats);
  arrow::Result<std::vector<std::string>> DistinctNames(std::span<const RowSpan> spans,
                                                        ReadStats* stats);

 private:
  arrow::Status WillMatch(std::span<const Matcher* const> matchers, std::span<const RowSpan> spans,
                          ReadStats* stats);
  arrow::Status Filter(const Matcher& matcher, std::vector<RowSpan>* spans, ReadStats* stats);
  arrow::Status FilterOther(const Matcher& matcher, std::vector<RowSpan>* spans, ReadStats* stats);
  arrow::Status FilterTime(TimeRange range, std::vector<RowSpan>* spans, ReadStats* stats);
  int SlotOf(std::string_view label) const;
  arrow::Result<std::shared_ptr<const LabelBlock>> BlockOf(std::span<const uint32_t> rows,
                                                           ReadStats* stats);

  SeriesColumns columns_;
  const std::shared_ptr<FilePages> kept_;  // May be null.
  std::vector<std::string> label_names_;   // Sorted; position is the slot.
  int64_t data_rows_ = 0;
  TimeRange time_range_{1, 0};
};

arrow::Status SeriesIndex::Impl::Init() {
  ARROW_RETURN_NOT_OK(columns_.Init());
  label_names_ = columns_.label_names();
  const ParquetFile& file = columns_.file();
  const int64_t footer = file.file_bytes() - file.footer_bytes();
  if (columns_.size() > 0) {
    const RowGroupMeta& group = file.meta().row_groups[0];
    const auto bound = [&](std::string_view column, bool max, int64_t* out) {
      const ColumnBounds& bounds = group.chunks[static_cast<size_t>(file.FindLeaf(column))].bounds;
      const auto& text = max ? bounds.max : bounds.min;
      if (!text.has_value() || text->size() != 8) return false;
      std::memcpy(out, text->data(), 8);
      *out /= 1000;
      return true;
    };
    if (!bound(kMinTimeColumn, false, &time_range_.start_ms) ||
        !bound(kMaxTimeColumn, true, &time_range_.end_ms)) {
      return file.Corrupt("series file lacks statistics", footer);
    }
  }
  const auto it = file.meta().key_values.find(std::string(kDataRowsKey));
  if (it == file.meta().key_values.end() || it->second.empty() || it->second.size() > 18 ||
      it->second.find_first_not_of("0123456789") != std::string::npos) {
    return file.Corrupt("not a series file", footer);
  }
  for (const char digit : it->second) data_rows_ = data_rows_ * 10 + (digit - '0');
  return arrow::Status::OK();
}

int SeriesIndex::Impl::SlotOf(std::string_view label) const {
  const auto it = std::lower_bound(label_names_.begin(), label_names_.end(), label);
  return it == label_names_.end() || *it != label ? -1
                                                  : static_cast<int>(it - label_names_.begin());
}

arrow::Result<std::vector<uint32_t>> SeriesIndex::Impl::Match(std::span<const Matcher> matchers,
                                                              TimeRange range, ReadStats* stats) {
  std::vector<uint32_t> rows;
  if (columns_.size() == 0 || !time_range_.Overlaps(range)) return rows;
  std::vector<const Matcher*> order;
  for (const Matcher& matcher : matchers) order.push_back(&matcher);
  // The metric first, as rows are sorted by it; equality next, as it leaves little.
  const auto rank = [](const Matcher* matcher) {
    if (matcher->name() == kMetricLabel) return 0;
    return matcher->type() == MatchType::kEqual ? 1 : 2;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const Matcher* a, const Matcher* b) { return rank(a) < rank(b); });
  std::vector<RowSpan> spans = AllRows(columns_.size());
  ARROW_RETURN_NOT_OK(WillMatch(order, spans, stats));
  for (size_t i = 0; i < order.size(); ++i) {
    if (spans.empty()) return rows;
    ARROW_RETURN_NOT_OK(Filter(*order[i], &spans, stats));
    // What comes next is known: all labels and places of the few rows that are left.
    if (i == 0 && !spans.empty()) ARROW_RETURN_NOT_OK(columns_.WillReadAll(spans, stats));
  }
  if (!Covers(range, time_range_)) ARROW_RETURN_NOT_OK(FilterTime(range, &spans, stats));
  for (const RowSpan& span : spans) {
    const size_t before = rows.size();
    rows.resize(before + (span.end - span.begin));
    std::iota(rows.begin() + static_cast<std::ptrdiff_t>(before), rows.end(), span.begin);
  }
  return rows;
}

// Lets the disk begin with the codes of the first matcher's label and the dictionaries of all.
arrow::Status SeriesIndex::Impl::WillMatch(std::span<const Matcher* const> matchers,
                                           std::span<const RowSpan> spans, ReadStats* stats) {
  std::vector<size_t> first;
  std::vector<size_t> rest;
  for (size_t i = 0; i < matchers.size(); ++i) {
    const int slot = SlotOf(matchers[i]->name());
    if (slot >= 0) (i == 0 ? first : rest).push_back(static_cast<size_t>(slot));
  }
  ARROW_RETURN_NOT_OK(columns_.WillReadLabels(first, spans, stats));
  return columns_.WillReadLabels(rest, {}, stats);
}

arrow::Status SeriesIndex::Impl::Filter(const Matcher& matcher, std::vector<RowSpan>* spans,
                                        ReadStats* stats) {
  const int slot = SlotOf(matcher.name());
  if (slot < 0) return FilterOther(matcher, spans, stats);
  ARROW_ASSIGN_OR_RAISE(const auto values, columns_.Dictionary(static_cast<size_t>(slot), stats));
  // By stored code: 0 is an absent label.
  std::vector<uint8_t> allowed(values.size() + 1);
  size_t count = 0;
  IntBounds bounds;  // Of what is allowed: often one value of many.
  for (size_t code = 0; code < allowed.size(); ++code) {
    if (!(code == 0 ? matcher.MatchesEmpty() : matcher.Matches(values[code - 1]))) continue;
    allowed[code] = 1;
    bounds.high = static_cast<int64_t>(code);
    if (count++ == 0) bounds.low = bounds.high;
  }
  if (count == allowed.size()) return arrow::Status::OK();
  std::vector<RowSpan> kept;
  if (count > 0) {
    ARROW_ASSIGN_OR_RAISE(const PackedColumn* codes,
                          columns_.Codes(static_cast<size_t>(slot), *spans, stats));
    codes->ForEachRunWithin(*spans, bounds, [&](uint32_t begin, uint32_t end, int64_t code) {
      if (allowed[static_cast<size_t>(code)] != 0) AppendSpan(begin, end, &kept);
    });
  }
  spans->swap(kept);
  return arrow::Status::OK();
}

arrow::Status SeriesIndex::Impl::FilterOther(const Matcher& matcher, std::vector<RowSpan>* spans,
                                             ReadStats* stats) {
  ARROW_ASSIGN_OR_RAISE(const OtherColumn* other, columns_.Other(stats));
  const bool empty_matches = matcher.MatchesEmpty();
  if (other == nullptr) {
    if (!empty_matches) spans->clear();
    return arrow::Status::OK();
  }
  std::vector<RowSpan> kept;
  for (const RowSpan& span : *spans) {
    for (uint32_t row = span.begin; row < span.end; ++row) {
      std::string_view value;
      for (const auto& [key, text] : other->LabelsOf(row)) {
        if (other->keys[key] == matcher.name()) value = other->values[text];
      }
      const bool matches = value.empty() ? empty_matches : matcher.Matches(value);
      if (matches) AppendSpan(row, row + 1, &kept);
    }
  }
  spans->swap(kept);
  return arrow::Status::OK();
}

arrow::Status SeriesIndex::Impl::FilterTime(TimeRange range, std::vector<RowSpan>* spans,
                                            ReadStats* stats) {
  ARROW_ASSIGN_OR_RAISE(const PackedColumn* min,
                        columns_.Ints(SeriesColumn::kMinTime, *spans, stats));
  ARROW_ASSIGN_OR_RAISE(const PackedColumn* max,
                        columns_.Ints(SeriesColumn::kMaxTime, *spans, stats));
  const auto overlaps = [range](int64_t first_us, int64_t last_us) {
    return TimeRange{first_us / 1000, last_us / 1000}.Overlaps(range);
  };
  // Else a file that another program made.
  const bool same_pages = min->page_rows() == max->page_rows();
  std::vector<RowSpan> kept;
  for (const RowSpan& span : *spans) {
    for (uint32_t row = span.begin; row < span.end;) {
      const uint32_t page = row / min->page_rows();
      const uint32_t end = std::min(span.end, (page + 1) * min->page_rows());
      // Mostly all series of a page were there at some time that all of them share.
      if (same_pages && overlaps(min->page(page).max(), max->page(page).min())) {
        AppendSpan(row, end, &kept);
        row = end;
      }
      for (; row < end; ++row) {
        if (overlaps((*min)[row], (*max)[row])) AppendSpan(row, row + 1, &kept);
      }
    }
  }
  spans->swap(kept);
  return arrow::Status::OK();
}

arrow::Result<LabelSets> SeriesIndex::Impl::LabelsOf(
    std::span<const uint32_t> rows, const std::function<bool(std::string_view)>& wanted,
    ReadStats* stats) {
  const std::vector<RowSpan> spans = SpansOf(rows);
  struct Slot {
    std::string_view name;
    std::span<const std::string_view> values;
    const PackedColumn* codes;
  };
  std::vector<Slot> slots;
  for (size_t i = 0; i < label_names_.size(); ++i) {
    if (!wanted(label_names_[i])) continue;
    ARROW_ASSIGN_OR_RAISE(const auto values, columns_.Dictionary(i, stats));
    ARROW_ASSIGN_OR_RAISE(const PackedColumn* codes, columns_.Codes(i, spans, stats));
    slots.push_back({label_names_[i], values, codes});
  }
  ARROW_ASSIGN_OR_RAISE(const OtherColumn* other, columns_.Other(stats));
  LabelSets sets;
  for (const uint32_t row : rows) {
    std::span<const std::pair<uint32_t, uint32_t>> more;
    if (other != nullptr) more = other->LabelsOf(row);
    const auto append_others = [&](const std::string_view* before) {
      while (!more.empty() && (before == nullptr || other->keys[more[0].first] < *before)) {
        const std::string_view name = other->keys[more[0].first];
        if (wanted(name)) model::AppendLabel(name, other->values[more[0].second], sets.bytes());
        more = more.subspan(1);
      }
    };
    for (const Slot& slot : slots) {
      const int64_t code = (*slot.codes)[row];
      if (code == 0) continue;
      const std::string_view value = slot.values[static_cast<size_t>(code - 1)];
      if (value.empty()) continue;  // A metric that has no name.
      append_others(&slot.name);
      model::AppendLabel(slot.name, value, sets.bytes());
    }
    append_others(nullptr);
    sets.CloseSet();
  }
  return sets;
}

// Gives the label sets of the block that `rows`, all of one, are in: where they are kept, or worth
// to be; null otherwise.
arrow::Result<std::shared_ptr<const LabelBlock>> SeriesIndex::Impl::BlockOf(
    std::span<const uint32_t> rows, ReadStats* stats) {
  const uint32_t block = rows.front() / kBlockRows;
  const uint32_t begin = block * kBlockRows;
  const auto end = static_cast<uint32_t>(std::min<int64_t>(begin + kBlockRows, columns_.size()));
  if (auto found = kept_->Find(kLabelBlocks, block);
      found != nullptr && found->rows() == end - begin) {
    return std::static_pointer_cast<const LabelBlock>(std::move(found));
  }
  if (rows.size() * kMostUnwantedFactor < end - begin) return nullptr;
  std::vector<uint32_t> all(end - begin);
  std::iota(all.begin(), all.end(), begin);
  ARROW_ASSIGN_OR_RAISE(LabelSets sets,
                        LabelsOf(all, [](std::string_view) { return true; }, stats));
  auto made = std::make_shared<const LabelBlock>(std::move(sets));
  kept_->Insert(kLabelBlocks, block, made);
  return made;
}

arrow::Status SeriesIndex::Impl::ViewLabels(std::span<const uint32_t> rows,
                                            std::vector<LabelsView>* labels,
                                            std::shared_ptr<const void>* memory, ReadStats* stats) {
  struct Memory {
    std::vector<std::shared_ptr<const LabelBlock>> blocks;
    LabelSets rest;
  };
  auto held = std::make_shared<Memory>();
  labels->assign(rows.size(), LabelsView());
  std::vector<uint32_t> rest;
  std::vector<size_t> places;  // Of `rest`.
  for (size_t begin = 0; begin < rows.size();) {
    const uint32_t block = rows[begin] / kBlockRows;
    size_t end = begin + 1;
    while (end < rows.size() && rows[end] / kBlockRows == block) ++end;
    std::shared_ptr<const LabelBlock> found;
    if (kept_ != nullptr) {
      ARROW_ASSIGN_OR_RAISE(found, BlockOf(rows.subspan(begin, end - begin), stats));
    }
    for (; begin < end; ++begin) {
      if (found != nullptr) {
        (*labels)[begin] = found->sets()[rows[begin] % kBlockRows];
      } else {
        rest.push_back(rows[begin]);
        places.push_back(begin);
      }
    }
    if (found != nullptr) held->blocks.push_back(std::move(found));
  }
  if (!rest.empty()) {
    ARROW_ASSIGN_OR_RAISE(held->rest, LabelsOf(rest, [](std::string_view) { return true; }, stats));
    for (size_t i = 0; i < rest.size(); ++i) (*labels)[places[i]] = held->rest[i];
  }
  *memory = std::move(held);
  return arrow::Status::OK();
}

arrow::Result<std::vector<std::string>> SeriesIndex::Impl::DistinctValues(
    std::string_view label, std::span<const RowSpan> spans, ReadStats* stats) {
  std::vector<std::string_view> found;
  const int slot = SlotOf(label);
  if (slot >= 0) {
    ARROW_ASSIGN_OR_RAISE(const auto values, columns_.Dictionary(static_cast<size_t>(slot), stats));
    const bool all = spans.size() == 1 && spans[0].begin == 0 && spans[0].end == columns_.size();
    std::vector<uint8_t> seen(values.size() + 1, all ? 1 : 0);
    if (!all) {
      ARROW_ASSIGN_OR_RAISE(const PackedColumn* codes,
                            columns_.Codes(static_cast<size_t>(slot), spans, stats));
      codes->ForEachRun(
          spans, [&](uint32_t, uint32_t, int64_t code) { seen[static_cast<size_t>(code)] = 1; });
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (seen[i + 1] != 0 && !values[i].empty()) found.push_back(values[i]);
    }
  } else {
    ARROW_ASSIGN_OR_RAISE(const OtherColumn* other, columns_.Other(stats));
    if (other == nullptr) return std::vector<std::string>{};
    for (const RowSpan& span : spans) {
      for (uint32_t row = span.begin; row < span.end; ++row) {
        for (const auto& [key, value] : other->LabelsOf(row)) {
          if (other->keys[key] == label) found.push_back(other->values[value]);
        }
      }
    }
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return std::vector<std::string>(found.begin(), found.end());
}

arrow::Result<std::vector<std::string>> SeriesIndex::Impl::DistinctNames(
    std::span<const RowSpan> spans, ReadStats* stats) {
  std::set<std::string_view> found;
  if (spans.empty()) return std::vector<std::string>{};
  const bool all = spans.size() == 1 && spans[0].begin == 0 && spans[0].end == columns_.size();
  for (size_t i = 0; i < label_names_.size(); ++i) {
    // A column is in the file only when some series has the label, a value in a dictionary only
    // when some series has it; the metric's column is always there.
    bool present = all && label_names_[i] != kMetricLabel;
    if (!present) {
      ARROW_ASSIGN_OR_RAISE(const auto values, columns_.Dictionary(i, stats));
      if (all) {
        present = std::ranges::any_of(values, [](auto value) { return !value.empty(); });
      } else {
        ARROW_ASSIGN_OR_RAISE(const PackedColumn* codes, columns_.Codes(i, spans, stats));
        codes->ForEachRun(spans, [&](uint32_t, uint32_t, int64_t code) {
          present |= code != 0 && !values[static_cast<size_t>(code - 1)].empty();
        });
      }
    }
    if (present) found.insert(label_names_[i]);
  }
  ARROW_ASSIGN_OR_RAISE(const OtherColumn* other, columns_.Other(stats));
  if (other != nullptr) {
    for (const RowSpan& span : spans) {
      for (uint32_t row = span.begin; row < span.end; ++row) {
        for (const auto& [key, value] : other->LabelsOf(row)) found.insert(other->keys[key]);
      }
    }
  }
  return std::vector<std::string>(found.begin(), found.end());
}

SeriesIndex::SeriesIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SeriesIndex::~SeriesIndex() = default;

arrow::Result<std::shared_ptr<SeriesIndex>> SeriesIndex::Open(
    std::shared_ptr<io::ReadableFile> file, ReadStats* stats, int64_t footer_bytes,
    std::optional<uint32_t> footer_crc32c, std::shared_ptr<FilePages> kept) {
  ARROW_ASSIGN_OR_RAISE(auto parquet,
                        ParquetFile::Open(std::move(file), stats, footer_bytes, footer_crc32c));
  auto impl = std::make_unique<Impl>(std::move(parquet), std::move(kept));
  ARROW_RETURN_NOT_OK(impl->Init());
  return std::shared_ptr<SeriesIndex>(new SeriesIndex(std::move(impl)));
}

int64_t SeriesIndex::size() const { return impl_->columns().size(); }
int64_t SeriesIndex::data_rows() const { return impl_->data_rows(); }
TimeRange SeriesIndex::time_range() const { return impl_->time_range(); }
const std::vector<std::string>& SeriesIndex::label_names() const { return impl_->label_names(); }
bool SeriesIndex::has_values() const { return impl_->columns().has_values(); }
int64_t SeriesIndex::memory_bytes() const { return impl_->columns().memory_bytes(); }

arrow::Result<std::vector<uint32_t>> SeriesIndex::Match(std::span<const Matcher> matchers,
                                                        TimeRange range, ReadStats* stats) const {
  return impl_->Match(matchers, range, stats);
}

arrow::Result<std::vector<SeriesExtent>> SeriesIndex::Extents(std::span<const uint32_t> rows,
                                                              ReadStats* stats) const {
  const std::vector<RowSpan> spans = SpansOf(rows);
  std::vector<SeriesExtent> extents(rows.size());
  struct Part {
    SeriesColumn column;
    int64_t SeriesExtent::* member;
  };
  for (const Part& part : {Part{SeriesColumn::kRowStart, &SeriesExtent::row_start},
                           Part{SeriesColumn::kRowCount, &SeriesExtent::row_count},
                           Part{SeriesColumn::kMinTime, &SeriesExtent::min_time_ms},
                           Part{SeriesColumn::kMaxTime, &SeriesExtent::max_time_ms},
                           Part{SeriesColumn::kStaleCount, &SeriesExtent::stale_count}}) {
    ARROW_ASSIGN_OR_RAISE(const PackedColumn* column,
                          impl_->columns().Ints(part.column, spans, stats));
    for (size_t i = 0; i < rows.size(); ++i) extents[i].*part.member = (*column)[rows[i]];
  }
  for (SeriesExtent& extent : extents) {
    // The file has microseconds.
    extent.min_time_ms /= 1000;
    extent.max_time_ms /= 1000;
    if (extent.row_start < 0 || extent.row_count < 1 ||
        extent.row_start > impl_->data_rows() - extent.row_count) {
      return impl_->columns().file().Corrupt("series file names rows that are not", 0);
    }
  }
  return extents;
}

arrow::Result<std::vector<SeriesValues>> SeriesIndex::Values(std::span<const uint32_t> rows,
                                                             ReadStats* stats) const {
  if (!has_values()) return arrow::Status::Invalid("series file has no value summaries");
  const std::vector<RowSpan> spans = SpansOf(rows);
  std::vector<SeriesValues> values(rows.size());
  struct Part {
    SeriesColumn column;
    double SeriesValues::* member;
  };
  for (const Part& part :
       {Part{SeriesColumn::kFirstValue, &SeriesValues::first_value},
        Part{SeriesColumn::kLastValue, &SeriesValues::last_value},
        Part{SeriesColumn::kSum, &SeriesValues::sum}, Part{SeriesColumn::kMin, &SeriesValues::min},
        Part{SeriesColumn::kMax, &SeriesValues::max}}) {
    ARROW_ASSIGN_OR_RAISE(const PackedColumn* column,
                          impl_->columns().Doubles(part.column, spans, stats));
    for (size_t i = 0; i < rows.size(); ++i) {
      values[i].*part.member = std::bit_cast<double>((*column)[rows[i]]);
    }
  }
  ARROW_ASSIGN_OR_RAISE(const PackedColumn* times,
                        impl_->columns().Ints(SeriesColumn::kLastTime, spans, stats));
  ARROW_ASSIGN_OR_RAISE(const PackedColumn* resets,
                        impl_->columns().Ints(SeriesColumn::kResets, spans, stats));
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t time = (*times)[rows[i]];
    values[i].has_values = time != kNullInt;
    values[i].last_time_ms = values[i].has_values ? time / 1000 : 0;
    values[i].resets = values[i].has_values ? (*resets)[rows[i]] : 0;
  }
  return values;
}

arrow::Result<std::vector<uint64_t>> SeriesIndex::SeriesIds(std::span<const uint32_t> rows,
                                                            ReadStats* stats) const {
  ARROW_ASSIGN_OR_RAISE(const PackedColumn* column,
                        impl_->columns().Ints(SeriesColumn::kSeriesId, SpansOf(rows), stats));
  std::vector<uint64_t> ids;
  ids.reserve(rows.size());
  for (const uint32_t row : rows) ids.push_back(static_cast<uint64_t>((*column)[row]));
  return ids;
}

arrow::Status SeriesIndex::ViewLabels(std::span<const uint32_t> rows,
                                      std::vector<LabelsView>* labels,
                                      std::shared_ptr<const void>* memory, ReadStats* stats) const {
  return impl_->ViewLabels(rows, labels, memory, stats);
}

arrow::Result<LabelSets> SeriesIndex::LabelsOf(std::span<const uint32_t> rows,
                                               ReadStats* stats) const {
  return impl_->LabelsOf(rows, [](std::string_view) { return true; }, stats);
}

arrow::Result<LabelSets> SeriesIndex::LabelsOf(std::span<const uint32_t> rows,
                                               std::span<const std::string> names, bool keep,
                                               ReadStats* stats) const {
  const auto wanted = [&](std::string_view name) {
    return std::binary_search(names.begin(), names.end(), name) == keep;
  };
  return impl_->LabelsOf(rows, wanted, stats);
}

arrow::Result<std::vector<std::string>> SeriesIndex::DistinctValues(std::string_view label,
                                                                    std::span<const uint32_t> rows,
                                                                    ReadStats* stats) const {
  return impl_->DistinctValues(label, SpansOf(rows), stats);
}

arrow::Result<std::vector<std::string>> SeriesIndex::DistinctValues(std::string_view label,
                                                                    ReadStats* stats) const {
  return impl_->DistinctValues(label, AllRows(size()), stats);
}

arrow::Result<std::vector<std::string>> SeriesIndex::DistinctNames(std::span<const uint32_t> rows,
                                                                   ReadStats* stats) const {
  return impl_->DistinctNames(SpansOf(rows), stats);
}

arrow::Result<std::vector<std::string>> SeriesIndex::DistinctNames(ReadStats* stats) const {
  return impl_->DistinctNames(AllRows(size()), stats);
}

}  // namespace larnax::columns
