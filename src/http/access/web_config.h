#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "http/access/roles.h"

namespace larnax::http {

/// Whether clients show a certificate.
enum class ClientAuth {
  kNone,
  kRequest,        ///< Asked for; any will do, none too.
  kRequireAny,     ///< One is needed, any will do.
  kVerifyIfGiven,  ///< None is needed; one that is shown must be signed by the client CA.
  kVerify,         ///< One signed by the client CA is needed.
};

/// `tls_server_config` of a web config file. Paths are as they stand there.
struct TlsSettings {
  std::string cert_file;
  std::string key_file;
  std::string client_ca_file;
  ClientAuth client_auth = ClientAuth::kNone;
  std::vector<std::string> client_allowed_sans;  ///< One of them must be in a client's certificate.
  int min_version = 0x0303;                      ///< As on the wire; TLS 1.2.
  int max_version = 0x0304;
  std::vector<std::string> cipher_suites;  ///< Of TLS 1.2, by their IANA names; empty: OpenSSL's.
  std::vector<std::string> curves;         ///< As OpenSSL names groups.
  bool prefer_server_ciphers = true;
};

/// One who may come in.
struct Account {
  std::string name;
  std::string hash;       ///< bcrypt of a password, or SHA-256 of a token in 32 bytes.
  bool is_token = false;  ///< Comes as a bearer token instead of name and password.
  Roles roles;
};

/// A web config file, read: Prometheus' format and ours beyond it.
struct WebConfig {
  std::optional<TlsSettings> tls;
  std::vector<Account> accounts;                             ///< Names are unique.
  std::vector<std::pair<std::string, std::string>> headers;  ///< Sent with every answer.
};

/// Largest bcrypt cost that is taken: a check of one takes about two seconds.
inline constexpr int kMaxBcryptCost = 15;

/// Read a web config file.
///
/// \param source  Names the file in messages.
/// \retval kBadQuery The message names line and fault, and holds nothing secret.
arrow::Result<WebConfig> ParseWebConfig(std::string_view text, const std::string& source);

}  // namespace larnax::http
