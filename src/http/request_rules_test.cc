// What is refused by the header of a request alone, and what pages of other sites may do.

#include <string>
#include <tuple>

#include "http/server_fixture.h"
#include "larnax/error.h"

namespace larnax::http {
namespace {

using RequestRulesTest = ServerTest;

TEST_F(RequestRulesTest, UnknownPathsAndMethods) {
  Start();
  const RawResponse unknown = Get("/api/v1/nothing");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body, "404 page not found\n");
  RawClient client(server_->port());
  for (const auto& [method, target, allow] :
       {std::tuple("GET", "/api/v1/write", "POST, OPTIONS"),
        std::tuple("PUT", "/api/v1/labels", "GET, HEAD, POST, OPTIONS"),
        std::tuple("DELETE", "/api/v1/series", "GET, HEAD, POST, OPTIONS"),
        std::tuple("OPTIONS", "/metrics", "GET, HEAD"),
        std::tuple("BREW", "/flush", "POST, PUT")}) {
    client.Send(std::string(method) + " " + target + " HTTP/1.1\r\nHost: t\r\n\r\n");
    const RawResponse response = client.ReadResponse();
    EXPECT_EQ(response.status, 405) << method << target;
    EXPECT_EQ(response.Header("allow"), allow);
  }
}

TEST_F(RequestRulesTest, Cors) {
  Start();
  const RawResponse plain = Get("/api/v1/labels");
  EXPECT_EQ(plain.headers.count("vary"), 2);
  EXPECT_EQ(plain.Header("access-control-allow-origin"), "");
  const RawResponse any = Get("/api/v1/labels", "Origin: http://x\r\n");
  EXPECT_EQ(any.Header("access-control-allow-origin"), "*");
  EXPECT_EQ(any.Header("access-control-allow-methods"), "GET, POST, OPTIONS");
  EXPECT_EQ(any.Header("access-control-allow-headers"),
            "Accept, Authorization, Content-Type, Origin");
  EXPECT_EQ(any.Header("access-control-expose-headers"), "Date");
  EXPECT_EQ(Get("/metrics", "Origin: http://x\r\n").Header("access-control-allow-origin"), "");
  RawClient client(server_->port());
  client.Send("OPTIONS /api/v1/series HTTP/1.1\r\nHost: t\r\nOrigin: http://x\r\n\r\n");
  const RawResponse options = client.ReadResponse();
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.Header("access-control-allow-origin"), "*");
}

TEST_F(RequestRulesTest, CorsOfSomeOrigins) {
  ServerOptions options = SmallOptions();
  options.cors_origin = "https?://(a|b)[.]example";
  Start(options);
  EXPECT_EQ(
      Get("/api/v1/labels", "Origin: https://a.example\r\n").Header("access-control-allow-origin"),
      "https://a.example");
  for (const char* origin :
       {"https://c.example", "https://a.example.evil", "x https://a.example"}) {
    EXPECT_EQ(Get("/api/v1/labels", std::string("Origin: ") + origin + "\r\n")
                  .Header("access-control-allow-origin"),
              "");
  }
  options.cors_origin = "(";
  EXPECT_THAT(Server::Start(&database_, options), test::IsKind(ErrorKind::kBadQuery));
}

TEST_F(RequestRulesTest, PagesOfOtherSitesChangeNothing) {
  Start();
  const char* const foreign[] = {"Origin: http://evil.example\r\n", "Origin: null\r\n",
                                 "Origin: http://test:81\r\n", "Sec-Fetch-Site: cross-site\r\n",
                                 "Origin: http://test\r\nSec-Fetch-Site: same-site\r\n"};
  for (const char* target :
       {"/receive", "/api/v1/write", "/flush", "/api/v1/admin/flush", "/api/v1/admin/merge"}) {
    for (const char* fields : foreign) {
      const RawResponse response = Post(target, "", fields);
      EXPECT_EQ(response.status, 403) << target << " " << fields;
      EXPECT_EQ(response.Header("access-control-allow-origin"), "");
    }
  }
  EXPECT_TRUE(database_.writes().empty());
  EXPECT_EQ(database_.flushes + database_.merges, 0);
  // Who is no browser says nothing; a page of this server, or typed by hand, is none of another.
  for (const char* fields : {"", "Origin: http://TEST\r\n", "Sec-Fetch-Site: none\r\n",
                             "Origin: http://behind.proxy\r\nSec-Fetch-Site: same-origin\r\n"}) {
    EXPECT_EQ(Post("/receive", "x", fields).status, 204) << fields;
    EXPECT_EQ(Post("/flush", "", fields).status, 200) << fields;
  }
  // Reading is for all, unless told otherwise.
  EXPECT_EQ(Post("/api/v1/labels", "", foreign[0]).status, 200);
}

TEST_F(RequestRulesTest, PagesOfSitesThatAreNamedMayChange) {
  ServerOptions options = SmallOptions();
  options.cors_origin = "https://a[.]example";
  Start(options);
  const std::string cross = "Sec-Fetch-Site: cross-site\r\n";
  EXPECT_EQ(Post("/receive", "x", cross + "Origin: https://a.example\r\n").status, 204);
  EXPECT_EQ(Post("/receive", "x", cross + "Origin: https://b.example\r\n").status, 403);
  EXPECT_EQ(Post("/receive", "x", cross).status, 403);
}

}  // namespace
}  // namespace larnax::http
