#pragma once

#include <arrow/result.h>

#include "http/message/request.h"
#include "http/message/response.h"
#include "http/services.h"

namespace larnax::http {

/// Answer a request. A failed Status becomes Prometheus' error envelope.
using Endpoint = arrow::Result<Response> (*)(const Request&, const Services&);

// root_page.cc
arrow::Result<Response> AnswerRoot(const Request& request, const Services& services);
/// Prometheus' page of graphs, that links lead to: to the root page, with the query.
arrow::Result<Response> AnswerGraph(const Request& request, const Services& services);

// health.cc
arrow::Result<Response> AnswerHealthy(const Request& request, const Services& services);
arrow::Result<Response> AnswerReady(const Request& request, const Services& services);
arrow::Result<Response> AnswerMetrics(const Request& request, const Services& services);

// labels.cc
arrow::Result<Response> AnswerLabels(const Request& request, const Services& services);
arrow::Result<Response> AnswerLabelValues(const Request& request, const Services& services);

// series.cc
arrow::Result<Response> AnswerSeries(const Request& request, const Services& services);

// metadata.cc
arrow::Result<Response> AnswerMetadata(const Request& request, const Services& services);

// query.cc
arrow::Result<Response> AnswerQuery(const Request& request, const Services& services);
arrow::Result<Response> AnswerQueryRange(const Request& request, const Services& services);

// exemplars.cc
arrow::Result<Response> AnswerQueryExemplars(const Request& request, const Services& services);

// query_language.cc
arrow::Result<Response> AnswerFormatQuery(const Request& request, const Services& services);
arrow::Result<Response> AnswerParseQuery(const Request& request, const Services& services);
arrow::Result<Response> AnswerFeatures(const Request& request, const Services& services);

// no_scraping.cc: well-formed answers about what an archive has none of
arrow::Result<Response> AnswerRules(const Request& request, const Services& services);
arrow::Result<Response> AnswerAlerts(const Request& request, const Services& services);
arrow::Result<Response> AnswerTargets(const Request& request, const Services& services);
arrow::Result<Response> AnswerTargetsMetadata(const Request& request, const Services& services);
arrow::Result<Response> AnswerScrapePools(const Request& request, const Services& services);
arrow::Result<Response> AnswerAlertmanagers(const Request& request, const Services& services);

// samples.cc
arrow::Result<Response> AnswerSamples(const Request& request, const Services& services);

// read.cc
arrow::Result<Response> AnswerRead(const Request& request, const Services& services);

// status.cc
arrow::Result<Response> AnswerBuildInfo(const Request& request, const Services& services);
arrow::Result<Response> AnswerRuntimeInfo(const Request& request, const Services& services);
arrow::Result<Response> AnswerTsdb(const Request& request, const Services& services);
arrow::Result<Response> AnswerFlags(const Request& request, const Services& services);
arrow::Result<Response> AnswerConfig(const Request& request, const Services& services);

// admin.cc
arrow::Result<Response> AnswerFlush(const Request& request, const Services& services);
arrow::Result<Response> AnswerMerge(const Request& request, const Services& services);

// write.cc
/// Answer a write by what became of it.
///
/// \param version_2  Whether the sender spoke remote write 2.0.
Response AnswerWrite(const arrow::Result<WriteReport>& outcome, bool version_2);

}  // namespace larnax::http
