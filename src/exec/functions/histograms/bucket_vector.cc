#include "exec/functions/histograms/bucket_vector.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/number_text.h"
#include "exec/functions/range/range_notes.h"
#include "exec/label_edit.h"

namespace larnax::exec {
namespace {

constexpr std::string_view kBoundLabel = "le";

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Reads a bound as Go reads numbers: an optional sign, decimal or hexadecimal, Inf, NaN.
std::optional<double> ParseBound(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  if (EqualsIgnoringCase(text, "inf") || EqualsIgnoringCase(text, "infinity")) {
    value = std::numeric_limits<double>::infinity();
  } else if (EqualsIgnoringCase(text, "nan")) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    if (hexadecimal) text.remove_prefix(2);
    // Hexadecimal numbers need an exponent.
    if (hexadecimal && text.find_first_of("pP") == std::string_view::npos) return std::nullopt;
    if (text.empty() || (!std::isxdigit(static_cast<unsigned char>(text[0])) && text[0] != '.')) {
      return std::nullopt;
    }
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value,
                        hexadecimal ? std::chars_format::hex : std::chars_format::general);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  }
  return negative ? -value : value;
}

// Adds the steps where a row is a float, or where it is a histogram.
void AddSteps(const StepSeries& row, size_t steps, bool histograms, PresenceWord* to) {
  if (row.histograms == nullptr) {
    if (histograms) return;
    for (size_t word = 0; word < PresenceWordCount(steps); ++word) to[word] |= row.present[word];
    return;
  }
  ForEachPresent(row.present, steps, [&](size_t step) {
    if (row.IsHistogram(step) == histograms) SetPresent(to, step);
  });
}

void SortByBound(std::vector<BucketVector::Classic::Member>* members) {
  using Member = BucketVector::Classic::Member;
  // A bound that is NaN has no order; it comes first.
  std::stable_sort(members->begin(), members->end(), [](const Member& a, const Member& b) {
    if (std::isnan(a.upper) || std::isnan(b.upper)) {
      return std::isnan(a.upper) && !std::isnan(b.upper);
    }
    return a.upper < b.upper;
  });
}

void WarnOfBound(const CallContext& call, LabelsView labels, promql::PositionRange position,
                 Annotations* annotations) {
  std::string text = "bucket label \"le\" is missing or has a malformed value of ";
  base::AppendQuoted(labels.Get(kBoundLabel), &text);
  annotations->Warn(text + NameInNotes(call, labels), position);
}

}  // namespace

void BucketVector::Classic::BucketsAt(size_t step, std::vector<ClassicBucket>* buckets) const {
  buckets->clear();
  for (const Member& member : members) {
    if (member.row->IsPresent(step) && !member.row->IsHistogram(step)) {
      buckets->push_back({member.upper, member.row->values[step]});
    }
  }
}

std::string NameInNotes(const CallContext& call, LabelsView labels) {
  return call.query->features.delayed_name_removal ? ForMetric(labels.metric()) : std::string();
}

BucketVector::BucketVector(const CallContext& call, const StepVector& vector,
                           promql::PositionRange position, Annotations* annotations) {
  const size_t steps = vector.steps();
  boost::unordered_flat_map<std::string, size_t> places;
  std::string bytes;
  for (const StepSeries& row : vector.series) {
    std::vector<PresenceWord> floats(PresenceWordCount(steps));
    AddSteps(row, steps, false, floats.data());
    if (row.histograms != nullptr) {
      std::vector<PresenceWord> histograms(floats.size());
      AddSteps(row, steps, true, histograms.data());
      if (AnyPresent(histograms.data(), steps)) natives_.push_back({&row, std::move(histograms)});
    }
    if (!AnyPresent(floats.data(), steps)) continue;
    const auto upper = ParseBound(row.labels.Get(kBoundLabel));
    if (!upper) {
      WarnOfBound(call, row.labels, position, annotations);
      continue;
    }
    SetLabel(row.labels, kBoundLabel, {}, &bytes);
    const auto [place, added] = places.emplace(bytes, classics_.size());
    if (added) classics_.push_back({bytes, {}, std::vector<PresenceWord>(floats.size())});
    Classic& classic = classics_[place->second];
    classic.members.push_back({&row, *upper});
    for (size_t word = 0; word < floats.size(); ++word) classic.steps[word] |= floats[word];
  }
  for (Classic& classic : classics_) SortByBound(&classic.members);
  for (Native& native : natives_) {
    const auto place = places.find(std::string(native.row->labels.bytes()));
    if (place == places.end()) continue;
    Classic& classic = classics_[place->second];
    bool both = false;
    for (size_t word = 0; word < native.steps.size(); ++word) {
      const PresenceWord conflict = native.steps[word] & classic.steps[word];
      both |= conflict != 0;
      native.steps[word] &= ~conflict;
      classic.steps[word] &= ~conflict;
    }
    if (both) {
      annotations->Warn("vector contains a mix of classic and native histograms" +
                            NameInNotes(call, native.row->labels),
                        position);
    }
  }
}

}  // namespace larnax::exec
