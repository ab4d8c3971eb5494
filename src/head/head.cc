#include "head/head.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/check.h"

namespace larnax::head {
namespace {

// A series without samples in this many generations may be forgotten.
constexpr uint64_t kIdleGenerations = 10;

// Takes note of what files hold of a series once a generation is in them; `series` is a
// FrozenSeries or a SeriesTable::Entry.
template <typename Series>
void NoteFlushed(const Generation& generation, SeriesRef ref, Series* series) {
  if (generation.Has(ref)) {
    series->flushed_through_ms =
        std::max(series->flushed_through_ms, generation.RangeOf(ref).end_ms);
  }
  if (generation.HasExemplars(ref)) {
    series->exemplars_through_ms =
        std::max(series->exemplars_through_ms, generation.ExemplarRangeOf(ref).end_ms);
  }
}

}  // namespace

Head::Head(Log* log, int64_t files_through_ms) : log_(log), files_through_ms_(files_through_ms) {
  BeginGeneration(log_ == nullptr ? LogPosition{} : log_->appended());
}

std::shared_ptr<Generation> Head::BeginGeneration(LogPosition begin) {
  auto next = std::make_shared<Generation>(next_generation_, begin);
  ++next_generation_;
  losses_before_active_ = log_ == nullptr ? 0 : log_->loss_count();
  return std::exchange(active_, std::move(next));
}

void Head::OrderSeries() {
  std::vector<SeriesTable::Unordered> fresh;
  {
    const std::lock_guard lock(mutex_);
    fresh = table_.TakeUnordered();
  }
  // A million new series take seconds: writes and queries go on meanwhile.
  SeriesTable::SortForFile(&fresh);
  const std::lock_guard lock(mutex_);
  table_.AddToOrder(fresh);
}

arrow::Result<std::shared_ptr<const FrozenGeneration>> Head::Freeze() {
  OrderSeries();
  const std::lock_guard lock(mutex_);
  if (active_->is_empty()) return std::shared_ptr<const FrozenGeneration>();
  active_->set_end(log_->appended());
  auto frozen = std::make_shared<FrozenGeneration>();
  frozen->generation = active_;
  frozen->arena = table_.arena();
  std::vector<SeriesRef> refs = active_->touched();
  SortLocked(&refs);
  frozen->series.reserve(refs.size());
  for (const SeriesRef ref : refs) {
    const SeriesTable::Entry& entry = table_[ref];
    FrozenSeries series{.labels = LabelsView(entry.labels),
                        .ref = ref,
                        .flushed_through_ms = entry.flushed_through_ms,
                        .exemplars_through_ms = entry.exemplars_through_ms};
    // Generations that wait to be flushed are in files before this one.
    for (const auto& waiting : frozen_) NoteFlushed(*waiting, ref, &series);
    frozen->series.push_back(std::move(series));
  }
  frozen_.reserve(frozen_.size() + 1);  // So that all of it happens, or nothing.
  frozen_.push_back(BeginGeneration(active_->end()));
  return std::shared_ptr<const FrozenGeneration>(std::move(frozen));
}

void Head::DropFrozen(const FrozenGeneration& frozen, bool forget_idle) {
  const std::lock_guard lock(mutex_);
  LARNAX_CHECK(!frozen_.empty() && frozen_.front() == frozen.generation);
  frozen_.erase(frozen_.begin());
  files_through_ms_ = std::max(files_through_ms_, frozen.generation->time_range().end_ms);
  for (const FrozenSeries& series : frozen.series) {
    NoteFlushed(*frozen.generation, series.ref, &table_[series.ref]);
  }
  const uint64_t oldest_alive = frozen_.empty() ? active_->number() : frozen_.front()->number();
  const uint64_t idle_before =
      next_generation_ > kIdleGenerations ? next_generation_ - kIdleGenerations : 0;
  try {
    table_.ForgetIdle(forget_idle ? oldest_alive : std::min(oldest_alive, idle_before),
                      forget_idle);
  } catch (const std::bad_alloc&) {
    // Another time.
  }
}

bool Head::IsInAny(SeriesRef ref, const IsWanted& is_wanted) const {
  return is_wanted(*active_, ref) ||
         std::any_of(frozen_.begin(), frozen_.end(),
                     [&](const auto& each) { return is_wanted(*each, ref); });
}

void Head::SortLocked(std::vector<SeriesRef>* refs) const {
  std::sort(refs->begin(), refs->end(),
            [this](SeriesRef a, SeriesRef b) { return table_.IsBefore(a, b); });
}

Head::SelectorGroups Head::GroupByMetric(Selectors selectors) {
  SelectorGroups groups;
  for (const std::vector<Matcher>& selector : selectors) {
    const auto metric = std::find_if(selector.begin(), selector.end(), [](const Matcher& each) {
      return each.type() == MatchType::kEqual && each.name() == kMetricLabel;
    });
    std::optional<std::string_view> name;
    if (metric != selector.end()) name = metric->value();
    groups[name].push_back(&selector);
  }
  return groups;
}

bool Head::MatchesAny(const Alternatives& selectors, LabelsView labels) {
  return std::any_of(selectors.begin(), selectors.end(), [&](const std::vector<Matcher>* all) {
    return std::all_of(all->begin(), all->end(),
                       [&](const Matcher& each) { return each.Matches(labels.Get(each.name())); });
  });
}

// Calls visit(selectors, refs) with the series that these are to be matched against.
template <typename Visit>
void Head::VisitCandidates(const SelectorGroups& groups, Visit visit) const {
  for (const auto& [metric, selectors] : groups) {
    if (!metric) {
      visit(selectors, table_.order());
      visit(selectors, table_.unordered());
    } else if (const auto* of_metric = table_.OfMetric(*metric)) {
      visit(selectors, *of_metric);
    }
  }
}

std::vector<SeriesRef> Head::MatchLocked(const SelectorGroups& groups) const {
  if (groups.empty()) {
    std::vector<SeriesRef> all = table_.order();
    all.insert(all.end(), table_.unordered().begin(), table_.unordered().end());
    return all;
  }
  std::vector<SeriesRef> matched;
  VisitCandidates(groups, [&](const Alternatives& selectors, const auto& refs) {
    for (const SeriesRef ref : refs) {
      if (MatchesAny(selectors, LabelsView(table_[ref].labels))) matched.push_back(ref);
    }
  });
  return matched;
}

// Matching many series takes its time, which no write should wait for: their labels are taken under
// the mutex, and stay readable. Nothing when there are few.
std::optional<Head::Candidates> Head::TakeCandidates(const SelectorGroups& groups) const {
  constexpr size_t kFew = 2048;
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  VisitCandidates(groups, [&](const auto&, const auto& refs) { count += refs.size(); });
  if (count <= kFew) return std::nullopt;
  Candidates candidates{.arena = table_.arena(),
                        .ordered = table_.order().size(),
                        .unordered = table_.unordered().size(),
                        .series = {}};
  candidates.series.reserve(count);
  VisitCandidates(groups, [&](const Alternatives& selectors, const auto& refs) {
    for (const SeriesRef ref : refs) {
      candidates.series.push_back({LabelsView(table_[ref].labels), ref, &selectors});
    }
  });
  return candidates;
}

// Adds what came since to what was matched; false where series were ordered or forgotten meanwhile.
bool Head::CatchUpLocked(const SelectorGroups& groups, const Candidates& candidates,
                         std::vector<SeriesRef>* matched) const {
  if (candidates.arena != table_.arena() || candidates.ordered != table_.order().size()) {
    return false;
  }
  const std::vector<SeriesRef>& fresh = table_.unordered();
  for (size_t i = candidates.unordered; i < fresh.size(); ++i) {
    const LabelsView labels(table_[fresh[i]].labels);
    const bool matches = std::any_of(groups.begin(), groups.end(), [&](const auto& group) {
      return MatchesAny(group.second, labels);
    });
    if (matches) matched->push_back(fresh[i]);
  }
  return true;
}

HeadSnapshot Head::CaptureWhere(Selectors selectors, const IsWanted& is_wanted) {
  const SelectorGroups groups = GroupByMetric(selectors);
  // Series are ordered, and forgotten, once a flush.
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto candidates = TakeCandidates(groups);
    if (!candidates) break;
    std::vector<SeriesRef> matched;
    for (const Candidate& each : candidates->series) {
      if (MatchesAny(*each.selectors, each.labels)) matched.push_back(each.ref);
    }
    const std::lock_guard lock(mutex_);
    if (CatchUpLocked(groups, *candidates, &matched)) {
      return CaptureLocked(std::move(matched), is_wanted);
    }
  }
  const std::lock_guard lock(mutex_);
  return CaptureLocked(MatchLocked(groups), is_wanted);
}

