#include <crypt.h>

#include <map>

#include "http/access/access_control.h"
#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::http {
namespace {

using Kind = AccessDecision::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

std::string HashOf(const char* password) {
  crypt_data scratch{};
  // The lowest cost, and a salt of no importance.
  return crypt_r(password, "$2b$04$abcdefghijklmnopqrstuu", &scratch);
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    hex.push_back("0123456789abcdef"[static_cast<uint8_t>(c) >> 4]);
    hex.push_back("0123456789abcdef"[static_cast<uint8_t>(c) & 15]);
  }
  return hex;
}

std::string TokenHashOf(std::string_view token) {
  const auto digest = Sha256(token);
  return "sha256:" + Hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string Base64(std::string_view bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t bits = 0;
    for (size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      out.push_back(i + j > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * j) & 63]);
    }
  }
  return out;
}

std::string Basic(std::string_view name_and_password) {
  return "Basic " + Base64(name_and_password);
}

class AccessTest : public testing::Test {
 protected:
  // Rules over files that are only in memory.
  void Make(const std::string& config) {
    files_["/etc/web.yml"] = config;
    ASSERT_OK_AND_ASSIGN(access_,
                         AccessControl::Make(
                             "/etc/web.yml",
                             [this](const std::string& path) -> arrow::Result<std::string> {
                               const auto file = files_.find(path);
                               if (file == files_.end())
                                 return arrow::Status::IOError("no file: ", path);
                               return file->second;
                             },
                             [this](std::string_view line) { log_.emplace_back(line); },
                             [this](std::string_view line) { log_.emplace_back(line); }));
  }
  void MakeUsual() {
    Make("basic_auth_users:\n  alice: " + HashOf("wonder") + "\n  bob: " + HashOf("builder") +
         "\nbearer_tokens:\n  ci: " + TokenHashOf("t0ken") +
         "\nroles:\n  alice: admin\n  bob: read\n  ci: write\n");
  }
  // The decision, with the slow part done.
  AccessDecision Decide(const std::string& authorization, Role role) {
    auto decision = access_->Decide(*access_->rules(), authorization, role);
    if (decision.kind == Kind::kNeedsCheck) {
      ++checks_;
      access_->CheckPassword(role, &decision);
    }
    return decision;
  }
  Kind KindFor(const std::string& authorization, Role role = Role::kRead) {
    return Decide(authorization, role).kind;
  }

  std::map<std::string, std::string> files_;
  std::vector<std::string> log_;
  std::unique_ptr<AccessControl> access_;
  int checks_ = 0;
};

TEST_F(AccessTest, LetsEveryoneInWithoutAFile) {
  ASSERT_OK_AND_ASSIGN(access_, AccessControl::Make("", {}, {}, {}));
  EXPECT_EQ(KindFor("", Role::kAdmin), Kind::kAllowed);
  EXPECT_EQ(KindFor("nonsense", Role::kAdmin), Kind::kAllowed);
  EXPECT_FALSE(access_->has_file());
}

TEST_F(AccessTest, KnowsAccountsAndWhatTheyMayDo) {
  MakeUsual();
  EXPECT_EQ(KindFor(Basic("alice:wonder"), Role::kAdmin), Kind::kAllowed);
  EXPECT_EQ(KindFor(Basic("bob:builder")), Kind::kAllowed);
  EXPECT_EQ(KindFor(Basic("bob:builder"), Role::kWrite), Kind::kTooLittle);
  EXPECT_EQ(KindFor(Basic("bob:builder"), Role::kAdmin), Kind::kTooLittle);
  EXPECT_EQ(Decide(Basic("bob:builder"), Role::kRead).account, "bob");
  EXPECT_EQ(KindFor("Bearer t0ken", Role::kWrite), Kind::kAllowed);
  EXPECT_EQ(KindFor("bearer  t0ken", Role::kWrite), Kind::kAllowed);
  EXPECT_EQ(KindFor("Bearer t0ken", Role::kRead), Kind::kTooLittle);
  EXPECT_EQ(KindFor("", Role::kNone), Kind::kAllowed);
}

TEST_F(AccessTest, RefusesEverythingElse) {
  MakeUsual();
  const std::pair<std::string, Kind> cases[] = {
      {"", Kind::kDenied},
      {Basic("alice:wonde"), Kind::kDenied},
      {Basic("alice:"), Kind::kDenied},
      {Basic("alice:wonder "), Kind::kDenied},
      {Basic("Alice:wonder"), Kind::kDenied},
      {Basic("mallory:wonder"), Kind::kDenied},
      {Basic(":wonder"), Kind::kDenied},
      {Basic(std::string("alice:wonder\0x", 14)), Kind::kDenied},
      {Basic("alice:" + std::string(73, 'x')), Kind::kDenied},
      {Basic("ci:t0ken"), Kind::kDenied},
      {Basic("alice"), Kind::kMalformed},
      {"Basic !!!!", Kind::kMalformed},
      {"Basic ", Kind::kMalformed},
      {"Basic", Kind::kDenied},
      {"Bearer t0ke", Kind::kDenied},
      {"Bearer ", Kind::kDenied},
      {"Bearer wonder", Kind::kDenied},
      {"Digest x", Kind::kDenied},
  };
  for (const auto& [authorization, kind] : cases) {
    EXPECT_EQ(KindFor(authorization), kind) << authorization;
  }
}

