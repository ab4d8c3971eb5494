#include <cstdio>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/progress_bar.h"
#include "cli/report.h"
#include "larnax/archive.h"

namespace larnax::cli {
namespace {

arrow::Result<VerifyReport> VerifyWithProgress(const std::string& path) {
  ProgressBar bar("Verifying");
  return VerifyArchive(path, bar.AsCallback());
}

}  // namespace

int RunVerify(const VerifyArguments& arguments) {
  const auto report = VerifyWithProgress(arguments.data);
  if (!report.ok()) return Fail(report.status());
  const bool is_json = arguments.format == OutputFormat::kJson;
  std::fputs((is_json ? VerifyJson(*report) : VerifyText(*report)).c_str(), stdout);
  return report->problems.empty() ? kOk : kFailure;
}

}  // namespace larnax::cli
