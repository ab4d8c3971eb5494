// Accounts as a client meets them on the wire, and what is told of it. TLS is tested from outside.

#include <crypt.h>

#include <mutex>

#include "http/server_fixture.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ServerAccessTest : public ServerTest {
 protected:
  // The server reads files to its end: it must end first.
  void TearDown() override { server_.reset(); }

  static std::string HashOf(const char* password) {
    crypt_data scratch{};
    return crypt_r(password, "$2b$04$abcdefghijklmnopqrstuu", &scratch);
  }
  ServerOptions AccessOptions() {
    config_ = "basic_auth_users:\n  root: " + HashOf("r") + "\n  reader: " + HashOf("r") +
              "\n  writer: " + HashOf("w") +
              "\nroles:\n  root: admin\n  reader: read\n  writer: write\n"
              "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
    ServerOptions options = SmallOptions();
    options.web_config = "web.yml";
    options.read_file = [this](const std::string&) -> arrow::Result<std::string> {
      const std::lock_guard lock(mutex_);
      return config_;
    };
    options.log = [this](std::string_view line) { Add(line, &log_); };
    options.audit = [this](std::string_view line) { Add(line, &audit_); };
    return options;
  }
  void Add(std::string_view line, std::vector<std::string>* to) {
    const std::lock_guard lock(mutex_);
    to->emplace_back(line);
  }
  std::vector<std::string> audit() {
    const std::lock_guard lock(mutex_);
    return audit_;
  }

  std::mutex mutex_;  // Guards what follows.
  std::string config_;
  std::vector<std::string> log_;
  std::vector<std::string> audit_;
};

// Base64 of root:r, reader:r, writer:w, root:x.
const std::string kRoot = "Authorization: Basic cm9vdDpy\r\n";
const std::string kReader = "Authorization: Basic cmVhZGVyOnI=\r\n";
const std::string kWriter = "Authorization: Basic d3JpdGVyOnc=\r\n";
const std::string kWrong = "Authorization: Basic cm9vdDp4\r\n";

TEST_F(ServerAccessTest, AsksForCredentials) {
  Start(AccessOptions());
  EXPECT_TRUE(server_->needs_credentials());
  const RawResponse refused = Get("/api/v1/labels");
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.Header("www-authenticate"), HasSubstr("Basic realm=\"larnax\""));
  EXPECT_EQ(refused.Header("x-frame-options"), "deny");
  for (const char* target : {"/", "/metrics", "/api/v1/status/flags", "/api/v1/status/tsdb"}) {
    EXPECT_EQ(Get(target).status, 401) << target;
    EXPECT_EQ(Get(target, kWrong).status, 401) << target;
    EXPECT_EQ(Get(target, kReader).status, 200) << target;
  }
  for (const char* target : {"/api/v1/write", "/receive", "/api/v1/read", "/flush"}) {
    EXPECT_EQ(Post(target, "x").status, 401) << target;
  }
  EXPECT_TRUE(database_.writes().empty());
  // What says nothing of the archive, and what a browser asks first.
  EXPECT_EQ(Get("/-/healthy").status, 200);
  EXPECT_EQ(Get("/-/ready").status, 200);
  RawClient browser(server_->port());
  browser.Send("OPTIONS /api/v1/labels HTTP/1.1\r\nHost: t\r\nOrigin: http://a\r\n\r\n");
  EXPECT_EQ(browser.ReadResponse().status, 204);
}

TEST_F(ServerAccessTest, LetsAccountsDoWhatTheirRolesSay) {
  Start(AccessOptions());
  EXPECT_EQ(Post("/api/v1/write", "x", kWriter).status, 204);
  EXPECT_EQ(Post("/api/v1/write", "x", kReader).status, 403);
  EXPECT_EQ(Get("/api/v1/labels", kWriter).status, 403);
  EXPECT_EQ(Post("/api/v1/admin/flush", "", kReader).status, 403);
  EXPECT_EQ(Post("/flush", "", kWriter).status, 403);
  EXPECT_THAT(Post("/api/v1/admin/merge", "", kWriter).body, HasSubstr("the role admin"));
  EXPECT_EQ(database_.flushes + database_.merges, 0);
  EXPECT_EQ(Post("/flush", "", kRoot).status, 200);
  EXPECT_EQ(Get("/api/v1/labels", kRoot).status, 200);
  EXPECT_EQ(database_.writes().size(), 1);
}

