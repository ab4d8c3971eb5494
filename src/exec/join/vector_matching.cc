#include "exec/join/vector_matching.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exec/label_edit.h"
#include "exec/match_signatures.h"
#include "exec/operators/binary_values.h"
#include "larnax/error.h"

namespace larnax::exec {

using promql::BinaryOp;
using Cardinality = promql::VectorMatching::Cardinality;

namespace {

arrow::Status MatchError(std::string message) {
  return MakeError(ErrorKind::kExecution, std::move(message));
}

bool Overlap(const PresenceWord* a, const PresenceWord* b, size_t words) {
  for (size_t i = 0; i < words; ++i) {
    if ((a[i] & b[i]) != 0) return true;
  }
  return false;
}

// Finds the partners of all series and computes their results.
//
// The "many" side is the left one unless group_right is given; then sides are swapped, but for the
// order of operands.
class PairMatcher {
 public:
  PairMatcher(const promql::Binary& binary, promql::PositionRange position,
              ExecutionContext* context, StepVector lhs, StepVector rhs)
      : binary_(binary),
        matching_(*binary.matching),
        swapped_(matching_.cardinality == Cardinality::kOneToMany),
        position_(position),
        context_(context),
        many_(std::move(swapped_ ? rhs : lhs)),
        one_(std::move(swapped_ ? lhs : rhs)),
        steps_(many_.steps()),
        words_(PresenceWordCount(steps_)),
        signatures_(matching_),
        drop_names_(SortedNames(matching_.labels)),
        out_(steps_, many_.meter()),
        pace_(context->budget) {}

  arrow::Result<StepVector> Run();

 private:
  void Index();
  arrow::Status RefuseRepeatedOnes();
  arrow::Status RepeatedOne(const StepSeries& a, const StepSeries& b, uint32_t group) const;
  arrow::Status ComputePair(const StepSeries* many, const StepSeries* one, uint32_t group,
                            const PresenceWord* where);
  arrow::Status NoteMatch(uint32_t group, const PresenceWord* where);
  void ComputeFloats(const StepSeries* many, const StepSeries* one, StepSeries* row);
  void ComputeAny(const StepSeries* many, const StepSeries* one, StepSeries* row);
  void ComputeStep(size_t step, BinaryValue a, BinaryValue b, StepSeries* row);
  void ResultLabels(LabelsView many, LabelsView one, std::string* bytes);
  arrow::Status FillMissingOnes(size_t i);
  arrow::Status FillMissingManies();

