#pragma once

#include <string>

#include "larnax/archive.h"

namespace larnax::cli {

/// Print what an archive holds, for eyes; with its files, with its columns.
std::string InspectText(const InspectReport& report, bool files, bool columns);
/// Print all of it as JSON: the fields of InspectReport under their names.
std::string InspectJson(const InspectReport& report);

std::string VerifyText(const VerifyReport& report);
std::string VerifyJson(const VerifyReport& report);

}  // namespace larnax::cli
