#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exec/source.h"

namespace larnax::exec {

/// Samples in memory, for tests. Not synchronized while samples are added.
class MemorySource final : public SampleSource {
 public:
  /// Add a sample, or replace the one that the series has at this time.
  /// \param start_ms  0 = unknown.
  void Add(const Labels& labels, int64_t time_ms, double value, int64_t start_ms = 0);
  void Add(const Labels& labels, int64_t time_ms, NativeHistogram histogram, int64_t start_ms = 0);
  void Clear() { series_.clear(); }
  bool empty() const { return series_.empty(); }

  /// Series come in ascending order of their label bytes, at most `batch_series` a batch.
  arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) override;

  size_t batch_series = 16;

 private:
  struct Float {
    double value = 0;
    int64_t start_ms = 0;
  };
  struct Series {
    Labels labels;
    std::map<int64_t, Float> floats;
    std::map<int64_t, HistogramSample> histograms;
  };
  class Stream;
  Series& At(const Labels& labels);

  std::map<std::string, Series, std::less<>> series_;  // By label bytes.
};

}  // namespace larnax::exec
