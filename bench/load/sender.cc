#include "bench/load/sender.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "bench/load/process_usage.h"

namespace larnax::load {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{30};
constexpr milliseconds kLongestPause{5'000};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Requests between the thread that builds them and the one that sends them.
class RequestQueue {
 public:
  RequestQueue(RequestSource source, size_t limit) : limit_(limit), source_(std::move(source)) {
    builder_ = std::thread([this] { Build(); });
  }
  ~RequestQueue() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    builder_.join();
  }
  void WaitUntilBuilt() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }
  // The time of the first request; 0 when there is none.
  int64_t WaitForFirstTime() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_ || !requests_.empty(); });
    return requests_.empty() ? 0 : requests_.front().last_time_ms;
  }
  bool Take(PreparedRequest* request) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_ || !requests_.empty(); });
    if (requests_.empty()) return false;
    *request = std::move(requests_.front());
    requests_.pop_front();
    lock.unlock();
    changed_.notify_all();
    return true;
  }

 private:
  void Build() {
    PreparedRequest request;
    while (source_(&request)) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closed_ || requests_.size() < limit_; });
      if (closed_) break;
      requests_.push_back(std::move(request));
      lock.unlock();
      changed_.notify_all();
      request = {};
    }
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  const size_t limit_;
  RequestSource source_;  // Used by the builder only.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PreparedRequest> requests_;  // All below guarded by mutex_.
  bool done_ = false;
  bool closed_ = false;
  std::thread builder_;
};

struct Counts {
  int64_t samples_sent = 0;
  int64_t samples_acknowledged = 0;
  int64_t samples_written = 0;  // As the server says, remote write 2.0 only.
  int64_t requests = 0;
  int64_t requests_acknowledged = 0;
  int64_t requests_refused = 0;
  int64_t retries = 0;
  int64_t body_bytes = 0;
  bool gave_up = false;
  std::string last_error;

  void Add(const Counts& other) {
    samples_sent += other.samples_sent;
    samples_acknowledged += other.samples_acknowledged;
    samples_written += other.samples_written;
    requests += other.requests;
    requests_acknowledged += other.requests_acknowledged;
    requests_refused += other.requests_refused;
    retries += other.retries;
    body_bytes += other.body_bytes;
    gave_up = gave_up || other.gave_up;
    if (!other.last_error.empty()) last_error = other.last_error;
  }
};

// The log of acknowledged requests, shared by the connections.
class AcknowledgedLog {
 public:
  static arrow::Result<std::unique_ptr<AcknowledgedLog>> Open(const std::string& path) {
    auto log = std::make_unique<AcknowledgedLog>();
    if (path.empty()) return log;
    log->file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (log->file_ < 0) return arrow::Status::IOError("cannot create a log: path=", path);
    return log;
  }
  AcknowledgedLog() = default;
  AcknowledgedLog(const AcknowledgedLog&) = delete;
  AcknowledgedLog& operator=(const AcknowledgedLog&) = delete;
  ~AcknowledgedLog() {
    if (file_ >= 0) close(file_);
  }
  void Add(const PreparedRequest& request) {
    if (file_ < 0) return;
    const std::string line =
        std::to_string(request.index) + " " + std::to_string(request.samples) + "\n";
    // One short append is whole or absent, whoever else writes.
    if (write(file_, line.data(), line.size()) < 0) failed_ = true;
  }
  bool failed() const { return failed_; }

 private:
  int file_ = -1;
  bool failed_ = false;
};

