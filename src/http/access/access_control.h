#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <arrow/result.h>

#include "http/access/access_rules.h"
#include "http/access/password_verifier.h"

namespace larnax::http {

/// What became of a request's credentials.
struct AccessDecision {
  enum class Kind {
    kAllowed,
    kDenied,     ///< 401: none, or wrong ones.
    kTooLittle,  ///< 403: the account lacks the role.
    kMalformed,  ///< 400.
    kNeedsCheck  ///< A password that is not known yet: see CheckPassword.
  };
  Kind kind = Kind::kAllowed;
  std::string account;  ///< Who it is, where known; empty: nobody.

  // For kNeedsCheck.
  std::string hash;
  std::string password;
  bool is_known = false;  ///< Else there is no such account, whatever the check says.
  Roles roles;
};

/// Lets requests in or not, by a web config file that is read again when it changes. Safe to use
/// from any thread.
class AccessControl {
 public:
  using Tell = std::function<void(std::string_view)>;

  /// \param path  Of the web config file; empty: everyone may do everything.
  /// \param log   Told of what could not be taken, and `inform` of changes; no secrets.
  static arrow::Result<std::unique_ptr<AccessControl>> Make(std::string path, ReadFile read_file,
                                                            Tell log, Tell inform);

  /// The rules in force.
  std::shared_ptr<const AccessRules> rules() const {
    const std::lock_guard lock(mutex_);
    return rules_;
  }

  /// Decide on a request that needs `role` and has the header field Authorization (empty: none).
  AccessDecision Decide(const AccessRules& rules, std::string_view authorization, Role role) const;
  /// Finish a decision of kNeedsCheck. Slow on purpose: not for threads that others wait for.
  void CheckPassword(Role role, AccessDecision* decision);

  /// Read the files again and, where they changed, take the new rules. Rules that cannot be read,
  /// or that would open what is closed (no TLS, or no accounts, any more), are not taken: the old
  /// ones stay.
  void Reload();
  /// Whether there is a file that may change.
  bool has_file() const { return !path_.empty(); }

 private:
  AccessControl(std::string path, ReadFile read_file, Tell log, Tell inform)
      : path_(std::move(path)),
        read_file_(std::move(read_file)),
        log_(std::move(log)),
        inform_(std::move(inform)) {}

  AccessDecision DecideBasic(const AccessRules& rules, std::string_view encoded, Role role) const;
  void Complain(const std::string& problem);

  const std::string path_;
  const ReadFile read_file_;
  const Tell log_;
  const Tell inform_;
  PasswordVerifier verifier_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::shared_ptr<const AccessRules> rules_ = std::make_shared<AccessRules>();
  std::string last_complaint_;
};

}  // namespace larnax::http
