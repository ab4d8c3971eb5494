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

void ValuePages::Append(std::span<const double> values, bool series_start,
                        std::vector<int64_t>* stale_rows) {
  const auto rows = static_cast<int64_t>(values.size());
  if (rows >= long_page_rows_) {
    FlushPage();
    // Equal parts rather than a short last one; a page may be half as long again.
    const int64_t parts = (rows + long_page_rows_ / 2) / long_page_rows_;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = rows * part / parts;
      const int64_t end = rows * (part + 1) / parts;
      Take(values.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
           stale_rows);
      FlushPage();
    }
    return;
  }
  if (series_start && pending_rows_ + rows > context_->page_rows) FlushPage();
  while (!values.empty()) {
    const auto room = static_cast<size_t>(context_->page_rows - pending_rows_);
    const size_t take = std::min(values.size(), room);
    Take(values.first(take), stale_rows);
    values = values.subspan(take);
    if (take == room) FlushPage();
  }
}

void ValuePages::Take(std::span<const double> values, std::vector<int64_t>* stale_rows) {
  const auto rows = static_cast<int64_t>(values.size());
  if (!AnyStale(values)) {
    pending_.insert(pending_.end(), values.begin(), values.end());
    AppendRun(1, rows, &levels_);
  } else {
    for (size_t i = 0; i < values.size(); ++i) {
      const bool stale = IsStale(values[i]);
      AppendRun(stale ? 0 : 1, 1, &levels_);
      if (stale) {
        stale_rows->push_back(first_row_ + pending_rows_ + static_cast<int64_t>(i));
      } else {
        pending_.push_back(values[i]);
      }
    }
  }
  pending_rows_ += rows;
}

int64_t ValuePages::size_bytes() const {
  return static_cast<int64_t>(chunk_.bytes.size() + pending_.size());
}

void ValuePages::FlushPage() {
  if (pending_rows_ == 0) return;
  bounds_.Add(pending_);
  chunk_.bounds.null_count += pending_rows_ - static_cast<int64_t>(pending_.size());
  std::string plain;
  AppendLevels(levels_, 1, &plain);
  const size_t level_bytes = plain.size();
  plain.append(AsText(pending_));
  std::string best;
  context_->compressor->Compress(plain, context_->zstd, &best);
  Encoding encoding = Encoding::kPlain;
  if (context_->try_encodings && !context_->wide_compat) {
    std::string split(plain, 0, level_bytes);
    AppendByteStreamSplit(pending_, &split);
    std::string other;
    context_->compressor->Compress(split, context_->zstd, &other);
    if (other.size() < best.size()) {
      best.swap(other);
      encoding = Encoding::kByteStreamSplit;
    }
  }
  AddCompressedPage(best, plain.size(), encoding, pending_rows_, first_row_, &chunk_);
  first_row_ += pending_rows_;
  pending_rows_ = 0;
  pending_.clear();
  levels_.clear();
}

EncodedChunk ValuePages::Finish() {
  FlushPage();
  bounds_.Put(&chunk_.bounds);
  bounds_ = {};
  first_row_ = 0;
  return std::exchange(chunk_, {});
}

}  // namespace larnax::columns
