#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <arrow/status.h>

#include "larnax/labels.h"
#include "larnax/samples.h"

namespace larnax::sim {

/// A value as bits, so that NaNs compare, with its start time.
struct StoredValue {
  uint64_t bits = 0;     ///< Of a histogram: a hash of all its bits.
  int64_t start_ms = 0;  ///< 0 = unknown.
  bool is_histogram = false;

  friend auto operator<=>(const StoredValue&, const StoredValue&) = default;
};

StoredValue HistogramValue(const NativeHistogram& histogram, int64_t start_ms);

/// One exemplar of a write, in a form that compares.
struct SentExemplar {
  std::string series;  ///< Label bytes.
  int64_t time_ms = 0;
  uint64_t bits = 0;
  std::string labels;  ///< Label bytes of its own.

  friend auto operator<=>(const SentExemplar&, const SentExemplar&) = default;
};

/// One sample of a write.
struct SentSample {
  Labels labels;
  int64_t time_ms = 0;
  StoredValue value;
};

/// How much a stored write survives.
enum class Safety {
  kNone,     ///< Not acknowledged: it may be gone after a restart, or not.
  kWritten,  ///< Survives the end of the process.
  kDurable,  ///< Survives a power cut.
};

/// What an archive must hold: the truth against which the simulator checks.
///
/// Of each (series, time) it knows the values that were stored in their order, and how safe each
/// is. While the process lives the last one is the answer. After a restart it may be any value from
/// the last safe one on; what is then found is the truth from there on.
class Model {
 public:
  struct FileOrder {
    bool operator()(const Labels& a, const Labels& b) const;
  };
  struct Version {
    StoredValue value;
    int64_t write = 0;
    Safety safety = Safety::kNone;
  };
  struct Cell {
    std::optional<StoredValue> live;  ///< What a read must find; nullopt: nothing.
    std::vector<Version> versions;    ///< Oldest first; what a restart may bring up.
    bool may_be_absent = true;        ///< A restart may bring up nothing.
    std::set<StoredValue> ever;       ///< Files may still hold any of these.
  };
  using Times = std::map<int64_t, Cell>;
  using SeriesMap = std::map<Labels, Times, FileOrder>;
  using Samples = std::map<int64_t, StoredValue>;
  using Content = std::map<Labels, Samples, FileOrder>;

  /// \param nothing_is_safe  The disk lies: a restart may bring up anything that ever was stored.
  explicit Model(bool nothing_is_safe) : nothing_is_safe_(nothing_is_safe) {}

  /// Note samples that are in memory now. \return The write, for Acknowledge.
  int64_t Store(const std::vector<SentSample>& samples);
  void Acknowledge(int64_t write, Safety safety);
  /// Note that what was only written may be lost from now on.
  void Distrust();
  /// Note that all that was stored before a write is in files. \param before  As of next_write().
  void NoteFlushed(int64_t before);
  /// What Store will return next.
  int64_t next_write() const { return next_write_; }

  /// Check what was found after a restart, and take it for the truth.
  ///
  /// \param survived  kWritten: the process ended; kDurable: the power was cut.
  /// \return  Invalid: the first difference.
  arrow::Status Recover(const Content& found, Safety survived);

  /// Tell whether any of the selectors (none: all) selects a series.
  static bool Matches(LabelsView labels, std::span<const std::vector<Matcher>> selectors);
  /// What a read of these must find. \param selectors  None: every series.
  Content Select(std::span<const std::vector<Matcher>> selectors, TimeRange range) const;
  /// Tell whether a row may stand in a file, whatever its start time.
  bool MayBeInFiles(const Labels& labels, int64_t time_ms, StoredValue value) const;
  /// Tell whether a sample ever had another value, or start time, than its first.
  bool WasOverwritten(const Labels& labels, int64_t time_ms) const;
  /// Tell whether two values count as one: start times of equal values are not told apart.
  bool IsSame(const Labels& labels, int64_t time_ms, StoredValue expected, StoredValue found) const;

  const SeriesMap& series() const { return series_; }
  /// Grows when something that might be in files may not any more.
  int64_t recoveries() const { return recoveries_; }
  int64_t sample_count() const;

 private:
  bool nothing_is_safe_;
  SeriesMap series_;
  int64_t next_write_ = 1;
  int64_t recoveries_ = 0;
  std::map<int64_t, std::vector<Cell*>> unanswered_;
  std::vector<Cell*> unflushed_;
};

/// Print one sample for a person.
std::string Describe(const Labels& labels, int64_t time_ms, std::optional<StoredValue> value);

/// Find the first difference; Invalid names it. \param what  The question, for the message.
arrow::Status CompareContent(const Model& model, const Model::Content& expected,
                             const Model::Content& found, const std::string& what);

}  // namespace larnax::sim
