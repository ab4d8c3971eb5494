#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "exec/functions/function_lists.h"
#include "exec/label_edit.h"
#include "exec/query_budget.h"
#include "larnax/error.h"

namespace larnax::exec {
namespace {

// The labels by which series and their info series find each other, ascending.
constexpr std::array<std::string_view, 2> kIdentifyingLabels = {"instance", "job"};
constexpr int32_t kNone = -1;

// What the second argument asks for.
struct InfoSelector {
  std::vector<Matcher> names;  // On the names of info metrics; never empty.
  std::vector<Matcher> data;   // On other labels: they choose series, and labels to copy.

  static arrow::Result<InfoSelector> Of(const CallContext& call);

  bool MatchesName(LabelsView labels) const { return MatchesAll(names, labels); }
  bool MatchesData(LabelsView labels) const { return MatchesAll(data, labels); }
  // Whether a series without info series stays in the result.
  bool MatchesNothing() const {
    return std::all_of(data.begin(), data.end(), [](const Matcher& m) { return m.MatchesEmpty(); });
  }
  bool Copies(std::string_view name) const {
    if (name == kMetricLabel) return false;
    return data.empty() || std::any_of(data.begin(), data.end(),
                                       [&](const Matcher& m) { return m.name() == name; });
  }

 private:
  static bool MatchesAll(const std::vector<Matcher>& matchers, LabelsView labels) {
    return std::all_of(matchers.begin(), matchers.end(),
                       [&](const Matcher& m) { return m.Matches(labels.Get(m.name())); });
  }
};

arrow::Result<InfoSelector> InfoSelector::Of(const CallContext& call) {
  InfoSelector selector;
  if (call.call->args.size() > 1) {
    const auto* vector = promql::Unwrap(*call.call->args[1]).As<promql::VectorSelector>();
    if (vector == nullptr) {
      return MakeError(ErrorKind::kExecution, "info() needs a selector as its second argument");
    }
    for (const Matcher& matcher : vector->matchers) {
      (matcher.name() == kMetricLabel ? selector.names : selector.data).push_back(matcher);
    }
  }
  const bool chosen =
      std::any_of(selector.names.begin(), selector.names.end(), [](const Matcher& m) {
        return m.type() == MatchType::kEqual || m.type() == MatchType::kRegex;
      });
  if (!chosen) {
    // Names that are only ruled out are taken from what looks like info metrics.
    ARROW_ASSIGN_OR_RAISE(Matcher matcher,
                          selector.names.empty()
                              ? Matcher::Make(MatchType::kEqual, "__name__", "target_info")
                              : Matcher::Make(MatchType::kRegex, "__name__", ".+_info"));
    selector.names.push_back(std::move(matcher));
  }
  return selector;
}

// What two series that belong together have in common: the identifying labels that they have.
std::string IdentityOf(LabelsView labels) {
  std::string identity;
  for (const std::string_view name : kIdentifyingLabels) {
    const std::string_view value = labels.Get(name);
    if (!value.empty()) AppendLabel(name, value, &identity);
  }
  return identity;
}

// One info metric's series of one identity: which of them has the newest sample at each step.
struct InfoGroup {
  std::vector<const StepSeries*> rows;
  std::vector<int32_t> newest;  // Shape [steps]; an index in `rows`, or kNone.
};

// By identity, then by name of the info metric.
using InfoIndex =
    boost::unordered_flat_map<std::string, std::map<std::string, InfoGroup, std::less<>>>;

class InfoJoin {
 public:
  InfoJoin(const CallContext& call, const StepVector& base, const StepVector& info,
           InfoSelector selector)
      : steps_(call.grid.count),
        grid_(call.grid),
        pace_(call.budget),
        base_(base),
        info_(info),
        selector_(std::move(selector)) {}

  arrow::Result<StepVector> Run() {
    ARROW_RETURN_NOT_OK(IndexInfo());
    StepVector result(steps_, base_.meter());
    result.KeepAllOf(base_);
    for (const StepSeries& row : base_.series) {
      if (selector_.MatchesName(row.labels)) {
        result.series.push_back(row);
      } else {
        ARROW_RETURN_NOT_OK(Enrich(row, &result));
      }
    }
    return result;
  }

 private:
  // Identifying labels as they occur in series that want info.
  std::map<std::string_view, std::set<std::string_view>> WantedValues() const {
    std::map<std::string_view, std::set<std::string_view>> wanted;
    for (const StepSeries& row : base_.series) {
      if (selector_.MatchesName(row.labels)) continue;
      for (const std::string_view name : kIdentifyingLabels) {
        const std::string_view value = row.labels.Get(name);
        if (!value.empty()) wanted[name].insert(value);
      }
    }
    return wanted;
  }

  arrow::Status IndexInfo() {
    const auto wanted = WantedValues();
    if (wanted.empty()) return arrow::Status::OK();
    for (const StepSeries& row : info_.series) {
      if (!selector_.MatchesName(row.labels) || !selector_.MatchesData(row.labels)) continue;
      const bool fits = std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
        return entry.second.contains(row.labels.Get(entry.first));
      });
      if (!fits) continue;
      if (row.histograms != nullptr) {
        return MakeError(
            ErrorKind::kExecution,
            "this should be an info metric, with float samples: " + PrintLabels(row.labels));
      }
      index_[IdentityOf(row.labels)][std::string(row.labels.metric())].rows.push_back(&row);
    }
    return ChooseNewest();
  }

