#pragma once

namespace larnax {

/// Version of the software, `major.minor.patch`.
const char* Version();

/// Revision that was built (a Git commit id), or `unknown`.
const char* Revision();

/// Version of the archive format that this build writes.
inline constexpr int kFormatVersion = 1;

}  // namespace larnax
