#include "http/access/access_rules.h"

#include "http/access/password_verifier.h"

namespace larnax::http {
namespace {

std::string PathFrom(const std::string& folder, const std::string& path) {
  return path.empty() || path.front() == '/' ? path : folder + path;
}

void AddToFingerprint(std::string_view text, std::string* fingerprint) {
  const auto digest = Sha256(text);
  fingerprint->append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

}  // namespace

arrow::Result<std::shared_ptr<const AccessRules>> AccessRules::Load(const std::string& path,
                                                                    const ReadFile& read_file) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, read_file(path));
  auto rules = std::make_shared<AccessRules>();
  AddToFingerprint(text, &rules->fingerprint_);
  ARROW_ASSIGN_OR_RAISE(rules->config_, ParseWebConfig(text, path));
  if (rules->config_.tls) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    const arrow::Status status = rules->LoadTls(folder, read_file);
    if (!status.ok()) return status.WithMessage(path, ": ", status.message());
  }
  rules->Index();
  return rules;
}

arrow::Status AccessRules::LoadTls(const std::string& folder, const ReadFile& read_file) {
  const TlsSettings& settings = *config_.tls;
  TlsFiles files;
  const std::pair<const std::string*, std::string*> parts[] = {
      {&settings.cert_file, &files.certificate},
      {&settings.key_file, &files.key},
      {&settings.client_ca_file, &files.client_ca}};
  for (const auto& [path, text] : parts) {
    if (path->empty()) continue;
    ARROW_ASSIGN_OR_RAISE(*text, read_file(PathFrom(folder, *path)));
    AddToFingerprint(*text, &fingerprint_);
  }
  ARROW_ASSIGN_OR_RAISE(tls_, TlsContext::Make(settings, files));
  return arrow::Status::OK();
}

void AccessRules::Index() {
  bool any_token = false;
  for (const Account& account : config_.accounts) {
    any_token = any_token || account.is_token;
    if (account.is_token) continue;
    users_.emplace(account.name, &account);
    // Of no password: its digest is random. As costly as the first account's.
    if (decoy_hash_.empty()) {
      decoy_hash_ =
          account.hash.substr(0, 7) + "PXeKeMJyhgzzt4Ca9Hv4L.TmVeNyJrK1Cc8lUPlRTG5rJPgY3vJ1q";
    }
  }
  if (!users_.empty()) challenge_ = "Basic realm=\"larnax\", charset=\"UTF-8\"";
  if (any_token) challenge_ += challenge_.empty() ? "Bearer" : ", Bearer";
}

const Account* AccessRules::FindUser(std::string_view name) const {
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second;
}

const Account* AccessRules::FindToken(std::string_view token) const {
  const auto digest = Sha256(token);
  const std::string_view hash(reinterpret_cast<const char*>(digest.data()), digest.size());
  const Account* match = nullptr;
  for (const Account& account : config_.accounts) {
    if (account.is_token && EqualInConstantTime(account.hash, hash)) match = &account;
  }
  return match;
}

}  // namespace larnax::http
