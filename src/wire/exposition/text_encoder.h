#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "larnax/labels.h"
#include "wire/exposition/text_decoder.h"
#include "wire/write_request.h"

namespace larnax::wire {

/// Write samples as a target answers a scrape, in either format of DecodeExposition.
///
/// Call Family before the samples of a metric family, all samples of it one after the other, and
/// Finish at the end. Names that need quotes get them.
class ExpositionWriter {
 public:
  /// Appends to `out`, which is not cleared.
  ExpositionWriter(ExpositionFormat format, std::string* out) : format_(format), out_(out) {}

  /// Describe a family by the name of its samples: `http_requests_total`, or the part before
  /// `_bucket`. OpenMetrics names counters without `_total`, and has only units that end the name.
  void Family(const DecodedMetadata& metadata);
  /// Write one sample; without a time it is from when it is read.
  void Sample(LabelsView labels, double value, std::optional<int64_t> time_ms = {});
  /// Write the end, which OpenMetrics needs.
  void Finish();

 private:
  void Comment(std::string_view keyword, std::string_view name, std::string_view text);

  ExpositionFormat format_;
  std::string* out_;
};

}  // namespace larnax::wire
