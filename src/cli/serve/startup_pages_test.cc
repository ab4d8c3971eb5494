#include "cli/serve/startup_pages.h"

#include <cstdio>
#include <string>

#include "larnax/error.h"
#include "test/matchers.h"

namespace larnax::cli {
namespace {

// Of files, in KiB.
long ResidentFilePages() {
  std::FILE* const file = std::fopen("/proc/self/status", "re");
  char line[256];
  long found = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "RssFile: %ld", &found) == 1) break;
  }
  std::fclose(file);
  return found;
}

// What relocations and initialisers wrote.
const char* const texts[] = {"relocated", "strings"};
std::string text = "made before main";

TEST(ReleaseStartupPages, KeepsWhatWasWritten) {
  const long before = ResidentFilePages();
  ReleaseStartupPages();
  EXPECT_LT(ResidentFilePages(), before);
  EXPECT_STREQ(texts[0], "relocated");
  EXPECT_EQ(text, "made before main");
  // Calls through libraries, with tables of functions and thrown exceptions.
  EXPECT_EQ(MakeError(ErrorKind::kLimit, text).ToString(),
            "Capacity error: made before main. Detail: execution");
  EXPECT_THROW((void)std::stoi(text), std::invalid_argument);
}

}  // namespace
}  // namespace larnax::cli
