#pragma once

#include <cstdint>
#include <string_view>

#include <arrow/result.h>

#include "wire/write_request.h"

namespace larnax::wire {

/// Texts that a target may answer a scrape with.
enum class ExpositionFormat : uint8_t {
  kPrometheusText,  ///< version 0.0.4: times in milliseconds, no exemplars
  kOpenMetrics,     ///< version 1.0.0: times in seconds, exemplars, ends in `# EOF`
};

/// Decode a scrape: each sample line becomes a series entry with one sample.
///
/// Label bytes are sorted and without empty values; see CanonicalLabels for what else is to be
/// checked. `TYPE`, `HELP` and `UNIT` become metadata of their family. NaN becomes Prometheus'
/// ordinary NaN, 0x7ff8000000000001. Quoted names, `{"a.b",c="d"}`, are read in both formats.
///
/// \param text             The whole body; borrowed by `request` until its Clear.
/// \param default_time_ms  For samples and exemplars without a time of their own.
/// \param request          Cleared first. After an error its content is unspecified.
/// \retval kBadSample A line that is not of the format, or OpenMetrics without its end; the
///                    message names the line. A scrape is taken whole or not at all.
/// \retval kTooLarge  More than a limit in `request`.
/// \see https://prometheus.io/docs/instrumenting/exposition_formats/ and
///      https://prometheus.io/docs/specs/om/open_metrics_spec/
arrow::Status DecodeExposition(std::string_view text, ExpositionFormat format,
                               int64_t default_time_ms, WriteRequest* request);

}  // namespace larnax::wire
