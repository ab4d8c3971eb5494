#pragma once

#include <bit>
#include <charconv>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/number_text.h"
#include "exec/engine.h"
#include "exec/label_edit.h"
#include "exec/memory_source_for_test.h"
#include "test/matchers.h"

namespace larnax::exec {

/// Spacing of the samples of most tests.
inline constexpr int64_t kMinuteMs = 60'000;

/// Counts what is asked of a MemorySource, for tests.
class CountingSource final : public SampleSource {
 public:
  explicit CountingSource(MemorySource* source) : source_(source) {}
  arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) override {
    requests.push_back(request);
    return source_->Select(request);
  }

  std::vector<SelectRequest> requests;

 private:
  MemorySource* source_;
};

/// Labels written as a selector with equality matchers: `up{job="a"}`.
inline Labels LabelsOf(std::string_view selector) {
  const auto matchers = ParseSelector(selector);
  LARNAX_CHECK(matchers.ok());
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const Matcher& matcher : *matchers) pairs.emplace_back(matcher.name(), matcher.value());
  return *Labels::Make(std::move(pairs));
}

/// Add lines `selector value value ...` to a source, one value a minute from time 0 on: a number,
/// `_` for none, `stale`, or `h5` for a histogram with 5 observations in (0.5, 1].
inline void Load(const std::vector<std::string>& lines, MemorySource* source) {
  for (const std::string& line : lines) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    const Labels labels = LabelsOf(word);
    for (int64_t time_ms = 0; words >> word; time_ms += kMinuteMs) {
      if (word == "_") continue;
      if (word == "stale") {
        source->Add(labels, time_ms, std::bit_cast<double>(kStaleBits));
      } else if (word[0] == 'h') {
        NativeHistogram histogram;
        histogram.count = histogram.sum = std::stod(word.substr(1));
        histogram.positive_spans = {{0, 1}};
        histogram.positive = {histogram.count};
        source->Add(labels, time_ms, histogram);
      } else {
        source->Add(labels, time_ms, std::stod(word));
      }
    }
  }
}

/// Print an answer, one line a series: `{a="1"} 1 _ h5`, a value for each of `times`.
inline std::vector<std::string> Print(const QueryResult& result,
                                      const std::vector<int64_t>& times) {
  std::vector<std::string> lines;
  for (const QuerySeries& series : result.series) {
    std::string line = PrintLabels(series.labels);
    for (const int64_t time_ms : times) {
      std::string text = " _";
      for (size_t i = 0; i < series.value.size(); ++i) {
        if ((*series.time_ms)[i] != time_ms) continue;
        text = " ";
        base::AppendShortest(series.value[i], &text);
      }
      for (const QueryHistogram& point : series.histograms) {
        if (point.time_ms != time_ms) continue;
        text = " h";
        base::AppendShortest(point.histogram->count, &text);
      }
      line += text;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

/// A range query over the first `steps` minutes.
inline QueryRequest RangeOf(std::string text, int64_t steps) {
  QueryRequest request;
  request.text = std::move(text);
  request.end_ms = (steps - 1) * kMinuteMs;
  request.step_ms = kMinuteMs;
  return request;
}

/// Answers of queries over one MemorySource. A failed query gives its message as the only line.
class QueryTest : public testing::Test {
 protected:
  std::vector<std::string> Range(std::string text, int64_t steps) {
    QueryRequest request = RangeOf(std::move(text), steps);
    request.features = features_;
    std::vector<int64_t> times;
    for (int64_t i = 0; i < steps; ++i) times.push_back(i * kMinuteMs);
    return Run(request, times);
  }
  std::vector<std::string> Instant(std::string text, int64_t minute) {
    QueryRequest request;
    request.text = std::move(text);
    request.start_ms = minute * kMinuteMs;
    request.features = features_;
    return Run(request, {request.start_ms});
  }
  std::vector<std::string> Run(const QueryRequest& request, const std::vector<int64_t>& times) {
    auto result = engine_.Run(source_, request);
    if (!result.ok()) return {result.status().message()};
    last_ = std::move(*result);
    return Print(last_, times);
  }

  MemorySource source_;
  Engine engine_{{.threads = 1}};
  QueryFeatures features_{.experimental_functions = true, .binop_fill_modifiers = true};
  QueryResult last_;
};

}  // namespace larnax::exec
