#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <thread>

#include "http/endpoints/endpoints.h"
#include "larnax/error.h"
#include "larnax/format.h"
#include "larnax/version.h"

namespace larnax::http {
namespace {

constexpr int64_t kMaxTsdbLimit = 10'000;
constexpr int64_t kDefaultTsdbLimit = 10;
constexpr std::string_view kPrometheusVersion = "3.14.0";

// Builds one JSON object, field by field.
class JsonObject {
 public:
  JsonObject& Text(std::string_view name, std::string_view value) {
    Name(name);
    AppendJsonString(value, &text_);
    return *this;
  }
  JsonObject& Number(std::string_view name, int64_t value) {
    return Raw(name, std::to_string(value));
  }
  JsonObject& Raw(std::string_view name, std::string_view json) {
    Name(name);
    text_.append(json);
    return *this;
  }
  std::string Take() {
    text_.push_back('}');
    return std::move(text_);
  }

 private:
  void Name(std::string_view name) {
    if (text_.size() > 1) text_.push_back(',');
    AppendJsonString(name, &text_);
    text_.push_back(':');
  }
  std::string text_ = "{";
};

std::string CountsJson(const std::vector<std::pair<std::string, int64_t>>& counts) {
  std::string json = "[";
  for (const auto& [name, value] : counts) {
    if (json.size() > 1) json.push_back(',');
    json.append(JsonObject().Text("name", name).Number("value", value).Take());
  }
  json.push_back(']');
  return json;
}

std::string Hostname() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// Clients that know Prometheus look here for what they may ask: Grafana, for one, asks for label
// values by selector only of a version from 2.24 on. So the version told is that of the Prometheus
// whose API this is; Larnax' own stands beside it.
arrow::Result<Response> AnswerBuildInfo(const Request&, const Services&) {
  return JsonResponse(JsonObject()
                          .Text("version", kPrometheusVersion)
                          .Text("larnaxVersion", Version())
                          .Text("revision", Revision())
                          .Text("branch", "")
                          .Text("buildUser", "")
                          .Text("buildDate", "")
                          .Text("goVersion", "")
                          .Take());
}

arrow::Result<Response> AnswerRuntimeInfo(const Request&, const Services& services) {
  std::error_code error;
  const std::string folder = std::filesystem::current_path(error).string();
  const auto cores = static_cast<int64_t>(std::thread::hardware_concurrency());
  return JsonResponse(JsonObject()
                          .Text("startTime", FormatTime(services.start_time_ms))
                          .Text("CWD", folder)
                          .Text("hostname", Hostname())
                          .Text("serverTime", FormatTime(NowMs()))
                          .Raw("reloadConfigSuccess", "true")
                          .Text("lastConfigTime", FormatTime(services.start_time_ms))
                          .Number("corruptionCount", 0)
                          .Number("goroutineCount", 0)
                          .Number("GOMAXPROCS", cores)
                          .Number("GOMEMLIMIT", 0)
                          .Text("GOGC", "")
                          .Text("GODEBUG", "")
                          .Text("storageRetention", "forever")
                          .Take());
}

arrow::Result<Response> AnswerTsdb(const Request& request, const Services& services) {
  ARROW_ASSIGN_OR_RAISE(int64_t limit, LimitParam(request.params, "limit"));
  if (request.params.First("limit").empty()) limit = kDefaultTsdbLimit;
  if (limit < 1 || limit > kMaxTsdbLimit) {
    return MakeError(ErrorKind::kBadQuery,
                     "invalid parameter \"limit\": must be between 1 and 10000");
  }
  ARROW_ASSIGN_OR_RAISE(const DatabaseStatus status,
                        services.database->Status(static_cast<int>(limit)));
  const std::string head = JsonObject()
                               .Number("numSeries", status.head_series)
                               .Number("numLabelPairs", status.label_pairs)
                               .Number("chunkCount", 0)
                               .Number("minTime", status.head_min_time_ms)
                               .Number("maxTime", status.head_max_time_ms)
                               .Number("numSamples", status.head_samples)
                               .Take();
  const std::string archive = JsonObject()
                                  .Text("path", status.path)
                                  .Number("files", status.files)
                                  .Number("rows", status.file_rows)
                                  .Number("bytes", status.file_bytes)
                                  .Number("walBytes", status.wal_bytes)
                                  .Number("nextSequence", status.next_sequence)
                                  .Take();
  return JsonResponse(JsonObject()
                          .Raw("headStats", head)
                          .Raw("seriesCountByMetricName", CountsJson(status.series_by_metric))
                          .Raw("labelValueCountByLabelName", CountsJson(status.values_by_label))
                          .Raw("memoryInBytesByLabelName", CountsJson(status.bytes_by_label))
                          .Raw("seriesCountByLabelValuePair", CountsJson(status.series_by_pair))
                          .Raw("archive", archive)
                          .Take());
}

arrow::Result<Response> AnswerFlags(const Request&, const Services& services) {
  JsonObject flags;
  for (const auto& [name, value] : services.options.flags) flags.Text(name, value);
  return JsonResponse(flags.Take());
}

arrow::Result<Response> AnswerConfig(const Request&, const Services& services) {
  return JsonResponse(JsonObject().Text("yaml", services.options.config_yaml).Take());
}

}  // namespace larnax::http