TEST_F(ServerAccessTest, AuditsWhatNeedsTheRoleAdmin) {
  Start(AccessOptions());
  Post("/api/v1/admin/flush", "", kRoot);
  Post("/api/v1/admin/merge", "", kReader);
  Post("/flush", "", kWrong);
  Get("/api/v1/labels", kReader);
  EXPECT_OK(server_->Stop());
  EXPECT_THAT(
      audit(),
      ElementsAre(
          testing::ContainsRegex(
              "audit: path=/api/v1/admin/flush account=\"root\" from=127.0.0.1:[0-9]+ status=200"),
          testing::ContainsRegex("path=/api/v1/admin/merge account=\"reader\" .*status=403"),
          testing::ContainsRegex("path=/flush account=\"\" .*status=401")));
  for (const auto& line : audit()) {
    EXPECT_EQ(line.find("cm9vd"), std::string::npos) << line;
  }
}

TEST_F(ServerAccessTest, ReadsTheBodyOnlyOfThoseLetIn) {
  Start(AccessOptions());
  RawClient client(server_->port());
  client.Send("POST /api/v1/write HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n" + kWrong +
              "Expect: 100-continue\r\n\r\n");
  const RawResponse refused = client.ReadResponse();
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(refused.Header("connection"), "close");
  EXPECT_TRUE(client.ReadToEnd());
  // The header of the next request is looked at by itself.
  RawClient keeping(server_->port());
  EXPECT_EQ(keeping.Get("/api/v1/labels", kReader).status, 200);
  EXPECT_EQ(keeping.Get("/api/v1/labels").status, 401);
  EXPECT_EQ(keeping.Get("/api/v1/labels", kReader).status, 200);
}

TEST_F(ServerAccessTest, AnswersPipelinedRequestsInOrderWhilePasswordsAreChecked) {
  Start(AccessOptions());
  RawClient client(server_->port());
  const std::string host = "Host: t\r\n";
  client.Send("POST /receive HTTP/1.1\r\n" + host + kWriter + "Content-Length: 2\r\n\r\nab" +
              "GET /api/v1/labels HTTP/1.1\r\n" + host + kReader + "\r\n" +
              "GET /api/v1/labels HTTP/1.1\r\n" + host + kWrong + "\r\n" +
              "GET /-/healthy HTTP/1.1\r\n" + host + "\r\n");
  for (const int status : {204, 200, 401, 200}) EXPECT_EQ(client.ReadResponse().status, status);
}

TEST_F(ServerAccessTest, RefusesAmbiguousCredentials) {
  Start(AccessOptions());
  EXPECT_EQ(Get("/api/v1/labels", kReader + kRoot).status, 400);
  EXPECT_EQ(Get("/api/v1/labels", "Authorization: Basic ====\r\n").status, 400);
  EXPECT_EQ(Get("/api/v1/labels", "Authorization: Basic\r\n").status, 401);
}

TEST_F(ServerAccessTest, SurvivesClientsThatLeaveWhileTheirPasswordIsChecked) {
  Start(AccessOptions());
  for (int i = 0; i < 50; ++i) {
    RawClient client(server_->port());
    // Another password each time: nothing is remembered.
    client.Send("GET /api/v1/labels HTTP/1.1\r\nHost: t\r\nAuthorization: Basic cm9vdDp4" +
                std::string(1, static_cast<char>('A' + i % 26)) + "AA\r\n\r\n");
  }
  EXPECT_EQ(Get("/-/healthy").status, 200);
  while (Get("/api/v1/labels", kReader).status == 503) std::this_thread::yield();
  EXPECT_EQ(Get("/api/v1/labels", kReader).status, 200);
}

TEST_F(ServerAccessTest, TakesChangesOfTheFile) {
  ServerOptions options = AccessOptions();
  options.web_config_interval_ms = 1;
  Start(options);
  ASSERT_EQ(Get("/api/v1/labels", kReader).status, 200);
  {
    const std::lock_guard lock(mutex_);
    config_ = "basic_auth_users:\n  root: " + HashOf("r") + "\n";
  }
  while (Get("/api/v1/labels", kReader).status == 200) std::this_thread::yield();
  EXPECT_EQ(Get("/api/v1/labels", kReader).status, 401);
  EXPECT_EQ(Get("/api/v1/labels", kRoot).status, 200);
  // Its role is gone, too.
  EXPECT_EQ(Post("/flush", "", kRoot).status, 403);
}

TEST_F(ServerAccessTest, RefusesToStartWithAFileItCannotUse) {
  ServerOptions options = AccessOptions();
  config_ = "basic_auth_users:\n  root: r\n";
  EXPECT_THAT(Server::Start(&database_, options), test::IsKind(ErrorKind::kBadQuery));
}

}  // namespace
}  // namespace larnax::http