class Connection {
 public:
  Connection(const SendOptions& options, const std::function<bool()>& stop)
      : options_(options), stop_(stop), handle_(curl_easy_init()) {
    const auto add = [this](const std::string& line) {
      headers_ = curl_slist_append(headers_, line.c_str());
    };
    add("Content-Type: " + std::string(wire::ContentTypeName(options.version)));
    add("Content-Encoding: " + std::string(wire::ContentEncodingName(options.encoding)));
    add("X-Prometheus-Remote-Write-Version: " + std::string(wire::VersionHeader(options.version)));
    add("User-Agent: larnax-load");
    add("Expect:");
    curl_easy_setopt(handle_, CURLOPT_URL, options.url.c_str());
    curl_easy_setopt(handle_, CURLOPT_POST, 1L);
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, 30'000L);
    curl_easy_setopt(handle_, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, &Connection::OnBody);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, &Connection::OnHeader);
    curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    curl_slist_free_all(headers_);
    curl_easy_cleanup(handle_);
  }

  // False when the server could not be brought to answer.
  bool SendOne(const PreparedRequest& request, AcknowledgedLog* log) {
    const auto start = Clock::now();
    milliseconds pause = kFirstPause;
    ++counts_.requests;
    counts_.samples_sent += request.samples;
    counts_.body_bytes += static_cast<int64_t>(request.body.size());
    while (true) {
      const int status = Post(request.body);
      if (status >= 200 && status < 300) {
        ++counts_.requests_acknowledged;
        counts_.samples_acknowledged += request.samples;
        counts_.samples_written += written_;
        log->Add(request);
        return true;
      }
      counts_.last_error = "status=" + std::to_string(status) + " " + answer_;
      if (status >= 300 && status < 500) {
        ++counts_.requests_refused;
        return true;
      }
      if (SecondsSince(start) * 1000 > static_cast<double>(options_.give_up_ms) || stop_()) {
        counts_.gave_up = true;
        return false;
      }
      ++counts_.retries;
      std::this_thread::sleep_for(pause);
      pause = std::min(2 * pause, kLongestPause);
    }
  }

  const Counts& counts() const { return counts_; }

 private:
  // The HTTP status, 0 when there was no answer.
  int Post(const std::string& body) {
    answer_.clear();
    written_ = 0;
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    const CURLcode code = curl_easy_perform(handle_);
    if (code != CURLE_OK) {
      answer_ = curl_easy_strerror(code);
      return 0;
    }
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }
  static size_t OnBody(char* data, size_t size, size_t count, void* self) {
    auto& answer = static_cast<Connection*>(self)->answer_;
    constexpr size_t kMaxAnswer = 500;
    answer.append(data, std::min(size * count, kMaxAnswer - std::min(kMaxAnswer, answer.size())));
    return size * count;
  }
  static size_t OnHeader(char* data, size_t size, size_t count, void* self) {
    std::string line(data, size * count);
    std::transform(line.begin(), line.end(), line.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    constexpr std::string_view kWritten = "x-prometheus-remote-write-samples-written:";
    if (line.starts_with(kWritten)) {
      static_cast<Connection*>(self)->written_ =
          std::strtoll(line.c_str() + kWritten.size(), nullptr, 10);
    }
    return size * count;
  }

  const SendOptions& options_;
  const std::function<bool()>& stop_;
  CURL* handle_;
  curl_slist* headers_ = nullptr;
  std::string answer_;
  int64_t written_ = 0;
  Counts counts_;
};

// Keeps the pace of the samples' own times; false when told to stop.
bool WaitForPace(const SendOptions& options, int64_t elapsed_ms, Clock::time_point start,
                 const std::function<bool()>& stop) {
  if (options.speed <= 0) return !stop();
  const auto due =
      start + milliseconds(static_cast<int64_t>(static_cast<double>(elapsed_ms) / options.speed));
  while (Clock::now() < due) {
    if (stop()) return false;
    std::this_thread::sleep_for(std::min<Clock::duration>(due - Clock::now(), milliseconds(100)));
  }
  return !stop();
}

