#include <curl/curl.h>
#include <zstd.h>

#include <chrono>
#include <memory>
#include <thread>

#include <nlohmann/json.hpp>

#include "bench/load/commands.h"
#include "bench/load/scrape_file.h"
#include "larnax/format.h"

namespace larnax::load {

namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

int64_t NowMs() {
  return std::chrono::duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

size_t AppendBody(char* data, size_t size, size_t count, void* body) {
  static_cast<std::string*>(body)->append(data, size * count);
  return size * count;
}

struct CloseCurl {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using CurlHandle = std::unique_ptr<CURL, CloseCurl>;

CurlHandle OpenTarget(const std::string& url, std::string* body) {
  CurlHandle handle(curl_easy_init());
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT_MS, 10'000L);
  curl_easy_setopt(handle.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, AppendBody);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, body);
  return handle;
}

}  // namespace

arrow::Result<std::string> Record(const RecordOptions& options, const std::function<bool()>& stop) {
  ARROW_ASSIGN_OR_RAISE(const int64_t interval_ms, ParseDuration(options.interval));
  if (interval_ms < 1) return arrow::Status::Invalid("--interval is above 0");
  ARROW_ASSIGN_OR_RAISE(ScrapeWriter writer, ScrapeWriter::Open(options.out));
  std::string body;
  const CurlHandle target = OpenTarget(options.target, &body);
  int64_t failures = 0;
  int64_t scrapes = 0;
  int64_t bytes = 0;
  // Scrapes are due at whole intervals from the first, however long one takes.
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < options.count && !stop(); ++i) {
    std::this_thread::sleep_until(start + milliseconds(i * interval_ms));
    body.clear();
    const int64_t time_ms = NowMs();
    if (curl_easy_perform(target.get()) != CURLE_OK) {
      ++failures;
      continue;
    }
    ++scrapes;
    bytes += static_cast<int64_t>(body.size());
    ARROW_RETURN_NOT_OK(writer.Append({time_ms, body}));
  }
  ARROW_RETURN_NOT_OK(writer.Close());
  return nlohmann::json{{"scrapes", scrapes}, {"failures", failures}, {"bytes", bytes}}.dump(2) +
         "\n";
}

}  // namespace larnax::load
