#include <algorithm>

#include "http/endpoints/endpoints.h"

namespace larnax::http {
namespace {

// Ask of a sender's log line: enough to find the culprit, not a page.
constexpr size_t kMaxReasons = 10;

std::string DescribeRefusals(const std::vector<Refusal>& refused) {
  std::string text;
  for (size_t i = 0; i < std::min(refused.size(), kMaxReasons); ++i) {
    if (i > 0) text.push_back('\n');
    text.append(refused[i].reason);
    text.append(": count=").append(std::to_string(refused[i].count));
    if (!refused[i].first.empty()) text.append(" first=").append(refused[i].first);
  }
  if (refused.size() > kMaxReasons) {
    text.append("\n").append(std::to_string(refused.size() - kMaxReasons)).append(" more reasons");
  }
  return text;
}

void AddWrittenHeaders(const WriteReport& report, Response* response) {
  const std::pair<std::string_view, int64_t> fields[] = {
      {"X-Prometheus-Remote-Write-Samples-Written", report.samples},
      {"X-Prometheus-Remote-Write-Histograms-Written", report.histograms},
      {"X-Prometheus-Remote-Write-Exemplars-Written", report.exemplars}};
  for (const auto& [name, count] : fields) {
    response->headers.emplace_back(name, std::to_string(count));
  }
}

}  // namespace

Response AnswerWrite(const arrow::Result<WriteReport>& outcome, bool version_2) {
  if (!outcome.ok()) {
    Response response = TextResponse(HttpStatusOf(outcome.status()), outcome.status().message());
    if (version_2) AddWrittenHeaders(WriteReport{}, &response);
    return response;
  }
  Response response;
  if (outcome->refused.empty()) {
    response.status = 204;
  } else {
    response = TextResponse(400, DescribeRefusals(outcome->refused));
  }
  if (version_2) AddWrittenHeaders(*outcome, &response);
  return response;
}

}  // namespace larnax::http