  const promql::Binary& binary_;
  const promql::VectorMatching& matching_;
  const bool swapped_;
  const promql::PositionRange position_;
  ExecutionContext* context_;
  StepVector many_;
  StepVector one_;
  const size_t steps_;
  const size_t words_;
  MatchSignatures signatures_;
  const std::vector<std::string> drop_names_;
  std::vector<uint32_t> many_groups_;
  std::vector<uint32_t> one_groups_;
  std::vector<std::vector<uint32_t>> ones_of_group_;
  std::vector<PresenceWord> active_;  // Steps at which anything is looked at.
  std::vector<PresenceWord> taken_;   // Of the pair being computed: steps the operation has it.
  StepVector out_;
  BudgetPace pace_;
  // Where results were computed, kept or not: of each group, or of each group and label set.
  std::unique_ptr<GroupPresence> matched_;
  boost::unordered_flat_map<std::string, std::vector<PresenceWord>, BytesHash, BytesEqual>
      matched_labels_;
  std::string bytes_;
  std::string bytes2_;
};

void PairMatcher::Index() {
  for (const StepSeries& row : one_.series) one_groups_.push_back(signatures_.Number(row.labels));
  for (const StepSeries& row : many_.series) {
    many_groups_.push_back(signatures_.Number(row.labels));
  }
  ones_of_group_.resize(signatures_.size());
  for (size_t i = 0; i < one_.size(); ++i) {
    ones_of_group_[one_groups_[i]].push_back(static_cast<uint32_t>(i));
  }
  std::vector<PresenceWord> any_many(words_);
  std::vector<PresenceWord> any_one(words_);
  for (const StepSeries& row : many_.series) {
    for (size_t i = 0; i < words_; ++i) any_many[i] |= row.present[i];
  }
  for (const StepSeries& row : one_.series) {
    for (size_t i = 0; i < words_; ++i) any_one[i] |= row.present[i];
  }
  const bool fills = matching_.fill_left.has_value() || matching_.fill_right.has_value();
  active_.resize(words_);
  for (size_t i = 0; i < words_; ++i) {
    active_[i] = fills ? any_many[i] | any_one[i] : any_many[i] & any_one[i];
  }
}

arrow::Status PairMatcher::RepeatedOne(const StepSeries& a, const StepSeries& b,
                                       uint32_t group) const {
  std::string first = PrintLabels(a.labels);
  std::string second = PrintLabels(b.labels);
  if (second < first) std::swap(first, second);
  return MatchError("found duplicate series for the match group " +
                    PrintLabels(signatures_.labels(group)) + " on the " +
                    (swapped_ ? "left" : "right") + " hand-side of the operation: [" + first +
                    ", " + second +
                    "];many-to-many matching not allowed: matching labels must be unique on one "
                    "side");
}

arrow::Status PairMatcher::RefuseRepeatedOnes() {
  std::vector<PresenceWord> seen(words_);
  for (uint32_t group = 0; group < ones_of_group_.size(); ++group) {
    const auto& ones = ones_of_group_[group];
    if (ones.size() < 2) continue;
    std::fill(seen.begin(), seen.end(), 0);
    for (const uint32_t i : ones) {
      const StepSeries& row = one_.series[i];
      for (size_t word = 0; word < words_; ++word) {
        const PresenceWord both = seen[word] & row.present[word] & active_[word];
        if (both == 0) {
          seen[word] |= row.present[word];
          continue;
        }
        const size_t step = word * 64 + static_cast<size_t>(std::countr_zero(both));
        for (const uint32_t other : ones) {
          if (one_.series[other].IsPresent(step)) {
            return RepeatedOne(one_.series[other], row, group);
          }
        }
      }
    }
  }
  return arrow::Status::OK();
}

void PairMatcher::ResultLabels(LabelsView many, LabelsView one, std::string* bytes) {
  bytes->assign(many.bytes());
  if (ChangesMetric(binary_.op)) {
    DropMetadataLabels(many, bytes);
  }
  if (matching_.cardinality == Cardinality::kOneToOne) {
    bytes2_.assign(*bytes);
    if (matching_.on) {
      KeepLabels(LabelsView(bytes2_), drop_names_, bytes);
    } else {
      DropLabels(LabelsView(bytes2_), drop_names_, bytes);
    }
  }
  for (const std::string& name : matching_.include) {
    bytes2_.assign(*bytes);
    SetLabel(LabelsView(bytes2_), name, one.Get(name), bytes);
  }
}

void PairMatcher::ComputeFloats(const StepSeries* many, const StepSeries* one, StepSeries* row) {
  const double* a = swapped_ ? one->values : many->values;
  const double* b = swapped_ ? many->values : one->values;
  const auto each = [&](auto&& f) {
    if (AllPresent(row->present, steps_)) {
      for (size_t step = 0; step < steps_; ++step) f(step);
    } else {
      ForEachPresent(row->present, steps_, f);
    }
  };
  switch (binary_.op) {
    case BinaryOp::kAdd:
      return each([&](size_t step) { row->values[step] = a[step] + b[step]; });
    case BinaryOp::kSub:
      return each([&](size_t step) { row->values[step] = a[step] - b[step]; });
    case BinaryOp::kMul:
      return each([&](size_t step) { row->values[step] = a[step] * b[step]; });
    case BinaryOp::kDiv:
      return each([&](size_t step) { row->values[step] = a[step] / b[step]; });
    default:
      break;
  }
  if (!promql::IsComparison(binary_.op) || binary_.return_bool) {
    return each([&](size_t step) {
      row->values[step] = exec::ComputeFloats(binary_.op, a[step], b[step]);
    });
  }
  ForEachPresent(row->present, steps_, [&](size_t step) {
    row->values[step] = a[step];
    if (!Compare(binary_.op, a[step], b[step])) ClearPresent(row->present, step);
  });
}

void PairMatcher::ComputeStep(size_t step, BinaryValue a, BinaryValue b, StepSeries* row) {
  BinaryAnswer answer = ComputeValues(binary_.op, a, b, position_, &context_->annotations);
  const bool holds = answer.kind == BinaryAnswer::Kind::kTrue;
  switch (answer.kind) {
    case BinaryAnswer::Kind::kNothing:
      ClearPresent(row->present, step);
      ClearPresent(taken_.data(), step);
      break;
    case BinaryAnswer::Kind::kFloat:
      row->values[step] = answer.number;
      break;
    case BinaryAnswer::Kind::kHistogram:
      out_.SetHistogram(row, step, *std::move(answer.histogram));
      break;
    case BinaryAnswer::Kind::kTrue:
    case BinaryAnswer::Kind::kFalse:
      if (binary_.return_bool) {
        row->values[step] = holds ? 1 : 0;
      } else if (!holds) {
        ClearPresent(row->present, step);
      } else {
        out_.SetHistogram(row, step, *a.histogram);
      }
  }
}

void PairMatcher::ComputeAny(const StepSeries* many, const StepSeries* one, StepSeries* row) {
  const bool trims = promql::IsTrim(binary_.op);
  const StepSeries* left = swapped_ ? one : many;
  const StepSeries* right = swapped_ ? many : one;
  const auto value = [](const StepSeries* series, size_t step) {
    return series->IsHistogram(step) ? BinaryValue{0, &series->histograms[step]}
                                     : BinaryValue{series->values[step], nullptr};
  };
  ForEachPresent(row->present, steps_, [&](size_t step) {
    const BinaryValue a = value(left, step);
    const BinaryValue b = value(right, step);
    if (a.histogram != nullptr || b.histogram != nullptr || trims) {
      ComputeStep(step, a, b, row);
      return;
    }
    if (!promql::IsComparison(binary_.op) || binary_.return_bool) {
      row->values[step] = exec::ComputeFloats(binary_.op, a.number, b.number);
      return;
    }
    row->values[step] = a.number;
    if (!Compare(binary_.op, a.number, b.number)) ClearPresent(row->present, step);
  });
}

// Refuses a second match of a group (or, with grouping, of a group and result labels) at one step,
// even where a comparison keeps neither; types that do not go together are no match. `bytes_` holds
// the result's labels.
arrow::Status PairMatcher::NoteMatch(uint32_t group, const PresenceWord* where) {
  if (matching_.cardinality == Cardinality::kOneToOne) {
    if (Overlap(matched_->at(group), where, words_)) {
      return MatchError(
          "multiple matches for labels: many-to-one matching must be explicit "
          "(group_left/group_right)");
    }
    matched_->Add(group, where);
    return arrow::Status::OK();
  }
  std::string key = std::to_string(group) + ' ' + bytes_;
  auto& before = matched_labels_[std::move(key)];
  if (before.empty()) {
    before.assign(where, where + words_);
    return arrow::Status::OK();
  }
  if (Overlap(before.data(), where, words_)) {
    return MatchError("multiple matches for labels: grouping labels must ensure unique matches");
  }
  for (size_t word = 0; word < words_; ++word) before[word] |= where[word];
  return arrow::Status::OK();
}

arrow::Status PairMatcher::ComputePair(const StepSeries* many, const StepSeries* one,
                                       uint32_t group, const PresenceWord* where) {
  ResultLabels(many->labels, one->labels, &bytes_);
  if (binary_.return_bool && !context_->query.features.delayed_name_removal) {
    bytes2_.assign(bytes_);
    DropMetadataLabels(LabelsView(bytes2_), &bytes_);
  }
  ARROW_RETURN_NOT_OK(pace_.Pass(steps_ * sizeof(double)));
  StepSeries& row = out_.Add(LabelsView(), many->drop_name || binary_.return_bool);
  std::copy_n(where, words_, row.present);
  taken_.assign(where, where + words_);
  const bool trims = promql::IsTrim(binary_.op);
  if (many->histograms == nullptr && one->histograms == nullptr && !trims) {
    ComputeFloats(many, one, &row);
  } else {
    ComputeAny(many, one, &row);
    if (row.histograms != nullptr) ARROW_RETURN_NOT_OK(context_->budget->Check());
  }
  ARROW_RETURN_NOT_OK(NoteMatch(group, taken_.data()));
  if (AnyPresent(row.present, steps_)) {
    row.labels = out_.StoreLabels(bytes_);
  } else {
    out_.series.pop_back();
  }
  return arrow::Status::OK();
}

// Gives the series of the many side partners of the fill value where there are none.
arrow::Status PairMatcher::FillMissingOnes(size_t i) {
  const StepSeries& many = many_.series[i];
  std::vector<PresenceWord> where(many.present, many.present + words_);
  for (const uint32_t one : ones_of_group_[many_groups_[i]]) {
    for (size_t word = 0; word < words_; ++word) where[word] &= ~one_.series[one].present[word];
  }
  if (!AnyPresent(where.data(), steps_)) return arrow::Status::OK();
  std::vector<double> values(steps_, *matching_.fill_right);
  StepSeries one;
  one.labels = signatures_.labels(many_groups_[i]);
  one.values = values.data();
  return ComputePair(&many, &one, many_groups_[i], where.data());
}

// The same for the one side.
arrow::Status PairMatcher::FillMissingManies() {
  GroupPresence matched(signatures_.size(), steps_);
  for (size_t i = 0; i < many_.size(); ++i) matched.Add(many_groups_[i], many_.series[i].present);
  std::vector<double> values(steps_, *matching_.fill_left);
  std::vector<PresenceWord> where(words_);
  for (size_t i = 0; i < one_.size(); ++i) {
    const uint32_t group = one_groups_[i];
    for (size_t word = 0; word < words_; ++word) {
      where[word] = one_.series[i].present[word] & ~matched.at(group)[word];
    }
    if (!AnyPresent(where.data(), steps_)) continue;
    StepSeries many;
    many.labels = signatures_.labels(group);
    many.values = values.data();
    ARROW_RETURN_NOT_OK(ComputePair(&many, &one_.series[i], group, where.data()));
  }
  return arrow::Status::OK();
}

arrow::Result<StepVector> PairMatcher::Run() {
  Index();
  if (!AnyPresent(active_.data(), steps_)) return std::move(out_);
  ARROW_RETURN_NOT_OK(RefuseRepeatedOnes());
  matched_ = std::make_unique<GroupPresence>(signatures_.size(), steps_);
  out_.Reserve(std::min(many_.size(), size_t{4096}));
  std::vector<PresenceWord> where(words_);
  for (size_t i = 0; i < many_.size(); ++i) {
    const StepSeries& many = many_.series[i];
    for (const uint32_t one : ones_of_group_[many_groups_[i]]) {
      for (size_t word = 0; word < words_; ++word) {
        where[word] = many.present[word] & one_.series[one].present[word];
      }
      if (AnyPresent(where.data(), steps_)) {
        ARROW_RETURN_NOT_OK(ComputePair(&many, &one_.series[one], many_groups_[i], where.data()));
      }
    }
    if (matching_.fill_right.has_value()) ARROW_RETURN_NOT_OK(FillMissingOnes(i));
    if (i % 256 == 255) ARROW_RETURN_NOT_OK(context_->budget->Check());
  }
  if (matching_.fill_left.has_value()) ARROW_RETURN_NOT_OK(FillMissingManies());
  ARROW_RETURN_NOT_OK(MergeSameLabels(&out_));
  return std::move(out_);
}

// Not inlined: an expression may have thousands of levels, each with a frame of Evaluate() on the
// stack, where a matcher is large.
[[gnu::noinline]] arrow::Result<StepVector> MatchPairs(const promql::Binary& binary,
                                                       ExecutionContext* context, StepVector lhs,
                                                       StepVector rhs) {
  return PairMatcher(binary, binary.lhs->position, context, std::move(lhs), std::move(rhs)).Run();
}

}  // namespace

VectorBinary::VectorBinary(ExecutionContext* context, const promql::Expr* expr,
                           VectorOperatorPtr lhs, VectorOperatorPtr rhs)
    : WholeOperator(context, lhs->grid()),
      binary_(*expr->As<promql::Binary>()),
      lhs_(std::move(lhs)),
      rhs_(std::move(rhs)) {}

arrow::Result<StepVector> VectorBinary::Evaluate() {
  StepVector lhs;
  StepVector rhs;
  ARROW_RETURN_NOT_OK(Drain(lhs_.get()).Value(&lhs));
  ARROW_RETURN_NOT_OK(Drain(rhs_.get()).Value(&rhs));
  return MatchPairs(binary_, context_, std::move(lhs), std::move(rhs));
}

}  // namespace larnax::exec
