#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <arrow/result.h>

#include "bench/load/kubernetes_load.h"

namespace larnax::load {

/// Flags of commands that send, as written.
struct SendFlags {
  std::string url;
  int protocol = 1;
  std::string encoding = "snappy";
  std::string speed = "max";
  int64_t pid = 0;
  std::string acknowledged_path;
  std::string give_up = "1m";
};

/// Flags of `generate` and `verify-list`; durations and times as written.
struct GenerateOptions {
  LoadOptions load;
  std::string interval = "15s";
  std::string span = "1h";
  std::string start;
  SendFlags send;
  std::string out;
  std::string requests;
};

struct RecordOptions {
  std::string target;
  std::string interval = "1s";
  int64_t count = 60;
  std::string out;
};

struct ReplayOptions {
  SendFlags send;
  std::string in;
  std::string labels;
  std::string start;
  int64_t batch = 2'000;
  std::string out;
};

/// Each runs one command and gives what it prints.
/// \retval Invalid, IOError  What the user is told.
arrow::Result<std::string> Generate(const GenerateOptions& options, int64_t now_ms,
                                    const std::function<bool()>& stop);
arrow::Result<std::string> VerifyList(const GenerateOptions& options, int64_t now_ms);
arrow::Result<std::string> Record(const RecordOptions& options, const std::function<bool()>& stop);
arrow::Result<std::string> Replay(const ReplayOptions& options, const std::function<bool()>& stop);

}  // namespace larnax::load
