#pragma once

#include <string>
#include <vector>

#include <arrow/result.h>

#include "http/message/request.h"
#include "http/message/response.h"
#include "http/services.h"
#include "larnax/database.h"
#include "larnax/samples.h"

namespace larnax::http {

/// Read what a request for series, or for names or values of their labels, selects and may take.
arrow::Result<SelectRequest> ListParams(const Request& request, const Services& services);

/// Say what is missing from a list by damage (`warnings`) and by its limit (`truncated`), and what
/// it took where the request asks for that: the end of ListResponse.
void EndList(const Request& request, std::vector<std::string> warnings, bool truncated,
             const ReadStats& stats, Response* response);

/// Answer with a JSON array, each item of it by `append(item, &body)`.
///
/// \param answer  What `items` are of: a NamesAnswer or SeriesAnswer.
template <typename Answer, typename Items, typename Append>
Response ListResponse(const Request& request, const Answer& answer, const Items& items,
                      Append append) {
  Response response = BeginJson();
  response.body.push_back('[');
  bool first = true;
  for (const auto& item : items) {
    if (!first) response.body.push_back(',');
    first = false;
    append(item, &response.body);
  }
  response.body.push_back(']');
  EndList(request, answer.warnings, answer.truncated, answer.stats, &response);
  return response;
}

}  // namespace larnax::http
