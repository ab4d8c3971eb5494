#include "http/access/access_control.h"

#include <optional>

#include "larnax/error.h"

namespace larnax::http {
namespace {

using Kind = AccessDecision::Kind;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Take `scheme` and the blanks behind it off the front; the scheme's case does not matter.
bool TakeScheme(std::string_view scheme, std::string_view* text) {
  if (text->size() <= scheme.size() || (*text)[scheme.size()] != ' ') return false;
  for (size_t i = 0; i < scheme.size(); ++i) {
    if (Lower((*text)[i]) != scheme[i]) return false;
  }
  text->remove_prefix(std::min(text->find_first_not_of(' ', scheme.size()), text->size()));
  return true;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string decoded;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    uint32_t value = 0;
    if (c >= 'A' && c <= 'Z') {
      value = static_cast<uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      value = static_cast<uint32_t>(c - 'a' + 26);
    } else if (c >= '0' && c <= '9') {
      value = static_cast<uint32_t>(c - '0' + 52);
    } else if (c == '+' || c == '/') {
      value = c == '+' ? 62 : 63;
    } else {
      return std::nullopt;
    }
    bits = bits << 6 | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded.push_back(static_cast<char>(bits >> count));
  }
  return decoded;
}

AccessDecision Allow(const Account& account, Role role) {
  AccessDecision decision;
  decision.kind = account.roles.Allow(role) ? Kind::kAllowed : Kind::kTooLittle;
  decision.account = account.name;
  return decision;
}

AccessDecision Deny(Kind kind) {
  AccessDecision decision;
  decision.kind = kind;
  return decision;
}

}  // namespace

arrow::Result<std::unique_ptr<AccessControl>> AccessControl::Make(std::string path,
                                                                  ReadFile read_file, Tell log,
                                                                  Tell inform) {
  std::unique_ptr<AccessControl> control(
      new AccessControl(std::move(path), std::move(read_file), std::move(log), std::move(inform)));
  if (control->has_file()) {
    if (!control->read_file_) {
      return MakeError(ErrorKind::kInternal, "a web config file, and nothing to read it with");
    }
    ARROW_ASSIGN_OR_RAISE(control->rules_, AccessRules::Load(control->path_, control->read_file_));
  }
  return control;
}

AccessDecision AccessControl::Decide(const AccessRules& rules, std::string_view authorization,
                                     Role role) const {
  if (role == Role::kNone || !rules.needs_credentials()) return {};
  if (authorization.empty()) return Deny(Kind::kDenied);
  std::string_view rest = authorization;
  if (TakeScheme("basic", &rest)) return DecideBasic(rules, rest, role);
  if (TakeScheme("bearer", &rest)) {
    const Account* account = rules.FindToken(rest);
    return account == nullptr ? Deny(Kind::kDenied) : Allow(*account, role);
  }
  return Deny(Kind::kDenied);
}

AccessDecision AccessControl::DecideBasic(const AccessRules& rules, std::string_view encoded,
                                          Role role) const {
  auto decoded = DecodeBase64(encoded);
  const size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return Deny(Kind::kMalformed);
  const std::string_view name = std::string_view(*decoded).substr(0, colon);
  const std::string_view password = std::string_view(*decoded).substr(colon + 1);
  // With tokens alone there is nobody to have a password.
  if (rules.decoy_hash().empty()) return Deny(Kind::kDenied);
  const Account* account = rules.FindUser(name);
  const std::string& hash = account == nullptr ? rules.decoy_hash() : account->hash;
  const auto known = verifier_.Recall(hash, password);
  if (known.has_value()) {
    return *known && account != nullptr ? Allow(*account, role) : Deny(Kind::kDenied);
  }
  AccessDecision decision = Deny(Kind::kNeedsCheck);
  decision.account = name;
  decision.hash = hash;
  decision.password = password;
  decision.is_known = account != nullptr;
  if (account != nullptr) decision.roles = account->roles;
  return decision;
}

void AccessControl::CheckPassword(Role role, AccessDecision* decision) {
  const bool is_right = verifier_.Check(decision->hash, decision->password) && decision->is_known;
  decision->password.assign(decision->password.size(), '\0');
  decision->password.clear();
  if (!is_right) {
    *decision = Deny(Kind::kDenied);
  } else {
    decision->kind = decision->roles.Allow(role) ? Kind::kAllowed : Kind::kTooLittle;
  }
}

void AccessControl::Reload() {
  auto loaded = AccessRules::Load(path_, read_file_);
  if (!loaded.ok()) {
    Complain(loaded.status().message());
    return;
  }
  const std::shared_ptr<const AccessRules> old = rules();
  const std::shared_ptr<const AccessRules>& now = *loaded;
  if (now->fingerprint() == old->fingerprint()) {
    Complain("");
    return;
  }
  if (old->tls() != nullptr && now->tls() == nullptr) {
    Complain(path_ + ": has no TLS any more; restart to serve without");
  } else if (old->tls() == nullptr && now->tls() != nullptr) {
    Complain(path_ + ": has TLS now; restart to serve with it");
  } else if (old->needs_credentials() && !now->needs_credentials()) {
    Complain(path_ + ": has no accounts any more; restart to serve everyone");
  } else {
    {
      const std::lock_guard lock(mutex_);
      rules_ = now;
      last_complaint_.clear();
    }
    if (inform_) inform_("web config was read again: path=" + path_);
  }
}

// Say a problem once, not every few seconds.
void AccessControl::Complain(const std::string& problem) {
  {
    const std::lock_guard lock(mutex_);
    if (last_complaint_ == problem) return;
    last_complaint_ = problem;
  }
  if (!problem.empty() && log_) log_("web config stays as it was: " + problem);
}

}  // namespace larnax::http
