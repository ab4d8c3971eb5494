#include <cstdio>
#include <exception>

#include "cli/commands.h"
#include "cli/exit_code.h"

namespace larnax::cli {
namespace {

struct Runner {
  int operator()(const PrintAndExit& print) const {
    std::fputs(print.text.c_str(), print.exit_code == kOk ? stdout : stderr);
    return print.exit_code;
  }
  int operator()(const ServeArguments& arguments) const { return RunServe(arguments); }
  int operator()(const InspectArguments& arguments) const { return RunInspect(arguments); }
  int operator()(const VerifyArguments& arguments) const { return RunVerify(arguments); }
  int operator()(const ExportArguments& arguments) const { return RunExport(arguments); }
  int operator()(const QueryArguments& arguments) const { return RunQuery(arguments); }
  int operator()(const ExplainArguments& arguments) const { return RunExplain(arguments); }
  int operator()(const VersionArguments& arguments) const { return RunVersion(arguments); }
};

}  // namespace
}  // namespace larnax::cli

int main(int argc, char** argv) {
  try {
    return std::visit(larnax::cli::Runner(), larnax::cli::ParseCommandLine(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "larnax: unexpected failure: %s\n", e.what());
    return larnax::cli::kFailure;
  }
}