HeadSnapshot Head::CaptureLocked(std::vector<SeriesRef> refs, const IsWanted& is_wanted) const {
  std::erase_if(refs, [&](SeriesRef ref) { return !IsInAny(ref, is_wanted); });
  SortLocked(&refs);
  refs.erase(std::unique(refs.begin(), refs.end()), refs.end());
  HeadSnapshot snapshot;
  snapshot.arena = table_.arena();
  snapshot.generations = frozen_;
  snapshot.generations.push_back(active_);
  for (const SeriesRef ref : refs) {
    HeadSeries series{.labels = LabelsView(table_[ref].labels), .parts = {}};
    for (const auto& generation : snapshot.generations) {
      if (is_wanted(*generation, ref)) series.parts.push_back(generation->Capture(ref));
    }
    snapshot.series.push_back(std::move(series));
  }
  return snapshot;
}

HeadSnapshot Head::Capture(Selectors selectors, TimeRange range) {
  return CaptureWhere(selectors, [range](const Generation& generation, SeriesRef ref) {
    return generation.Has(ref) && generation.RangeOf(ref).Overlaps(range);
  });
}

HeadSnapshot Head::CaptureExemplars(Selectors selectors, TimeRange range) {
  return CaptureWhere(selectors, [range](const Generation& generation, SeriesRef ref) {
    return generation.HasExemplars(ref) && generation.ExemplarRangeOf(ref).Overlaps(range);
  });
}

