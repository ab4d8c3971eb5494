#include "columns/read/decoded_pages.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

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

TimePage::TimePage(std::span<const int64_t> time_us, FilePages* file) : rows_(time_us.size()) {
  // One for each number: those that meet by chance are not shared.
  struct Known {
    std::span<const int64_t> time_us;
    std::shared_ptr<const TimestampVector> vector;
  };
  std::unordered_map<uint64_t, Known> known;
  std::span<const int64_t> last;
  for (size_t at = 0; at < time_us.size();) {
    const std::span<const int64_t> rest = time_us.subspan(at);
    const std::span<const int64_t> run = rest.first(RunLength(rest, last));
    starts_.push_back(static_cast<uint32_t>(at));
    at += run.size();
    if (!last.empty() && AreEqual(run, last)) {
      runs_.push_back(runs_.back());
      continue;
    }
    last = run;
    Known& same = known[HashTimes(run)];
    if (same.vector == nullptr || !AreEqual(run, same.time_us)) {
      TimestampVector time_ms(run.size());
      for (size_t i = 0; i < run.size(); ++i) time_ms[i] = run[i] / 1000;
      same.time_us = run;
      if (file != nullptr) {
        same.vector = file->Share(std::move(time_ms));
      } else {
        own_bytes_ += static_cast<int64_t>(run.size_bytes());
        same.vector = std::make_shared<const TimestampVector>(std::move(time_ms));
      }
    }
    runs_.push_back(same.vector);
  }
  starts_.shrink_to_fit();
  runs_.shrink_to_fit();
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
