#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <arrow/result.h>

namespace larnax::wire {

/// Messages of remote write that are spoken here.
enum class WriteVersion : uint8_t {
  kV1 = 1,  ///< prometheus.WriteRequest
  kV2 = 2,  ///< io.prometheus.write.v2.Request
};

/// How a body is compressed.
enum class BodyEncoding : uint8_t {
  kIdentity,
  kSnappy,  ///< The block format, not the framed one.
  kZstd,    ///< As VictoriaMetrics' agent sends it.
};

/// Tell the message from a Content-Type header; empty means remote write 1.0. Types and names are
/// compared without case, parameters other than `proto` are ignored.
///
/// \retval kUnsupported Another type or message.
arrow::Result<WriteVersion> NegotiateVersion(std::string_view content_type);

/// Tell the encoding from a Content-Encoding header; empty means snappy, as in Prometheus.
///
/// \retval kUnsupported Another encoding.
arrow::Result<BodyEncoding> NegotiateEncoding(std::string_view content_encoding);

/// Decompress a body.
///
/// \param limit_bytes   Largest decompressed size.
/// \param[out] message  Overwritten; reuse it to save allocations. Also filled for kIdentity.
/// \retval kTooLarge  The decompressed size, told or found, is over the limit; nothing of that
///                    size was allocated.
/// \retval kBadSample The body is not of this encoding.
/// \retval kOverloaded  Memory ran out.
arrow::Status Decompress(BodyEncoding encoding, std::span<const uint8_t> body, size_t limit_bytes,
                         std::string* message);

/// Compress a message the way Decompress reads it.
void Compress(BodyEncoding encoding, std::string_view message, std::string* body);

/// Name a version in a Content-Type header.
std::string_view ContentTypeName(WriteVersion version);
/// Name an encoding in a Content-Encoding header; empty for kIdentity.
std::string_view ContentEncodingName(BodyEncoding encoding);
/// Version in a header X-Prometheus-Remote-Write-Version.
std::string_view VersionHeader(WriteVersion version);

}  // namespace larnax::wire
