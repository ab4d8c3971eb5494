#include "columns/read/series_columns.h"

#include <algorithm>
#include <cstring>

#include "columns/read/run_reader.h"
#include "columns/schema/schema.h"
#include "larnax/error.h"

namespace larnax::columns {
namespace {

constexpr std::array<std::string_view, kSeriesColumnCount> kColumnNames = {
    kSeriesIdColumn,   kRowStartColumn,   kRowCountColumn,  kMinTimeColumn,  kMaxTimeColumn,
    kStaleCountColumn, kFirstValueColumn, kLastValueColumn, kLastTimeColumn, kSumColumn,
    kMinColumn,        kMaxColumn,        kResetsColumn};
constexpr size_t kRequiredColumns = 6;

// What is read ahead of a need that is only likely.
constexpr int64_t kMaxAheadBytes = 1 << 20;

bool IsDouble(SeriesColumn column) {
  return column == SeriesColumn::kFirstValue || column == SeriesColumn::kLastValue ||
         column == SeriesColumn::kSum || column == SeriesColumn::kMin ||
         column == SeriesColumn::kMax;
}

arrow::Status DecodeCodePage(const Page& page, const Page& dictionary, std::span<int64_t> out,
                             bool optional) {
  std::vector<Run> runs;
  ARROW_RETURN_NOT_OK(
      DecodeCodes(page, optional, static_cast<uint32_t>(dictionary.header.num_values), &runs));
  auto at = out.begin();
  for (const Run& run : runs) {
    const int64_t code = run.value == kNullRun ? 0 : int64_t{run.value} + 1;
    at = std::fill_n(at, run.count, code);
  }
  return arrow::Status::OK();
}

arrow::Status DecodeOptionalInts(const Page& page, const Page& dictionary, std::span<int64_t> out) {
  ARROW_RETURN_NOT_OK(DecodeCodePage(page, dictionary, out, /*optional=*/true));
  for (int64_t& value : out) {
    if (value == 0) {
      value = kNullInt;
    } else {
      std::memcpy(&value, dictionary.body.data() + (value - 1) * 8, 8);
    }
  }
  return arrow::Status::OK();
}

arrow::Status DecodeDoubleBits(const Page& page, const Page&, std::span<int64_t> out) {
  ARROW_ASSIGN_OR_RAISE(const DoublePage split, SplitDoublePage(page.header, page.body));
  std::vector<double> values(out.size());
  DecodeDoubles(split, 0, 0, values);
  std::memcpy(out.data(), values.data(), values.size() * 8);
  return arrow::Status::OK();
}

/// Levels and codes of one page of a leaf of `other_labels`.
struct OtherPage {
  std::vector<Run> repetition;
  std::vector<Run> definition;
  std::vector<Run> codes;
};

arrow::Status CorruptOther() {
  return MakeError(ErrorKind::kCorrupt, "cannot decode other_labels");
}

arrow::Result<OtherPage> DecodeOtherPage(const Page& page, int32_t dictionary_size) {
  OtherPage result;
  std::string_view body = page.body;
  const int64_t count = page.header.num_values;
  ARROW_RETURN_NOT_OK(DecodeLevels(&body, 1, count, 1, &result.repetition));
  ARROW_RETURN_NOT_OK(DecodeLevels(&body, 2, count, 2, &result.definition));
  int64_t present = 0;
  for (const Run& run : result.definition) present += run.value == 2 ? run.count : 0;
  if (present == 0) return result;
  if (page.header.encoding != static_cast<int32_t>(Encoding::kRleDictionary) || body.empty() ||
      dictionary_size == 0) {
    return CorruptOther();
  }
  ARROW_RETURN_NOT_OK(DecodeHybrid(body.substr(1), static_cast<uint8_t>(body[0]), present,
                                   static_cast<uint32_t>(dictionary_size - 1), &result.codes));
  return result;
}

/// Collects the rows of `other_labels`.
class OtherRows {
 public:
  explicit OtherRows(OtherColumn* column) : column_(column) {}