nlohmann::json UsageJson(const ProcessUsage& before, const ProcessUsage& after) {
  return {{"user_seconds", after.user_seconds - before.user_seconds},
          {"system_seconds", after.system_seconds - before.system_seconds},
          {"cpu_seconds",
           after.user_seconds - before.user_seconds + after.system_seconds - before.system_seconds},
          {"resident_bytes_before", before.resident_bytes},
          {"resident_bytes_after", after.resident_bytes},
          {"peak_resident_bytes_before", before.peak_resident_bytes},
          {"peak_resident_bytes_after", after.peak_resident_bytes}};
}

nlohmann::json CountsJson(const Counts& counts, double wall_seconds) {
  nlohmann::json json{
      {"samples_sent", counts.samples_sent},
      {"samples_acknowledged", counts.samples_acknowledged},
      {"requests", counts.requests},
      {"requests_acknowledged", counts.requests_acknowledged},
      {"requests_refused", counts.requests_refused},
      {"retries", counts.retries},
      {"body_bytes", counts.body_bytes},
      {"gave_up", counts.gave_up},
      {"wall_seconds", wall_seconds},
      {"samples_per_second", static_cast<double>(counts.samples_acknowledged) / wall_seconds}};
  if (counts.samples_written > 0) json["samples_written"] = counts.samples_written;
  if (!counts.last_error.empty()) json["last_error"] = counts.last_error;
  return json;
}

}  // namespace

arrow::Result<std::string> Send(const SendOptions& options, std::vector<RequestSource> sources,
                                const std::function<bool()>& stop) {
  ARROW_ASSIGN_OR_RAISE(const auto log, AcknowledgedLog::Open(options.acknowledged_path));
  constexpr size_t kQueued = 32;
  const size_t limit = options.prebuild ? std::numeric_limits<size_t>::max() : kQueued;
  std::vector<std::unique_ptr<RequestQueue>> queues;
  for (RequestSource& source : sources) {
    queues.push_back(std::make_unique<RequestQueue>(std::move(source), limit));
  }
  int64_t first_ms = std::numeric_limits<int64_t>::max();
  for (const auto& queue : queues) {
    if (options.prebuild) queue->WaitUntilBuilt();
    if (const int64_t time_ms = queue->WaitForFirstTime(); time_ms != 0) {
      first_ms = std::min(first_ms, time_ms);
    }
  }
  ProcessUsage server_before;
  if (options.server_pid != 0) {
    ARROW_ASSIGN_OR_RAISE(server_before, ReadProcessUsage(options.server_pid));
  }
  ARROW_ASSIGN_OR_RAISE(const ProcessUsage own_before, ReadProcessUsage(0));
  const auto start = Clock::now();

  std::mutex mutex;
  Counts counts;  // Guarded by mutex.
  std::vector<std::thread> senders;
  for (const auto& queue : queues) {
    senders.emplace_back([&, from = queue.get()] {
      Connection connection(options, stop);
      PreparedRequest request;
      while (from->Take(&request)) {
        if (!WaitForPace(options, request.last_time_ms - first_ms, start, stop)) break;
        if (!connection.SendOne(request, log.get())) break;
      }
      const std::lock_guard lock(mutex);
      counts.Add(connection.counts());
    });
  }
  for (std::thread& sender : senders) sender.join();

  nlohmann::json report = CountsJson(counts, SecondsSince(start));
  ARROW_ASSIGN_OR_RAISE(const ProcessUsage own_after, ReadProcessUsage(0));
  report["own_cpu_seconds"] = UsageJson(own_before, own_after)["cpu_seconds"];
  if (options.server_pid != 0) {
    // It may have been killed meanwhile, which is what some tests are about.
    const auto server_after = ReadProcessUsage(options.server_pid);
    if (server_after.ok()) {
      report["server"] = UsageJson(server_before, *server_after);
      report["server"]["pid"] = options.server_pid;
    }
  }
  if (log->failed()) return arrow::Status::IOError("cannot write the log of acknowledged requests");
  return report.dump(2) + "\n";
}

}  // namespace larnax::load
