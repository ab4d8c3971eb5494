#include "exec/aggregate/accumulators.h"

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/kahan.h"
#include "exec/label_edit.h"
#include "exec/step_loops.h"

namespace larnax::exec {

using promql::AggregateOp;

namespace {

using PresenceBits = std::vector<PresenceWord>;

// The histograms of one group: a sum or mean at each step that has any.
class HistogramSums {
 public:
  HistogramSums(bool mean, size_t steps) : mean_(mean), steps_(steps) {}

  void Add(const StepSeries& row, size_t step, promql::PositionRange position,
           Annotations* annotations) {
    if (cells_.empty()) {
      cells_.resize(steps_);
      bytes_ += steps_ * sizeof(Cell);
    }
    Cell& cell = cells_[step];
    if (cell.sum == nullptr) {
      using Kind = model::HistogramAccumulator::Kind;
      cell.sum = std::make_unique<model::HistogramAccumulator>(mean_ ? Kind::kMean : Kind::kSum);
      bytes_ += cell.sum->SizeBytes();
    }
    const model::FloatHistogram& histogram = *row.histograms[step];
    cell.reset_seen |= histogram.counter_reset_hint == CounterResetHint::kReset;
    cell.no_reset_seen |= histogram.counter_reset_hint == CounterResetHint::kNotReset;
    if (cell.incompatible) return;
    bytes_ -= cell.sum->SizeBytes();
    const auto report = cell.sum->Add(histogram);
    bytes_ += cell.sum->SizeBytes();
    if (!report.has_value()) {
      cell.incompatible = true;
      annotations->Warn(
          "vector contains a mix of histograms with exponential and custom buckets schemas for "
          "metric name " +
              Quote(row.labels.metric()),
          position);
    } else if (report->bounds_reconciled) {
      annotations->Inform("mismatched custom buckets were reconciled during aggregation", position);
    }
  }

  bool Has(size_t step) const { return !cells_.empty() && cells_[step].sum != nullptr; }

  // Nullopt where there is no result. Frees what was added up.
  std::optional<model::FloatHistogram> TakeResult(size_t step, promql::PositionRange position,
                                                  Annotations* annotations) {
    Cell& cell = cells_[step];
    if (cell.reset_seen && cell.no_reset_seen) {
      annotations->Warn("conflicting counter resets during histogram aggregation", position);
    }
    const std::unique_ptr<model::HistogramAccumulator> sum = std::move(cell.sum);
    if (cell.incompatible) return std::nullopt;
    return sum->Result();
  }

  size_t bytes() const { return bytes_; }

 private:
  struct Cell {
    std::unique_ptr<model::HistogramAccumulator> sum;
    bool incompatible = false;
    bool reset_seen = false;
    bool no_reset_seen = false;
  };
  bool mean_;
  size_t steps_;
  size_t bytes_ = 0;
  std::vector<Cell> cells_;
};

void NoteIgnoredHistogram(AggregateOp op, promql::PositionRange position,
                          Annotations* annotations) {
  annotations->Inform("ignored histogram in " + std::string(promql::Spelling(op)) + " aggregation",
                      position);
}

// `sum` and `avg`.
class SumAccumulator final : public Accumulator {
 public:
  SumAccumulator(bool mean, size_t steps)
      : mean_(mean),
        steps_(steps),
        sum_(steps),
        compensation_(steps),
        count_(mean ? steps : 0),
        floats_(PresenceWordCount(steps)),
        histograms_(mean, steps) {}

  void Add(const StepSeries& row, promql::PositionRange position,
           Annotations* annotations) override {
    if (row.histograms == nullptr && !mean_) {
      AddFloats(row);
      return;
    }
    ForEachPresent(row.present, steps_, [&](size_t step) {
      if (row.IsHistogram(step)) {
        histograms_.Add(row, step, position, annotations);
      } else {
        AddFloat(step, row.values[step]);
      }
    });
  }

