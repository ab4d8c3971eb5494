#include "larnax/format.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <optional>

#include "base/civil_time.h"
#include "base/number_text.h"
#include "base/utf8.h"
#include "larnax/error.h"

namespace larnax {
namespace {

std::optional<int64_t> Digits(std::string_view* text, size_t min, size_t max) {
  size_t size = 0;
  int64_t value = 0;
  while (size < text->size() && size < max && (*text)[size] >= '0' && (*text)[size] <= '9') {
    value = value * 10 + ((*text)[size++] - '0');
  }
  if (size < min) return std::nullopt;
  text->remove_prefix(size);
  return value;
}

bool Skip(std::string_view* text, std::string_view any_of) {
  if (text->empty() || any_of.find(text->front()) == std::string_view::npos) return false;
  text->remove_prefix(1);
  return true;
}

// Milliseconds of `.fraction`, rounded to the nearest.
std::optional<int64_t> FractionMs(std::string_view* text) {
  if (!Skip(text, ".")) return 0;
  double unit_ms = 100;
  double fraction_ms = 0;
  size_t digits = 0;
  while (!text->empty() && text->front() >= '0' && text->front() <= '9') {
    fraction_ms += (text->front() - '0') * unit_ms;
    unit_ms /= 10;
    text->remove_prefix(1);
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  return static_cast<int64_t>(std::floor(fraction_ms + 0.5));
}

std::optional<int64_t> OffsetMs(std::string_view* text) {
  if (Skip(text, "Zz")) return 0;
  const int64_t sign = text->starts_with('-') ? -1 : 1;
  if (!Skip(text, "+-")) return std::nullopt;
  const auto hours = Digits(text, 2, 2);
  if (!hours || !Skip(text, ":")) return std::nullopt;
  const auto minutes = Digits(text, 2, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes) * 60'000;
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  const auto year = Digits(&text, 4, 4);
  if (!year || !Skip(&text, "-")) return std::nullopt;
  const auto month = Digits(&text, 2, 2);
  if (!month || *month < 1 || *month > 12 || !Skip(&text, "-")) return std::nullopt;
  const auto day = Digits(&text, 2, 2);
  if (!day || *day < 1 || !Skip(&text, "Tt ")) return std::nullopt;
  const int64_t days = base::DaysFromCivil(*year, static_cast<int>(*month), static_cast<int>(*day));
  if (base::CivilFromDays(days).day != *day) return std::nullopt;  // 30 February.
  const auto hour = Digits(&text, 2, 2);
  if (!hour || *hour > 23 || !Skip(&text, ":")) return std::nullopt;
  const auto minute = Digits(&text, 2, 2);
  if (!minute || *minute > 59 || !Skip(&text, ":")) return std::nullopt;
  const auto second = Digits(&text, 2, 2);
  if (!second || *second > 59) return std::nullopt;
  const auto fraction_ms = FractionMs(&text);
  if (!fraction_ms) return std::nullopt;
  const auto offset_ms = OffsetMs(&text);
  if (!offset_ms || !text.empty()) return std::nullopt;
  return days * base::kDayMs + ((*hour * 60 + *minute) * 60 + *second) * 1000 + *fraction_ms -
         *offset_ms;
}

std::optional<int64_t> ParseDecimalSeconds(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const double ms = std::round(seconds * 1000);
  if (!(std::abs(ms) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(ms);
}

struct DurationUnit {
  std::string_view name;
  int64_t ms;
};
// Largest first, the order in which a duration must name them.
constexpr std::array<DurationUnit, 7> kDurationUnits = {{{"y", 365LL * 86'400'000},
                                                         {"w", 7LL * 86'400'000},
                                                         {"d", 86'400'000},
                                                         {"h", 3'600'000},
                                                         {"m", 60'000},
                                                         {"s", 1000},
                                                         {"ms", 1}}};

std::optional<int64_t> ParseUnits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int64_t total_ms = 0;
  size_t next_unit = 0;
  while (!text.empty()) {
    const auto count = Digits(&text, 1, 18);
    if (!count) return std::nullopt;
    size_t letters = 0;
    while (letters < text.size() && text[letters] >= 'a' && text[letters] <= 'z') ++letters;
    const std::string_view name = text.substr(0, letters);
    text.remove_prefix(letters);
    while (next_unit < kDurationUnits.size() && kDurationUnits[next_unit].name != name) ++next_unit;
    if (next_unit == kDurationUnits.size()) return std::nullopt;
    int64_t part_ms = 0;
    if (__builtin_mul_overflow(*count, kDurationUnits[next_unit].ms, &part_ms) ||
        __builtin_add_overflow(total_ms, part_ms, &total_ms)) {
      return std::nullopt;
    }
    ++next_unit;
  }
  // Prometheus holds durations as int64 nanoseconds.
  if (total_ms > std::numeric_limits<int64_t>::max() / 1'000'000) return std::nullopt;
  return total_ms;
}

}  // namespace

void AppendValue(double value, std::string* out) {
  std::array<char, base::kMaxNumberBytes> buffer;
  out->append(buffer.data(), base::WriteValue(value, buffer.data()));
}

void AppendSeconds(int64_t time_ms, std::string* out) {
  // Through unsigned, as the smallest int64 has no positive twin.
  uint64_t magnitude = static_cast<uint64_t>(time_ms);
  std::array<char, base::kMaxNumberBytes> buffer;
  char* end = buffer.data();
  if (time_ms < 0) {
    *end++ = '-';
    magnitude = 0 - magnitude;
  }
  end = std::to_chars(end, buffer.data() + buffer.size(), magnitude / 1000).ptr;
  if (const uint64_t ms = magnitude % 1000; ms != 0) {
    *end++ = '.';
    *end++ = static_cast<char>('0' + ms / 100);
    *end++ = static_cast<char>('0' + ms / 10 % 10);
    *end++ = static_cast<char>('0' + ms % 10);
  }
  out->append(buffer.data(), end);
}

namespace {

constexpr std::array<bool, 256> MakePlainInJson() {
  std::array<bool, 256> plain{};
  for (size_t c = 0x20; c < 0x80; ++c) plain[c] = true;
  for (const char c : std::string_view("\"\\<>&")) plain[static_cast<size_t>(c)] = false;
  return plain;
}
constexpr std::array<bool, 256> kPlainInJson = MakePlainInJson();

// Bytes from `at` on that JSON strings hold as they are.
size_t PlainRun(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && kPlainInJson[static_cast<unsigned char>(text[end])]) ++end;
  return end - at;
}

void AppendUnicodeEscape(uint32_t code, std::string* out) {
  out->append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) {
    out->push_back("0123456789abcdef"[code >> shift & 0xF]);
  }
}

void AppendEscapedAscii(unsigned char c, std::string* out) {
  constexpr std::string_view kNamed = "\"\\\b\f\n\r\t";
  constexpr std::string_view kNames = "\"\\bfnrt";
  const size_t named = kNamed.find(static_cast<char>(c));
  if (named == std::string_view::npos) return AppendUnicodeEscape(c, out);
  out->push_back('\\');
  out->push_back(kNames[named]);
}

// A character beyond ASCII, or what stands for bytes that are none.
void AppendWideInJson(std::string_view text, size_t* at, std::string* out) {
  const size_t start = *at;
  const char32_t code = base::NextCodePoint(text, at);
  if (code == 0x2028 || code == 0x2029) {
    AppendUnicodeEscape(code, out);
  } else if (code == 0xFFFD && *at - start == 1) {
    out->append("\\ufffd");
  } else {
    out->append(text, start, *at - start);
  }
}

}  // namespace

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (size_t at = 0; at < text.size();) {
    if (const size_t run = PlainRun(text, at); run > 0) {
      out->append(text, at, run);
      at += run;
    } else if (const auto c = static_cast<unsigned char>(text[at]); c < 0x80) {
      AppendEscapedAscii(c, out);
      ++at;
    } else {
      AppendWideInJson(text, &at, out);
    }
  }
  out->push_back('"');
}

std::string FormatTime(int64_t time_ms) {
  const int64_t day = base::DayOf(time_ms);
  const int64_t ms = time_ms - day * base::kDayMs;
  char buffer[40];
  const int size =
      std::snprintf(buffer, sizeof(buffer), "T%02d:%02d:%02d.%03dZ",
                    static_cast<int>(ms / 3'600'000), static_cast<int>(ms / 60'000 % 60),
                    static_cast<int>(ms / 1000 % 60), static_cast<int>(ms % 1000));
  return base::FormatDay(day).append(buffer, static_cast<size_t>(size));
}

arrow::Result<int64_t> ParseTime(std::string_view text) {
  if (const auto time_ms = ParseDecimalSeconds(text)) return *time_ms;
  if (const auto time_ms = ParseRfc3339(text)) return *time_ms;
  // Go's earliest and latest time, as Prometheus' clients write "everything".
  if (text == "-292273086-05-16T16:47:06Z") return std::numeric_limits<int64_t>::min();
  if (text == "292277025-08-18T07:12:54.999999999Z") return std::numeric_limits<int64_t>::max();
  return MakeError(ErrorKind::kBadQuery,
                   "cannot parse \"" + std::string(text) + "\" to a valid timestamp");
}

arrow::Result<int64_t> ParseDuration(std::string_view text) {
  if (const auto duration_ms = ParseDecimalSeconds(text)) return *duration_ms;
  if (const auto duration_ms = ParseUnits(text)) return *duration_ms;
  return MakeError(ErrorKind::kBadQuery,
                   "cannot parse \"" + std::string(text) + "\" to a valid duration");
}

std::string FormatDuration(int64_t duration_ms) {
  if (duration_ms == 0) return "0s";
  std::string out = duration_ms < 0 ? "-" : "";
  uint64_t left = static_cast<uint64_t>(duration_ms);
  if (duration_ms < 0) left = 0 - left;
  for (const DurationUnit& unit : kDurationUnits) {
    const auto unit_ms = static_cast<uint64_t>(unit.ms);
    // Years and weeks only where nothing is left over, as Prometheus prints them.
    if ((unit.name == "y" || unit.name == "w") && left % unit_ms != 0) continue;
    if (left / unit_ms == 0) continue;
    out.append(std::to_string(left / unit_ms)).append(unit.name);
    left %= unit_ms;
  }
  return out;
}

arrow::Result<int64_t> ParseSize(std::string_view text) {
  std::string_view rest = text;
  const auto count = Digits(&rest, 1, 15);
  constexpr std::array<std::pair<std::string_view, int64_t>, 11> kUnits = {
      {{"", 1},
       {"B", 1},
       {"KiB", 1LL << 10},
       {"MiB", 1LL << 20},
       {"GiB", 1LL << 30},
       {"TiB", 1LL << 40},
       {"KB", 1000},
       {"MB", 1'000'000},
       {"GB", 1'000'000'000},
       {"TB", 1'000'000'000'000},
       {"K", 1LL << 10}}};
  for (const auto& [name, bytes] : kUnits) {
    int64_t size = 0;
    if (count && rest == name && !__builtin_mul_overflow(*count, bytes, &size)) return size;
  }
  return MakeError(ErrorKind::kBadQuery,
                   "cannot parse \"" + std::string(text) + "\" to a size in bytes");
}

}  // namespace larnax
