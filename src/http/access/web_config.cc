#include "http/access/web_config.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include <yaml-cpp/yaml.h>

#include "larnax/error.h"

namespace larnax::http {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;
constexpr size_t kMaxAccounts = 10'000;
constexpr size_t kMaxNameBytes = 256;
constexpr size_t kTokenHashBytes = 32;

class Parser {
 public:
  explicit Parser(const std::string& source) : source_(source) {}

  arrow::Result<WebConfig> Parse(const YAML::Node& root) {
    ARROW_RETURN_NOT_OK(EachField(
        root, {{"tls_server_config", [&](const YAML::Node& node) { return ReadTls(node); }},
               {"http_server_config", [&](const YAML::Node& node) { return ReadHttp(node); }},
               {"basic_auth_users", [&](const YAML::Node& node) { return ReadUsers(node); }},
               {"bearer_tokens", [&](const YAML::Node& node) { return ReadTokens(node); }},
               // Read last: it speaks of users and tokens.
               {"roles", [](const YAML::Node&) { return arrow::Status::OK(); }}}));
    if (root.IsMap() && root["roles"]) ARROW_RETURN_NOT_OK(ReadRoles(root["roles"]));
    return std::move(config_);
  }

  arrow::Status Bad(const YAML::Mark& mark, const std::string& problem) const {
    return MakeError(ErrorKind::kBadQuery,
                     source_ + ":" + std::to_string(mark.line + 1) + ": " + problem);
  }

 private:
  using ReadField = std::function<arrow::Status(const YAML::Node&)>;