  arrow::Status AddPage(const OtherPage& keys, const OtherPage& values) {
    if (keys.repetition != values.repetition || keys.definition != values.definition) {
      return CorruptOther();
    }
    RunReader repetition(keys.repetition);
    RunReader definition(keys.definition);
    RunReader key(keys.codes);
    RunReader value(values.codes);
    while (!repetition.done()) {
      if (repetition.value() == 0 && definition.value() != 2) {
        // Rows without labels, mostly many.
        const int64_t rows = std::min(repetition.left(), definition.left());
        EndRow();
        for (int64_t i = 0; i < rows; ++i) {
          in_row_ = true;
          EndRow();
        }
        repetition.Skip(rows);
        definition.Skip(rows);
        continue;
      }
      const bool row_start = repetition.Next() == 0;
      if (definition.Next() != 2 || (!row_start && !in_row_)) return CorruptOther();
      if (row_start) EndRow();
      in_row_ = true;
      row_.emplace_back(key.Next(), value.Next());
    }
    EndRow();
    return arrow::Status::OK();
  }

 private:
  void EndRow() {
    if (!in_row_) return;
    in_row_ = false;
    const bool same = !column_->ends.empty() && row_ == last_;
    if (!same) {
      column_->labels.insert(column_->labels.end(), row_.begin(), row_.end());
      column_->ends.push_back(static_cast<uint32_t>(column_->labels.size()));
      last_ = row_;
    }
    column_->set_of_row.push_back(static_cast<uint32_t>(column_->ends.size() - 1));
    row_.clear();
  }

  OtherColumn* column_;
  bool in_row_ = false;
  std::vector<std::pair<uint32_t, uint32_t>> row_;
  std::vector<std::pair<uint32_t, uint32_t>> last_;
};

}  // namespace

std::optional<size_t> FindOtherLabels(std::span<const SchemaLeaf> leaves) {
  const auto fits = [](const SchemaLeaf& leaf) {
    return leaf.path.size() == 3 && leaf.path[0] == kOtherLabelsColumn &&
           leaf.type == PhysicalType::kBytes && leaf.max_definition == 2 &&
           leaf.max_repetition == 1;
  };
  for (size_t i = 0; i + 1 < leaves.size(); ++i) {
    if (fits(leaves[i]) && fits(leaves[i + 1])) return i;
  }
  return std::nullopt;
}

arrow::Result<OtherColumn> DecodeOtherColumn(ChunkPages keys, ChunkPages values, int64_t rows) {
  OtherColumn column;
  column.key_pages = std::move(keys);
  column.value_pages = std::move(values);
  // The views into them must outlive a move of the column: a short string would take its bytes
  // along.
  for (ChunkPages* pages : {&column.key_pages, &column.value_pages}) {
    pages->dictionary.body.reserve(sizeof(std::string) + 1);
  }
  const ChunkPages& key_pages = column.key_pages;
  const ChunkPages& value_pages = column.value_pages;
  ARROW_RETURN_NOT_OK(DecodeStrings(key_pages.dictionary, &column.keys));
  ARROW_RETURN_NOT_OK(DecodeStrings(value_pages.dictionary, &column.values));
  if (key_pages.data.size() != value_pages.data.size()) return CorruptOther();
  OtherRows collected(&column);
  for (size_t i = 0; i < key_pages.data.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(
        const OtherPage key_page,
        DecodeOtherPage(key_pages.data[i], key_pages.dictionary.header.num_values));
    ARROW_ASSIGN_OR_RAISE(
        const OtherPage value_page,
        DecodeOtherPage(value_pages.data[i], value_pages.dictionary.header.num_values));
    ARROW_RETURN_NOT_OK(collected.AddPage(key_page, value_page));
    if (static_cast<int64_t>(column.set_of_row.size()) > rows) return CorruptOther();
  }
  if (static_cast<int64_t>(column.set_of_row.size()) != rows) return CorruptOther();
  return column;
}

arrow::Status SeriesColumns::Init() {
  const int64_t footer = file_->file_bytes() - file_->footer_bytes();
  if (file_->meta().row_groups.size() > 1) return file_->Corrupt("not a series file", footer);
  for (size_t i = 0; i < kSeriesColumnCount; ++i) {
    leaves_[i] = file_->FindLeaf(kColumnNames[i]);
    if (leaves_[i] < 0 && (i < kRequiredColumns || leaves_[kRequiredColumns] >= 0)) {
      return file_->Corrupt("series file lacks a column", footer);
    }
    if (leaves_[i] < 0) continue;
    const SchemaLeaf& leaf = file_->leaves()[static_cast<size_t>(leaves_[i])];
    const bool is_double = IsDouble(static_cast<SeriesColumn>(i));
    if (leaf.type != (is_double ? PhysicalType::kDouble : PhysicalType::kInt64) ||
        leaf.max_definition != (i < kRequiredColumns ? 0 : 1)) {
      return file_->Corrupt("series file has a column of another type", footer);
    }
  }
  auto labels = LabelLeaves(file_->meta(), file_->leaves());
  if (!labels.ok()) return file_->At(labels.status(), footer);
  for (auto& [leaf, name] : *labels) {
    LabelSlot slot;
    slot.name = std::move(name);
    slot.leaf = leaf;
    labels_.push_back(std::move(slot));
  }
  std::sort(labels_.begin(), labels_.end(),
            [](const LabelSlot& a, const LabelSlot& b) { return a.name < b.name; });
  const auto other = FindOtherLabels(file_->leaves());
  if (!other.has_value()) return file_->Corrupt("series file lacks other_labels", footer);
  other_key_leaf_ = *other;
  return arrow::Status::OK();
}

std::vector<std::string> SeriesColumns::label_names() const {
  std::vector<std::string> names;
  for (const LabelSlot& slot : labels_) names.push_back(slot.name);
  return names;
}

int64_t SeriesColumns::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const LabelSlot& slot : labels_) {
    bytes += static_cast<int64_t>(slot.dictionary.body.capacity() +
                                  slot.values.capacity() * sizeof(slot.values[0])) +
             slot.codes.memory_bytes();
  }
  for (const NumberSlot& slot : numbers_) {
    bytes += static_cast<int64_t>(slot.dictionary.body.capacity()) + slot.values.memory_bytes();
  }
  if (other_ != nullptr) {
    bytes += static_cast<int64_t>(other_->labels.capacity() * 8 + other_->ends.capacity() * 4 +
                                  other_->set_of_row.capacity() * 4 +
                                  other_->key_pages.dictionary.body.capacity() +
                                  other_->value_pages.dictionary.body.capacity());
  }
  return bytes;
}

