#include "bench/load/sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "bench/load/output.h"
#include "test/matchers.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/decoder.h"

namespace larnax::load {
namespace {

using test::IsOk;

// A server on loopback that answers each POST with the next of the given statuses, and 204 after
// them. Serves one connection at a time, which is what one source needs.
class Server {
 public:
  explicit Server(std::vector<std::string> answers) : answers_(std::move(answers)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~Server() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/write"; }
  std::vector<std::string> bodies() {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }

 private:
  void Run() {
    while (true) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      while (ServeOne(connection)) {
      }
      close(connection);
    }
  }
  bool ServeOne(int connection) {
    std::string text;
    size_t head = std::string::npos;
    size_t length = 0;
    char buffer[4096];
    while (head == std::string::npos || text.size() < head + 4 + length) {
      const ssize_t count = read(connection, buffer, sizeof buffer);
      if (count <= 0) return false;
      text.append(buffer, static_cast<size_t>(count));
      head = text.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      length = std::stoul(text.substr(text.find("Content-Length: ") + 16));
    }
    std::string answer = "204 No Content\r\nX-Prometheus-Remote-Write-Samples-Written: 1";
    const std::lock_guard lock(mutex_);
    if (next_ < answers_.size()) answer = answers_[next_++];
    bodies_.push_back(text.substr(head + 4));
    answer = "HTTP/1.1 " + answer + "\r\nContent-Length: 0\r\n\r\n";
    return write(connection, answer.data(), answer.size()) > 0;
  }

  std::vector<std::string> answers_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> bodies_;  // Guarded by mutex_, as is next_.
  size_t next_ = 0;
  std::thread thread_;
};

// Requests 0..count-1 of one sample each.
RequestSource Numbered(int count, const SendOptions& options) {
  auto next = std::make_shared<int>(0);
  auto labels = std::make_shared<std::string>();
  wire::AppendLabel("__name__", "numbered", labels.get());
  return ToRequests(
      [=](std::vector<LoadSample>* samples) {
        samples->clear();
        if (*next < count) samples->push_back({*labels, 1000 + *next, 1.0 * (*next)++});
      },
      options, 0, 1);
}

nlohmann::json RunOne(int count, const SendOptions& options) {
  const auto report = Send(options, {Numbered(count, options)}, [] { return false; });
  EXPECT_THAT(report, IsOk());
  return nlohmann::json::parse(report.ValueOr("{}"));
}

TEST(Send, RetriesServerErrorsAndLogsWhatWasAcknowledged) {
  Server server({"204 No Content", "503 Busy", "500 Error", "204 No Content", "400 Bad"});
  SendOptions options;
  options.url = server.url();
  options.acknowledged_path = testing::TempDir() + "/larnax_sender_test_log";
  options.server_pid = getpid();
  const nlohmann::json report = RunOne(4, options);
  EXPECT_EQ(report["requests"], 4);
  EXPECT_EQ(report["requests_acknowledged"], 3);
  EXPECT_EQ(report["requests_refused"], 1);
  EXPECT_EQ(report["retries"], 2);
  EXPECT_EQ(report["samples_acknowledged"], 3);
  EXPECT_EQ(report["samples_written"], 1);
  EXPECT_EQ(report["gave_up"], false);
  EXPECT_GT(report["server"]["peak_resident_bytes_after"], 0);
  std::ifstream log(options.acknowledged_path);
  std::stringstream lines;
  lines << log.rdbuf();
  EXPECT_EQ(lines.str(), "0 1\n1 1\n3 1\n");
  std::filesystem::remove(options.acknowledged_path);
  // Tries of one request have one body, and bodies are what the decoder reads.
  const auto bodies = server.bodies();
  ASSERT_EQ(bodies.size(), 6);
  EXPECT_EQ(bodies[1], bodies[3]);
  std::string message;
  const auto* const data = reinterpret_cast<const uint8_t*>(bodies[5].data());
  ASSERT_OK(
      wire::Decompress(wire::BodyEncoding::kSnappy, {data, bodies[5].size()}, 1000, &message));
  wire::WriteRequest request;
  ASSERT_OK(
      wire::DecodeV1({reinterpret_cast<const uint8_t*>(message.data()), message.size()}, &request));
  EXPECT_THAT(request.time_ms, testing::ElementsAre(1003));
  EXPECT_THAT(request.value, testing::ElementsAre(3));
}

TEST(Send, GivesUpOnAServerThatIsGone) {
  SendOptions options;
  options.url = "http://127.0.0.1:1/write";
  options.give_up_ms = 1;
  const nlohmann::json report = RunOne(2, options);
  EXPECT_EQ(report["gave_up"], true);
  EXPECT_EQ(report["samples_acknowledged"], 0);
}

}  // namespace
}  // namespace larnax::load
