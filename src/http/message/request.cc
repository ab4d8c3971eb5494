#include "http/message/request.h"

#include <algorithm>
#include <charconv>

#include "larnax/error.h"
#include "larnax/format.h"

namespace larnax::http {
namespace {

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Whether a Content-Type is of a form, parameters aside.
bool IsForm(std::string_view content_type) {
  return content_type.substr(0, content_type.find_first_of("; ")) ==
         "application/x-www-form-urlencoded";
}

arrow::Result<std::vector<Matcher>> ReadSelector(std::string_view text) {
  auto selector = ParseSelector(text);
  if (!selector.ok()) return InvalidParam("match[]", selector.status().message());
  for (const Matcher& matcher : *selector) {
    if (!matcher.MatchesEmpty()) return selector;
  }
  return InvalidParam("match[]", "match[] must contain at least one non-empty matcher");
}

}  // namespace

arrow::Status InvalidParam(std::string_view name, std::string_view reason) {
  return MakeError(ErrorKind::kBadQuery,
                   "invalid parameter \"" + std::string(name) + "\": " + std::string(reason));
}

void RequestHead::Clear() {
  method = Method::kOther;
  for (std::string* text :
       {&path, &query, &content_type, &content_encoding, &accept, &accept_encoding, &host, &origin,
        &fetch_site, &expect, &transfer_encoding, &authorization, &account}) {
    text->clear();
  }
  hosts = 0;
  authorizations = 0;
  http_1_1 = false;
  keep_alive = true;
}

bool IsCrossSite(const RequestHead& head) {
  // Browsers leave this out for plain HTTP to other machines; then the origin has to do.
  if (head.fetch_site == "same-origin" || head.fetch_site == "none") return false;
  if (!head.fetch_site.empty()) return true;
  if (head.origin.empty()) return false;
  const size_t scheme = head.origin.find("://");
  if (scheme == std::string::npos) return true;  // `null`, of pages in a sandbox.
  const std::string_view host = std::string_view(head.origin).substr(scheme + 3);
  return !std::equal(host.begin(), host.end(), head.host.begin(), head.host.end(),
                     [](char a, char b) { return ToLower(a) == ToLower(b); });
}

arrow::Status ReadParams(Request* request) {
  if (request->head.method == Method::kPost && IsForm(request->head.content_type)) {
    ARROW_RETURN_NOT_OK(request->params.Add(request->body));
  }
  return request->params.Add(request->head.query);
}

arrow::Result<int64_t> TimeParam(const Params& params, std::string_view name, int64_t otherwise) {
  const std::string_view text = params.First(name);
  if (text.empty()) return otherwise;
  auto time_ms = ParseTime(text);
  if (!time_ms.ok()) return InvalidParam(name, time_ms.status().message());
  return time_ms;
}

arrow::Result<int64_t> DurationParam(const Params& params, std::string_view name,
                                     int64_t otherwise) {
  const std::string_view text = params.First(name);
  if (text.empty()) return otherwise;
  auto duration_ms = ParseDuration(text);
  if (!duration_ms.ok()) return InvalidParam(name, duration_ms.status().message());
  return duration_ms;
}

arrow::Result<int64_t> IntegerParam(const Params& params, std::string_view name,
                                    int64_t otherwise) {
  const std::string_view text = params.First(name);
  if (text.empty()) return otherwise;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return InvalidParam(name, "cannot parse \"" + std::string(text) + "\" to a whole number");
  }
  return number;
}

arrow::Result<int64_t> LimitParam(const Params& params, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(const int64_t limit, IntegerParam(params, name, 0));
  if (limit < 0) return InvalidParam(name, "limit must be non-negative");
  return limit;
}

arrow::Result<SelectRequest> SelectParams(const Request& request, int64_t max_timeout_ms) {
  const Params& params = request.params;
  SelectRequest select;
  ARROW_ASSIGN_OR_RAISE(select.range.start_ms, TimeParam(params, "start", select.range.start_ms));
  ARROW_ASSIGN_OR_RAISE(select.range.end_ms, TimeParam(params, "end", select.range.end_ms));
  for (const std::string_view text : params.All("match[]")) {
    ARROW_ASSIGN_OR_RAISE(auto selector, ReadSelector(text));
    select.selectors.push_back(std::move(selector));
  }
  ARROW_ASSIGN_OR_RAISE(select.limit, LimitParam(params, "limit"));
  select.timeout_ms = max_timeout_ms;
  if (const std::string_view text = params.First("timeout"); !text.empty()) {
    const auto timeout_ms = ParseDuration(text);
    if (!timeout_ms.ok()) return InvalidParam("timeout", timeout_ms.status().message());
    if (*timeout_ms <= 0) return InvalidParam("timeout", "a timeout must be positive");
    if (max_timeout_ms == 0 || *timeout_ms < max_timeout_ms) select.timeout_ms = *timeout_ms;
  }
  select.cancelled = request.cancelled;
  return select;
}

}  // namespace larnax::http