arrow::Status SeriesColumns::AddRanges(size_t leaf, bool has_dictionary, const PackedColumn& loaded,
                                       std::span<const RowSpan> spans,
                                       std::vector<ByteRange>* ranges, ReadStats* stats) const {
  const ChunkMeta& chunk = file_->meta().row_groups[0].chunks[leaf];
  if (!has_dictionary) {
    ranges->push_back({chunk.begin_offset(), chunk.data_page_offset - chunk.begin_offset()});
  }
  if (spans.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto pages, file_->PagesOf(0, leaf, stats));
  size_t page = 0;
  for (const RowSpan& span : spans) {
    while (page < pages->size() && (*pages)[page].first_row < span.end) {
      const bool ends_before =
          page + 1 < pages->size() && (*pages)[page + 1].first_row <= span.begin;
      const bool is_known = loaded.is_init() && loaded.has_page(page);
      if (!ends_before && !is_known) {
        ranges->push_back({(*pages)[page].offset, (*pages)[page].size_bytes});
      }
      ++page;
    }
  }
  return arrow::Status::OK();
}

arrow::Status SeriesColumns::WillReadLabels(std::span<const size_t> slots,
                                            std::span<const RowSpan> spans, ReadStats* stats) {
  if (size() == 0) return arrow::Status::OK();
  const std::lock_guard lock(mutex_);
  std::vector<ByteRange> ranges;
  for (const size_t i : slots) {
    const LabelSlot& slot = labels_[i];
    ARROW_RETURN_NOT_OK(
        AddRanges(slot.leaf, slot.has_dictionary, slot.codes, spans, &ranges, stats));
  }
  file_->WillRead(std::move(ranges));
  return arrow::Status::OK();
}

