#include "http/access/web_config.h"

#include "test/matchers.h"

namespace larnax::http {
namespace {

using test::HasMessage;
using test::IsKind;

// Of the password "secret".
constexpr const char* kHash = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
const std::string kTokenHash = "sha256:" + std::string(64, 'a');

arrow::Result<WebConfig> Parse(const std::string& text) { return ParseWebConfig(text, "web.yml"); }

TEST(WebConfig, ReadsAllOfPrometheusFields) {
  ASSERT_OK_AND_ASSIGN(const WebConfig config, Parse(R"(
tls_server_config:
  cert_file: server.crt
  key_file: /etc/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [a.example, "10.0.0.1"]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256]
  curve_preferences: [CurveP256, X25519]
  prefer_server_cipher_suites: false
http_server_config:
  http2: true
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
)"));
  ASSERT_TRUE(config.tls.has_value());
  EXPECT_EQ(config.tls->cert_file, "server.crt");
  EXPECT_EQ(config.tls->key_file, "/etc/server.key");
  EXPECT_EQ(config.tls->client_auth, ClientAuth::kVerify);
  EXPECT_EQ(config.tls->client_allowed_sans.size(), 2);
  EXPECT_EQ(config.tls->min_version, 0x0304);
  EXPECT_EQ(config.tls->curves, (std::vector<std::string>{"P-256", "X25519"}));
  EXPECT_FALSE(config.tls->prefer_server_ciphers);
  EXPECT_EQ(config.headers.size(), 2);
  EXPECT_TRUE(config.accounts.empty());
}

TEST(WebConfig, ReadsAccountsAndTheirRoles) {
  ASSERT_OK_AND_ASSIGN(const WebConfig config,
                       Parse(std::string("roles:\n  alice: [read, admin]\n  ci: write\n") +
                             "basic_auth_users:\n  alice: " + kHash + "\n  bob: " + kHash +
                             "\nbearer_tokens:\n  ci: " + kTokenHash + "\n"));
  ASSERT_EQ(config.accounts.size(), 3);
  const Account& alice = config.accounts[0];
  EXPECT_EQ(alice.name, "alice");
  EXPECT_FALSE(alice.is_token);
  EXPECT_TRUE(alice.roles.Allow(Role::kAdmin));
  EXPECT_TRUE(alice.roles.Allow(Role::kWrite));
  // Without roles of one's own: read and write.
  const Roles bob = config.accounts[1].roles;
  EXPECT_TRUE(bob.Allow(Role::kRead) && bob.Allow(Role::kWrite) && !bob.Allow(Role::kAdmin));
  const Account& ci = config.accounts[2];
  EXPECT_TRUE(ci.is_token);
  EXPECT_EQ(ci.hash, std::string(32, '\xAA'));
  EXPECT_TRUE(ci.roles.Allow(Role::kWrite) && !ci.roles.Allow(Role::kRead));
}

TEST(WebConfig, MayBeEmpty) {
  EXPECT_OK(Parse(""));
  EXPECT_OK(Parse("# nothing\n"));
  EXPECT_OK(Parse("basic_auth_users:\ntls_server_config:\nroles:\n"));
}

TEST(WebConfig, RefusesWhatItDoesNotUnderstand) {
  const std::string users = std::string("basic_auth_users:\n  a: ") + kHash + "\n";
  const std::string tls = "tls_server_config:\n  cert_file: c\n  key_file: k\n";
  const std::pair<std::string, const char*> cases[] = {
      {"basic_auth_user:\n  a: b\n", "web.yml:1: unknown field: basic_auth_user"},
      {"- a\n", "web.yml:1: expected `name: value` lines"},
      {"a: [\n", "not YAML"},
      {"tls_server_config:\n  cert_file: c\n", "needs key_file"},
      {"tls_server_config:\n  key_file: c\n", "needs cert_file"},
      {tls + "  min_version: TLS10\n", "web.yml:4: expected one of: TLS12, TLS13"},
      {tls + "  min_version: TLS13\n  max_version: TLS12\n", "min_version over max_version"},
      {tls + "  client_auth_type: Maybe\n", "expected one of: "},
      {tls + "  client_auth_type: RequireAndVerifyClientCert\n", "needs client_ca_file"},
      {tls + "  client_ca_file: ca\n", "needs a client_auth_type"},
      {tls + "  client_allowed_sans: [a]\n", "client_allowed_sans needs"},
      {tls + "  curve_preferences: [P1]\n", "expected one of: Curve"},
      {tls + "  prefer_server_cipher_suites: perhaps\n", "expected true or false"},
      {tls + "  cert_file: d\n", "given twice: cert_file"},
      {"http_server_config:\n  headers:\n    Server: x\n", "unknown field: Server"},
      {"http_server_config:\n  headers:\n    X-Frame-Options: \"a\\r\\nb\"\n", "printable"},
      {"basic_auth_users:\n  a: secret\n", "web.yml:2: the password of a is no bcrypt hash"},
      {"basic_auth_users:\n  a: $2b$31$" + std::string(53, 'a') + "\n", "cost of a must be"},
      {"basic_auth_users:\n  a: $2b$03$" + std::string(53, 'a') + "\n", "cost of a must be"},
      {"basic_auth_users:\n  \"a:b\": x\n", "not a usable name"},
      {"basic_auth_users:\n  \"\": x\n", "not a usable name"},
      {users + "bearer_tokens:\n  a: " + kTokenHash + "\n", "given twice: a"},
      {"bearer_tokens:\n  a: token\n", "the token of a is not `sha256:`"},
      {"bearer_tokens:\n  a: sha256:" + std::string(64, 'A') + "\n", "small hexadecimal"},
      {users + "roles:\n  b: read\n", "roles for nobody"},
      {users + "roles:\n  a: root\n", "expected one of: admin, read, write"},
      {users + "roles:\n  a: [read, [write]]\n", "expected one word"},
      {std::string(2 << 20, '#'), "larger than 1 MiB"},
  };
  for (const auto& [text, problem] : cases) {
    EXPECT_THAT(Parse(text), HasMessage(problem)) << text.substr(0, 200);
    EXPECT_THAT(Parse(text), IsKind(ErrorKind::kBadQuery));
  }
}

// A password put where its hash belongs must not end up in a log.
TEST(WebConfig, KeepsSecretsOutOfMessages) {
  for (const char* text : {"basic_auth_users:\n  a: hunter2\n", "bearer_tokens:\n  a: hunter2\n",
                           "basic_auth_users:\n  a: [hunter2]\n", "hunter2: [\n"}) {
    const auto config = Parse(text);
    ASSERT_FALSE(config.ok());
    EXPECT_EQ(config.status().message().find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace larnax::http
