#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "http/access/tls_context.h"
#include "http/access/web_config.h"

namespace larnax::http {

/// Who may do what, as a web config file said at one time. Immutable; safe to share.
class AccessRules {
 public:
  /// Without a file: everyone may do everything, in plain HTTP.
  AccessRules() = default;

  /// Read a web config file and the files it names, relative to its folder.
  ///
  /// \retval kBadQuery The message names file, line and fault.
  static arrow::Result<std::shared_ptr<const AccessRules>> Load(const std::string& path,
                                                                const ReadFile& read_file);

  /// Null: plain HTTP.
  const std::shared_ptr<const TlsContext>& tls() const { return tls_; }
  /// Whether a request needs credentials.
  bool needs_credentials() const { return !config_.accounts.empty(); }
  const std::vector<std::pair<std::string, std::string>>& headers() const {
    return config_.headers;
  }
  /// What to say to one without credentials: the value of WWW-Authenticate.
  std::string_view challenge() const { return challenge_; }
  /// Of all texts that were read; equal while nothing has changed.
  const std::string& fingerprint() const { return fingerprint_; }

  /// The account of a name and password; null where there is none. See PasswordVerifier.
  const Account* FindUser(std::string_view name) const;
  /// The account of a bearer token; compares with all of them, so that time tells nothing.
  const Account* FindToken(std::string_view token) const;
  /// A hash to check the password of someone unknown against, so that it takes as long.
  const std::string& decoy_hash() const { return decoy_hash_; }

 private:
  arrow::Status LoadTls(const std::string& folder, const ReadFile& read_file);
  void Index();

  WebConfig config_;
  std::shared_ptr<const TlsContext> tls_;
  std::string fingerprint_;
  std::string challenge_;
  std::string decoy_hash_;
  std::unordered_map<std::string_view, const Account*> users_;  // Borrows from `config_`.
};

}  // namespace larnax::http
