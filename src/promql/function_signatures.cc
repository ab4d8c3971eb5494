#include "promql/function_signatures.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/check.h"

namespace larnax::promql {
namespace {

constexpr ValueType S = ValueType::kScalar;
constexpr ValueType V = ValueType::kVector;
constexpr ValueType M = ValueType::kMatrix;
constexpr ValueType T = ValueType::kString;

// One array for each list of arguments that occurs, named after it.
constexpr std::array kM = {M};
constexpr std::array kS = {S};
constexpr std::array kV = {V};
constexpr std::array kMS = {M, S};
constexpr std::array kSM = {S, M};
constexpr std::array kSS = {S, S};
constexpr std::array kSV = {S, V};
constexpr std::array kVS = {V, S};
constexpr std::array kVT = {V, T};
constexpr std::array kVV = {V, V};
constexpr std::array kMSS = {M, S, S};
constexpr std::array kSSV = {S, S, V};
constexpr std::array kVSS = {V, S, S};
constexpr std::array kVTSS = {V, T, S, S};
constexpr std::array kVTTT = {V, T, T, T};
constexpr std::array kVTTTT = {V, T, T, T, T};
constexpr std::span<const ValueType> kNoArgs;

constexpr int kAny = FunctionSignature::kAnyNumber;
constexpr bool kExperimental = true;

// Sorted by name.
constexpr std::array kFunctions = {
    FunctionSignature{"abs", kV, 0, V},
    FunctionSignature{"absent", kV, 0, V},
    FunctionSignature{"absent_over_time", kM, 0, V},
    FunctionSignature{"acos", kV, 0, V},
    FunctionSignature{"acosh", kV, 0, V},
    FunctionSignature{"asin", kV, 0, V},
    FunctionSignature{"asinh", kV, 0, V},
    FunctionSignature{"atan", kV, 0, V},
    FunctionSignature{"atanh", kV, 0, V},
    FunctionSignature{"avg_over_time", kM, 0, V},
    FunctionSignature{"ceil", kV, 0, V},
    FunctionSignature{"changes", kM, 0, V},
    FunctionSignature{"clamp", kVSS, 0, V},
    FunctionSignature{"clamp_max", kVS, 0, V},
    FunctionSignature{"clamp_min", kVS, 0, V},
    FunctionSignature{"cos", kV, 0, V},
    FunctionSignature{"cosh", kV, 0, V},
    FunctionSignature{"count_over_time", kM, 0, V},
    FunctionSignature{"day_of_month", kV, 1, V},
    FunctionSignature{"day_of_week", kV, 1, V},
    FunctionSignature{"day_of_year", kV, 1, V},
    FunctionSignature{"days_in_month", kV, 1, V},
    FunctionSignature{"deg", kV, 0, V},
    FunctionSignature{"delta", kM, 0, V},
    FunctionSignature{"deriv", kM, 0, V},
    FunctionSignature{"double_exponential_smoothing", kMSS, 0, V, kExperimental},
    FunctionSignature{"end", kNoArgs, 0, S, kExperimental},
    FunctionSignature{"exp", kV, 0, V},
    FunctionSignature{"first_over_time", kM, 0, V},
    FunctionSignature{"floor", kV, 0, V},
    FunctionSignature{"histogram_avg", kV, 0, V},
    FunctionSignature{"histogram_count", kV, 0, V},
    FunctionSignature{"histogram_fraction", kSSV, 0, V},
    FunctionSignature{"histogram_quantile", kSV, 0, V},
    FunctionSignature{"histogram_quantiles", kVTSS, 9, V, kExperimental},
    FunctionSignature{"histogram_stddev", kV, 0, V},
    FunctionSignature{"histogram_stdvar", kV, 0, V},
    FunctionSignature{"histogram_sum", kV, 0, V},
    FunctionSignature{"hour", kV, 1, V},
    FunctionSignature{"idelta", kM, 0, V},
    FunctionSignature{"increase", kM, 0, V},
    FunctionSignature{"info", kVV, 1, V, kExperimental},
    FunctionSignature{"irate", kM, 0, V},
    FunctionSignature{"label_join", kVTTT, kAny, V},
    FunctionSignature{"label_replace", kVTTTT, 0, V},
    FunctionSignature{"last_over_time", kM, 0, V},
    FunctionSignature{"ln", kV, 0, V},
    FunctionSignature{"log10", kV, 0, V},
    FunctionSignature{"log2", kV, 0, V},
    FunctionSignature{"mad_over_time", kM, 0, V, kExperimental},
    FunctionSignature{"max_of", kSS, 0, S, kExperimental},
    FunctionSignature{"max_over_time", kM, 0, V},
    FunctionSignature{"min_of", kSS, 0, S, kExperimental},
    FunctionSignature{"min_over_time", kM, 0, V},
    FunctionSignature{"minute", kV, 1, V},
    FunctionSignature{"month", kV, 1, V},
    FunctionSignature{"pi", kNoArgs, 0, S},
    FunctionSignature{"predict_linear", kMS, 0, V},
    FunctionSignature{"present_over_time", kM, 0, V},
    FunctionSignature{"quantile_over_time", kSM, 0, V},
    FunctionSignature{"rad", kV, 0, V},
    FunctionSignature{"range", kNoArgs, 0, S, kExperimental},
    FunctionSignature{"rate", kM, 0, V},
    FunctionSignature{"resets", kM, 0, V},
    FunctionSignature{"round", kVS, 1, V},
    FunctionSignature{"scalar", kV, 0, S},
    FunctionSignature{"sgn", kV, 0, V},
    FunctionSignature{"sin", kV, 0, V},
    FunctionSignature{"sinh", kV, 0, V},
    FunctionSignature{"sort", kV, 0, V},
    FunctionSignature{"sort_by_label", kVT, kAny, V, kExperimental},
    FunctionSignature{"sort_by_label_desc", kVT, kAny, V, kExperimental},
    FunctionSignature{"sort_desc", kV, 0, V},
    FunctionSignature{"sqrt", kV, 0, V},
    FunctionSignature{"start", kNoArgs, 0, S, kExperimental},
    FunctionSignature{"start_timestamp", kV, 0, V, kExperimental},
    FunctionSignature{"stddev_over_time", kM, 0, V},
    FunctionSignature{"stdvar_over_time", kM, 0, V},
    FunctionSignature{"step", kNoArgs, 0, S, kExperimental},
    FunctionSignature{"sum_over_time", kM, 0, V},
    FunctionSignature{"tan", kV, 0, V},
    FunctionSignature{"tanh", kV, 0, V},
    FunctionSignature{"time", kNoArgs, 0, S},
    FunctionSignature{"timestamp", kV, 0, V},
    FunctionSignature{"ts_of_first_over_time", kM, 0, V, kExperimental},
    FunctionSignature{"ts_of_last_over_time", kM, 0, V, kExperimental},
    FunctionSignature{"ts_of_max_over_time", kM, 0, V, kExperimental},
    FunctionSignature{"ts_of_min_over_time", kM, 0, V, kExperimental},
    FunctionSignature{"vector", kS, 0, V},
    FunctionSignature{"year", kV, 1, V},
};

static_assert(std::is_sorted(kFunctions.begin(), kFunctions.end(),
                             [](const FunctionSignature& a, const FunctionSignature& b) {
                               return a.name < b.name;
                             }));

}  // namespace

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kNone:
      return "none";
    case ValueType::kScalar:
      return "scalar";
    case ValueType::kVector:
      return "instant vector";
    case ValueType::kMatrix:
      return "range vector";
    case ValueType::kString:
      return "string";
  }
  LARNAX_UNREACHABLE();
}

std::string_view ResultTypeName(ValueType type) {
  switch (type) {
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
    case ValueType::kNone:
    case ValueType::kScalar:
    case ValueType::kString:
      return TypeName(type);
  }
  LARNAX_UNREACHABLE();
}

const FunctionSignature* FindFunction(std::string_view name) {
  const auto* found = std::lower_bound(
      kFunctions.begin(), kFunctions.end(), name,
      [](const FunctionSignature& function, std::string_view n) { return function.name < n; });
  return found != kFunctions.end() && found->name == name ? found : nullptr;
}

std::span<const FunctionSignature> AllFunctions() { return kFunctions; }

}  // namespace larnax::promql
