#include "exec/operators/row_transforms.h"

#include <algorithm>
#include <string>
#include <utility>

#include "exec/label_edit.h"

namespace larnax::exec {

using promql::BinaryOp;

namespace {

// Calls `f` with a function object for `op`, so that loops are compiled once for each operator.
template <typename F>
void WithFloatOp(BinaryOp op, F&& f) {
  switch (op) {
    case BinaryOp::kAdd:
      return f([](double a, double b) { return a + b; });
    case BinaryOp::kSub:
      return f([](double a, double b) { return a - b; });
    case BinaryOp::kMul:
      return f([](double a, double b) { return a * b; });
    case BinaryOp::kDiv:
      return f([](double a, double b) { return a / b; });
    default:
      return f([op](double a, double b) { return ComputeFloats(op, a, b); });
  }
}

template <typename F>
void WithComparison(BinaryOp op, F&& f) {
  switch (op) {
    case BinaryOp::kEqual:
      return f([](double a, double b) { return a == b; });
    case BinaryOp::kNotEqual:
      return f([](double a, double b) { return a != b; });
    case BinaryOp::kLess:
      return f([](double a, double b) { return a < b; });
    case BinaryOp::kLessEqual:
      return f([](double a, double b) { return a <= b; });
    case BinaryOp::kGreater:
      return f([](double a, double b) { return a > b; });
    default:
      return f([](double a, double b) { return a >= b; });
  }
}

class ScalarBinaryRows {
 public:
  ScalarBinaryRows(const ScalarBinary& spec, StepVector* vector, TaskNotes* notes)
      : spec_(spec), vector_(vector), notes_(notes), steps_(vector->steps()) {}

  void Apply(StepSeries* row) {
    const bool trims = promql::IsTrim(spec_.op);
    if (row->histograms != nullptr || trims) {
      ApplyValues(row);
    } else if (!promql::IsComparison(spec_.op)) {
      ApplyArithmetic(row);
    } else {
      ApplyComparison(row);
    }
  }

 private:
  void ApplyArithmetic(StepSeries* row) {
    const std::vector<double>& scalar = *spec_.scalar;
    WithFloatOp(spec_.op, [&](auto compute) {
      const auto at = [&](size_t step) {
        double& value = row->values[step];
        value = spec_.scalar_on_left ? compute(scalar[step], value) : compute(value, scalar[step]);
      };
      if (AllPresent(row->present, steps_)) {
        for (size_t step = 0; step < steps_; ++step) at(step);
      } else {
        ForEachPresent(row->present, steps_, at);
      }
    });
  }

  void ApplyComparison(StepSeries* row) {
    const std::vector<double>& scalar = *spec_.scalar;
    WithComparison(spec_.op, [&](auto holds) {
      for (size_t word = 0; word < PresenceWordCount(steps_); ++word) {
        PresenceWord kept = row->present[word];
        for (PresenceWord bits = kept; bits != 0; bits &= bits - 1) {
          const auto bit = static_cast<size_t>(std::countr_zero(bits));
          const size_t step = word * 64 + bit;
          double& value = row->values[step];
          const bool keep =
              spec_.scalar_on_left ? holds(scalar[step], value) : holds(value, scalar[step]);
          if (spec_.return_bool) {
            value = keep ? 1 : 0;
          } else if (!keep) {
            kept &= ~(PresenceWord{1} << bit);
          }
        }
        row->present[word] = kept;
      }
    });
  }

  void ApplyValues(StepSeries* row) {
    ForEachPresent(row->present, steps_, [&](size_t step) { ApplyValue(step, row); });
  }

