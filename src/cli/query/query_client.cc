#include "cli/query/query_client.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>

#include <nlohmann/json.hpp>

#include "cli/query/libcurl.h"
#include "larnax/error.h"
#include "larnax/format.h"

namespace larnax::cli {
namespace {

using Json = nlohmann::json;

size_t AppendTo(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

void AddField(const Libcurl& lib, std::string_view name, std::string_view value,
              std::string* form) {
  char* escaped = lib.escape(nullptr, value.data(), static_cast<int>(value.size()));
  if (!form->empty()) form->push_back('&');
  form->append(name).append("=").append(escaped);
  lib.free(escaped);
}

std::string Seconds(int64_t time_ms) {
  std::string text;
  AppendSeconds(time_ms, &text);
  return text;
}

ErrorKind KindOfType(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, ErrorKind>, 6> kKinds = {{
      {"bad_data", ErrorKind::kBadQuery},
      {"execution", ErrorKind::kExecution},
      {"timeout", ErrorKind::kTimeout},
      {"canceled", ErrorKind::kCancelled},
      {"not_found", ErrorKind::kNotFound},
      {"unavailable", ErrorKind::kOverloaded},
  }};
  for (const auto& [name, kind] : kKinds) {
    if (name == type) return kind;
  }
  return ErrorKind::kInternal;
}

arrow::Status ServerError(const std::string& url, int64_t status, const std::string& body) {
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("error") && json["error"].is_string()) {
    return MakeError(KindOfType(json.value("errorType", "")), json["error"].get<std::string>());
  }
  return MakeError(ErrorKind::kInternal,
                   "the server answers with status " + std::to_string(status) + ": url=" + url);
}

// The value of a sample as JSON gives it: a string.
arrow::Result<double> ValueOf(const Json& json) {
  const std::string& text = json.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return MakeError(ErrorKind::kCorrupt, "not a sample value: " + text);
  }
  return value;
}

int64_t TimeOf(const Json& json) { return std::llround(json.get<double>() * 1000); }

arrow::Result<QuerySeries> SeriesOf(const Json& json) {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const auto& [name, value] : json.at("metric").items()) {
    labels.emplace_back(name, value.get<std::string>());
  }
  QuerySeries series;
  ARROW_ASSIGN_OR_RAISE(series.labels, Labels::Make(std::move(labels)));
  auto times = std::make_shared<TimestampVector>();
  const auto add = [&](const Json& point) -> arrow::Status {
    times->push_back(TimeOf(point.at(0)));
    return ValueOf(point.at(1)).Value(&series.value.emplace_back());
  };
  const auto add_histogram = [&](const Json& point) -> arrow::Status {
    auto histogram = std::make_shared<NativeHistogram>();
    ARROW_ASSIGN_OR_RAISE(histogram->count, ValueOf(point.at(1).at("count")));
    ARROW_ASSIGN_OR_RAISE(histogram->sum, ValueOf(point.at(1).at("sum")));
    series.histograms.push_back({TimeOf(point.at(0)), std::move(histogram)});
    return arrow::Status::OK();
  };
  if (json.contains("value")) ARROW_RETURN_NOT_OK(add(json["value"]));
  if (json.contains("histogram")) ARROW_RETURN_NOT_OK(add_histogram(json["histogram"]));
  if (json.contains("values")) {
    for (const Json& point : json["values"]) ARROW_RETURN_NOT_OK(add(point));
  }
  if (json.contains("histograms")) {
    for (const Json& point : json["histograms"]) ARROW_RETURN_NOT_OK(add_histogram(point));
  }
  series.time_ms = std::move(times);
  return series;
}

arrow::Result<QueryResult> ResultOf(const Json& json) {
  QueryResult result;
  const Json& data = json.at("data");
  const std::string type = data.at("resultType");
  const Json& values = data.at("result");
  if (type == "scalar" || type == "string") {
    result.time_ms = TimeOf(values.at(0));
    if (type == "string") {
      result.type = QueryValueType::kString;
      result.text = values.at(1);
    } else {
      result.type = QueryValueType::kScalar;
      QuerySeries& series = result.series.emplace_back();
      series.time_ms = std::make_shared<TimestampVector>(1, result.time_ms);
      ARROW_ASSIGN_OR_RAISE(const double value, ValueOf(values.at(1)));
      series.value.push_back(value);
    }
  } else {
    result.type = type == "matrix" ? QueryValueType::kMatrix : QueryValueType::kVector;
    for (const Json& item : values) {
      ARROW_ASSIGN_OR_RAISE(QuerySeries series, SeriesOf(item));
      result.series.push_back(std::move(series));
    }
  }
  if (json.contains("warnings")) result.warnings = json["warnings"];
  if (json.contains("infos")) result.infos = json["infos"];
  return result;
}

}  // namespace

arrow::Result<std::string> AskServer(const std::string& url, const QueryRequest& request,
                                     std::string_view format) {
  ARROW_ASSIGN_OR_RAISE(const Libcurl lib, Libcurl::Load());
  const std::unique_ptr<CURL, decltype(lib.cleanup)> curl(lib.init(), lib.cleanup);
  if (curl == nullptr) return arrow::Status::IOError("cannot make a connection");
  std::string target = url;
  while (target.ends_with('/')) target.pop_back();
  std::string form;
  AddField(lib, "query", request.text, &form);
  AddField(lib, "format", format, &form);
  if (request.timeout_ms > 0) {
    AddField(lib, "timeout", FormatDuration(request.timeout_ms), &form);
  }
  if (request.step_ms == 0) {
    target += "/api/v1/query";
    AddField(lib, "time", Seconds(request.start_ms), &form);
  } else {
    target += "/api/v1/query_range";
    AddField(lib, "start", Seconds(request.start_ms), &form);
    AddField(lib, "end", Seconds(request.end_ms), &form);
    AddField(lib, "step", Seconds(request.step_ms), &form);
  }
  std::string body;
  lib.set_option(curl.get(), CURLOPT_URL, target.c_str());
  lib.set_option(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  lib.set_option(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(form.size()));
  lib.set_option(curl.get(), CURLOPT_POSTFIELDS, form.c_str());
  lib.set_option(curl.get(), CURLOPT_ACCEPT_ENCODING, "");
  lib.set_option(curl.get(), CURLOPT_WRITEFUNCTION, &AppendTo);
  lib.set_option(curl.get(), CURLOPT_WRITEDATA, &body);
  if (const CURLcode code = lib.perform(curl.get()); code != CURLE_OK) {
    return arrow::Status::IOError("cannot ask the server: ", lib.error_text(code), " url=", target);
  }
  int64_t status = 0;
  lib.get_info(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return ServerError(target, status, body);
  const char* type = nullptr;
  lib.get_info(curl.get(), CURLINFO_CONTENT_TYPE, &type);
  if (format != "json" &&
      std::string_view(type == nullptr ? "" : type).find(format) == std::string_view::npos) {
    return MakeError(ErrorKind::kUnsupported, "the server does not give this form: format=" +
                                                  std::string(format) + " url=" + target);
  }
  return body;
}

arrow::Result<QueryResult> ReadAnswerJson(std::string_view json) {
  try {
    return ResultOf(Json::parse(json));
  } catch (const Json::exception& e) {
    return MakeError(ErrorKind::kCorrupt, std::string("not an answer to a query: ") + e.what());
  }
}

}  // namespace larnax::cli