  arrow::Status ChooseNewest() {
    // Steps without anything to enrich do not matter.
    std::vector<PresenceWord> used(PresenceWordCount(steps_));
    for (const StepSeries& row : base_.series) {
      for (size_t word = 0; word < used.size(); ++word) used[word] |= row.present[word];
    }
    for (auto& [identity, groups] : index_) {
      for (auto& [name, group] : groups) {
        group.newest.assign(steps_, kNone);
        for (size_t i = 0; i < group.rows.size(); ++i) {
          ARROW_RETURN_NOT_OK(Offer(static_cast<int32_t>(i), used, &group));
        }
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status Offer(int32_t candidate, const std::vector<PresenceWord>& used,
                      InfoGroup* group) const {
    const StepSeries& row = *group->rows[static_cast<size_t>(candidate)];
    arrow::Status status;
    ForEachPresent(row.present, steps_, [&](size_t step) {
      int32_t& newest = group->newest[step];
      if (newest == kNone) {
        newest = candidate;
        return;
      }
      const StepSeries& existing = *group->rows[static_cast<size_t>(newest)];
      const int64_t time_ms = SampleTime(row, step);
      const int64_t existing_ms = SampleTime(existing, step);
      if (time_ms > existing_ms) newest = candidate;
      if (time_ms == existing_ms && status.ok() && IsPresent(used.data(), step)) {
        status =
            MakeError(ErrorKind::kExecution,
                      "found duplicate series for info metric: existing " +
                          PrintLabels(existing.labels) + " @ " + std::to_string(existing_ms) +
                          ", new " + PrintLabels(row.labels) + " @ " + std::to_string(time_ms));
      }
    });
    return status;
  }

  int64_t SampleTime(const StepSeries& row, size_t step) const {
    return row.sample_time_ms != nullptr ? row.sample_time_ms[step] : grid_.TimeAt(step);
  }

  // Appends a row for each set of info series that the row has at some of its steps.
  arrow::Status Enrich(const StepSeries& row, StepVector* result) {
    std::vector<const InfoGroup*> groups;
    const auto found = index_.find(IdentityOf(row.labels));
    if (found != index_.end()) {
      for (const auto& [name, group] : found->second) groups.push_back(&group);
    }
    const bool keeps_bare = selector_.MatchesNothing();
    const std::vector<int32_t> nothing(groups.size(), kNone);
    std::map<std::vector<int32_t>, size_t> rows;  // To the index of the row in the result.
    std::vector<int32_t> choice(groups.size());
    std::vector<int32_t> last_choice;
    size_t at = 0;
    for (size_t step = 0; step < steps_; ++step) {
      if (!row.IsPresent(step)) continue;
      for (size_t i = 0; i < groups.size(); ++i) choice[i] = groups[i]->newest[step];
      if (choice == nothing && !keeps_bare) continue;
      if (rows.empty() || choice != last_choice) {
        const auto [place, added] = rows.emplace(choice, result->series.size());
        if (added) ARROW_RETURN_NOT_OK(AddRow(row, groups, choice, result));
        at = place->second;
        last_choice = choice;
      }
      SetPresent(result->series[at].present, step);
    }
    return arrow::Status::OK();
  }

  // Appends a row with the values of `row`, present nowhere yet, and the labels of info series.
  arrow::Status AddRow(const StepSeries& row, const std::vector<const InfoGroup*>& groups,
                       const std::vector<int32_t>& choice, StepVector* result) {
    ARROW_RETURN_NOT_OK(pace_.Pass(steps_ * sizeof(double)));
    std::map<std::string_view, std::string_view> labels;
    for (size_t i = 0; i < groups.size(); ++i) {
      if (choice[i] == kNone) continue;
      for (const Label& label : groups[i]->rows[static_cast<size_t>(choice[i])]->labels) {
        if (!selector_.Copies(label.name)) continue;
        const auto known = labels.find(label.name);
        if (known != labels.end() && known->second != label.value) {
          return MakeError(ErrorKind::kExecution, "conflicting label: " + std::string(label.name));
        }
        if (row.labels.Get(label.name).empty()) labels.emplace(label.name, label.value);
      }
    }
    for (const Label& label : row.labels) labels.emplace(label.name, label.value);
    std::string bytes;
    for (const auto& [name, value] : labels) AppendLabel(name, value, &bytes);

    StepSeries& added = result->AddCopy(row);
    added.labels = result->StoreLabels(bytes);
    std::fill_n(added.present, PresenceWordCount(steps_), PresenceWord{0});
    return arrow::Status::OK();
  }

  const size_t steps_;
  const StepGrid grid_;
  BudgetPace pace_;
  const StepVector& base_;
  const StepVector& info_;
  const InfoSelector selector_;
  InfoIndex index_;
};

// info(v, {selector}): the labels of info series, such as `target_info`, added to those of `v`.
arrow::Result<StepVector> Info(const CallContext& call, std::vector<Argument>* arguments,
                               Annotations*) {
  ARROW_ASSIGN_OR_RAISE(InfoSelector selector, InfoSelector::Of(call));
  return InfoJoin(call, (*arguments)[0].vector, (*arguments)[1].vector, std::move(selector)).Run();
}

constexpr Function kFunctions[] = {{.name = "info", .vector = &Info}};

}  // namespace

std::span<const Function> InfoFunctions() { return kFunctions; }

}  // namespace larnax::exec