  void ApplyValue(size_t step, StepSeries* row) {
    const double scalar = (*spec_.scalar)[step];
    BinaryValue value{row->values[step], nullptr};
    const bool is_histogram = row->IsHistogram(step);
    if (is_histogram) value = {0, &row->histograms[step]};
    const bool trims = promql::IsTrim(spec_.op);
    if (!is_histogram && !trims) {
      const double a = spec_.scalar_on_left ? scalar : value.number;
      const double b = spec_.scalar_on_left ? value.number : scalar;
      if (!promql::IsComparison(spec_.op)) {
        row->values[step] = ComputeFloats(spec_.op, a, b);
      } else {
        Decide(Compare(spec_.op, a, b), step, row);
      }
      return;
    }
    const BinaryValue other{scalar, nullptr};
    BinaryAnswer answer =
        spec_.scalar_on_left
            ? ComputeValues(spec_.op, other, value, spec_.position, &notes_->annotations)
            : ComputeValues(spec_.op, value, other, spec_.position, &notes_->annotations);
    switch (answer.kind) {
      case BinaryAnswer::Kind::kNothing:
        ClearPresent(row->present, step);
        if (is_histogram) row->histograms[step] = nullptr;
        break;
      case BinaryAnswer::Kind::kFloat:
        row->values[step] = answer.number;
        if (is_histogram) row->histograms[step] = nullptr;
        break;
      case BinaryAnswer::Kind::kHistogram:
        vector_->SetHistogram(row, step, *std::move(answer.histogram));
        break;
      case BinaryAnswer::Kind::kTrue:
      case BinaryAnswer::Kind::kFalse:
        Decide(answer.kind == BinaryAnswer::Kind::kTrue, step, row);
        break;
    }
  }

  void Decide(bool holds, size_t step, StepSeries* row) {
    if (spec_.return_bool) {
      row->values[step] = holds ? 1 : 0;
      if (row->IsHistogram(step)) row->histograms[step] = nullptr;
    } else if (!holds) {
      ClearPresent(row->present, step);
    }
  }

  const ScalarBinary& spec_;
  StepVector* vector_;
  TaskNotes* notes_;
  const size_t steps_;
};

}  // namespace

void RemoveEmptyRows(StepVector* vector) {
  std::erase_if(vector->series,
                [&](const StepSeries& row) { return !AnyPresent(row.present, vector->steps()); });
}

RowTransform MakeScalarBinary(ScalarBinary spec) {
  return
      [spec = std::move(spec)](StepVector vector, TaskNotes* notes) -> arrow::Result<StepVector> {
        ScalarBinaryRows rows(spec, &vector, notes);
        const bool drops_name = spec.return_bool || ChangesMetric(spec.op);
        for (StepSeries& row : vector.series) {
          rows.Apply(&row);
          if (drops_name) DropName(*spec.query, &vector, &row);
        }
        RemoveEmptyRows(&vector);
        return vector;
      };
}

RowTransform MakeNegate(const QueryContext* query) {
  return [query](StepVector vector, TaskNotes*) -> arrow::Result<StepVector> {
    for (StepSeries& row : vector.series) {
      ForEachPresent(row.present, vector.steps(), [&](size_t step) {
        if (!row.IsHistogram(step)) {
          row.values[step] = -row.values[step];
          return;
        }
        model::FloatHistogram negative = *row.histograms[step];
        negative.Multiply(-1);
        row.histograms[step] = MakeHistogram(std::move(negative), vector.meter());
      });
      DropName(*query, &vector, &row);
    }
    return vector;
  };
}

RowTransform MakeNameDrop(const QueryContext* query) {
  return [query](StepVector vector, TaskNotes*) -> arrow::Result<StepVector> {
    for (StepSeries& row : vector.series) DropName(*query, &vector, &row);
    return vector;
  };
}

RowTransform MakeElementCall(std::shared_ptr<const ElementCall> call) {
  return [call = std::move(call)](StepVector vector,
                                  TaskNotes* notes) -> arrow::Result<StepVector> {
    StepVector out(vector.steps(), vector.meter());
    out.Reserve(vector.size());
    const QueryContext& query = *call->call.query;
    std::string bytes;
    for (const StepSeries& from : vector.series) {
      StepSeries& row = out.Add(from.labels, from.drop_name);
      SeriesWriter writer(&out, &row);
      ARROW_RETURN_NOT_OK(call->function->element(call->call, from, &writer, &notes->annotations));
      if (!AnyPresent(row.present, out.steps())) {
        out.series.pop_back();
        continue;
      }
      if (call->function->keeps_name) {
        row.labels = out.StoreLabels(from.labels.bytes());
      } else if (call->function->drops_only_name && !query.features.delayed_name_removal) {
        DropMetricName(from.labels, &bytes);
        row.labels = out.StoreLabels(bytes);
      } else {
        row.labels = out.StoreLabels(from.labels.bytes());
        DropName(query, &out, &row);
      }
    }
    return out;
  };
}

}  // namespace larnax::exec
