#pragma once

#include <string>
#include <vector>

#include <arrow/status.h>

#include "larnax/query.h"
#include "test/promql/script.h"

namespace larnax::promqltest {

/// Tell whether two values are equal but for rounding: a relative difference below 1e-6, any two
/// NaN, stale markers only with each other.
bool AlmostEqual(double a, double b);
/// Compare compact histograms: layouts exactly, counts and sum with AlmostEqual.
bool AlmostEqual(const model::FloatHistogram& a, const model::FloatHistogram& b);

/// Compare the answer of an instant or range query with what `eval` expects of its values.
/// \return Invalid, with the first difference.
arrow::Status CompareAnswer(const EvalCommand& eval, const QueryResult& result);
/// Compare the step at `time_ms` of a range query with what `eval` expects of an instant one.
///
/// \param is_scalar  The instant query's answer was a scalar.
arrow::Status CompareMiddleStep(const EvalCommand& eval, int64_t time_ms, const QueryResult& result,
                                bool is_scalar);
/// Compare warnings and infos: each has to be expected and each expectation met.
arrow::Status CompareAnnotations(const EvalCommand& eval, const QueryResult& result);

}  // namespace larnax::promqltest
