#pragma once

#include <cstdint>
#include <span>

#include <arrow/status.h>

#include "wire/write_request.h"

namespace larnax::wire {

/// Decode a remote write 1.0 message (`prometheus.WriteRequest`).
///
/// Nothing of a sample is judged but what one message can tell: histograms are checked, labels are
/// only found (see CanonicalLabels), times are taken as they are. Series entries with neither
/// labels nor samples are left out. Metadata that is not UTF-8 is left out.
///
/// \param message  The decompressed body; borrowed by `request` until its Clear.
/// \param request  Cleared first. After an error its content is unspecified.
/// \retval kBadSample Broken protobuf; the message names the byte offset. Nothing may be stored.
/// \retval kTooLarge  More than a limit in `request`.
/// \see https://prometheus.io/docs/specs/prw/remote_write_spec/
arrow::Status DecodeV1(std::span<const uint8_t> message, WriteRequest* request);

/// Decode a remote write 2.0 message (`io.prometheus.write.v2.Request`).
///
/// As DecodeV1; each series' label bytes are put together from the symbols into the arena. Series
/// with neither samples nor histograms are rejected one by one.
///
/// \retval kBadSample Broken protobuf, a reference past the symbols, an odd number of references,
///                    or a first symbol that is not empty. Nothing may be stored.
/// \retval kTooLarge  More than a limit in `request`.
/// \see https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
arrow::Status DecodeV2(std::span<const uint8_t> message, WriteRequest* request);

}  // namespace larnax::wire
