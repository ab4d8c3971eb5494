#include "larnax/format.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "test/matchers.h"

namespace larnax {
namespace {

std::string Value(double value) {
  std::string out;
  AppendValue(value, &out);
  return out;
}

std::string Seconds(int64_t time_ms) {
  std::string out;
  AppendSeconds(time_ms, &out);
  return out;
}

std::string Json(std::string_view text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

// Expected texts are what Prometheus' API prints for these values.
TEST(AppendValue, PrintsAsPrometheusDoes) {
  const std::vector<std::pair<double, std::string>> cases = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {0.1, "0.1"},
      {-3.25, "-3.25"},
      {1e-6, "0.000001"},
      {9.9e-7, "9.9e-07"},
      {1e20, "100000000000000000000"},
      {1e21, "1e+21"},
      {-1.5e300, "-1.5e+300"},
      {9007199254740993.0, "9007199254740992"},
      {1234567890123456789.0, "1234567890123456800"},
      {-1234567890123456789.0, "-1234567890123456800"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::infinity(), "+Inf"},
      {-std::numeric_limits<double>::infinity(), "-Inf"},
      {std::nan(""), "NaN"},
      {-std::nan("7"), "NaN"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(Value(value), text);
}

TEST(AppendValue, ReadsBackBitForBit) {
  uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const auto value = std::bit_cast<double>(state);
    if (std::isnan(value) || std::isinf(value)) continue;
    EXPECT_EQ(std::bit_cast<uint64_t>(std::strtod(Value(value).c_str(), nullptr)), state)
        << Value(value);
    if (HasFailure()) return;
  }
}

TEST(AppendSeconds, KeepsThreeDecimalsUnlessWhole) {
  EXPECT_EQ(Seconds(0), "0");
  EXPECT_EQ(Seconds(1000), "1");
  EXPECT_EQ(Seconds(1100), "1.100");
  EXPECT_EQ(Seconds(1001), "1.001");
  EXPECT_EQ(Seconds(-1500), "-1.500");
  EXPECT_EQ(Seconds(std::numeric_limits<int64_t>::min()), "-9223372036854775.808");
}

TEST(AppendJsonString, EscapesAsGoDoes) {
  EXPECT_EQ(Json("a\"b\\c\n\t\x01"), "\"a\\\"b\\\\c\\n\\t\\u0001\"");
  EXPECT_EQ(Json("<a&b>"), "\"\\u003ca\\u0026b\\u003e\"");
  EXPECT_EQ(Json("gr\u00fc\u00df \U0001F600"), "\"gr\u00fc\u00df \U0001F600\"");
  EXPECT_EQ(Json("\u2028"), "\"\\u2028\"");
  EXPECT_EQ(Json("a\xff"
                 "b"),
            "\"a\\ufffdb\"");
  EXPECT_EQ(Json("\uFFFD"), "\"\uFFFD\"");
}

TEST(ParseTime, ReadsSecondsAndRfc3339) {
  const std::vector<std::pair<std::string, int64_t>> cases = {
      {"0", 0},
      {"1435781451.781", 1435781451781},
      {"-1.5", -1500},
      {"1e3", 1'000'000},
      {"2015-07-01T20:10:51.781Z", 1435781451781},
      {"2015-07-01T22:10:51.7814+02:00", 1435781451781},
      {"1970-01-01T00:00:00Z", 0},
      {"2024-02-29T00:00:00-00:30", 1709166600000},
      {"-292273086-05-16T16:47:06Z", std::numeric_limits<int64_t>::min()}};
  for (const auto& [text, time_ms] : cases) {
    ASSERT_OK_AND_ASSIGN(const int64_t parsed, ParseTime(text));
    EXPECT_EQ(parsed, time_ms) << text;
  }
}

TEST(ParseTime, RefusesWhatIsNoTime) {
  for (const std::string text : {"", "x", "1.5s", "NaN", "Inf", "1e300", "2023-02-29T00:00:00Z",
                                 "2015-07-01", "2015-07-01T24:00:00Z", "2015-07-01T20:10:51"}) {
    EXPECT_THAT(ParseTime(text), test::IsKind(ErrorKind::kBadQuery)) << text;
  }
  EXPECT_THAT(ParseTime("x"), test::HasMessage("cannot parse \"x\" to a valid timestamp"));
}

TEST(ParseDuration, ReadsUnitsInOrder) {
  const std::vector<std::pair<std::string, int64_t>> cases = {
      {"0", 0},     {"1h30m", 5'400'000},       {"15s", 15'000}, {"1.5", 1500},
      {"10ms", 10}, {"1y1w1d", 32'227'200'000}, {"5m", 300'000}, {"1d12h", 129'600'000}};
  for (const auto& [text, duration_ms] : cases) {
    ASSERT_OK_AND_ASSIGN(const int64_t parsed, ParseDuration(text));
    EXPECT_EQ(parsed, duration_ms) << text;
  }
  for (const std::string text : {"", "m", "30m1h", "1h1h", "1.5h", "300y", "5 m", "1x"}) {
    EXPECT_THAT(ParseDuration(text), test::IsKind(ErrorKind::kBadQuery)) << text;
  }
}

TEST(FormatDuration, ReadsBack) {
  EXPECT_EQ(FormatDuration(0), "0s");
  EXPECT_EQ(FormatDuration(5'400'000), "1h30m");
  EXPECT_EQ(FormatDuration(7 * 86'400'000LL), "1w");
  EXPECT_EQ(FormatDuration(8 * 86'400'000LL), "8d");
  EXPECT_EQ(FormatDuration(1001), "1s1ms");
  EXPECT_EQ(FormatDuration(-60'000), "-1m");
}

TEST(FormatTime, PrintsUtc) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(1435781451781), "2015-07-01T20:10:51.781Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999Z");
}

TEST(ParseSize, KnowsBothFamilies) {
  ASSERT_OK_AND_ASSIGN(const int64_t binary, ParseSize("32MiB"));
  EXPECT_EQ(binary, 32 << 20);
  ASSERT_OK_AND_ASSIGN(const int64_t decimal, ParseSize("5GB"));
  EXPECT_EQ(decimal, 5'000'000'000);
  for (const std::string text : {"", "MiB", "1.5MiB", "-1", "9999999TiB", "1 MiB"}) {
    EXPECT_THAT(ParseSize(text), test::IsKind(ErrorKind::kBadQuery)) << text;
  }
}

}  // namespace
}  // namespace larnax
