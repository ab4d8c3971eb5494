#include "http/access/password_verifier.h"

#include <crypt.h>
#include <sys/random.h>

#include <memory>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace larnax::http {
namespace {

// bcrypt looks at no more of a password, and its interface ends at a zero byte.
constexpr size_t kMaxPasswordBytes = 72;

bool CanBeHashed(std::string_view password) {
  return password.size() <= kMaxPasswordBytes && password.find('\0') == std::string_view::npos;
}

}  // namespace

PasswordVerifier::PasswordVerifier() {
  // Not by OpenSSL, which takes milliseconds and memory to begin; most servers have no passwords.
  // Fails only on systems without any source of randomness; then what is remembered would not be
  // kept apart by a secret, but nothing else is lost.
  (void)getentropy(secret_.data(), secret_.size());
}

PasswordVerifier::Key PasswordVerifier::KeyOf(std::string_view hash,
                                              std::string_view password) const {
  // Hashes are all of one length, so that the two cannot run into each other.
  std::string text(hash);
  text.append(password);
  Key key{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), key.data(), &size);
  OPENSSL_cleanse(text.data(), text.size());
  return key;
}

std::optional<bool> PasswordVerifier::Recall(std::string_view hash,
                                             std::string_view password) const {
  if (!CanBeHashed(password)) return false;
  const Key key = KeyOf(hash, password);
  const std::lock_guard lock(mutex_);
  if (right_.contains(key)) return true;
  if (wrong_.contains(key)) return false;
  return std::nullopt;
}

bool PasswordVerifier::Check(const std::string& hash, const std::string& password) {
  if (!CanBeHashed(password)) return false;
  // 32 KiB.
  const auto scratch = std::make_unique<crypt_data>();
  const char* const computed = crypt_r(password.c_str(), hash.c_str(), scratch.get());
  const bool is_right = computed != nullptr && EqualInConstantTime(computed, hash);
  OPENSSL_cleanse(scratch.get(), sizeof *scratch);
  const Key key = KeyOf(hash, password);
  const std::lock_guard lock(mutex_);
  std::set<Key>& seen = is_right ? right_ : wrong_;
  if (seen.size() >= kMaxRemembered) seen.clear();
  seen.insert(key);
  return is_right;
}

std::array<uint8_t, 32> Sha256(std::string_view bytes) {
  std::array<uint8_t, 32> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return digest;
}

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace larnax::http
