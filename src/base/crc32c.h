#pragma once

#include <cstdint>
#include <span>

namespace larnax::base {

/// Continue a CRC-32C (Castagnoli, as in iSCSI: RFC 3720, B.4) over more bytes.
///
/// Crc32c(Crc32c(0, a), b) is the checksum of a followed by b. Uses the processor's instruction
/// where there is one: about 20 bytes a nanosecond.
///
/// \param crc  0, or what an earlier call returned.
uint32_t Crc32c(uint32_t crc, std::span<const uint8_t> bytes);

/// The same by tables only, for processors without the instruction and to check the other.
uint32_t Crc32cPortable(uint32_t crc, std::span<const uint8_t> bytes);

}  // namespace larnax::base
