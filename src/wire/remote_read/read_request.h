#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "larnax/labels.h"
#include "larnax/samples.h"

namespace larnax::wire {

/// What an answer to remote read is made of.
enum class ReadAnswerType : uint8_t {
  kSamples = 0,         ///< One message with all samples.
  kStreamedChunks = 1,  ///< A stream of frames with encoded chunks.
};

/// One question of a request.
struct ReadQuery {
  TimeRange range;  ///< Where the sender hinted at less, only that.
  std::vector<Matcher> matchers;
  bool labels_only = false;  ///< The sender hints that it looks at no sample.
};

/// A remote read request, decoded.
struct ReadRequest {
  ReadAnswerType answer_type = ReadAnswerType::kSamples;
  std::vector<ReadQuery> queries;
};

/// Limits on what one request may ask.
inline constexpr size_t kMaxReadQueries = 128;
inline constexpr size_t kMaxReadMatchers = 1024;  ///< Of all queries together.

/// Decode a message `prometheus.ReadRequest`.
///
/// The first answer type in the sender's order that is spoken here is taken; none named: samples.
///
/// \retval kBadQuery Broken protobuf (the message names the byte offset), an unknown kind of
///                   matcher, a regular expression that does not compile, or no answer type that
///                   is spoken here.
/// \retval kTooLarge More than the limits above.
arrow::Result<ReadRequest> DecodeReadRequest(std::span<const uint8_t> message);

}  // namespace larnax::wire
