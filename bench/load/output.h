#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "bench/load/commands.h"
#include "bench/load/kubernetes_load.h"
#include "bench/load/sender.h"

namespace larnax::load {

/// Make the next samples; none at the end. What they borrow lives until the next call.
using SampleSource = std::function<void(std::vector<LoadSample>*)>;

/// Build requests from samples. Request n of source s of k has the index n * k + s.
RequestSource ToRequests(SampleSource samples, const SendOptions& options, int64_t source,
                         int64_t source_count);

/// Read the flags of commands that send.
/// \retval Invalid A flag with a value it cannot have.
arrow::Result<SendOptions> ReadSendFlags(const SendFlags& flags);

/// Write all samples to a file instead of sending them: OpenMetrics text where the name ends in
/// `.om`; else requests, each as index, samples, body size (64 bits, little endian) and body.
///
/// \return A report in JSON.
arrow::Result<std::string> WriteTo(const std::string& path, const SendOptions& options,
                                   std::vector<SampleSource> sources);

/// Send all samples, or write them where `path` is not empty.
arrow::Result<std::string> SendOrWrite(const std::string& path, const SendOptions& options,
                                       std::vector<SampleSource> sources,
                                       const std::function<bool()>& stop);

}  // namespace larnax::load