std::vector<MetadataNews> Head::metadata() const {
  const std::lock_guard lock(mutex_);
  std::vector<MetadataNews> news;
  const auto add = [&news](const Generation& generation) {
    news.insert(news.end(), generation.metadata().begin(), generation.metadata().end());
  };
  for (const auto& generation : frozen_) add(*generation);
  add(*active_);
  return news;
}

int64_t Head::sample_count() const {
  const std::lock_guard lock(mutex_);
  int64_t count = active_->sample_count();
  for (const auto& generation : frozen_) count += generation->sample_count();
  return count;
}

int64_t Head::load() const {
  const std::lock_guard lock(mutex_);
  int64_t load = active_->load();
  for (const auto& generation : frozen_) load += generation->load();
  return load;
}

int64_t Head::active_load() const {
  const std::lock_guard lock(mutex_);
  return active_->load();
}

int64_t Head::series_count() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int64_t>(table_.size());
}

TimeRange Head::time_range() const {
  const std::lock_guard lock(mutex_);
  TimeRange range = active_->time_range();
  for (const auto& generation : frozen_) {
    range.start_ms = std::min(range.start_ms, generation->time_range().start_ms);
    range.end_ms = std::max(range.end_ms, generation->time_range().end_ms);
  }
  return range;
}

int64_t Head::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = table_.memory_bytes() + active_->memory_bytes();
  for (const auto& generation : frozen_) bytes += generation->memory_bytes();
  return bytes;
}

int64_t Head::oldest_append_ms() const {
  const std::lock_guard lock(mutex_);
  return active_->is_empty() ? 0 : active_->first_append_ms();
}

}  // namespace larnax::head