arrow::Status SeriesColumns::WillReadAll(std::span<const RowSpan> spans, ReadStats* stats) {
  if (size() == 0) return arrow::Status::OK();
  const std::lock_guard lock(mutex_);
  std::vector<ByteRange> ranges;
  for (const LabelSlot& slot : labels_) {
    ARROW_RETURN_NOT_OK(
        AddRanges(slot.leaf, slot.has_dictionary, slot.codes, spans, &ranges, stats));
  }
  for (const SeriesColumn column :
       {SeriesColumn::kRowStart, SeriesColumn::kRowCount, SeriesColumn::kMinTime,
        SeriesColumn::kMaxTime, SeriesColumn::kStaleCount}) {
    const auto leaf = static_cast<size_t>(leaves_[static_cast<size_t>(column)]);
    const NumberSlot& slot = numbers_[static_cast<size_t>(column)];
    ARROW_RETURN_NOT_OK(AddRanges(leaf, slot.has_dictionary, slot.values, spans, &ranges, stats));
  }
  int64_t bytes = 0;
  for (const ByteRange& range : ranges) bytes += range.size_bytes;
  if (bytes <= kMaxAheadBytes) file_->WillRead(std::move(ranges));
  return arrow::Status::OK();
}

arrow::Status SeriesColumns::LoadDictionary(LabelSlot* slot, ReadStats* stats) {
  if (slot->has_dictionary || size() == 0) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(slot->dictionary, file_->ReadDictionary(0, slot->leaf, stats));
  slot->values.clear();
  ARROW_RETURN_NOT_OK(file_->At(DecodeStrings(slot->dictionary, &slot->values),
                                file_->meta().row_groups[0].chunks[slot->leaf].begin_offset()));
  slot->has_dictionary = true;
  return arrow::Status::OK();
}

arrow::Result<std::span<const std::string_view>> SeriesColumns::Dictionary(size_t slot,
                                                                           ReadStats* stats) {
  const std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(LoadDictionary(&labels_[slot], stats));
  return std::span<const std::string_view>(labels_[slot].values);
}

arrow::Result<const PackedColumn*> SeriesColumns::Codes(size_t slot, std::span<const RowSpan> spans,
                                                        ReadStats* stats) {
  const std::lock_guard lock(mutex_);
  LabelSlot& label = labels_[slot];
  ARROW_RETURN_NOT_OK(LoadDictionary(&label, stats));
  const bool optional = file_->leaves()[label.leaf].max_definition > 0;
  const Decode decode =
      optional ? Decode([](const Page& page, const Page& dictionary, std::span<int64_t> out) {
        return DecodeCodePage(page, dictionary, out, true);
      })
               : Decode([](const Page& page, const Page& dictionary, std::span<int64_t> out) {
                   return DecodeCodePage(page, dictionary, out, false);
                 });
  ARROW_RETURN_NOT_OK(LoadPages(label.leaf, spans, label.dictionary, decode, &label.codes, stats));
  return &label.codes;
}

arrow::Result<const PackedColumn*> SeriesColumns::Number(SeriesColumn column,
                                                         std::span<const RowSpan> spans,
                                                         Decode decode, ReadStats* stats) {
  const std::lock_guard lock(mutex_);
  const auto leaf = static_cast<size_t>(leaves_[static_cast<size_t>(column)]);
  NumberSlot& slot = numbers_[static_cast<size_t>(column)];
  if (!slot.has_dictionary && size() > 0) {
    ARROW_ASSIGN_OR_RAISE(slot.dictionary, file_->ReadDictionary(0, leaf, stats));
    if (slot.dictionary.body.size() != static_cast<size_t>(slot.dictionary.header.num_values) * 8) {
      return file_->Corrupt("bad dictionary page",
                            file_->meta().row_groups[0].chunks[leaf].begin_offset());
    }
    slot.has_dictionary = true;
  }
  ARROW_RETURN_NOT_OK(LoadPages(leaf, spans, slot.dictionary, decode, &slot.values, stats));
  return &slot.values;
}

arrow::Result<const PackedColumn*> SeriesColumns::Ints(SeriesColumn column,
                                                       std::span<const RowSpan> spans,
                                                       ReadStats* stats) {
  const bool optional = static_cast<size_t>(column) >= kRequiredColumns;
  const Decode decode =
      optional ? Decode(&DecodeOptionalInts)
               : Decode([](const Page& page, const Page& dictionary, std::span<int64_t> out) {
                   return DecodeInts(page, dictionary.body, out);
                 });
  return Number(column, spans, decode, stats);
}

