#include "larnax/version.h"

#include <cstdio>

#include "cli/commands.h"
#include "cli/exit_code.h"

namespace larnax::cli {

int RunVersion(const VersionArguments& arguments) {
  const char* layout = arguments.format == OutputFormat::kJson
                           ? "{\"version\":\"%s\",\"revision\":\"%s\",\"archive_format\":%d}\n"
                           : "larnax %s, revision %s, archive format %d\n";
  std::printf(layout, Version(), Revision(), kFormatVersion);
  return kOk;
}

}  // namespace larnax::cli
