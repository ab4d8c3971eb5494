#pragma once

#include <arrow/result.h>

#include "http/request.h"
#include "http/response.h"
#include "http/services.h"

namespace larnax::http {

/// Answer a request. A failed Status becomes Prometheus' error envelope.
using Endpoint = arrow::Result<Response> (*)(const Request&, const Services&);

// health.cc
arrow::Result<Response> AnswerRoot(const Request& request, const Services& services);
arrow::Result<Response> AnswerHealthy(const Request& request, const Services& services);
arrow::Result<Response> AnswerReady(const Request& request, const Services& services);
arrow::Result<Response> AnswerMetrics(const Request& request, const Services& services);

// labels.cc
arrow::Result<Response> AnswerLabels(const Request& request, const Services& services);
arrow::Result<Response> AnswerLabelValues(const Request& request, const Services& services);
arrow::Result<Response> AnswerSeries(const Request& request, const Services& services);
arrow::Result<Response> AnswerMetadata(const Request& request, const Services& services);

// samples.cc
arrow::Result<Response> AnswerSamples(const Request& request, const Services& services);

// read.cc
arrow::Result<Response> AnswerRead(const Request& request, const Services& services);

// status.cc
arrow::Result<Response> AnswerBuildInfo(const Request& request, const Services& services);
arrow::Result<Response> AnswerRuntimeInfo(const Request& request, const Services& services);
arrow::Result<Response> AnswerTsdb(const Request& request, const Services& services);
arrow::Result<Response> AnswerFlags(const Request& request, const Services& services);

// admin.cc
arrow::Result<Response> AnswerFlush(const Request& request, const Services& services);
arrow::Result<Response> AnswerMerge(const Request& request, const Services& services);

// write.cc
/// Answer a write by what became of it.
///
/// \param version_2  Whether the sender spoke remote write 2.0, where no report tells.
Response AnswerWrite(const arrow::Result<WriteReport>& outcome, bool version_2);
/// Tell whether a Content-Type names remote write 2.0.
bool IsVersion2(std::string_view content_type);

}  // namespace larnax::http
