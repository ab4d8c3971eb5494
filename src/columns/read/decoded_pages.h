#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "columns/read/page_cache.h"
#include "larnax/samples.h"

namespace larnax::columns {

/// Times of consecutive rows: a part of a vector that many rows share.
struct TimesView {
  std::shared_ptr<const TimestampVector> vector;  ///< Null where there are no rows.
  size_t first = 0;
  size_t count = 0;

  std::span<const int64_t> times() const {
    return count == 0 ? std::span<const int64_t>() : std::span(*vector).subspan(first, count);
  }
};

/// A page of `timestamp`: runs of ascending times, of which equal ones are there once. As series of
/// one target are scraped together, a page holds few that differ.
class TimePage final : public DecodedPage {
 public:
  class Builder;

  size_t rows() const override { return rows_; }
  int64_t memory_bytes() const override;
  /// Give rows of the page; a copy where they are no part of one run.
  ///
  /// \param run  Where to look first, and then where they are: a run's number. Any number will do.
  TimesView Rows(size_t first, size_t count, size_t* run) const;

 private:
  size_t rows_ = 0;
  std::vector<uint32_t> starts_;  // First row of each run.
  std::vector<std::shared_ptr<const TimestampVector>> runs_;
  int64_t own_bytes_ = 0;  // Of vectors that only this page has.
};

/// Makes a page of times that come in parts. Equal times of several series are in memory once.
class TimePage::Builder {
 public:
  /// \param file  Shares vectors between pages; may be null.
  explicit Builder(FilePages* file) : file_(file) {}
  /// Add times as in the file, behind those there.
  void Append(std::span<const int64_t> time_us);
  std::shared_ptr<const TimePage> Finish();

 private:
  struct Known {
    std::vector<int64_t> time_us;
    std::shared_ptr<const TimestampVector> vector;
  };

  void AddRun(std::span<const int64_t> time_us);

  FilePages* const file_;
  const std::shared_ptr<TimePage> page_ = std::make_shared<TimePage>();
  // One for each number: those that meet by chance are not shared.
  std::unordered_map<uint64_t, Known> known_;
  std::span<const int64_t> last_;  // Times of the last run; one of `known_`.
  std::vector<int64_t> open_;      // Times of a run that may go on.
};

/// A page of `value`; a stale marker reads as kStaleBits.
class ValuePage final : public DecodedPage {
 public:
  explicit ValuePage(size_t rows)
      : values_(std::make_unique_for_overwrite<double[]>(rows)), rows_(rows) {}

  size_t rows() const override { return rows_; }
  int64_t memory_bytes() const override { return static_cast<int64_t>(rows_ * sizeof(double)); }
  /// To be filled before it is shared.
  std::span<double> memory() { return {values_.get(), rows_}; }
  std::span<const double> values() const { return {values_.get(), rows_}; }

 private:
  std::unique_ptr<double[]> values_;
  size_t rows_;
};

/// The column `start_timestamp` of a row group: runs of equal ones, 0 = unknown.
class StartTimes final : public DecodedPage {
 public:
  /// \param run_ends  Row behind each run. \param start_ms  Of each run.
  StartTimes(std::vector<int64_t> run_ends, std::vector<int64_t> start_ms)
      : run_ends_(std::move(run_ends)), start_ms_(std::move(start_ms)) {}

  size_t rows() const override {
    return run_ends_.empty() ? 0 : static_cast<size_t>(run_ends_.back());
  }
  int64_t memory_bytes() const override;
  /// Append those of rows [begin, end) of the row group.
  void Append(int64_t begin, int64_t end, std::vector<int64_t>* out) const;

 private:
  std::vector<int64_t> run_ends_;
  std::vector<int64_t> start_ms_;
};

}  // namespace larnax::columns
