#include <cstdint>
#include <limits>

#include "base/civil_time.h"
#include "exec/functions/element.h"
#include "exec/functions/function_lists.h"

namespace larnax::exec {
namespace {

// Seconds since the epoch are shifted to a year far before any other, so that they can be divided
// without a sign. It is the first of a cycle of 400 years, hence calendars agree.
constexpr int64_t kShiftYears = 292'277'022'400;
constexpr uint64_t kShiftSeconds = 9'223'372'028'715'321'600;
constexpr int64_t kDaysBeforeEpoch = 719'162;  // From the first of January of year 1.
constexpr uint64_t kDaySeconds = 86'400;

// A time in UTC.
struct Instant {
  uint64_t days = 0;  // Since the shifted origin.
  uint64_t second = 0;

  // Drops the fraction. NaN and what has no place in 64 bits becomes the earliest time.
  static Instant Of(double seconds) {
    int64_t whole = std::numeric_limits<int64_t>::min();
    if (seconds >= -0x1p63 && seconds < 0x1p63) whole = static_cast<int64_t>(seconds);
    const uint64_t shifted = static_cast<uint64_t>(whole) + kShiftSeconds;
    return {shifted / kDaySeconds, shifted % kDaySeconds};
  }

  // The date, years counted from the origin.
  base::CivilDate Date() const {
    return base::CivilFromDays(static_cast<int64_t>(days) - kDaysBeforeEpoch);
  }
};

double Minute(const Instant& t) { return static_cast<double>(t.second % 3600 / 60); }
double Hour(const Instant& t) { return static_cast<double>(t.second / 3600); }
// The origin is a Monday.
double DayOfWeek(const Instant& t) { return static_cast<double>((t.days + 1) % 7); }
double DayOfMonth(const Instant& t) { return t.Date().day; }
double Month(const Instant& t) { return t.Date().month; }
double Year(const Instant& t) { return static_cast<double>(t.Date().year - kShiftYears); }

double DayOfYear(const Instant& t) {
  const int64_t first = base::DaysFromCivil(t.Date().year, 1, 1) + kDaysBeforeEpoch;
  return static_cast<double>(static_cast<int64_t>(t.days) - first + 1);
}

double DaysInMonth(const Instant& t) {
  const base::CivilDate date = t.Date();
  const int64_t next = date.month == 12 ? base::DaysFromCivil(date.year + 1, 1, 1)
                                        : base::DaysFromCivil(date.year, date.month + 1, 1);
  return static_cast<double>(next - base::DaysFromCivil(date.year, date.month, 1));
}

template <double (*kPart)(const Instant&)>
arrow::Status DatePart(const CallContext&, const StepSeries& series, SeriesWriter* out,
                       Annotations*) {
  MapFloats(series, out, [](size_t, double value) { return kPart(Instant::Of(value)); });
  return arrow::Status::OK();
}

constexpr Function kFunctions[] = {
    {.name = "minute", .element = &DatePart<&Minute>, .depends_on_time = true},
    {.name = "hour", .element = &DatePart<&Hour>, .depends_on_time = true},
    {.name = "day_of_week", .element = &DatePart<&DayOfWeek>, .depends_on_time = true},
    {.name = "day_of_month", .element = &DatePart<&DayOfMonth>, .depends_on_time = true},
    {.name = "day_of_year", .element = &DatePart<&DayOfYear>, .depends_on_time = true},
    {.name = "days_in_month", .element = &DatePart<&DaysInMonth>, .depends_on_time = true},
    {.name = "month", .element = &DatePart<&Month>, .depends_on_time = true},
    {.name = "year", .element = &DatePart<&Year>, .depends_on_time = true},
};

}  // namespace

std::span<const Function> DateFunctions() { return kFunctions; }

}  // namespace larnax::exec
