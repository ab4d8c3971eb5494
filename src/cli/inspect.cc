#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/report.h"
#include "larnax/archive.h"

namespace larnax::cli {

int RunInspect(const InspectArguments& arguments) {
  const auto report = InspectArchive(arguments.data);
  if (!report.ok()) return Fail(report.status());
  const std::string text = arguments.format == OutputFormat::kJson
                               ? InspectJson(*report)
                               : InspectText(*report, arguments.files, arguments.columns);
  std::fputs(text.c_str(), stdout);
  const bool is_whole = std::all_of(report->files.begin(), report->files.end(),
                                    [](const FileUse& file) { return file.problem.empty(); });
  return is_whole ? kOk : kFailure;
}

}  // namespace larnax::cli
