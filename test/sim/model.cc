#include "test/sim/model.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"
#include "model/label_order.h"
#include "wire/remote_write/histogram_message.h"

namespace larnax::sim {
bool Model::Matches(LabelsView labels, std::span<const std::vector<Matcher>> selectors) {
  if (selectors.empty()) return true;
  return std::any_of(selectors.begin(), selectors.end(), [&](const auto& matchers) {
    return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
      return matcher.Matches(labels.Get(matcher.name()));
    });
  });
}

bool Model::FileOrder::operator()(const Labels& a, const Labels& b) const {
  return model::CompareForFile(a, b) < 0;
}

StoredValue HistogramValue(const NativeHistogram& histogram, int64_t start_ms) {
  return {.bits = base::Hash64(wire::EncodeHistogram(histogram, 0, 0)),
          .start_ms = start_ms,
          .is_histogram = true};
}

int64_t Model::Store(const std::vector<SentSample>& samples) {
  const int64_t write = next_write_++;
  std::vector<Cell*>& cells = unanswered_[write];
  for (const SentSample& sample : samples) {
    Cell& cell = series_[sample.labels][sample.time_ms];
    cell.live = sample.value;
    cell.ever.insert(sample.value);
    cell.versions.push_back({sample.value, write, Safety::kNone});
    cells.push_back(&cell);
    unflushed_.push_back(&cell);
  }
  return write;
}

void Model::Acknowledge(int64_t write, Safety safety) {
  const auto found = unanswered_.find(write);
  if (found == unanswered_.end()) return;
  for (Cell* cell : found->second) {
    for (Version& version : cell->versions) {
      if (version.write == write) version.safety = std::max(version.safety, safety);
    }
  }
  unanswered_.erase(found);
}

void Model::Distrust() {
  for (Cell* cell : unflushed_) {
    for (Version& version : cell->versions) {
      if (version.safety == Safety::kWritten) version.safety = Safety::kNone;
    }
  }
}

void Model::NoteFlushed(int64_t before) {
  if (nothing_is_safe_) return;
  std::erase_if(unflushed_, [before](Cell* cell) {
    std::vector<Version>& versions = cell->versions;
    size_t count = 0;
    while (count < versions.size() && versions[count].write < before) ++count;
    if (count == 0) return false;
    // Those before the last are overwritten in files, too.
    versions.erase(versions.begin(), versions.begin() + static_cast<std::ptrdiff_t>(count - 1));
    versions.front().safety = Safety::kDurable;
    cell->may_be_absent = false;
    return versions.size() == 1;
  });
}

arrow::Status Model::Recover(const Content& found, Safety survived) {
  for (const auto& [labels, samples] : found) {
    const auto times = series_.find(labels);
    for (const auto& [time_ms, value] : samples) {
      const bool known = times != series_.end() && times->second.contains(time_ms);
      if (!known) {
        return arrow::Status::Invalid("never stored: found=", Describe(labels, time_ms, value));
      }
    }
  }
  for (auto& [labels, times] : series_) {
    const auto samples = found.find(labels);
    for (auto at = times.begin(); at != times.end();) {
      Cell& cell = at->second;
      std::optional<StoredValue> value;
      if (samples != found.end()) {
        const auto sample = samples->second.find(at->first);
        if (sample != samples->second.end()) value = sample->second;
      }
      size_t first = 0;
      bool may_be_absent = cell.may_be_absent || nothing_is_safe_;
      for (size_t i = 0; !nothing_is_safe_ && i < cell.versions.size(); ++i) {
        if (cell.versions[i].safety < survived) continue;
        first = i;
        may_be_absent = false;
      }
      bool is_allowed = !value && may_be_absent;
      for (size_t i = first; value && i < cell.versions.size(); ++i) {
        is_allowed |= IsSame(labels, at->first, cell.versions[i].value, *value);
      }
      if (nothing_is_safe_ && value) {
        is_allowed = MayBeInFiles(labels, at->first, *value);
      }
      if (!is_allowed) {
        std::string allowed = may_be_absent ? "nothing" : "";
        for (size_t i = first; i < cell.versions.size(); ++i) {
          allowed += " or " + Describe(labels, at->first, cell.versions[i].value);
        }
        return arrow::Status::Invalid("lost or wrong after a restart: expected=", allowed,
                                      " found=", Describe(labels, at->first, value));
      }
      cell.live = value;
      if (nothing_is_safe_) {
        ++at;
        continue;
      }
      if (!value) {
        at = times.erase(at);
        continue;
      }
      cell.versions = {{*value, 0, Safety::kDurable}};
      cell.may_be_absent = false;
      ++at;
    }
  }
  std::erase_if(series_, [](const auto& each) { return each.second.empty(); });
  unanswered_.clear();
  unflushed_.clear();
  ++recoveries_;
  return arrow::Status::OK();
}

