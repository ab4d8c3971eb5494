#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "promql/ast.h"

namespace larnax::exec {

/// What histogram_quantile repaired; notes about the same metric are merged into one.
struct MonotonicityRepair {
  double lowest_bucket = 0;
  double highest_bucket = 0;
  double max_difference = 0;
  int64_t first_time_ms = 0;
  int64_t last_time_ms = 0;
};

/// Warnings and infos of a query. They never change an answer.
///
/// Notes of equal text are one note; it stands at the place that was added last. Not synchronized:
/// each task fills its own, and they are merged in a fixed order.
class Annotations {
 public:
  /// \param text  Without the prefix `PromQL warning: ` and the position at its end.
  void Warn(std::string text, promql::PositionRange position);
  void Inform(std::string text, promql::PositionRange position);
  /// Warn once per text; from the second time on ` (N occurrences)` is added before the position.
  void WarnCounted(std::string text, promql::PositionRange position);
  /// Tell of a repair. \param head  Text up to the first number: `input to histogram_quantile
  /// needed to be fixed for monotonicity (see ...) for metric name "x"`.
  void InformRepair(std::string head, const MonotonicityRepair& repair,
                    promql::PositionRange position);

  /// Add all of `other`, as if they had been added here one by one.
  ///
  /// \param shift  Added to their places: of notes on an equal text elsewhere in the query.
  void Merge(const Annotations& other, int32_t shift = 0);
  bool empty() const { return notes_.empty(); }

  /// The texts in order of first appearance, with prefix and `line:column` of `query`.
  std::vector<std::string> Warnings(std::string_view query) const;
  std::vector<std::string> Infos(std::string_view query) const;

 private:
  struct Note {
    bool warning = false;
    std::string text;
    promql::PositionRange position;
    int64_t count = 0;  // 0: not counted.
    std::optional<MonotonicityRepair> repair = std::nullopt;
    int64_t repairs = 0;
  };
  void Add(Note note);
  std::vector<std::string> Print(bool warnings, std::string_view query) const;

  std::vector<Note> notes_;
  boost::unordered_flat_map<std::string, size_t> index_;  // By kind and text.
};

}  // namespace larnax::exec
