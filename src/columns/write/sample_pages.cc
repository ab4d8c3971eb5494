#include "columns/write/sample_pages.h"

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
// Of so many neighbours of one metric one is tried for all: they like the same.
constexpr int kTrialInterval = 3;

// Deltas of a page of times that take a byte for more rows than this need no comparison.
constexpr int64_t kSmallTimeRows = 110;

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
  std::string body;
  std::string delta;
  if (context_->try_encodings) {
    AppendDelta(pending_us_, &body);
    context_->compressor->Compress(body, context_->zstd, &delta);
  }
  std::string plain;
  bool is_delta = !delta.empty() && static_cast<int64_t>(delta.size()) * kSmallTimeRows < rows;
  if (!is_delta) {
    context_->compressor->Compress(AsText(pending_us_), context_->zstd, &plain);
    is_delta = !delta.empty() && delta.size() * 8 < plain.size() * 7;
  }
  if (is_delta) {
    AddCompressedPage(delta, body.size(), Encoding::kDeltaBinaryPacked, rows, first_row_, &chunk_);
  } else {
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
  // Where nothing is to be chosen, no later unit changes what the first pages are.
  const auto pending = static_cast<int64_t>(pending_.size());
  if (!chooses() && pending >= 2 * context_->page_rows) WritePlanned(/*keep_last=*/true);
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
  if (unit.plan.new_metric || tried_ == 0 || ++after_tried_ == kTrialInterval) {
    Try(values, &unit.plan);
  } else {
    const PageUnit& tried = units_[tried_ - 1].plan;
    unit.plan.plain_bytes = tried.plain_bytes * unit.plan.rows / tried.rows;
    unit.plan.split_bytes = tried.split_bytes * unit.plan.rows / tried.rows;
  }
  unit_bytes_ += std::min(unit.plan.plain_bytes, unit.plan.split_bytes);
}

void ValuePages::Try(std::span<const double> values, PageUnit* unit) {
  if (plain_sizer_ == nullptr) {
    plain_sizer_ = std::make_unique<StreamSizer>(kTrialLevel);
    split_sizer_ = std::make_unique<StreamSizer>(kTrialLevel);
  }
  unit->plain_bytes = plain_sizer_->Add(AsText(values));
  scratch_.clear();
  AppendByteStreamSplit(values, &scratch_);
  unit->split_bytes = split_sizer_->Add(scratch_);
  tried_ = units_.size();
  after_tried_ = 0;
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
  WritePlanned(/*keep_last=*/false);
  if (plain_sizer_ != nullptr) {
    plain_sizer_->Restart();
    split_sizer_->Restart();
  }
  unit_bytes_ = 0;
  tried_ = 0;
}

void ValuePages::WritePlanned(bool keep_last) {
  std::vector<PageUnit> plan;
  for (const Unit& unit : units_) plan.push_back(unit.plan);
  std::vector<PlannedPage> pages = PlanPages(plan, context_->page_rows);
  const size_t kept_units = keep_last ? units_.size() - pages.back().begin : 0;
  if (keep_last) pages.pop_back();
  for (const PlannedPage& page : pages) WritePage(page.begin, page.end, page.encoding);
  const size_t written = units_.size() - kept_units;
  const size_t values = kept_units == 0 ? pending_.size() : units_[written].values_begin;
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(values));
  units_.erase(units_.begin(), units_.begin() + static_cast<std::ptrdiff_t>(written));
  for (Unit& unit : units_) unit.values_begin -= values;
  unit_bytes_ -= std::min(unit_bytes_, static_cast<int64_t>(values));
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
  WritePage(0, 1, encoding);
  pending_.clear();
  units_.clear();
}

void ValuePages::WritePage(size_t begin, size_t end, Encoding encoding) {
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
  ZstdSettings zstd = context_->zstd;
  if (encoding == Encoding::kPlain) zstd.shortest_repeat = 0;
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
