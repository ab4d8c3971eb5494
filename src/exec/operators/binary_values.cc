#include "exec/operators/binary_values.h"

#include <cmath>
#include <utility>

#include "base/check.h"
#include "exec/label_edit.h"

namespace larnax::exec {

using promql::BinaryOp;

namespace {

BinaryAnswer Histogram(model::FloatHistogram histogram) {
  return {BinaryAnswer::Kind::kHistogram, 0, std::move(histogram)};
}

BinaryAnswer Truth(bool truth) {
  return {truth ? BinaryAnswer::Kind::kTrue : BinaryAnswer::Kind::kFalse, 0, std::nullopt};
}

BinaryAnswer Incompatible(BinaryOp op, const BinaryValue& a, const BinaryValue& b,
                          promql::PositionRange position, Annotations* annotations) {
  const auto type = [](const BinaryValue& value) {
    return std::string(value.histogram != nullptr ? "histogram" : "float");
  };
  annotations->Inform("incompatible sample types encountered for binary operator " +
                          Quote(promql::Spelling(op)) + ": " + type(a) + " " +
                          std::string(promql::Spelling(op)) + " " + type(b),
                      position);
  return {};
}

BinaryAnswer Combine(BinaryOp op, const model::FloatHistogram& a, const model::FloatHistogram& b,
                     promql::PositionRange position, Annotations* annotations) {
  const bool add = op == BinaryOp::kAdd;
  const std::string noun = add ? "addition" : "subtraction";
  model::FloatHistogram sum = a;
  const auto report = add ? sum.Add(b) : sum.Subtract(b);
  if (!report.has_value()) {
    annotations->Warn("incompatible bucket layout encountered for binary operator " +
                          std::string(promql::Spelling(op)),
                      position);
    return {};
  }
  if (report->hints_conflict) {
    annotations->Warn("conflicting counter resets during histogram " + noun, position);
  }
  if (report->bounds_reconciled) {
    annotations->Inform("mismatched custom buckets were reconciled during " + noun, position);
  }
  if (!add) sum.counter_reset_hint = CounterResetHint::kGauge;
  sum.Compact();
  return Histogram(std::move(sum));
}

}  // namespace

bool Compare(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kEqual:
      return a == b;
    case BinaryOp::kNotEqual:
      return a != b;
    case BinaryOp::kLess:
      return a < b;
    case BinaryOp::kLessEqual:
      return a <= b;
    case BinaryOp::kGreater:
      return a > b;
    case BinaryOp::kGreaterEqual:
      return a >= b;
    default:
      LARNAX_UNREACHABLE();
  }
}

double ComputeFloats(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return a + b;
    case BinaryOp::kSub:
      return a - b;
    case BinaryOp::kMul:
      return a * b;
    case BinaryOp::kDiv:
      return a / b;
    case BinaryOp::kMod:
      return std::fmod(a, b);
    case BinaryOp::kPow:
      return std::pow(a, b);
    case BinaryOp::kAtan2:
      return std::atan2(a, b);
    default:
      return Compare(op, a, b) ? 1 : 0;
  }
}

bool ChangesMetric(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
    case BinaryOp::kMul:
    case BinaryOp::kDiv:
    case BinaryOp::kMod:
    case BinaryOp::kPow:
    case BinaryOp::kAtan2:
      return true;
    default:
      return false;
  }
}

BinaryAnswer ComputeValues(BinaryOp op, BinaryValue a, BinaryValue b,
                           promql::PositionRange position, Annotations* annotations) {
  if (a.histogram != nullptr && b.histogram != nullptr) {
    const model::FloatHistogram& x = **a.histogram;
    const model::FloatHistogram& y = **b.histogram;
    if (op == BinaryOp::kAdd || op == BinaryOp::kSub) {
      return Combine(op, x, y, position, annotations);
    }
    if (op == BinaryOp::kEqual) return Truth(x.Equals(y));
    if (op == BinaryOp::kNotEqual) return Truth(!x.Equals(y));
    return Incompatible(op, a, b, position, annotations);
  }
  if (a.histogram == nullptr && b.histogram == nullptr) {
    return Incompatible(op, a, b, position, annotations);
  }
  const bool left = a.histogram != nullptr;
  const double number = left ? b.number : a.number;
  const bool scales = op == BinaryOp::kMul || (left && op == BinaryOp::kDiv);
  const bool trims = left && promql::IsTrim(op);
  if (!scales && !trims) return Incompatible(op, a, b, position, annotations);
  model::FloatHistogram histogram = left ? **a.histogram : **b.histogram;
  if (op == BinaryOp::kMul) histogram.Multiply(number);
  if (op == BinaryOp::kDiv) histogram.Divide(number);
  if (trims) histogram.Trim(number, op == BinaryOp::kTrimUpper);
  if (scales) histogram.Compact();
  return Histogram(std::move(histogram));
}

}  // namespace larnax::exec
