#include "cli/query/libcurl.h"

#include "test/matchers.h"

namespace larnax::cli {
namespace {

TEST(Libcurl, IsLoadedWhenAsked) {
  ASSERT_OK_AND_ASSIGN(const Libcurl lib, Libcurl::Load());
  char* escaped = lib.escape(nullptr, "a b", 3);
  EXPECT_STREQ(escaped, "a%20b");
  lib.free(escaped);
}

TEST(Libcurl, IsNamedWhereItIsMissing) {
  EXPECT_THAT(Libcurl::Load("libnowhere.so.4"),
              test::HasMessage("without libcurl: libnowhere.so.4"));
}

TEST(Libcurl, AnotherLibraryIsRefused) {
  EXPECT_THAT(Libcurl::Load("libm.so.6"), test::HasMessage("curl_easy_init"));
}

}  // namespace
}  // namespace larnax::cli
