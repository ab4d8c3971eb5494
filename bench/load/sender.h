#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "wire/remote_write/negotiation.h"

namespace larnax::load {

/// One request, ready to be sent.
struct PreparedRequest {
  int64_t index = 0;  ///< Names the request in the log of acknowledged ones.
  int64_t samples = 0;
  int64_t last_time_ms = 0;  ///< Of its samples.
  std::string body;          ///< Compressed.
};

/// Make the next request; false when there is none. Called from one thread.
using RequestSource = std::function<bool(PreparedRequest*)>;

struct SendOptions {
  std::string url;
  wire::WriteVersion version = wire::WriteVersion::kV1;
  wire::BodyEncoding encoding = wire::BodyEncoding::kSnappy;
  double speed = 0;               ///< Times real time; 0 = as fast as the server takes it.
  bool prebuild = true;           ///< Build all requests before the first is sent.
  int64_t give_up_ms = 60'000;    ///< Stop after so long without success at one request.
  std::string acknowledged_path;  ///< Log of acknowledged requests; empty = none.
  int64_t server_pid = 0;         ///< Its CPU and memory are reported too; 0 = not.
};

/// Send the requests of each source in order, each source over a connection of its own, until all
/// are sent, a connection gives up, or `stop` tells so.
///
/// 5xx and broken connections are tried again with a growing pause, other refusals are counted and
/// left. Each acknowledged request is one line `index samples` in the log, written through before
/// the next is sent.
///
/// \return A report in JSON.
arrow::Result<std::string> Send(const SendOptions& options, std::vector<RequestSource> sources,
                                const std::function<bool()>& stop);

}  // namespace larnax::load
