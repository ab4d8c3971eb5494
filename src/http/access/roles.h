#pragma once

#include <cstdint>

namespace larnax::http {

/// What a request needs, and what an account may do.
enum class Role : uint8_t {
  kNone,   ///< For everyone, also without credentials: liveness.
  kRead,   ///< Queries, status, metrics.
  kWrite,  ///< Remote write.
  kAdmin,  ///< Flush, merge, all that changes the archive as a whole; and everything above.
};

/// A set of roles.
class Roles {
 public:
  constexpr Roles() = default;
  constexpr Roles With(Role role) const { return Roles(bits_ | Bit(role)); }
  constexpr bool Allow(Role role) const {
    return role == Role::kNone || (bits_ & (Bit(role) | Bit(Role::kAdmin))) != 0;
  }
  static constexpr Roles All() { return Roles(Bit(Role::kAdmin)); }

  friend constexpr bool operator==(Roles, Roles) = default;

 private:
  explicit constexpr Roles(unsigned bits) : bits_(bits) {}
  static constexpr unsigned Bit(Role role) { return 1U << static_cast<unsigned>(role); }
  unsigned bits_ = 0;
};

/// Name a role: `read`, `write`, `admin`.
const char* RoleName(Role role);

}  // namespace larnax::http
