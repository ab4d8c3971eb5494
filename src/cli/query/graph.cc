#include "cli/query/graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "larnax/format.h"

namespace larnax::cli {
namespace {

constexpr size_t kScaleWidth = 10;
constexpr size_t kMaxLegend = 12;
constexpr std::array<int, 6> kColors = {32, 33, 36, 35, 34, 31};

int ColorOf(size_t series) { return kColors[series % kColors.size()]; }

// Dots of two by four to a character; each character has the colour of who drew there last.
class Canvas {
 public:
  Canvas(int columns, int rows)
      : columns_(columns),
        rows_(rows),
        dots_(static_cast<size_t>(columns) * static_cast<size_t>(rows)),
        series_(dots_.size()) {}

  int width() const { return 2 * columns_; }
  int height() const { return 4 * rows_; }

  void Set(int x, int y, size_t series) {
    constexpr uint8_t kBits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || x >= width() || y < 0 || y >= height()) return;
    const auto cell = static_cast<size_t>(y / 4 * columns_ + x / 2);
    dots_[cell] |= kBits[y % 4][x % 2];
    series_[cell] = series;
  }

  // A line between two dots that are next to each other in time.
  void Line(int x0, int y0, int x1, int y1, size_t series) {
    const int steps = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int i = 0; i <= steps; ++i) {
      const double part = static_cast<double>(i) / steps;
      Set(static_cast<int>(std::lround(x0 + part * (x1 - x0))),
          static_cast<int>(std::lround(y0 + part * (y1 - y0))), series);
    }
  }

  void AppendRow(int row, bool colors, std::string* out) const {
    for (int column = 0; column < columns_; ++column) {
      const auto cell = static_cast<size_t>(row * columns_ + column);
      if (dots_[cell] == 0) {
        out->push_back(' ');
        continue;
      }
      if (colors) out->append("\x1b[" + std::to_string(ColorOf(series_[cell])) + "m");
      // U+2800 and the dots, as UTF-8.
      out->push_back('\xe2');
      out->push_back(static_cast<char>(0xa0 | (dots_[cell] >> 6)));
      out->push_back(static_cast<char>(0x80 | (dots_[cell] & 0x3f)));
      if (colors) out->append("\x1b[0m");
    }
  }

 private:
  int columns_;
  int rows_;
  std::vector<uint8_t> dots_;
  std::vector<size_t> series_;
};

struct Bounds {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  int64_t start_ms = std::numeric_limits<int64_t>::max();
  int64_t end_ms = std::numeric_limits<int64_t>::min();
};

Bounds BoundsOf(const QueryResult& result) {
  Bounds bounds;
  for (const QuerySeries& series : result.series) {
    for (size_t i = 0; i < series.value.size(); ++i) {
      if (!std::isfinite(series.value[i])) continue;
      bounds.low = std::min(bounds.low, series.value[i]);
      bounds.high = std::max(bounds.high, series.value[i]);
      bounds.start_ms = std::min(bounds.start_ms, (*series.time_ms)[i]);
      bounds.end_ms = std::max(bounds.end_ms, (*series.time_ms)[i]);
    }
  }
  return bounds;
}

// The part of the way from `low` to `high`; halves, so that the ends of the range do not overflow.
double PartOf(double value, double low, double high) {
  if (high <= low) return 0.5;
  return (value / 2 - low / 2) / (high / 2 - low / 2);
}

void Plot(const QueryResult& result, const Bounds& bounds, Canvas* canvas) {
  for (size_t s = 0; s < result.series.size(); ++s) {
    const QuerySeries& series = result.series[s];
    int last_x = -1;
    int last_y = -1;
    for (size_t i = 0; i < series.value.size(); ++i) {
      if (!std::isfinite(series.value[i])) {
        last_x = -1;
        continue;
      }
      const double along =
          PartOf(static_cast<double>((*series.time_ms)[i]), static_cast<double>(bounds.start_ms),
                 static_cast<double>(bounds.end_ms));
      const double up = PartOf(series.value[i], bounds.low, bounds.high);
      const int x = static_cast<int>(std::lround(along * (canvas->width() - 1)));
      const int y = static_cast<int>(std::lround((1 - up) * (canvas->height() - 1)));
      if (last_x < 0) {
        canvas->Set(x, y, s);
      } else {
        canvas->Line(last_x, last_y, x, y, s);
      }
      last_x = x;
      last_y = y;
    }
  }
}

std::string ScaleText(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.4g", value);
  std::string label = text.data();
  label.insert(0, kScaleWidth - std::min(kScaleWidth, label.size()), ' ');
  return label;
}

void AppendLegend(const QueryResult& result, bool colors, std::string* out) {
  for (size_t s = 0; s < result.series.size(); ++s) {
    if (s == kMaxLegend) {
      out->append("  ... " + std::to_string(result.series.size() - s) + " more series\n");
      return;
    }
    const std::string name = result.series[s].labels.ToString();
    const std::string mark = "\xe2\xa0\xbf ";  // A full Braille character.
    out->append("  ");
    if (colors) out->append("\x1b[" + std::to_string(ColorOf(s)) + "m");
    out->append(mark);
    if (colors) out->append("\x1b[0m");
    out->append(name.empty() ? "{}" : name).push_back('\n');
  }
}

}  // namespace

std::string DrawGraph(const QueryResult& result, const GraphSize& size) {
  const Bounds bounds = BoundsOf(result);
  if (bounds.start_ms > bounds.end_ms) return "No values to draw.\n";
  const int columns = std::max(10, size.columns - static_cast<int>(kScaleWidth) - 2);
  const int rows = std::max(3, size.rows);
  Canvas canvas(columns, rows);
  Plot(result, bounds, &canvas);
  std::string out;
  for (int row = 0; row < rows; ++row) {
    const bool labelled = row == 0 || row == rows - 1 || row == rows / 2;
    const double part = 1 - static_cast<double>(row) / (rows - 1);
    const double value = bounds.low * (1 - part) + bounds.high * part;
    out += labelled ? ScaleText(value) + " \xe2\x94\xa4"
                    : std::string(kScaleWidth + 1, ' ') + "\xe2\x94\x82";
    canvas.AppendRow(row, size.colors, &out);
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  }
  const std::string start = FormatTime(bounds.start_ms);
  const std::string end = FormatTime(bounds.end_ms);
  const int gap = std::max(1, columns - static_cast<int>(start.size() + end.size()));
  out += std::string(kScaleWidth + 2, ' ') + start + std::string(static_cast<size_t>(gap), ' ') +
         end + "\n";
  AppendLegend(result, size.colors, &out);
  return out;
}

}  // namespace larnax::cli
