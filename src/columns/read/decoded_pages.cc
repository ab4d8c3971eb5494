#include "columns/read/decoded_pages.h"

#include <algorithm>
#include <cstring>

namespace larnax::columns {
namespace {

bool AreEqual(std::span<const int64_t> a, std::span<const int64_t> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Length of the ascending run at the front. \param like  What it probably is; may be empty.
size_t RunLength(std::span<const int64_t> times, std::span<const int64_t> like) {
  size_t end = 1;
  if (!like.empty() && like.size() <= times.size() && AreEqual(times.first(like.size()), like)) {
    end = like.size();
  }
  while (end < times.size() && times[end] > times[end - 1]) ++end;
  return end;
}

}  // namespace

void TimePage::Builder::Append(std::span<const int64_t> time_us) {
  if (!open_.empty()) {
    size_t more = 0;
    while (more < time_us.size() &&
           time_us[more] > (more == 0 ? open_.back() : time_us[more - 1])) {
      ++more;
    }
    open_.insert(open_.end(), time_us.begin(), time_us.begin() + static_cast<std::ptrdiff_t>(more));
    if (more == time_us.size()) return;
    AddRun(open_);
    open_.clear();
    time_us = time_us.subspan(more);
  }
  while (!time_us.empty()) {
    const size_t count = RunLength(time_us, last_);
    if (count == time_us.size()) {
      open_.assign(time_us.begin(), time_us.end());
      return;
    }
    AddRun(time_us.first(count));
    time_us = time_us.subspan(count);
  }
}

void TimePage::Builder::AddRun(std::span<const int64_t> time_us) {
  page_->starts_.push_back(static_cast<uint32_t>(page_->rows_));
  page_->rows_ += time_us.size();
  if (!last_.empty() && AreEqual(time_us, last_)) {
    page_->runs_.push_back(page_->runs_.back());
    return;
  }
  Known& same = known_[HashTimes(time_us)];
  if (same.vector == nullptr || !AreEqual(time_us, same.time_us)) {
    TimestampVector time_ms(time_us.size());
    for (size_t i = 0; i < time_us.size(); ++i) time_ms[i] = time_us[i] / 1000;
    same.time_us.assign(time_us.begin(), time_us.end());
    if (file_ != nullptr) {
      same.vector = file_->Share(std::move(time_ms));
    } else {
      page_->own_bytes_ += static_cast<int64_t>(time_us.size_bytes());
      same.vector = std::make_shared<const TimestampVector>(std::move(time_ms));
    }
  }
  last_ = same.time_us;
  page_->runs_.push_back(same.vector);
}

std::shared_ptr<const TimePage> TimePage::Builder::Finish() {
  if (!open_.empty()) AddRun(open_);
  page_->starts_.shrink_to_fit();
  page_->runs_.shrink_to_fit();
  return page_;
}

int64_t TimePage::memory_bytes() const {
  return own_bytes_ + static_cast<int64_t>(sizeof(*this) + runs_.capacity() * sizeof(runs_[0]) +
                                           starts_.capacity() * sizeof(starts_[0]));
}

TimesView TimePage::Rows(size_t first, size_t count, size_t* hint) const {
  if (count == 0) return {};
  const auto holds = [&](size_t run) {
    return run < starts_.size() && starts_[run] <= first &&
           (run + 1 == starts_.size() || first < starts_[run + 1]);
  };
  size_t run = *hint;
  // Mostly the series behind the last one.
  if (!holds(run) && !holds(++run)) {
    run = static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), first) -
                              starts_.begin()) -
          1;
  }
  *hint = run;
  const size_t begin = first - starts_[run];
  if (begin + count <= runs_[run]->size()) return {runs_[run], begin, count};
  auto joined = std::make_shared<TimestampVector>();
  joined->reserve(count);
  for (size_t skip = begin; joined->size() < count; ++run, skip = 0) {
    const auto from = std::span(*runs_[run]).subspan(skip);
    const auto take = from.first(std::min(from.size(), count - joined->size()));
    joined->insert(joined->end(), take.begin(), take.end());
  }
  return {std::move(joined), 0, count};
}

int64_t StartTimes::memory_bytes() const {
  return static_cast<int64_t>(sizeof(*this) +
                              (run_ends_.capacity() + start_ms_.capacity()) * sizeof(int64_t));
}

void StartTimes::Append(int64_t begin, int64_t end, std::vector<int64_t>* out) const {
  auto run = static_cast<size_t>(std::upper_bound(run_ends_.begin(), run_ends_.end(), begin) -
                                 run_ends_.begin());
  for (; begin < end; ++run) {
    const int64_t stop = std::min(end, run_ends_[run]);
    out->insert(out->end(), static_cast<size_t>(stop - begin), start_ms_[run]);
    begin = stop;
  }
}

}  // namespace larnax::columns