  void Finish(promql::PositionRange position, StepVector* out, StepSeries* row,
              Annotations* annotations) override {
    for (size_t step = 0; step < steps_; ++step) {
      const bool has_float = IsPresent(floats_.data(), step);
      if (!histograms_.Has(step)) {
        if (has_float) row->SetFloat(step, Result(step));
        continue;
      }
      if (has_float) {
        annotations->Warn("encountered a mix of histograms and floats for aggregation", position);
        continue;
      }
      auto result = histograms_.TakeResult(step, position, annotations);
      if (result) out->SetHistogram(row, step, *std::move(result));
    }
  }

  int64_t bytes() const override {
    return static_cast<int64_t>(steps_ * (mean_ ? 24 : 16) + histograms_.bytes());
  }

 private:
  // Adds to sums that there are in runs; where there is none yet, the value is the sum.
  void AddFloats(const StepSeries& row) {
    ForEachRun(row.present, floats_.data(), steps_, [&](size_t begin, size_t end) {
      AddCompensated(row.values + begin, end - begin, sum_.data() + begin,
                     compensation_.data() + begin);
    });
    for (size_t word = 0; word < floats_.size(); ++word) {
      PresenceWord first = row.present[word] & ~floats_[word];
      floats_[word] |= first;
      for (; first != 0; first &= first - 1) {
        const size_t step = word * 64 + static_cast<size_t>(std::countr_zero(first));
        sum_[step] = row.values[step];
      }
    }
  }

  void AddFloat(size_t step, double value) {
    if (!IsPresent(floats_.data(), step)) {
      SetPresent(floats_.data(), step);
      sum_[step] = value;
      if (mean_) count_[step] = 1;
      return;
    }
    if (mean_) {
      AddToMean(step, value);
      return;
    }
    base::KahanSum sum{sum_[step], compensation_[step]};
    sum.Add(value);
    sum_[step] = sum.sum;
    compensation_[step] = sum.compensation;
  }

  void AddToMean(size_t step, double value) {
    const double count = ++count_[step];
    base::KahanSum sum{sum_[step], compensation_[step]};
    if (running_mean_.empty() || !running_mean_[step]) {
      sum.Add(value);
      if (!std::isinf(sum.sum)) {
        sum_[step] = sum.sum;
        compensation_[step] = sum.compensation;
        return;
      }
      // The sum would overflow: go on with a mean, which cannot.
      running_mean_.resize(steps_);
      running_mean_[step] = true;
      sum = {sum_[step] / (count - 1), compensation_[step] / (count - 1)};
    }
    sum.Scale((count - 1) / count);
    sum.Add(value / count);
    sum_[step] = sum.sum;
    compensation_[step] = sum.compensation;
  }

  double Result(size_t step) const {
    if (!mean_ || (!running_mean_.empty() && running_mean_[step])) {
      return sum_[step] + compensation_[step];
    }
    return (sum_[step] + compensation_[step]) / count_[step];
  }

  const bool mean_;
  const size_t steps_;
  std::vector<double> sum_;
  std::vector<double> compensation_;
  std::vector<double> count_;
  PresenceBits floats_;
  std::vector<bool> running_mean_;
  HistogramSums histograms_;
};

class CountAccumulator final : public Accumulator {
 public:
  CountAccumulator(bool group, size_t steps) : group_(group), steps_(steps), count_(steps) {}

  void Add(const StepSeries& row, promql::PositionRange, Annotations*) override {
    if (AllPresent(row.present, steps_)) {
      for (double& count : count_) ++count;
    } else {
      ForEachPresent(row.present, steps_, [&](size_t step) { ++count_[step]; });
    }
  }

  void Finish(promql::PositionRange, StepVector*, StepSeries* row, Annotations*) override {
    for (size_t step = 0; step < steps_; ++step) {
      if (count_[step] > 0) row->SetFloat(step, group_ ? 1 : count_[step]);
    }
  }

