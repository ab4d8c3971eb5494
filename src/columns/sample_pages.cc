#include "columns/sample_pages.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "larnax/samples.h"

namespace larnax::columns {
namespace {

std::string_view AsText(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

bool IsStale(double value) { return std::bit_cast<uint64_t>(value) == kStaleBits; }

// Rows that a page boundary does not part: enough for their size to be told.
constexpr int64_t kUnitRows = 4096;
// By what the encodings are compared. Level 1 takes half the time and errs often.
constexpr int kTrialLevel = 3;
// On pages of some ten kilobytes more takes twice the time for a few thousandths of the size.
constexpr int kMaxOwnPageLevel = 14;
// In PLAIN pages equal values far apart are worth finding; in BYTE_STREAM_SPLIT repeats are near,
// and small tables that stay in the processor's caches halve the time for a thousandth of the size.
constexpr int kPlainTableLog = 20;
constexpr int kSplitTableLog = 17;

bool AnyStale(std::span<const double> values) {
  bool any = false;
  for (const double value : values) any |= IsStale(value);
  return any;
}

}  // namespace

void TimePages::Append(std::span<const int64_t> time_ms) {
  if (time_ms.empty()) return;
  // Times of a series ascend, so that its ends are its bounds.
  const bool first = chunk_.num_values == 0 && pending_us_.empty();
  min_us_ = first ? time_ms.front() * 1000 : std::min(min_us_, time_ms.front() * 1000);
  max_us_ = first ? time_ms.back() * 1000 : std::max(max_us_, time_ms.back() * 1000);
  while (!time_ms.empty()) {
    const auto room = static_cast<size_t>(context_->page_rows) - pending_us_.size();
    const size_t take = std::min(room, time_ms.size());
    const size_t begin = pending_us_.size();
    pending_us_.resize(begin + take);
    for (size_t i = 0; i < take; ++i) pending_us_[begin + i] = time_ms[i] * 1000;
    time_ms = time_ms.subspan(take);
    if (take == room) FlushPage();
  }
}

int64_t TimePages::size_bytes() const {
  return static_cast<int64_t>(chunk_.bytes.size() + pending_us_.size() / 8);
}

void TimePages::FlushPage() {
  if (pending_us_.empty()) return;
  const auto rows = static_cast<int64_t>(pending_us_.size());
  std::string plain;
  context_->compressor->Compress(AsText(pending_us_), context_->zstd, &plain);
  bool done = false;
  if (context_->try_encodings) {
    std::string body;
    AppendDelta(pending_us_, &body);
    std::string delta;
    context_->compressor->Compress(body, context_->zstd, &delta);
    if (delta.size() * 8 < plain.size() * 7) {
      AddCompressedPage(delta, body.size(), Encoding::kDeltaBinaryPacked, rows, first_row_,
                        &chunk_);
      done = true;
    }
  }
  if (!done) {
    AddCompressedPage(plain, pending_us_.size() * 8, Encoding::kPlain, rows, first_row_, &chunk_);
  }
  first_row_ += rows;
  pending_us_.clear();
}

EncodedChunk TimePages::Finish() {
  FlushPage();
  PutIntBounds(min_us_, max_us_, &chunk_.bounds);
  first_row_ = 0;
  return std::exchange(chunk_, {});
}

ValuePages::ValuePages(const ChunkContext* context, int64_t long_page_rows)
    : context_(context), long_page_rows_(long_page_rows) {}

void ValuePages::Append(std::span<const double> values, bool new_metric,
                        std::vector<int64_t>* stale_rows) {
  const auto rows = static_cast<int64_t>(values.size());
  if (rows >= long_page_rows_) {
    FlushPages();
    // Equal parts rather than a short last one; a page may be half as long again.
    const int64_t parts = (rows + long_page_rows_ / 2) / long_page_rows_;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = rows * part / parts;
      const int64_t end = rows * (part + 1) / parts;
      BeginUnit(new_metric);
      Take(values.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
           stale_rows);
      FlushOwnPage();
    }
    return;
  }
  const int64_t unit_rows = std::min(kUnitRows, context_->page_rows);
  while (!values.empty()) {
    const auto left = static_cast<int64_t>(values.size());
    const int64_t open_rows = units_.empty() ? 0 : units_.back().plan.rows;
    if (units_.empty() || open_rows + left > unit_rows ||
        (new_metric && open_rows >= unit_rows / 2)) {
      BeginUnit(new_metric);
    }
    const auto take = static_cast<size_t>(std::min(left, context_->page_rows));
    Take(values.first(take), stale_rows);
    values = values.subspan(take);
    new_metric = false;
  }
}

void ValuePages::BeginUnit(bool new_metric) {
  CloseUnit();
  units_.emplace_back();
  units_.back().plan.new_metric = new_metric;
  units_.back().values_begin = pending_.size();
}

void ValuePages::CloseUnit() {
  if (units_.empty()) return;
  Unit& unit = units_.back();
  const auto values = std::span(pending_).subspan(unit.values_begin);
  if (!chooses()) {
    // All the same to the plan, and PLAIN where that is so.
    unit_bytes_ += static_cast<int64_t>(values.size());
    return;
  }
  if (plain_sizer_ == nullptr) {
    plain_sizer_ = std::make_unique<StreamSizer>(kTrialLevel);
    split_sizer_ = std::make_unique<StreamSizer>(kTrialLevel);
  }
  unit.plan.plain_bytes = plain_sizer_->Add(AsText(values));
  scratch_.clear();
  AppendByteStreamSplit(values, &scratch_);
  unit.plan.split_bytes = split_sizer_->Add(scratch_);
  unit_bytes_ += std::min(unit.plan.plain_bytes, unit.plan.split_bytes);
}

void ValuePages::Take(std::span<const double> values, std::vector<int64_t>* stale_rows) {
  const auto rows = static_cast<int64_t>(values.size());
  Unit& unit = units_.back();
  if (!AnyStale(values)) {
    pending_.insert(pending_.end(), values.begin(), values.end());
    AppendRun(1, rows, &unit.levels);
  } else {
    for (size_t i = 0; i < values.size(); ++i) {
      const bool stale = IsStale(values[i]);
      AppendRun(stale ? 0 : 1, 1, &unit.levels);
      if (stale) {
        stale_rows->push_back(next_row_ + static_cast<int64_t>(i));
      } else {
        pending_.push_back(values[i]);
      }
    }
  }
  unit.plan.rows += rows;
  next_row_ += rows;
}

int64_t ValuePages::size_bytes() const {
  const size_t open = units_.empty() ? 0 : pending_.size() - units_.back().values_begin;
  return static_cast<int64_t>(chunk_.bytes.size() + open) + unit_bytes_;
}

void ValuePages::FlushPages() {
  if (units_.empty()) return;
  CloseUnit();
  std::vector<PageUnit> plan;
  for (const Unit& unit : units_) plan.push_back(unit.plan);
  for (const PlannedPage& page : PlanPages(plan, context_->page_rows)) {
    ZstdSettings zstd = context_->zstd;
    zstd.table_log = page.encoding == Encoding::kPlain ? kPlainTableLog : kSplitTableLog;
    WritePage(page.begin, page.end, page.encoding, zstd);
  }
  if (plain_sizer_ != nullptr) {
    plain_sizer_->Restart();
    split_sizer_->Restart();
  }
  pending_.clear();
  units_.clear();
  unit_bytes_ = 0;
}

void ValuePages::FlushOwnPage() {
  Encoding encoding = Encoding::kPlain;
  if (chooses()) {
    std::string plain;
    std::string split;
    context_->compressor->Compress(AsText(pending_), {.level = kTrialLevel}, &plain);
    scratch_.clear();
    AppendByteStreamSplit(pending_, &scratch_);
    context_->compressor->Compress(scratch_, {.level = kTrialLevel}, &split);
    if (split.size() < plain.size()) encoding = Encoding::kByteStreamSplit;
  }
  ZstdSettings zstd = context_->zstd;
  zstd.level = std::min(zstd.level, kMaxOwnPageLevel);
  WritePage(0, 1, encoding, zstd);
  pending_.clear();
  units_.clear();
}

void ValuePages::WritePage(size_t begin, size_t end, Encoding encoding, ZstdSettings zstd) {
  const size_t last = end == units_.size() ? pending_.size() : units_[end].values_begin;
  const auto values =
      std::span(pending_).subspan(units_[begin].values_begin, last - units_[begin].values_begin);
  int64_t rows = 0;
  std::vector<Run> levels;
  for (size_t i = begin; i < end; ++i) {
    rows += units_[i].plan.rows;
    for (const Run& run : units_[i].levels) AppendRun(run.value, run.count, &levels);
  }
  bounds_.Add(values);
  chunk_.bounds.null_count += rows - static_cast<int64_t>(values.size());
  std::string body;
  AppendLevels(levels, 1, &body);
  if (encoding == Encoding::kPlain) {
    body.append(AsText(values));
  } else {
    AppendByteStreamSplit(values, &body);
  }
  AddDataPage(body, encoding, rows, first_row_, context_->compressor, zstd, &chunk_);
  first_row_ += rows;
}

EncodedChunk ValuePages::Finish() {
  FlushPages();
  bounds_.Put(&chunk_.bounds);
  bounds_ = {};
  first_row_ = 0;
  next_row_ = 0;
  return std::exchange(chunk_, {});
}

}  // namespace larnax::columns
