#include "http/server_metrics.h"

#include <algorithm>

#include "larnax/format.h"

namespace larnax::http {
namespace {

void AppendFamily(std::string_view name, std::string_view type, std::string_view help,
                  std::string* out) {
  out->append("# HELP ").append(name).append(" ").append(help);
  out->append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void AppendSimple(std::string_view name, std::string_view type, std::string_view help,
                  int64_t value, std::string* out) {
  AppendFamily(name, type, help, out);
  out->append(name).append(" ").append(std::to_string(value)).append("\n");
}

std::string SecondsOf(int64_t duration_us) {
  std::string text;
  AppendValue(static_cast<double>(duration_us) / 1e6, &text);
  return text;
}

}  // namespace

ServerMetrics::ServerMetrics(std::vector<std::string_view> handlers)
    : handlers_(std::move(handlers)), rows_(std::make_unique<Row[]>(handlers_.size())) {}

void ServerMetrics::RecordRequest(size_t route, int status, int64_t duration_us,
                                  uint64_t body_bytes, uint64_t response_bytes) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  Row& row = rows_[route];
  const auto* known = std::find(kStatuses.begin(), kStatuses.end() - 1, status);
  row.by_status[static_cast<size_t>(known - kStatuses.begin())].fetch_add(1, kRelaxed);
  const auto* bound = std::lower_bound(kBoundsUs.begin(), kBoundsUs.end(), duration_us);
  row.by_duration[static_cast<size_t>(bound - kBoundsUs.begin())].fetch_add(1, kRelaxed);
  row.duration_us.fetch_add(static_cast<uint64_t>(duration_us), kRelaxed);
  row.body_bytes.fetch_add(body_bytes, kRelaxed);
  row.response_bytes.fetch_add(response_bytes, kRelaxed);
}

bool ServerMetrics::IsUsed(const Row& row) const {
  return std::any_of(row.by_status.begin(), row.by_status.end(),
                     [](const auto& count) { return count.load() > 0; });
}

void ServerMetrics::AppendText(std::string* out) const {
  AppendFamily("larnax_http_requests_total", "counter", "Requests answered.", out);
  for (size_t i = 0; i < handlers_.size(); ++i) {
    for (size_t s = 0; s < kStatuses.size(); ++s) {
      const uint64_t count = rows_[i].by_status[s].load();
      if (count == 0) continue;
      const std::string code = kStatuses[s] == 0 ? "other" : std::to_string(kStatuses[s]);
      out->append("larnax_http_requests_total{code=\"").append(code).append("\",handler=\"");
      out->append(handlers_[i]).append("\"} ").append(std::to_string(count)).append("\n");
    }
  }
  AppendDurations(out);
  AppendBytes("larnax_http_request_body_bytes_total", "Bytes of request bodies, as sent.",
              &Row::body_bytes, out);
  AppendBytes("larnax_http_response_bytes_total", "Bytes of answers, heads included.",
              &Row::response_bytes, out);
  AppendSimple("larnax_http_requests_in_flight", "gauge", "Requests being answered.",
               in_flight.load(), out);
  AppendSimple("larnax_http_connections", "gauge", "Open connections.", connections.load(), out);
  AppendSimple("larnax_http_connections_accepted_total", "counter", "Connections accepted.",
               static_cast<int64_t>(connections_accepted.load()), out);
  AppendSimple("larnax_http_connections_refused_total", "counter",
               "Connections refused because there were too many.",
               static_cast<int64_t>(connections_refused.load()), out);
  AppendSimple("larnax_http_timeouts_total", "counter",
               "Connections closed because the client was too slow.",
               static_cast<int64_t>(timeouts.load()), out);
  AppendSimple("larnax_http_password_checks_total", "counter",
               "Passwords checked against their hash.",
               static_cast<int64_t>(password_checks.load()), out);
  AppendSimple("larnax_http_aborted_streams_total", "counter",
               "Answers that failed after their head was sent.",
               static_cast<int64_t>(aborted_streams.load()), out);
}

void ServerMetrics::AppendDurations(std::string* out) const {
  constexpr std::string_view kName = "larnax_http_request_duration_seconds";
  AppendFamily(kName, "histogram", "From the end of a request to the end of its answer.", out);
  for (size_t i = 0; i < handlers_.size(); ++i) {
    const Row& row = rows_[i];
    if (!IsUsed(row)) continue;
    const std::string handler = "handler=\"" + std::string(handlers_[i]) + "\"";
    uint64_t count = 0;
    for (size_t b = 0; b < row.by_duration.size(); ++b) {
      count += row.by_duration[b].load();
      out->append(kName).append("_bucket{").append(handler).append(",le=\"");
      out->append(b < kBoundsUs.size() ? SecondsOf(kBoundsUs[b]) : "+Inf").append("\"} ");
      out->append(std::to_string(count)).append("\n");
    }
    out->append(kName).append("_sum{").append(handler).append("} ");
    out->append(SecondsOf(static_cast<int64_t>(row.duration_us.load()))).append("\n");
    out->append(kName).append("_count{").append(handler).append("} ");
    out->append(std::to_string(count)).append("\n");
  }
}

void ServerMetrics::AppendBytes(std::string_view name, std::string_view help,
                                std::atomic<uint64_t> Row::* member, std::string* out) const {
  AppendFamily(name, "counter", help, out);
  for (size_t i = 0; i < handlers_.size(); ++i) {
    if (!IsUsed(rows_[i])) continue;
    out->append(name).append("{handler=\"").append(handlers_[i]).append("\"} ");
    out->append(std::to_string((rows_[i].*member).load())).append("\n");
  }
}

}  // namespace larnax::http
