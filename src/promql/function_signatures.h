#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace larnax::promql {

/// What an expression evaluates to.
enum class ValueType : uint8_t { kNone, kScalar, kVector, kMatrix, kString };

/// Name a type as error messages do: `scalar`, `instant vector`, `range vector`, `string`.
std::string_view TypeName(ValueType type);
/// Name a type as the HTTP API does: `scalar`, `vector`, `matrix`, `string`, `none`.
std::string_view ResultTypeName(ValueType type);

/// How a function may be called.
struct FunctionSignature {
  /// `variadic` of a function that takes any number of its last argument.
  static constexpr int kAnyNumber = -1;

  std::string_view name;
  std::span<const ValueType> args;
  /// 0: exactly `args`. Else the last of `args` may be left out, or be given up to `variadic`
  /// times; kAnyNumber: any number of times.
  int variadic = 0;
  ValueType result = ValueType::kVector;
  bool experimental = false;
};

/// Find a function; null when there is none of that name. Names are in lower case.
const FunctionSignature* FindFunction(std::string_view name);
/// All functions, by name.
std::span<const FunctionSignature> AllFunctions();

}  // namespace larnax::promql
