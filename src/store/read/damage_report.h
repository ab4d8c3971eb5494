#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/status.h>

#include "larnax/error.h"
#include "larnax/samples.h"
#include "store/manifest/manifest.h"

namespace larnax::store {

/// What a file, or the rest of one, may hold that could not be read.
struct LostRows {
  std::string min_metric;
  std::string max_metric;
  int64_t max_sequence = 0;
  TimeRange times;

  bool MayHold(std::string_view metric) const {
    return min_metric <= metric && metric <= max_metric;
  }
};

/// What an answer lacks because files are damaged: a warning each, which names the file.
class DamageReport {
 public:
  /// \param missing  What the damage keeps from the answer: `samples`, `series`.
  /// \param gone_is_damage  A file that is gone is damage, too: nobody else moves files.
  explicit DamageReport(std::string_view missing = "samples", bool gone_is_damage = false)
      : missing_(missing), gone_is_damage_(gone_is_damage) {}

  void set_gone_is_damage() { gone_is_damage_ = true; }

  /// Take note of damage, so that the rest can be read. \return Any other failure, as it is.
  arrow::Status Note(const arrow::Status& failure) {
    const bool is_gone = gone_is_damage_ && KindOf(failure) == ErrorKind::kNotFound;
    if (KindOf(failure) != ErrorKind::kCorrupt && !is_gone) return failure;
    std::string warning = missing_ + " are missing from this answer: " + failure.message();
    // One page may be met many times; and nobody reads thousands.
    if (warnings_.size() < kMostWarnings &&
        std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) {
      warnings_.push_back(std::move(warning));
    }
    return arrow::Status::OK();
  }
  /// The same of damage that hides which series a file, or the rest of it, holds.
  arrow::Status NoteLost(const arrow::Status& failure, const FileEntry& file) {
    ARROW_RETURN_NOT_OK(Note(failure));
    lost_.push_back({file.min_metric, file.max_metric, file.max_sequence, file.time_range()});
    return arrow::Status::OK();
  }
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<LostRows>& lost() const { return lost_; }

 private:
  static constexpr size_t kMostWarnings = 20;
  std::string missing_;
  bool gone_is_damage_;
  std::vector<std::string> warnings_;
  std::vector<LostRows> lost_;
};

}  // namespace larnax::store
