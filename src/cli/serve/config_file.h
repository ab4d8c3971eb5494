#pragma once

#include <string>
#include <string_view>

#include <arrow/result.h>

#include "cli/serve/serve_settings.h"

namespace larnax::cli {

/// Read settings from YAML: a mapping of setting names (with or without dashes in front) to
/// scalars.
///
/// \param source  Named in errors.
/// \retval kBadQuery Not such a mapping, or a name twice; the message holds `source:line:`.
arrow::Result<GivenSettings> ParseConfig(std::string_view text, const std::string& source);

/// Read a small text file whole: settings, certificates.
///
/// \retval kNotFound There is no such file.
/// \retval kBadQuery It is larger than 1 MiB.
arrow::Result<std::string> ReadTextFile(const std::string& path);

/// Read a file for ParseConfig.
///
/// \retval kNotFound There is no such file.
arrow::Result<GivenSettings> ReadConfigFile(const std::string& path);

}  // namespace larnax::cli
