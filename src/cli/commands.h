#pragma once

#include "cli/command_line.h"

namespace larnax::cli {

// One command each, in the file of its name. All print for themselves and return an exit code.
int RunServe(const ServeArguments& arguments);
int RunInspect(const InspectArguments& arguments);
int RunVerify(const VerifyArguments& arguments);
int RunExport(const ExportArguments& arguments);
int RunQuery(const QueryArguments& arguments);
int RunExplain(const ExplainArguments& arguments);
int RunVersion(const VersionArguments& arguments);

}  // namespace larnax::cli
