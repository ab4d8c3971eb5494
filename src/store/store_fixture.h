#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "head/head.h"
#include "io/random.h"
#include "larnax/labels.h"
#include "larnax/samples.h"

namespace larnax::store {

/// A sample as tests compare it: bits, not values.
struct OracleSample {
  uint64_t bits = 0;
  int64_t start_ms = 0;
  bool is_set = false;

  friend bool operator==(const OracleSample&, const OracleSample&) = default;
};

/// What an archive must hold: canonical label bytes, then time. Sorted by bytes, not in file order.
using Oracle = std::map<std::string, std::map<int64_t, OracleSample>>;

/// One sample that a test writes.
struct TestSample {
  Labels labels;
  int64_t time_ms = 0;
  double value = 0;
  int64_t start_ms = 0;
};

/// Makes frozen generations as the head would, and remembers what is in files.
class TestHead {
 public:
  /// Take samples into one generation, in this order.
  std::shared_ptr<head::FrozenGeneration> Freeze(const std::vector<TestSample>& samples,
                                                 head::LogPosition end);
  /// Take over that a generation is in files.
  void NoteFlushed(const head::FrozenGeneration& frozen);
  /// Forget which series are in files, as a restart does.
  void Restart(int64_t files_through_ms);

  /// The same as a snapshot of unflushed samples.
  static head::HeadSnapshot Capture(const head::FrozenGeneration& frozen);

 private:
  uint64_t next_number_ = 1;
  int64_t files_through_ms_ = -1;
  std::map<std::string, int64_t> flushed_through_ms_;
};

/// Enter samples into an oracle: the later one wins.
void AddToOracle(const std::vector<TestSample>& samples, Oracle* oracle);

/// Read a stream to its end, checking what every stream promises: file order, each series once,
/// ascending times, equal lengths.
arrow::Result<Oracle> ReadAll(SampleStream& stream);

/// Cut an oracle to a time range; series without samples in it go.
Oracle Cut(const Oracle& oracle, TimeRange range);

/// Describe the first difference of two oracles; empty when there is none.
std::string Difference(const Oracle& want, const Oracle& got);

Labels MakeLabels(std::vector<std::pair<std::string, std::string>> pairs);

/// Draw samples: several metrics, jobs and instances, odd labels, repeated and out-of-order times,
/// stale markers, NaN payloads, start times.
std::vector<TestSample> DrawSamples(io::Random& random, int count, int64_t first_ms,
                                    int64_t span_ms);

}  // namespace larnax::store
