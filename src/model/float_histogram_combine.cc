#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <boost/container/small_vector.hpp>

#include "base/check.h"
#include "base/kahan.h"
#include "model/bucket_list.h"
#include "model/float_histogram.h"

namespace larnax::model {
namespace {

// The hint of a combination, into `*hint`; true where a reset meets a "not reset".
bool CombineHints(CounterResetHint other, CounterResetHint* hint) {
  using enum CounterResetHint;
  if (*hint == other || *hint == kGauge) return false;
  if (other == kGauge) {
    *hint = kGauge;
    return false;
  }
  const bool conflict = *hint != kUnknown && other != kUnknown;
  *hint = kUnknown;
  return conflict;
}

// The least threshold from `threshold` on that cuts no populated bucket.
double WidenedThreshold(const FloatHistogram& h, double threshold) {
  if (threshold <= h.zero_threshold) return h.zero_threshold;
  const auto widen = [&](const std::vector<BucketSpan>& spans, const std::vector<double>& counts) {
    for (const IndexedCount& bucket : ToBucketList(spans, counts)) {
      if (bucket.count == 0) continue;
      const double upper = ExponentialBound(bucket.index, h.schema);
      if (ExponentialBound(bucket.index - 1, h.schema) < threshold && upper > threshold) {
        threshold = upper;
      }
    }
  };
  double before;
  do {
    before = threshold;
    widen(h.positive_spans, h.positive);
    widen(h.negative_spans, h.negative);
  } while (threshold > before);  // A stored one may be NaN, which equals nothing.
  return threshold;
}

double TakeBelow(double threshold, int32_t schema, std::vector<BucketSpan>* spans,
                 std::vector<double>* counts) {
  BucketList list = ToBucketList(*spans, *counts);
  double taken = 0;
  std::erase_if(list, [&](const IndexedCount& bucket) {
    if (ExponentialBound(bucket.index - 1, schema) >= threshold) return false;
    taken += bucket.count;
    return true;
  });
  FromBucketList(list, spans, counts);
  return taken;
}

// Move the buckets below `threshold` into the zero bucket.
void WidenZeroBucket(double threshold, FloatHistogram* h) {
  if (threshold == h->zero_threshold) return;
  h->zero_count += TakeBelow(threshold, h->schema, &h->positive_spans, &h->positive);
  h->zero_count += TakeBelow(threshold, h->schema, &h->negative_spans, &h->negative);
  h->zero_threshold = threshold;
}

double CommonThreshold(const FloatHistogram& a, const FloatHistogram& b) {
  double threshold = std::max(a.zero_threshold, b.zero_threshold);
  double before;
  do {
    before = threshold;
    threshold = WidenedThreshold(b, WidenedThreshold(a, threshold));
  } while (threshold > before);
  return threshold;
}

bool SameBounds(const FloatHistogram& a, const FloatHistogram& b) {
  return a.custom_bounds == b.custom_bounds;
}

// Buckets of the same index are the same.
bool SameScale(const FloatHistogram& a, const FloatHistogram& b) {
  return a.schema == b.schema && a.zero_threshold == b.zero_threshold && SameBounds(a, b);
}

bool SameSpans(const FloatHistogram& a, const FloatHistogram& b) {
  return a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans;
}

// The layout that both of two histograms can be brought to.
struct CommonLayout {
  int32_t schema = 0;
  double zero_threshold = 0;
  bool has_new_bounds = false;
  std::vector<double> bounds;
};

CommonLayout FindCommonLayout(const FloatHistogram& a, const FloatHistogram& b) {
  CommonLayout layout;
  layout.schema = std::min(a.schema, b.schema);
  if (a.has_custom_bounds()) {
    layout.has_new_bounds = !SameBounds(a, b);
    if (layout.has_new_bounds) layout.bounds = CommonBounds(a.custom_bounds, b.custom_bounds);
  } else {
    layout.zero_threshold = CommonThreshold(a, b);
  }
  return layout;
}

void BringTo(const CommonLayout& layout, FloatHistogram* h) {
  if (h->has_custom_bounds()) {
    if (!layout.has_new_bounds) return;
    BucketList list = ToBucketList(h->positive_spans, h->positive);
    MapToBounds(h->custom_bounds, layout.bounds, &list);
    FromBucketList(list, &h->positive_spans, &h->positive);
    h->custom_bounds = layout.bounds;
    return;
  }
  WidenZeroBucket(layout.zero_threshold, h);
  h->ReduceTo(layout.schema);
}

// Visit the buckets that either side has, in order: `combine(a's count, b's count)` is the result.
template <typename Combine>
void CombineSide(const std::vector<BucketSpan>& b_spans, const std::vector<double>& b_counts,
                 const Combine& combine, std::vector<BucketSpan>* spans,
                 std::vector<double>* counts) {
  const BucketList a = ToBucketList(*spans, *counts);
  const BucketList b = ToBucketList(b_spans, b_counts);
  BucketList result;
  result.reserve(a.size() + b.size());
  size_t j = 0;
  for (const IndexedCount& bucket : a) {
    for (; j < b.size() && b[j].index < bucket.index; ++j) {
      result.push_back({b[j].index, combine(0.0, b[j].count)});
    }
    const bool both = j < b.size() && b[j].index == bucket.index;
    result.push_back({bucket.index, combine(bucket.count, both ? b[j].count : 0.0)});
    if (both) ++j;
  }
  for (; j < b.size(); ++j) result.push_back({b[j].index, combine(0.0, b[j].count)});
  FromBucketList(result, spans, counts);
}

template <typename Combine>
void CombineCounts(const FloatHistogram& other, const Combine& combine, FloatHistogram* h) {
  h->count = combine(h->count, other.count);
  h->sum = combine(h->sum, other.sum);
  h->zero_count = combine(h->zero_count, other.zero_count);
  if (SameSpans(*h, other)) {
    std::ranges::transform(h->positive, other.positive, h->positive.begin(), combine);
    std::ranges::transform(h->negative, other.negative, h->negative.begin(), combine);
    return;
  }
  CombineSide(other.positive_spans, other.positive, combine, &h->positive_spans, &h->positive);
  CombineSide(other.negative_spans, other.negative, combine, &h->negative_spans, &h->negative);
}

template <typename Combine>
std::optional<CombineReport> CombineWith(const FloatHistogram& other, const Combine& combine,
                                         FloatHistogram* h) {
  if (h->has_custom_bounds() != other.has_custom_bounds()) return std::nullopt;
  CombineReport report;
  report.hints_conflict = CombineHints(other.counter_reset_hint, &h->counter_reset_hint);
  if (SameScale(*h, other)) {
    CombineCounts(other, combine, h);
    return report;
  }
  const CommonLayout layout = FindCommonLayout(*h, other);
  report.bounds_reconciled = layout.has_new_bounds;
  FloatHistogram aligned = other;
  BringTo(layout, h);
  BringTo(layout, &aligned);
  CombineCounts(aligned, combine, h);
  return report;
}

// Some bucket of `previous` holds more than the same one of `current`.
bool AnyLower(const BucketList& current, const BucketList& previous) {
  size_t i = 0;
  for (const IndexedCount& bucket : previous) {
    while (i < current.size() && current[i].index < bucket.index) ++i;
    const bool both = i < current.size() && current[i].index == bucket.index;
    if ((both ? current[i].count : 0) < bucket.count) return true;
  }
  return false;
}

bool AnyLower(const FloatHistogram& current, const FloatHistogram& previous) {
  if (SameSpans(current, previous)) {
    const auto any_lower = [](const std::vector<double>& a, const std::vector<double>& b) {
      return !std::ranges::equal(a, b, [](double x, double y) { return !(x < y); });
    };
    return any_lower(current.positive, previous.positive) ||
           any_lower(current.negative, previous.negative);
  }
  return AnyLower(ToBucketList(current.positive_spans, current.positive),
                  ToBucketList(previous.positive_spans, previous.positive)) ||
         AnyLower(ToBucketList(current.negative_spans, current.negative),
                  ToBucketList(previous.negative_spans, previous.negative));
}

// Some count, or the sum, is beyond `limit`.
bool Exceeds(double limit, const FloatHistogram& h) {
  const auto exceeds = [limit](double value) { return std::abs(value) > limit; };
  return exceeds(h.count) || exceeds(h.sum) || exceeds(h.zero_count) ||
         std::ranges::any_of(h.positive, exceeds) || std::ranges::any_of(h.negative, exceeds);
}

// Buckets next to each other, by index.
struct BucketRun {
  int64_t begin = 0;
  int64_t end = 0;
};
using BucketRuns = boost::container::small_vector<BucketRun, 16>;

// Append a run that begins no earlier than the last one; those that touch become one.
void AppendRun(BucketRun run, BucketRuns* runs) {
  if (runs->empty() || run.begin > runs->back().end) {
    runs->push_back(run);
  } else {
    runs->back().end = std::max(runs->back().end, run.end);
  }
}

BucketRuns RunsOf(const std::vector<BucketSpan>& spans) {
  BucketRuns runs;
  int64_t index = 0;
  for (const BucketSpan& span : spans) {
    index += span.offset;
    if (span.length > 0) AppendRun({index, index + span.length}, &runs);
    index += span.length;
  }
  return runs;
}

// Give a side zeros for every bucket that `layout` has and it has not.
void SpreadSide(const std::vector<BucketSpan>& layout, std::vector<BucketSpan>* spans,
                std::vector<double>* counts) {
  const BucketRuns own = RunsOf(*spans);
  const BucketRuns wanted = RunsOf(layout);
  BucketRuns all;
  for (size_t i = 0, j = 0; i < own.size() || j < wanted.size();) {
    const bool is_own = j == wanted.size() || (i < own.size() && own[i].begin <= wanted[j].begin);
    AppendRun(is_own ? own[i++] : wanted[j++], &all);
  }
  int64_t size = 0;
  for (const BucketRun& run : all) size += run.end - run.begin;
  std::vector<double> spread(static_cast<size_t>(size));
  auto from = counts->begin();
  auto to = spread.begin();
  size_t i = 0;
  int64_t next = 0;
  spans->clear();
  for (const BucketRun& run : all) {
    for (; i < own.size() && own[i].begin < run.end; ++i) {
      const auto last = from + (own[i].end - own[i].begin);
      std::copy(from, last, to + (own[i].begin - run.begin));
      from = last;
    }
    to += run.end - run.begin;
    spans->push_back({.offset = static_cast<int32_t>(run.begin - next),
                      .length = static_cast<uint32_t>(run.end - run.begin)});
    next = run.end;
  }
  *counts = std::move(spread);
}

void SpreadTo(const FloatHistogram& layout, FloatHistogram* h) {
  SpreadSide(layout.positive_spans, &h->positive_spans, &h->positive);
  SpreadSide(layout.negative_spans, &h->negative_spans, &h->negative);
}

void AddCompensated(double term, double* sum, double* compensation) {
  base::KahanSum kahan{*sum, *compensation};
  kahan.Add(term);
  *sum = kahan.sum;
  *compensation = kahan.compensation;
}

// One sign's buckets.
struct Side {
  const std::vector<BucketSpan>& spans;
  const std::vector<double>& counts;
};

// Find runs of buckets of `side` among those of `layout`: `f(at, from, length)` where `length`
// counts from `from` on stand at `at` there. False where a bucket, or span, is missing.
template <typename F>
bool ForRunsIn(const Side& layout, const Side& side, const F& f) {
  size_t span = 0;  // Of the layout, where it begins, and how many counts are before it.
  int64_t begin = layout.spans.empty() ? 0 : layout.spans[0].offset;
  size_t before = 0;
  int64_t index = 0;
  size_t from = 0;
  for (const BucketSpan& run : side.spans) {
    index += run.offset;
    if (run.length == 0) continue;
    while (span < layout.spans.size() && begin + layout.spans[span].length <= index) {
      begin += layout.spans[span].length;
      before += layout.spans[span].length;
      if (++span < layout.spans.size()) begin += layout.spans[span].offset;
    }
    if (span == layout.spans.size() || index < begin ||
        index + run.length > begin + layout.spans[span].length) {
      return false;
    }
    const size_t at = before + static_cast<size_t>(index - begin);
    if (at + run.length > layout.counts.size() || from + run.length > side.counts.size()) {
      return false;
    }
    f(at, from, run.length);
    index += run.length;
    from += run.length;
  }
  return true;
}

bool HasBucketsOf(const FloatHistogram& h, const FloatHistogram& other) {
  const auto look = [](size_t, size_t, size_t) {};
  return ForRunsIn({h.positive_spans, h.positive}, {other.positive_spans, other.positive}, look) &&
         ForRunsIn({h.negative_spans, h.negative}, {other.negative_spans, other.negative}, look);
}

// Add the counts of a side whose buckets are all in `spans`.
void AddCompensated(const Side& side, const std::vector<BucketSpan>& spans,
                    std::vector<double>* sums, std::vector<double>* compensations) {
  ForRunsIn({spans, *sums}, side, [&](size_t at, size_t from, size_t length) {
    for (size_t i = 0; i < length; ++i) {
      AddCompensated(side.counts[from + i], &(*sums)[at + i], &(*compensations)[at + i]);
    }
  });
}

}  // namespace

std::optional<CombineReport> FloatHistogram::Add(const FloatHistogram& other) {
  return CombineWith(other, [](double a, double b) { return a + b; }, this);
}

std::optional<CombineReport> FloatHistogram::Subtract(const FloatHistogram& other) {
  return CombineWith(other, [](double a, double b) { return a - b; }, this);
}

bool FloatHistogram::DetectReset(const FloatHistogram& previous) const {
  if (counter_reset_hint == CounterResetHint::kReset) return true;
  if (counter_reset_hint == CounterResetHint::kNotReset) return false;
  if (count < previous.count) return true;
  if (has_custom_bounds() != previous.has_custom_bounds()) return true;
  if (has_custom_bounds()) {
    if (SameBounds(*this, previous)) return AnyLower(*this, previous);
    const CommonLayout layout = FindCommonLayout(*this, previous);
    FloatHistogram mapped = *this;
    FloatHistogram previous_mapped = previous;
    BringTo(layout, &mapped);
    BringTo(layout, &previous_mapped);
    return AnyLower(mapped, previous_mapped);
  }
  if (schema > previous.schema || zero_threshold < previous.zero_threshold) return true;
  if (SameScale(*this, previous)) {
    return zero_count < previous.zero_count || AnyLower(*this, previous);
  }
  if (WidenedThreshold(previous, zero_threshold) != zero_threshold) return true;
  FloatHistogram aligned = previous;
  WidenZeroBucket(zero_threshold, &aligned);
  if (zero_count < aligned.zero_count) return true;
  aligned.ReduceTo(schema);
  return AnyLower(*this, aligned);
}

CombineReport HistogramAccumulator::AddCompensated(const FloatHistogram& term) {
  CombineReport report;
  report.hints_conflict = CombineHints(term.counter_reset_hint, &sum_.counter_reset_hint);
  const FloatHistogram* aligned = &term;
  FloatHistogram copy;
  if (!SameScale(sum_, term)) {
    const CommonLayout layout = FindCommonLayout(sum_, term);
    report.bounds_reconciled = layout.has_new_bounds;
    copy = term;
    for (FloatHistogram* h : {&sum_, &compensation_, &copy}) BringTo(layout, h);
    aligned = &copy;
  }
  if (!HasBucketsOf(sum_, *aligned)) {
    SpreadTo(*aligned, &sum_);
    SpreadTo(sum_, &compensation_);
  }
  model::AddCompensated(aligned->count, &sum_.count, &compensation_.count);
  model::AddCompensated(aligned->sum, &sum_.sum, &compensation_.sum);
  model::AddCompensated(aligned->zero_count, &sum_.zero_count, &compensation_.zero_count);
  model::AddCompensated({aligned->positive_spans, aligned->positive}, sum_.positive_spans,
                        &sum_.positive, &compensation_.positive);
  model::AddCompensated({aligned->negative_spans, aligned->negative}, sum_.negative_spans,
                        &sum_.negative, &compensation_.negative);
  return report;
}

std::optional<CombineReport> HistogramAccumulator::Add(const FloatHistogram& term) {
  if (terms_ == 0) {
    sum_ = term;
    compensation_ = term;
    for (double* value : {&compensation_.count, &compensation_.sum, &compensation_.zero_count}) {
      *value = 0;
    }
    std::ranges::fill(compensation_.positive, 0);
    std::ranges::fill(compensation_.negative, 0);
    terms_ = 1;
    return CombineReport{};
  }
  if (sum_.has_custom_bounds() != term.has_custom_bounds()) return std::nullopt;
  ++terms_;
  if (kind_ == Kind::kSum) return AddCompensated(term);
  if (!running_mean_) {
    // Far from overflow there is nothing to go back to.
    constexpr double kFar = std::numeric_limits<double>::max() / 1024;
    if (!Exceeds(kFar, sum_) && !Exceeds(kFar, term)) return AddCompensated(term);
    const HistogramAccumulator before = *this;
    const auto report = AddCompensated(term);
    if (!Exceeds(std::numeric_limits<double>::max(), sum_)) return report;
    *this = before;
    running_mean_ = true;
    sum_.Divide(static_cast<double>(terms_ - 1));
    compensation_.Divide(static_cast<double>(terms_ - 1));
  }
  const auto terms = static_cast<double>(terms_);
  FloatHistogram part = term;
  part.Divide(terms);
  sum_.Multiply((terms - 1) / terms);
  compensation_.Multiply((terms - 1) / terms);
  return AddCompensated(part);
}

FloatHistogram HistogramAccumulator::Result() const {
  LARNAX_CHECK(terms_ > 0);
  FloatHistogram result = sum_;
  FloatHistogram compensation = compensation_;
  compensation.counter_reset_hint = sum_.counter_reset_hint;
  if (kind_ == Kind::kMean && !running_mean_) {
    result.Divide(static_cast<double>(terms_));
    compensation.Divide(static_cast<double>(terms_));
  }
  CombineCounts(compensation, [](double a, double b) { return a + b; }, &result);
  result.Compact();
  return result;
}

}  // namespace larnax::model