  // Every key must be known: one that is misspelt would leave a door open.
  arrow::Status EachField(const YAML::Node& node,
                          const std::map<std::string, ReadField>& fields) const {
    if (node.IsNull()) return arrow::Status::OK();
    if (!node.IsMap()) return Bad(node.Mark(), "expected `name: value` lines");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Bad(entry.first.Mark(), "a name must be a word");
      const std::string& name = entry.first.Scalar();
      const auto field = fields.find(name);
      if (field == fields.end()) return Bad(entry.first.Mark(), "unknown field: " + name);
      if (!seen.insert(name).second) return Bad(entry.first.Mark(), "given twice: " + name);
      ARROW_RETURN_NOT_OK(field->second(entry.second));
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadText(const YAML::Node& node, std::string* to) const {
    if (node.IsNull()) return arrow::Status::OK();
    if (!node.IsScalar()) return Bad(node.Mark(), "expected one word");
    *to = node.Scalar();
    return arrow::Status::OK();
  }
  arrow::Status ReadBool(const YAML::Node& node, bool* to) const {
    if (!node.IsScalar() || !YAML::convert<bool>::decode(node, *to)) {
      return Bad(node.Mark(), "expected true or false");
    }
    return arrow::Status::OK();
  }
  arrow::Status ReadList(const YAML::Node& node, std::vector<std::string>* to) const {
    if (node.IsNull()) return arrow::Status::OK();
    if (!node.IsSequence()) return Bad(node.Mark(), "expected a list");
    for (const auto& item : node) ARROW_RETURN_NOT_OK(ReadText(item, &to->emplace_back()));
    return arrow::Status::OK();
  }
  template <typename Value>
  arrow::Status ReadChoice(const YAML::Node& node, const std::map<std::string, Value>& choices,
                           Value* to) const {
    std::string text;
    ARROW_RETURN_NOT_OK(ReadText(node, &text));
    const auto choice = choices.find(text);
    if (choice == choices.end()) {
      std::string names;
      for (const auto& [name, value] : choices) names += (names.empty() ? "" : ", ") + name;
      return Bad(node.Mark(), "expected one of: " + names);
    }
    *to = choice->second;
    return arrow::Status::OK();
  }

  arrow::Status ReadTls(const YAML::Node& node) {
    static const std::map<std::string, int> kVersions = {{"TLS12", 0x0303}, {"TLS13", 0x0304}};
    static const std::map<std::string, ClientAuth> kClientAuth = {
        {"", ClientAuth::kNone},
        {"NoClientCert", ClientAuth::kNone},
        {"RequestClientCert", ClientAuth::kRequest},
        {"RequireClientCert", ClientAuth::kRequireAny},
        {"RequireAnyClientCert", ClientAuth::kRequireAny},
        {"VerifyClientCertIfGiven", ClientAuth::kVerifyIfGiven},
        {"RequireAndVerifyClientCert", ClientAuth::kVerify}};
    if (node.IsNull()) return arrow::Status::OK();
    TlsSettings tls;
    const auto text = [this](std::string* to) {
      return [this, to](const YAML::Node& value) { return ReadText(value, to); };
    };
    ARROW_RETURN_NOT_OK(EachField(
        node,
        {{"cert_file", text(&tls.cert_file)},
         {"key_file", text(&tls.key_file)},
         {"client_ca_file", text(&tls.client_ca_file)},
         {"client_auth_type",
          [&](const YAML::Node& value) {
            return ReadChoice(value, kClientAuth, &tls.client_auth);
          }},
         {"client_allowed_sans",
          [&](const YAML::Node& value) { return ReadList(value, &tls.client_allowed_sans); }},
         {"min_version",
          [&](const YAML::Node& value) { return ReadChoice(value, kVersions, &tls.min_version); }},
         {"max_version",
          [&](const YAML::Node& value) { return ReadChoice(value, kVersions, &tls.max_version); }},
         {"cipher_suites",
          [&](const YAML::Node& value) { return ReadList(value, &tls.cipher_suites); }},
         {"curve_preferences", [&](const YAML::Node& value) { return ReadCurves(value, &tls); }},
         {"prefer_server_cipher_suites",
          [&](const YAML::Node& value) { return ReadBool(value, &tls.prefer_server_ciphers); }}}));
    if (tls.cert_file.empty()) return Bad(node.Mark(), "tls_server_config needs cert_file");
    if (tls.key_file.empty()) return Bad(node.Mark(), "tls_server_config needs key_file");
    const bool verifies =
        tls.client_auth == ClientAuth::kVerify || tls.client_auth == ClientAuth::kVerifyIfGiven;
    if (verifies && tls.client_ca_file.empty()) {
      return Bad(node.Mark(), "this client_auth_type needs client_ca_file");
    }
    if (!verifies && !tls.client_ca_file.empty()) {
      return Bad(node.Mark(), "client_ca_file needs a client_auth_type that verifies");
    }
    if (tls.client_auth != ClientAuth::kVerify && !tls.client_allowed_sans.empty()) {
      return Bad(node.Mark(), "client_allowed_sans needs RequireAndVerifyClientCert");
    }
    if (tls.min_version > tls.max_version) return Bad(node.Mark(), "min_version over max_version");
    config_.tls = std::move(tls);
    return arrow::Status::OK();
  }

  arrow::Status ReadCurves(const YAML::Node& node, TlsSettings* tls) const {
    static const std::map<std::string, std::string> kCurves = {{"CurveP256", "P-256"},
                                                               {"CurveP384", "P-384"},
                                                               {"CurveP521", "P-521"},
                                                               {"X25519", "X25519"}};
    if (!node.IsSequence()) return Bad(node.Mark(), "expected a list");
    for (const auto& item : node) {
      ARROW_RETURN_NOT_OK(ReadChoice(item, kCurves, &tls->curves.emplace_back()));
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadHttp(const YAML::Node& node) {
    bool http2 = false;  // Not spoken: clients settle on HTTP/1.1 by themselves.
    return EachField(node,
                     {{"http2", [&](const YAML::Node& value) { return ReadBool(value, &http2); }},
                      {"headers", [&](const YAML::Node& value) { return ReadHeaders(value); }}});
  }

  arrow::Status ReadHeaders(const YAML::Node& node) {
    constexpr std::string_view kNames[] = {"Content-Security-Policy", "X-Frame-Options",
                                           "X-Content-Type-Options", "X-XSS-Protection",
                                           "Strict-Transport-Security"};
    std::map<std::string, ReadField> fields;
    for (const std::string_view name : kNames) {
      fields.emplace(name, [this, name](const YAML::Node& value) {
        std::string text;
        ARROW_RETURN_NOT_OK(ReadText(value, &text));
        if (std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' || c == 0x7F; })) {
          return Bad(value.Mark(), "a header's value must be printable ASCII");
        }
        config_.headers.emplace_back(name, std::move(text));
        return arrow::Status::OK();
      });
    }
    return EachField(node, fields);
  }

  // `name: hash` lines; `add` takes the hash.
  arrow::Status ReadAccounts(const YAML::Node& node, bool is_token,
                             arrow::Status (Parser::*read)(const YAML::Node&, Account*) const) {
    if (node.IsNull()) return arrow::Status::OK();
    if (!node.IsMap()) return Bad(node.Mark(), "expected `name: hash` lines");
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return Bad(entry.first.Mark(), "a name must be a word");
      Account account;
      account.name = entry.first.Scalar();
      account.is_token = is_token;
      // In Basic credentials a colon ends the name.
      const bool is_usable = !account.name.empty() && account.name.size() <= kMaxNameBytes &&
                             account.name.find(':') == std::string::npos;
      if (!is_usable) return Bad(entry.first.Mark(), "not a usable name");
      if (Find(account.name) != nullptr) {
        return Bad(entry.first.Mark(), "given twice: " + account.name);
      }
      if (config_.accounts.size() == kMaxAccounts) {
        return Bad(entry.first.Mark(), "too many accounts");
      }
      ARROW_RETURN_NOT_OK((this->*read)(entry.second, &account));
      account.roles = Roles().With(Role::kRead).With(Role::kWrite);
      config_.accounts.push_back(std::move(account));
      index_.emplace(config_.accounts.back().name, config_.accounts.size() - 1);
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadUsers(const YAML::Node& node) {
    return ReadAccounts(node, false, &Parser::ReadPasswordHash);
  }
  arrow::Status ReadTokens(const YAML::Node& node) {
    return ReadAccounts(node, true, &Parser::ReadTokenHash);
  }

  // `$2b$10$` and 53 characters. What is wrong is not repeated: it may be the password itself.
  arrow::Status ReadPasswordHash(const YAML::Node& node, Account* account) const {
    ARROW_RETURN_NOT_OK(ReadText(node, &account->hash));
    const std::string& hash = account->hash;
    constexpr std::string_view kAlphabet =
        "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool is_bcrypt = hash.size() == 60 && hash.starts_with("$2") &&
                           (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$' &&
                           is_digit(hash[4]) && is_digit(hash[5]) && hash[6] == '$' &&
                           hash.find_first_not_of(kAlphabet, 7) == std::string::npos;
    if (!is_bcrypt) {
      return Bad(node.Mark(), "the password of " + account->name + " is no bcrypt hash");
    }
    const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
    if (cost < 4 || cost > kMaxBcryptCost) {
      return Bad(node.Mark(), "the bcrypt cost of " + account->name + " must be from 4 to " +
                                  std::to_string(kMaxBcryptCost));
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadTokenHash(const YAML::Node& node, Account* account) const {
    constexpr std::string_view kPrefix = "sha256:";
    std::string text;
    ARROW_RETURN_NOT_OK(ReadText(node, &text));
    const std::string_view digits =
        text.starts_with(kPrefix) ? std::string_view(text).substr(kPrefix.size()) : "";
    if (digits.size() != 2 * kTokenHashBytes ||
        digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
      return Bad(node.Mark(), "the token of " + account->name +
                                  " is not `sha256:` and 64 small hexadecimal digits");
    }
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (size_t i = 0; i < digits.size(); i += 2) {
      account->hash.push_back(static_cast<char>(value(digits[i]) << 4 | value(digits[i + 1])));
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadRoles(const YAML::Node& node) {
    static const std::map<std::string, Role> kRoles = {
        {"read", Role::kRead}, {"write", Role::kWrite}, {"admin", Role::kAdmin}};
    if (node.IsNull()) return arrow::Status::OK();
    if (!node.IsMap()) return Bad(node.Mark(), "expected `name: role` lines");
    std::set<std::string> seen;
    for (const auto& entry : node) {
      Account* account = entry.first.IsScalar() ? Find(entry.first.Scalar()) : nullptr;
      if (account == nullptr) return Bad(entry.first.Mark(), "roles for nobody");
      if (!seen.insert(account->name).second) {
        return Bad(entry.first.Mark(), "given twice: " + account->name);
      }
      account->roles = Roles();
      const auto add = [&](const YAML::Node& value) {
        Role role = Role::kNone;
        ARROW_RETURN_NOT_OK(ReadChoice(value, kRoles, &role));
        account->roles = account->roles.With(role);
        return arrow::Status::OK();
      };
      if (!entry.second.IsSequence()) {
        ARROW_RETURN_NOT_OK(add(entry.second));
        continue;
      }
      for (const auto& role : entry.second) ARROW_RETURN_NOT_OK(add(role));
    }
    return arrow::Status::OK();
  }

  Account* Find(const std::string& name) {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &config_.accounts[found->second];
  }

  const std::string& source_;
  WebConfig config_;
  std::map<std::string, size_t> index_;  // Of accounts by name.
};

}  // namespace

const char* RoleName(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kRead:
      return "read";
    case Role::kWrite:
      return "write";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

arrow::Result<WebConfig> ParseWebConfig(std::string_view text, const std::string& source) {
  if (text.size() > kMaxConfigBytes) {
    return MakeError(ErrorKind::kBadQuery, source + ": a web config file larger than 1 MiB");
  }
  Parser parser(source);
  try {
    return parser.Parse(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& e) {
    // Not the parser's own words: they may repeat what stands there.
    return parser.Bad(e.mark.is_null() ? YAML::Mark() : e.mark, "not YAML");
  }
}

}  // namespace larnax::http
