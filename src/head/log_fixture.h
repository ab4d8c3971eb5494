#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "head/log.h"
#include "head/log_replay.h"
#include "io/sim_clock.h"
#include "io/sim_file_system.h"

namespace larnax::head {

/// For tests: a log on a simulated disk.
struct LogFixture {
  static constexpr char kFolder[] = "/data/wal";

  explicit LogFixture(uint64_t seed = 1) : fs(seed) {}

  std::unique_ptr<Log> Open(LogOptions options = {}) {
    if (options.salt_seed == 0) options.salt_seed = 17;
    auto log = Log::Open(fs, clock, kFolder, options);
    EXPECT_TRUE(log.ok()) << log.status();
    return log.ok() ? std::move(*log) : nullptr;
  }

  static LogPosition Append(Log& log, std::string_view payload, uint8_t type = 1) {
    log.PrepareAppend(payload.size());
    return log.Append(type, {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()});
  }

  /// Replay into `records`, payload by payload.
  arrow::Result<ReplayReport> Replay(std::vector<std::string>* records, LogPosition from = {},
                                     const ReplayOptions& options = {}) {
    records->clear();
    return ReplayLog(fs, kFolder, from, options, [&](const RecordView& record) {
      records->emplace_back(record.payload.begin(), record.payload.end());
      return arrow::Status::OK();
    });
  }

  std::vector<std::string> Records(LogPosition from = {}) {
    std::vector<std::string> records;
    const auto report = Replay(&records, from);
    EXPECT_TRUE(report.ok()) << report.status();
    return records;
  }

  static std::string PathOf(uint64_t segment) {
    return io::JoinPath(kFolder, SegmentFileName(segment));
  }
  int64_t SizeOf(uint64_t segment) { return (*fs.OpenReadable(PathOf(segment)))->size_bytes(); }

  io::SimFileSystem fs;
  io::SimClock clock;
};

}  // namespace larnax::head