Model::Content Model::Select(std::span<const std::vector<Matcher>> selectors,
                             TimeRange range) const {
  Content content;
  if (range.start_ms > range.end_ms) return content;
  for (const auto& [labels, times] : series_) {
    if (!Matches(labels, selectors)) continue;
    Samples samples;
    for (auto at = times.lower_bound(range.start_ms);
         at != times.end() && at->first <= range.end_ms; ++at) {
      if (at->second.live) samples.emplace_hint(samples.end(), at->first, *at->second.live);
    }
    if (!samples.empty()) content.emplace_hint(content.end(), labels, std::move(samples));
  }
  return content;
}

bool Model::MayBeInFiles(const Labels& labels, int64_t time_ms, StoredValue value) const {
  const auto times = series_.find(labels);
  if (times == series_.end()) return false;
  const auto cell = times->second.find(time_ms);
  if (cell == times->second.end()) return false;
  const auto& ever = cell->second.ever;
  return std::any_of(ever.begin(), ever.end(), [&](const StoredValue& each) {
    return each.bits == value.bits && each.is_histogram == value.is_histogram;
  });
}

bool Model::WasOverwritten(const Labels& labels, int64_t time_ms) const {
  const auto times = series_.find(labels);
  if (times == series_.end()) return false;
  const auto cell = times->second.find(time_ms);
  return cell != times->second.end() && cell->second.ever.size() > 1;
}

bool Model::IsSame(const Labels& labels, int64_t time_ms, StoredValue expected,
                   StoredValue found) const {
  if (expected == found) return true;
  if (expected.bits != found.bits || expected.is_histogram != found.is_histogram) return false;
  const auto times = series_.find(labels);
  if (times == series_.end()) return false;
  const auto cell = times->second.find(time_ms);
  return cell != times->second.end() && cell->second.ever.contains(found);
}

int64_t Model::sample_count() const {
  int64_t count = 0;
  for (const auto& [labels, times] : series_) count += static_cast<int64_t>(times.size());
  return count;
}

std::string Describe(const Labels& labels, int64_t time_ms, std::optional<StoredValue> value) {
  std::string text = labels.ToString() + " @" + std::to_string(time_ms);
  if (!value) return text + " nothing";
  char digits[64];
  std::snprintf(
      digits, sizeof digits, " %s=%016llx start=%lld", value->is_histogram ? "histogram" : "bits",
      static_cast<unsigned long long>(value->bits), static_cast<long long>(value->start_ms));
  return text + digits;
}

arrow::Status CompareContent(const Model& model, const Model::Content& expected,
                             const Model::Content& found, const std::string& what) {
  const auto differ = [&](const Labels& labels, int64_t time_ms, std::optional<StoredValue> want,
                          std::optional<StoredValue> got) {
    return arrow::Status::Invalid(what, ": expected=", Describe(labels, time_ms, want),
                                  " found=", Describe(labels, time_ms, got));
  };
  for (const auto& [labels, samples] : expected) {
    const auto other = found.find(labels);
    for (const auto& [time_ms, value] : samples) {
      std::optional<StoredValue> got;
      if (other != found.end()) {
        const auto sample = other->second.find(time_ms);
        if (sample != other->second.end()) got = sample->second;
      }
      if (!got || !model.IsSame(labels, time_ms, value, *got)) {
        return differ(labels, time_ms, value, got);
      }
    }
  }
  for (const auto& [labels, samples] : found) {
    const auto other = expected.find(labels);
    for (const auto& [time_ms, value] : samples) {
      if (other == expected.end() || !other->second.contains(time_ms)) {
        return differ(labels, time_ms, std::nullopt, value);
      }
    }
    if (samples.empty()) {
      return arrow::Status::Invalid(what, ": a series without samples: ", labels.ToString());
    }
  }
  return arrow::Status::OK();
}

}  // namespace larnax::sim
