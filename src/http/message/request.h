#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include <arrow/status.h>

#include "http/message/params.h"
#include "larnax/database.h"

namespace larnax::http {

enum class Method { kGet, kHead, kPost, kPut, kOptions, kOther };

/// What of a request's header this server looks at. Values are as sent, blanks trimmed; of a
/// field sent twice the first counts, lists are joined.
struct RequestHead {
  Method method = Method::kOther;
  std::string path;   ///< Still percent-encoded.
  std::string query;  ///< Without the `?`.
  std::string content_type;
  std::string content_encoding;
  std::string accept;
  std::string accept_encoding;
  std::string host;
  std::string origin;
  std::string fetch_site;  ///< Sec-Fetch-Site: where a browser's request comes from.
  std::string expect;
  std::string transfer_encoding;
  std::string authorization;  ///< Credentials: never logged, and dropped when they were looked at.
  std::string account;        ///< Who it is; set by the server, not read.
  int hosts = 0;              ///< How many Host fields there were.
  int authorizations = 0;     ///< And Authorization fields.
  bool http_1_1 = false;      ///< Else HTTP/1.0.
  bool keep_alive = true;     ///< As the version and Connection say.

  /// Forget everything but the memory.
  void Clear();
};

/// Tell whether a page of another site sent it. Browsers say so; whoever is none sends neither
/// `Sec-Fetch-Site` nor `Origin`, and is not meant.
bool IsCrossSite(const RequestHead& head);

/// A request as an endpoint sees it.
struct Request {
  RequestHead head;
  std::string body;
  Params params;
  std::string name;  ///< The path's `<name>`, decoded, where the route has one.
  std::chrono::steady_clock::time_point received = std::chrono::steady_clock::now();
  /// Set when the client goes away; never null.
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
};

/// Fill `request->params` from query and form body.
arrow::Status ReadParams(Request* request);

/// Read an optional time. Errors are Prometheus': `invalid parameter "start": cannot parse ...`.
arrow::Result<int64_t> TimeParam(const Params& params, std::string_view name, int64_t otherwise);

/// Read a duration, into milliseconds; `otherwise` where it is absent or empty.
arrow::Result<int64_t> DurationParam(const Params& params, std::string_view name,
                                     int64_t otherwise);

/// The error for a parameter: `invalid parameter "start": REASON`.
arrow::Status InvalidParam(std::string_view name, std::string_view reason);

/// Read a whole number; `otherwise` where it is absent or empty.
arrow::Result<int64_t> IntegerParam(const Params& params, std::string_view name, int64_t otherwise);

/// Read an optional count >= 0; absent, empty and 0 are 0: no limit.
arrow::Result<int64_t> LimitParam(const Params& params, std::string_view name);

/// Read `match[]`, `start`, `end`, `limit` and `timeout` (capped by `max_timeout_ms`; 0: no cap).
///
/// \retval kBadQuery A parameter that cannot be read, or a selector that matches everything.
arrow::Result<SelectRequest> SelectParams(const Request& request, int64_t max_timeout_ms);

/// What may be asked of a stream's `stats` parameter: any value asks for them.
inline bool WantsStats(const Params& params) { return !params.First("stats").empty(); }

}  // namespace larnax::http