  int64_t bytes() const override { return static_cast<int64_t>(steps_) * 8; }

 private:
  const bool group_;
  const size_t steps_;
  std::vector<double> count_;
};

class ExtremeAccumulator final : public Accumulator {
 public:
  ExtremeAccumulator(AggregateOp op, size_t steps)
      : op_(op), steps_(steps), extreme_(steps), seen_(PresenceWordCount(steps)) {}

  void Add(const StepSeries& row, promql::PositionRange position,
           Annotations* annotations) override {
    const bool max = op_ == AggregateOp::kMax;
    ForEachPresent(row.present, steps_, [&](size_t step) {
      if (row.IsHistogram(step)) {
        NoteIgnoredHistogram(op_, position, annotations);
        return;
      }
      const double value = row.values[step];
      double& extreme = extreme_[step];
      if (!IsPresent(seen_.data(), step)) {
        SetPresent(seen_.data(), step);
        extreme = value;
      } else if ((max ? extreme < value : extreme > value) || std::isnan(extreme)) {
        extreme = value;
      }
    });
  }

  void Finish(promql::PositionRange, StepVector*, StepSeries* row, Annotations*) override {
    ForEachPresent(seen_.data(), steps_, [&](size_t step) { row->SetFloat(step, extreme_[step]); });
  }

  int64_t bytes() const override { return static_cast<int64_t>(steps_) * 8; }

 private:
  const AggregateOp op_;
  const size_t steps_;
  std::vector<double> extreme_;
  PresenceBits seen_;
};

// Welford's algorithm; population variance.
class VarianceAccumulator final : public Accumulator {
 public:
  VarianceAccumulator(AggregateOp op, size_t steps)
      : op_(op), steps_(steps), count_(steps), mean_(steps), squares_(steps) {}

  void Add(const StepSeries& row, promql::PositionRange position,
           Annotations* annotations) override {
    ForEachPresent(row.present, steps_, [&](size_t step) {
      if (row.IsHistogram(step)) {
        NoteIgnoredHistogram(op_, position, annotations);
        return;
      }
      const double value = row.values[step];
      const double count = ++count_[step];
      if (count == 1) {
        mean_[step] = value;
        squares_[step] = std::isfinite(value) ? 0 : std::numeric_limits<double>::quiet_NaN();
        return;
      }
      const double delta = value - mean_[step];
      mean_[step] += delta / count;
      squares_[step] += delta * (value - mean_[step]);
    });
  }

  void Finish(promql::PositionRange, StepVector*, StepSeries* row, Annotations*) override {
    for (size_t step = 0; step < steps_; ++step) {
      if (count_[step] == 0) continue;
      const double variance = squares_[step] / count_[step];
      row->SetFloat(step, op_ == AggregateOp::kStddev ? std::sqrt(variance) : variance);
    }
  }

  int64_t bytes() const override { return static_cast<int64_t>(steps_) * 24; }

 private:
  const AggregateOp op_;
  const size_t steps_;
  std::vector<double> count_;
  std::vector<double> mean_;
  std::vector<double> squares_;
};

}  // namespace

std::unique_ptr<Accumulator> MakeAccumulator(AggregateOp op, size_t steps) {
  switch (op) {
    case AggregateOp::kSum:
    case AggregateOp::kAvg:
      return std::make_unique<SumAccumulator>(op == AggregateOp::kAvg, steps);
    case AggregateOp::kCount:
    case AggregateOp::kGroup:
      return std::make_unique<CountAccumulator>(op == AggregateOp::kGroup, steps);
    case AggregateOp::kMin:
    case AggregateOp::kMax:
      return std::make_unique<ExtremeAccumulator>(op, steps);
    case AggregateOp::kStddev:
    case AggregateOp::kStdvar:
      return std::make_unique<VarianceAccumulator>(op, steps);
    default:
      LARNAX_UNREACHABLE();
  }
}

}  // namespace larnax::exec
