#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/status.h>

#include "larnax/error.h"

namespace larnax::store {

/// What an answer lacks because files are damaged: a warning each, which names the file.
class DamageReport {
 public:
  /// \param missing  What the damage keeps from the answer: `samples`, `series`.
  explicit DamageReport(std::string_view missing = "samples") : missing_(missing) {}

  /// Take note of damage, so that the rest can be read. \return Any other failure, as it is.
  arrow::Status Note(const arrow::Status& failure) {
    if (KindOf(failure) != ErrorKind::kCorrupt) return failure;
    std::string warning = missing_ + " are missing from this answer: " + failure.message();
    // One page may be met many times; and nobody reads thousands.
    if (warnings_.size() < kMostWarnings &&
        std::find(warnings_.begin(), warnings_.end(), warning) == warnings_.end()) {
      warnings_.push_back(std::move(warning));
    }
    return arrow::Status::OK();
  }
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  static constexpr size_t kMostWarnings = 20;
  std::string missing_;
  std::vector<std::string> warnings_;
};

}  // namespace larnax::store
