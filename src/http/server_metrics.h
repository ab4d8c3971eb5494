#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace larnax::http {

/// Counters of the server, one row per route. Safe to use from any thread.
class ServerMetrics {
 public:
  /// \param handlers  A label value for each route index; must outlive this.
  explicit ServerMetrics(std::vector<std::string_view> handlers);

  void RecordRequest(size_t route, int status, int64_t duration_us, uint64_t body_bytes,
                     uint64_t response_bytes);

  std::atomic<int64_t> in_flight{0};
  std::atomic<int64_t> connections{0};
  std::atomic<uint64_t> connections_accepted{0};
  std::atomic<uint64_t> connections_refused{0};
  std::atomic<uint64_t> timeouts{0};         ///< Connections that were too slow.
  std::atomic<uint64_t> password_checks{0};  ///< That were computed, not remembered.
  std::atomic<uint64_t> aborted_streams{0};  ///< Answers that failed after their head was sent.

  /// Append all in Prometheus' text format; routes never used are left out.
  void AppendText(std::string* out) const;

 private:
  // Upper bounds of the duration buckets, in microseconds; one more bucket takes the rest.
  static constexpr std::array<int64_t, 7> kBoundsUs = {100,       1'000,      10'000,    100'000,
                                                       1'000'000, 10'000'000, 60'000'000};
  static constexpr std::array<int, 20> kStatuses = {200, 204, 302, 400, 401, 403, 404,
                                                    405, 408, 413, 415, 417, 422, 431,
                                                    499, 500, 501, 503, 505, 0};

  struct Row {
    std::array<std::atomic<uint64_t>, kStatuses.size()> by_status{};
    std::array<std::atomic<uint64_t>, kBoundsUs.size() + 1> by_duration{};
    std::atomic<uint64_t> duration_us{0};
    std::atomic<uint64_t> body_bytes{0};
    std::atomic<uint64_t> response_bytes{0};
  };
  bool IsUsed(const Row& row) const;
  void AppendDurations(std::string* out) const;
  void AppendBytes(std::string_view name, std::string_view help,
                   std::atomic<uint64_t> Row::* member, std::string* out) const;

  std::vector<std::string_view> handlers_;
  std::unique_ptr<Row[]> rows_;
};

}  // namespace larnax::http
