#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exec/operator.h"
#include "exec/operators/row_transforms.h"
#include "promql/ast.h"

namespace larnax::exec {

/// A number.
class ConstantScalar final : public ScalarOperator {
 public:
  ConstantScalar(double value, size_t steps) : value_(value), steps_(steps) {}
  arrow::Result<std::vector<double>> Evaluate() override {
    return std::vector<double>(steps_, value_);
  }

 private:
  double value_;
  size_t steps_;
};

/// Numbers that are known.
class GivenScalar final : public ScalarOperator {
 public:
  explicit GivenScalar(std::vector<double> values) : values_(std::move(values)) {}
  arrow::Result<std::vector<double>> Evaluate() override { return std::move(values_); }

 private:
  std::vector<double> values_;
};

/// `-scalar`
class NegatedScalar final : public ScalarOperator {
 public:
  explicit NegatedScalar(ScalarOperatorPtr input) : input_(std::move(input)) {}
  arrow::Result<std::vector<double>> Evaluate() override;

 private:
  ScalarOperatorPtr input_;
};

/// `scalar op scalar`
class BinaryScalar final : public ScalarOperator {
 public:
  BinaryScalar(promql::BinaryOp op, ScalarOperatorPtr lhs, ScalarOperatorPtr rhs)
      : op_(op), lhs_(std::move(lhs)), rhs_(std::move(rhs)) {}
  arrow::Result<std::vector<double>> Evaluate() override;

 private:
  promql::BinaryOp op_;
  ScalarOperatorPtr lhs_;
  ScalarOperatorPtr rhs_;
};

/// A scalar of one step, repeated at all.
class RepeatedScalar final : public ScalarOperator {
 public:
  RepeatedScalar(ScalarOperatorPtr input, size_t steps) : input_(std::move(input)), steps_(steps) {}
  arrow::Result<std::vector<double>> Evaluate() override;

 private:
  ScalarOperatorPtr input_;
  size_t steps_;
};

/// What the arguments of a call are evaluated by.
struct CallArguments {
  struct One {
    promql::ValueType type = promql::ValueType::kNone;
    VectorOperatorPtr vector;
    ScalarOperatorPtr scalar;
    std::string text;
  };
  CallContext call;
  std::vector<One> arguments;

  /// Evaluate all; `call` gets scalars and texts, which `out` owns.
  arrow::Result<std::vector<Argument>> Evaluate();
};

/// A scalar function.
class ScalarFunction final : public ScalarOperator {
 public:
  ScalarFunction(ExecutionContext* context, const Function* function, CallArguments arguments)
      : context_(context), function_(function), arguments_(std::move(arguments)) {}
  arrow::Result<std::vector<double>> Evaluate() override;

 private:
  ExecutionContext* context_;
  const Function* function_;
  CallArguments arguments_;
};

/// A function over whole vectors.
class VectorFunction final : public WholeOperator {
 public:
  VectorFunction(ExecutionContext* context, StepGrid grid, const Function* function,
                 CallArguments arguments)
      : WholeOperator(context, grid), function_(function), arguments_(std::move(arguments)) {}

 private:
  arrow::Result<StepVector> Evaluate() override;

  const Function* function_;
  CallArguments arguments_;
};

/// One series without labels that has a scalar's values.
class ScalarAsVector final : public WholeOperator {
 public:
  ScalarAsVector(ExecutionContext* context, StepGrid grid, ScalarOperatorPtr scalar)
      : WholeOperator(context, grid), scalar_(std::move(scalar)) {}

 private:
  arrow::Result<StepVector> Evaluate() override;

  ScalarOperatorPtr scalar_;
};

/// A vector of one step, repeated at all steps of a grid.
class RepeatedVector final : public VectorOperator {
 public:
  RepeatedVector(ExecutionContext* context, StepGrid grid, VectorOperatorPtr input)
      : VectorOperator(context, grid), input_(std::move(input)) {
    set_single_name(input_->has_single_name());
  }

 private:
  arrow::Result<StepVector> DoNext() override;

  VectorOperatorPtr input_;
};

/// No series.
class EmptyVector final : public VectorOperator {
 public:
  using VectorOperator::VectorOperator;

 private:
  arrow::Result<StepVector> DoNext() override { return NewVector(); }
};

/// A vector that several operators read: evaluated once. Not synchronized.
class SharedVector {
 public:
  /// \param place  Where the expression begins that was planned.
  SharedVector(ExecutionContext* context, VectorOperatorPtr input, int32_t place)
      : context_(context), input_(std::move(input)), place_(place) {}
  const VectorOperator& input() const { return *input_; }
  void AddReader() { ++readers_; }
  /// All rows: copied for all readers but the last, so that each may write to them. Notes and
  /// counts are added each time, as if the expression that begins at `place` had been evaluated.
  arrow::Result<StepVector> Take(int32_t place);

 private:
  ExecutionContext* context_;
  VectorOperatorPtr input_;
  const int32_t place_;
  Annotations notes_;
  QueryStats counts_;
  StepVector all_;
  bool evaluated_ = false;
  int readers_ = 0;
};

class SharedVectorReader final : public WholeOperator {
 public:
  SharedVectorReader(ExecutionContext* context, std::shared_ptr<SharedVector> shared, int32_t place)
      : WholeOperator(context, shared->input().grid()), shared_(std::move(shared)), place_(place) {
    set_single_name(shared_->input().has_single_name());
    shared_->AddReader();
  }

 private:
  arrow::Result<StepVector> Evaluate() override { return shared_->Take(place_); }

  std::shared_ptr<SharedVector> shared_;
  const int32_t place_;
};

}  // namespace larnax::exec
