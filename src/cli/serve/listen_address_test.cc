#include "cli/serve/listen_address.h"

#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::cli {
namespace {

TEST(ParseListenAddress, ReadsEveryForm) {
  const std::tuple<const char*, const char*, int> cases[] = {
      {"127.0.0.1:9797", "127.0.0.1", 9797},
      {"0.0.0.0:80", "0.0.0.0", 80},
      {"[::1]:9797", "::1", 9797},
      {"[fe80::1]:1", "fe80::1", 1},
      {"[::ffff:1.2.3.4]:2", "::ffff:1.2.3.4", 2},
      {":9797", "::", 9797},
      {"9797", "127.0.0.1", 9797},
      {"localhost:0", "localhost", 0},
      {"127.0.0.1:65535", "127.0.0.1", 65535}};
  for (const auto& [text, host, port] : cases) {
    ASSERT_OK_AND_ASSIGN(const ListenAddress address, ParseListenAddress(text));
    EXPECT_EQ(address, (ListenAddress{host, port})) << text;
  }
}

TEST(ParseListenAddress, RefusesTheRest) {
  for (const char* text :
       {"", ":", "host", "host:", "host:x", "host:-1", "host:65536", "1:2:3", "::1:9797", "[::1]",
        "[::1", "[]:1", "[x]:1", "http://a:1", "a b:1", "127.0.0.1:9797 ", "host:99999999999"}) {
    EXPECT_THAT(ParseListenAddress(text), test::IsKind(ErrorKind::kBadQuery)) << text;
  }
  EXPECT_THAT(ParseListenAddress("host"), test::HasMessage("expected HOST:PORT"));
}

TEST(FormatListenAddress, PutsIpv6InBrackets) {
  for (const char* text : {"127.0.0.1:9797", "[::1]:80", "localhost:1"}) {
    EXPECT_EQ(FormatListenAddress(ParseListenAddress(text).ValueOrDie()), text);
  }
}

}  // namespace
}  // namespace larnax::cli
