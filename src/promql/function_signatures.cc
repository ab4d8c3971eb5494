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
constexpr bool kStable = false;
constexpr bool kExperimental = true;

// The names of all functions that are called in one way.
struct Calls {
  std::span<const ValueType> args;
  int variadic;
  ValueType result;
  bool experimental;
  std::string_view names;  // With a space behind each.
};

constexpr Calls kCalls[] = {
    {kV, 0, V, kStable,
     "abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg "
     "histogram_count histogram_stddev histogram_stdvar histogram_sum ln log10 log2 rad sgn "
     "sin sinh sort sort_desc sqrt tan tanh timestamp "},
    {kM, 0, V, kStable,
     "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time "
     "idelta increase irate last_over_time max_over_time min_over_time present_over_time "
     "rate resets stddev_over_time stdvar_over_time sum_over_time "},
    {kV, 1, V, kStable,
     "day_of_month day_of_week day_of_year days_in_month hour minute month year "},
    {kVS, 0, V, kStable, "clamp_max clamp_min "},
    {kNoArgs, 0, S, kStable, "pi time "},
    {kVSS, 0, V, kStable, "clamp "},
    {kSSV, 0, V, kStable, "histogram_fraction "},
    {kSV, 0, V, kStable, "histogram_quantile "},
    {kVTTT, kAny, V, kStable, "label_join "},
    {kVTTTT, 0, V, kStable, "label_replace "},
    {kMS, 0, V, kStable, "predict_linear "},
    {kSM, 0, V, kStable, "quantile_over_time "},
    {kVS, 1, V, kStable, "round "},
    {kV, 0, S, kStable, "scalar "},
    {kS, 0, V, kStable, "vector "},
    {kM, 0, V, kExperimental,
     "mad_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time "
     "ts_of_min_over_time "},
    {kNoArgs, 0, S, kExperimental, "end range start step "},
    {kSS, 0, S, kExperimental, "max_of min_of "},
    {kVT, kAny, V, kExperimental, "sort_by_label sort_by_label_desc "},
    {kMSS, 0, V, kExperimental, "double_exponential_smoothing "},
    {kVTSS, 9, V, kExperimental, "histogram_quantiles "},
    {kVV, 1, V, kExperimental, "info "},
    {kV, 0, V, kExperimental, "start_timestamp "},
};

constexpr size_t CountNames() {
  size_t count = 0;
  for (const Calls& calls : kCalls) {
    count += static_cast<size_t>(std::count(calls.names.begin(), calls.names.end(), ' '));
  }
  return count;
}

// Sorted by name.
constexpr std::array<FunctionSignature, CountNames()> kFunctions = [] {
  std::array<FunctionSignature, CountNames()> functions;
  size_t count = 0;
  for (const Calls& calls : kCalls) {
    std::string_view names = calls.names;
    while (!names.empty()) {
      const size_t end = names.find(' ');
      functions[count++] = {names.substr(0, end), calls.args, calls.variadic, calls.result,
                            calls.experimental};
      names.remove_prefix(end + 1);
    }
  }
  std::sort(functions.begin(), functions.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return functions;
}();

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
