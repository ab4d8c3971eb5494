#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <arrow/result.h>

#include "larnax/samples.h"

namespace larnax::wire {

/// A message `Histogram` of either protocol.
struct HistogramMessage {
  int64_t time_ms = 0;
  int64_t start_ms = 0;  ///< 0 = unknown.
  NativeHistogram histogram;
};

/// Decode a message: every number as it was sent, but buckets of integers absolute instead of each
/// less its predecessor. A reset hint that is not known reads as kUnknown.
///
/// \retval kBadSample The protobuf is broken, or CheckHistogram rejects the histogram.
arrow::Result<HistogramMessage> DecodeHistogram(std::string_view message);

/// Write a message, which DecodeHistogram reads as the same bits. Version 1 of remote write has no
/// field for the start time; those who read it skip it.
///
/// \pre Shapes as NativeHistogram says.
std::string EncodeHistogram(const NativeHistogram& histogram, int64_t time_ms, int64_t start_ms);

}  // namespace larnax::wire