// bcrypt looks at the first 72 bytes only: what is longer is nobody's password.
TEST_F(AccessTest, TakesNoPasswordForAnother) {
  const std::string longest(72, 'x');
  Make("basic_auth_users:\n  a: " + HashOf(longest.c_str()) + "\n");
  EXPECT_EQ(KindFor(Basic("a:" + longest)), Kind::kAllowed);
  EXPECT_EQ(KindFor(Basic("a:" + longest + "y")), Kind::kDenied);
}

TEST_F(AccessTest, RemembersWhatItComputed) {
  MakeUsual();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(KindFor(Basic("bob:builder")), Kind::kAllowed);
    EXPECT_EQ(KindFor(Basic("bob:wrong")), Kind::kDenied);
    EXPECT_EQ(KindFor(Basic("nobody:builder")), Kind::kDenied);
  }
  EXPECT_EQ(checks_, 3);
  EXPECT_EQ(KindFor("Bearer no"), Kind::kDenied);
  EXPECT_EQ(checks_, 3);
}

// The check of someone unknown must cost as much as that of someone known.
TEST_F(AccessTest, ChecksTheUnknownAgainstAHashOfTheSameCost) {
  MakeUsual();
  const std::string& decoy = access_->rules()->decoy_hash();
  ASSERT_EQ(decoy.size(), 60);
  EXPECT_EQ(decoy.substr(0, 7), "$2b$04$");
  crypt_data scratch{};
  const char* computed = crypt_r("x", decoy.c_str(), &scratch);
  ASSERT_NE(computed, nullptr);
  EXPECT_EQ(std::string_view(computed).substr(0, 29), decoy.substr(0, 29));
}

TEST_F(AccessTest, ReadsTheFileAgain) {
  MakeUsual();
  EXPECT_EQ(KindFor(Basic("bob:builder")), Kind::kAllowed);
  files_["/etc/web.yml"] = "basic_auth_users:\n  bob: " + HashOf("new") + "\n";
  access_->Reload();
  EXPECT_EQ(KindFor(Basic("bob:builder")), Kind::kDenied);
  EXPECT_EQ(KindFor(Basic("bob:new"), Role::kWrite), Kind::kAllowed);
  EXPECT_EQ(KindFor(Basic("alice:wonder")), Kind::kDenied);
  EXPECT_THAT(log_, ElementsAre("web config was read again: path=/etc/web.yml"));
  access_->Reload();
  EXPECT_EQ(log_.size(), 1);
}

TEST_F(AccessTest, KeepsTheRulesWhereTheNewOnesCannotBeTaken) {
  MakeUsual();
  const std::string good = files_["/etc/web.yml"];
  // Being written, gone, damaged: nobody gets in by that.
  files_["/etc/web.yml"] = "";
  access_->Reload();
  access_->Reload();
  files_.erase("/etc/web.yml");
  access_->Reload();
  files_["/etc/web.yml"] = "basic_auth_users: [\n";
  access_->Reload();
  files_["/etc/web.yml"] = good + "tls_server_config:\n  cert_file: c\n  key_file: k\n";
  access_->Reload();
  EXPECT_EQ(KindFor(""), Kind::kDenied);
  EXPECT_EQ(KindFor(Basic("bob:builder")), Kind::kAllowed);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("has no accounts any more"), HasSubstr("no file"),
                                HasSubstr("not YAML"), HasSubstr("no file: /etc/c")));
  files_["/etc/web.yml"] = good;
  access_->Reload();
  EXPECT_EQ(log_.size(), 4);
}

TEST_F(AccessTest, RefusesCertificatesItCannotUse) {
  files_ = {{"/etc/web.yml", "tls_server_config:\n  cert_file: c\n  key_file: k\n"},
            {"/etc/c", "no certificate"},
            {"/etc/k", "no key"}};
  const auto read = [this](const std::string& path) -> arrow::Result<std::string> {
    return files_.at(path);
  };
  const auto made = AccessControl::Make("/etc/web.yml", read, {}, {});
  EXPECT_THAT(made, test::HasMessage("/etc/web.yml: cert_file holds no certificate"));
  EXPECT_THAT(made, test::IsKind(ErrorKind::kBadQuery));
}

}  // namespace
}  // namespace larnax::http
