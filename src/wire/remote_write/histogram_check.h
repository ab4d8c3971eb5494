#pragma once

#include <cstdint>
#include <string_view>

#include "wire/write_request.h"

namespace larnax::wire {

/// Read a message `Histogram` of either protocol and check it as Prometheus does on arrival.
///
/// Schemas 9 to 52 are accepted and kept; who reads them may reduce them to 8. Beyond what
/// Prometheus checks, buckets lie where model/histogram_layout.h says, and the zero threshold is
/// finite and not negative.
///
/// \param[out] histogram  All fields; `rejection` is kNone when it may be stored.
/// \param[out] broken_at  The byte at which protobuf is broken, else untouched.
/// \return                False when the protobuf is broken.
/// \see Source: prometheus model/histogram/generic.go and histogram.go, Validate.
bool CheckHistogram(std::string_view message, DecodedHistogram* histogram,
                    const uint8_t** broken_at);

}  // namespace larnax::wire
