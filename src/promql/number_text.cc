#include "promql/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "larnax/error.h"
#include "promql/quote.h"

namespace larnax::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Underscores may stand between digits, and after `0x`.
std::optional<std::string> WithoutUnderscores(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  const bool hex = text.size() >= 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
  const auto is_digit = [&](char c) {
    return IsDigit(c) || (hex && ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'));
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out.push_back(text[i]);
      continue;
    }
    const bool after = i > 0 && (is_digit(text[i - 1]) || (hex && i == 2));
    const bool before = i + 1 < text.size() && is_digit(text[i + 1]);
    if (!after || !before) return std::nullopt;
  }
  return out;
}

std::optional<double> AsInteger(std::string_view digits) {
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0') {
    base = (digits[1] | 0x20) == 'x' ? 16 : 8;
    digits.remove_prefix(base == 16 ? 2 : 1);
  }
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return static_cast<double>(value);
}

arrow::Status NumberError(std::string_view text, std::string_view reason) {
  return MakeError(ErrorKind::kBadQuery, "error parsing number: strconv.ParseFloat: parsing " +
                                             Quoted(text) + ": " + std::string(reason));
}

struct Unit {
  std::string_view name;
  uint64_t nanoseconds;
};

// From the largest: units of a duration come in this order.
constexpr std::array kUnits = {
    Unit{"y", 365ULL * 86400 * 1'000'000'000},
    Unit{"w", 7ULL * 86400 * 1'000'000'000},
    Unit{"d", 86400ULL * 1'000'000'000},
    Unit{"h", 3600ULL * 1'000'000'000},
    Unit{"m", 60ULL * 1'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
};

arrow::Status DurationError(std::string message) {
  return MakeError(ErrorKind::kBadQuery, std::move(message));
}

}  // namespace

arrow::Result<double> ReadNumber(std::string_view text) {
  if ((text[0] | 0x20) == 'i') return std::numeric_limits<double>::infinity();
  if ((text[0] | 0x20) == 'n') return std::numeric_limits<double>::quiet_NaN();
  const std::optional<std::string> digits = WithoutUnderscores(text);
  if (!digits.has_value()) return NumberError(text, "invalid syntax");
  if (const std::optional<double> integer = AsInteger(*digits)) return *integer;
  double value = 0;
  const char* end = digits->data() + digits->size();
  const auto [stop, error] = std::from_chars(digits->data(), end, value);
  if (error == std::errc::result_out_of_range) value = std::strtod(digits->c_str(), nullptr);
  if (stop != end || error == std::errc::invalid_argument) {
    return NumberError(text, "invalid syntax");
  }
  if (std::isinf(value)) return NumberError(text, "value out of range");
  return value;
}

arrow::Result<double> ReadDuration(std::string_view text) {
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  uint64_t total = 0;
  const Unit* smallest = nullptr;
  for (std::string_view rest = text; !rest.empty();) {
    uint64_t count = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (error != std::errc()) {
      return DurationError("not a valid duration string: " + Quoted(text));
    }
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    size_t length = 0;
    while (length < rest.size() && !IsDigit(rest[length])) ++length;
    if (length == 0) return DurationError("not a valid duration string: " + Quoted(text));
    const std::string_view name = rest.substr(0, length);
    rest.remove_prefix(length);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) {
      return DurationError("unknown unit " + Quoted(name) + " in duration " + Quoted(text));
    }
    if (smallest != nullptr && unit <= smallest) {
      return DurationError("not a valid duration string: " + Quoted(text));
    }
    smallest = unit;
    if (count > kLimit / unit->nanoseconds) return DurationError("duration out of range");
    total += count * unit->nanoseconds;
    if (total >= kLimit) return DurationError("duration out of range");
  }
  constexpr uint64_t kSecond = 1'000'000'000;
  return static_cast<double>(total / kSecond) + static_cast<double>(total % kSecond) / 1e9;
}

void AppendNumber(double value, std::string* out) {
  if (std::isnan(value)) {
    out->append("NaN");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "+Inf" : "-Inf");
  } else {
    std::array<char, 400> digits;
    char* end = digits.data() + digits.size();
    // From here on plain notation has zeros after the digits that tell numbers apart.
    constexpr double kExactIntegers = 9007199254740992.0;
    if (std::fabs(value) <= kExactIntegers) {
      const auto result = std::to_chars(digits.data(), end, value, std::chars_format::fixed);
      out->append(digits.data(), result.ptr);
      return;
    }
    const auto result = std::to_chars(digits.data(), end, value, std::chars_format::scientific);
    const std::string_view text(digits.data(), static_cast<size_t>(result.ptr - digits.data()));
    const size_t e = text.find('e');
    int exponent = 0;
    std::from_chars(text.data() + e + 2, result.ptr, exponent);
    const size_t start = out->size();
    for (const char c : text.substr(0, e)) {
      if (c != '.') out->push_back(c);
    }
    const size_t length = static_cast<size_t>(exponent) + (value < 0 ? 2 : 1);
    out->append(length - std::min(length, out->size() - start), '0');
  }
}

}  // namespace larnax::promql