arrow::Result<const PackedColumn*> SeriesColumns::Doubles(SeriesColumn column,
                                                          std::span<const RowSpan> spans,
                                                          ReadStats* stats) {
  return Number(column, spans, &DecodeDoubleBits, stats);
}

arrow::Result<const OtherColumn*> SeriesColumns::Other(ReadStats* stats) {
  const std::lock_guard lock(mutex_);
  if (other_ != nullptr || size() == 0) return other_.get();
  const size_t leaf = other_key_leaf_;
  const ChunkMeta& chunk = file_->meta().row_groups[0].chunks[leaf];
  if (chunk.bounds.null_count == chunk.num_values && chunk.num_values == size()) return nullptr;
  ARROW_ASSIGN_OR_RAISE(ChunkPages keys, file_->ReadChunk(0, leaf, stats));
  ARROW_ASSIGN_OR_RAISE(ChunkPages values, file_->ReadChunk(0, leaf + 1, stats));
  auto column = DecodeOtherColumn(std::move(keys), std::move(values), size());
  if (!column.ok()) return file_->At(column.status(), chunk.begin_offset());
  other_ = std::make_unique<const OtherColumn>(std::move(column).ValueUnsafe());
  return other_.get();
}

arrow::Status SeriesColumns::LoadPages(size_t leaf, std::span<const RowSpan> spans,
                                       const Page& dictionary, Decode decode, PackedColumn* column,
                                       ReadStats* stats) {
  if (spans.empty()) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto pages, file_->PagesOf(0, leaf, stats));
  if (!column->is_init()) {
    const int64_t page_rows = pages->size() > 1 ? (*pages)[1].first_row : size();
    for (size_t i = 0; i < pages->size(); ++i) {
      if ((*pages)[i].first_row != static_cast<int64_t>(i) * page_rows ||
          (i + 1 == pages->size() && size() - (*pages)[i].first_row > page_rows)) {
        return file_->Corrupt("pages of a series file differ in rows", (*pages)[i].offset);
      }
    }
    column->Init(static_cast<uint32_t>(page_rows), pages->size());
  }
  size_t begin = 0;  // Run of missing pages, one read.
  size_t end = 0;
  const auto load = [&] {
    return LoadRun(leaf, *pages, begin, end, dictionary, decode, column, stats);
  };
  for (const RowSpan& span : spans) {
    for (size_t page = span.begin / column->page_rows();
         page <= (span.end - 1) / column->page_rows(); ++page) {
      if (page < end || column->has_page(page)) continue;
      if (page > end && end > begin) {
        ARROW_RETURN_NOT_OK(load());
        begin = page;
      } else if (begin == end) {
        begin = page;
      }
      end = page + 1;
    }
  }
  return load();
}

arrow::Status SeriesColumns::LoadRun(size_t leaf, const std::vector<PageLocation>& pages,
                                     size_t begin, size_t end, const Page& dictionary,
                                     Decode decode, PackedColumn* column, ReadStats* stats) {
  if (begin == end) return arrow::Status::OK();
  const int64_t offset = pages[begin].offset;
  const int64_t size_bytes = pages[end - 1].offset + pages[end - 1].size_bytes - offset;
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, file_->ReadBytes(offset, size_bytes, stats));
  Page page;
  std::vector<int64_t> values;
  for (size_t i = begin; i < end; ++i) {
    const int64_t at = pages[i].offset;
    ARROW_RETURN_NOT_OK(
        file_
            ->DecodePage(std::string_view(bytes).substr(static_cast<size_t>(at - offset),
                                                        static_cast<size_t>(pages[i].size_bytes)),
                         at, file_->meta().row_groups[0].chunks[leaf].codec, &page.header,
                         &page.body, stats)
            .status());
    const int64_t rows = std::min<int64_t>(column->page_rows(), size() - pages[i].first_row);
    if (page.header.type != PageType::kData || page.header.num_values != rows) {
      return file_->Corrupt("page and offset index differ", at);
    }
    values.resize(static_cast<size_t>(rows));
    ARROW_RETURN_NOT_OK(file_->At(decode(page, dictionary, values), at));
    column->SetPage(i, PackedInts(values));
  }
  return arrow::Status::OK();
}

}  // namespace larnax::columns
