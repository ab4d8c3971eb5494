#include "bench/load/output.h"

#include <fstream>
#include <limits>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "larnax/format.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/encoder.h"

namespace larnax::load {

namespace {

void AppendEscaped(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '\\' || c == '"') out->push_back('\\');
    if (c == '\n') {
      out->append("\\n");
    } else {
      out->push_back(c);
    }
  }
}

// One line of OpenMetrics; times are decimal seconds there.
void AppendOpenMetrics(const LoadSample& sample, std::string* out) {
  std::string labels;
  wire::LabelBytesReader reader(sample.labels);
  for (Label label; reader.Next(&label);) {
    if (label.name == kMetricLabel) {
      out->append(label.value);
      continue;
    }
    labels += labels.empty() ? "{" : ",";
    labels.append(label.name);
    labels += "=\"";
    AppendEscaped(label.value, &labels);
    labels += "\"";
  }
  if (!labels.empty()) labels += "}";
  out->append(labels);
  out->push_back(' ');
  AppendValue(sample.value, out);
  out->push_back(' ');
  AppendSeconds(sample.time_ms, out);
  out->push_back('\n');
}

void AppendWord(int64_t number, std::string* out) {
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(number >> (8 * i));
  out->append(bytes, 8);
}

}  // namespace

RequestSource ToRequests(SampleSource samples, const SendOptions& options, int64_t source,
                         int64_t source_count) {
  struct State {
    wire::RequestEncoder encoder;
    std::vector<LoadSample> samples;
    int64_t next = 0;
  };
  auto state = std::make_shared<State>(State{wire::RequestEncoder(options.version), {}, 0});
  return [=, encoding = options.encoding,
          make = std::move(samples)](PreparedRequest* request) -> bool {
    make(&state->samples);
    if (state->samples.empty()) return false;
    state->encoder.Clear();
    request->last_time_ms = std::numeric_limits<int64_t>::min();
    for (const LoadSample& sample : state->samples) {
      state->encoder.BeginSeries(sample.labels);
      if (sample.histogram.empty()) {
        state->encoder.AddSample(sample.time_ms, sample.value);
      } else {
        state->encoder.AddHistogram(sample.histogram);
      }
      request->last_time_ms = std::max(request->last_time_ms, sample.time_ms);
    }
    request->index = state->next++ * source_count + source;
    request->samples = static_cast<int64_t>(state->samples.size());
    wire::Compress(encoding, state->encoder.Finish(), &request->body);
    request->body.shrink_to_fit();
    return true;
  };
}

arrow::Result<SendOptions> ReadSendFlags(const SendFlags& flags) {
  SendOptions options;
  options.url = flags.url;
  if (flags.protocol != 1 && flags.protocol != 2) {
    return arrow::Status::Invalid("--protocol is 1 or 2, not ", flags.protocol);
  }
  options.version = flags.protocol == 1 ? wire::WriteVersion::kV1 : wire::WriteVersion::kV2;
  ARROW_ASSIGN_OR_RAISE(options.encoding, wire::NegotiateEncoding(flags.encoding));
  if (flags.speed != "max") {
    char* end = nullptr;
    options.speed = std::strtod(flags.speed.c_str(), &end);
    if (*end != '\0' || !(options.speed > 0)) {
      return arrow::Status::Invalid("--speed is max or a factor, not ", flags.speed);
    }
  }
  options.prebuild = options.speed == 0;
  options.server_pid = flags.pid;
  options.acknowledged_path = flags.acknowledged_path;
  ARROW_ASSIGN_OR_RAISE(options.give_up_ms, ParseDuration(flags.give_up));
  return options;
}

arrow::Result<std::string> WriteTo(const std::string& path, const SendOptions& options,
                                   std::vector<SampleSource> sources) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  const bool as_text = path.ends_with(".om");
  int64_t requests = 0;
  int64_t samples = 0;
  const auto count = static_cast<int64_t>(sources.size());
  for (int64_t index = 0; index < count; ++index) {
    SampleSource& source = sources[static_cast<size_t>(index)];
    std::string text;
    if (as_text) {
      std::vector<LoadSample> batch;
      for (source(&batch); !batch.empty(); source(&batch)) {
        text.clear();
        for (const LoadSample& sample : batch) AppendOpenMetrics(sample, &text);
        file << text;
        ++requests;
        samples += static_cast<int64_t>(batch.size());
      }
      continue;
    }
    const RequestSource next = ToRequests(std::move(source), options, index, count);
    for (PreparedRequest request; next(&request);) {
      text.clear();
      AppendWord(request.index, &text);
      AppendWord(request.samples, &text);
      AppendWord(static_cast<int64_t>(request.body.size()), &text);
      file << text << request.body;
      ++requests;
      samples += request.samples;
    }
  }
  if (as_text) file << "# EOF\n";
  file.close();
  if (!file) return arrow::Status::IOError("cannot write: path=", path);
  return nlohmann::json{{"samples", samples}, {"requests", requests}, {"path", path}}.dump(2) +
         "\n";
}

arrow::Result<std::string> SendOrWrite(const std::string& path, const SendOptions& options,
                                       std::vector<SampleSource> sources,
                                       const std::function<bool()>& stop) {
  if (!path.empty()) return WriteTo(path, options, std::move(sources));
  if (options.url.empty()) return arrow::Status::Invalid("--url or --out is needed");
  std::vector<RequestSource> requests;
  const auto count = static_cast<int64_t>(sources.size());
  for (int64_t i = 0; i < count; ++i) {
    requests.push_back(ToRequests(std::move(sources[static_cast<size_t>(i)]), options, i, count));
  }
  return Send(options, std::move(requests), stop);
}

}  // namespace larnax::load
