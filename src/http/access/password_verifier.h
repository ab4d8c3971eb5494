#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace larnax::http {

/// Checks passwords against bcrypt hashes, and remembers what it found out, so that a client pays
/// for it once. Safe to use from any thread.
///
/// What is remembered is a keyed hash of hash and password, under a key of this process: memory
/// holds no password, and an account whose hash changes is checked anew.
class PasswordVerifier {
 public:
  PasswordVerifier();

  /// Tell at once, where this pair was seen before.
  std::optional<bool> Recall(std::string_view hash, std::string_view password) const;
  /// Compute: takes as long as the hash's cost says, 50 ms at 10.
  bool Check(const std::string& hash, const std::string& password);

 private:
  using Key = std::array<uint8_t, 32>;
  // Wrong ones can be made up without end.
  static constexpr size_t kMaxRemembered = 4096;

  Key KeyOf(std::string_view hash, std::string_view password) const;

  Key secret_{};
  mutable std::mutex mutex_;  // Guards the two sets.
  std::set<Key> right_;
  std::set<Key> wrong_;
};

/// SHA-256.
std::array<uint8_t, 32> Sha256(std::string_view bytes);

/// Compare in a time that does not tell where they differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace larnax::http
