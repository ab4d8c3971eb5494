#include "cli/query/answer_text.h"

#include <array>
#include <cstdio>

#include "cli/human.h"
#include "larnax/format.h"

namespace larnax::cli {
namespace {

std::string ValueText(double value) {
  std::string text;
  AppendValue(value, &text);
  return text;
}

std::string HistogramText(const NativeHistogram& histogram) {
  const double count =
      histogram.is_integer ? static_cast<double>(histogram.integer_count) : histogram.count;
  return "histogram count=" + ValueText(count) + " sum=" + ValueText(histogram.sum);
}

std::string NameOf(const QuerySeries& series) {
  std::string name = series.labels.ToString();
  return name.empty() ? "{}" : name;
}

std::string VectorText(const QueryResult& result) {
  size_t width = 0;
  for (const QuerySeries& series : result.series) width = std::max(width, NameOf(series).size());
  std::string text;
  for (const QuerySeries& series : result.series) {
    std::string name = NameOf(series);
    name.resize(width, ' ');
    text += name + "  ";
    text += series.histograms.empty() ? ValueText(series.value.at(0))
                                      : HistogramText(*series.histograms[0].histogram);
    text += '\n';
  }
  return text;
}

std::string MatrixText(const QueryResult& result) {
  std::string text;
  for (const QuerySeries& series : result.series) {
    text += NameOf(series) + '\n';
    size_t histogram = 0;
    const auto add_histograms_before = [&](int64_t time_ms) {
      for (; histogram < series.histograms.size() && series.histograms[histogram].time_ms < time_ms;
           ++histogram) {
        const QueryHistogram& point = series.histograms[histogram];
        text += "  " + FormatTime(point.time_ms) + "  " + HistogramText(*point.histogram) + '\n';
      }
    };
    for (size_t i = 0; i < series.value.size(); ++i) {
      const int64_t time_ms = (*series.time_ms)[i];
      add_histograms_before(time_ms);
      text += "  " + FormatTime(time_ms) + "  " + ValueText(series.value[i]) + '\n';
    }
    add_histograms_before(INT64_MAX);
  }
  return text;
}

std::string Milliseconds(int64_t time_ns) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.3f ms", static_cast<double>(time_ns) / 1e6);
  return text.data();
}

std::string CostText(const QueryStats& stats) {
  return "Prepared in " + Milliseconds(stats.prepare_ns) + ", evaluated in " +
         Milliseconds(stats.evaluate_ns) + ", sorted in " + Milliseconds(stats.sort_ns) + "\n" +
         FormatCount(stats.steps) + " steps; " + FormatCount(stats.series) + " series and " +
         FormatCount(stats.samples_read) + " samples read, " + FormatCount(stats.samples) +
         " looked at, at most " + FormatCount(stats.peak_samples) + " (" +
         RoundBytes(stats.peak_bytes) + ") in memory\n" + FormatCount(stats.read.files_read) +
         " of " + FormatCount(stats.read.files_considered) + " files, " +
         FormatCount(stats.read.pages_read) + " pages, " + RoundBytes(stats.read.bytes_read) +
         " read; " + FormatCount(stats.read.head_samples) + " samples from memory\n";
}

}  // namespace

std::string AnswerText(const QueryResult& result) {
  switch (result.type) {
    case QueryValueType::kScalar:
      return ValueText(result.series.at(0).value.at(0)) + '\n';
    case QueryValueType::kString:
      return result.text + '\n';
    case QueryValueType::kVector:
      return VectorText(result);
    case QueryValueType::kMatrix:
      return MatrixText(result);
  }
  return {};
}

std::string PlanText(const QueryResult& result, bool analyze) {
  std::string text;
  std::vector<std::vector<std::string>> rows = {{"plan", "time", "series", "samples"}};
  for (const QueryPlanLine& line : result.plan) {
    const std::string name = std::string(2 * static_cast<size_t>(line.depth), ' ') + line.text;
    text += name + '\n';
    rows.push_back(
        {name, Milliseconds(line.time_ns), FormatCount(line.series), FormatCount(line.samples)});
  }
  return analyze ? FormatTable(rows) + "\n" + CostText(result.stats) : text;
}

}  // namespace larnax::cli
