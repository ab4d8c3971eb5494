#include <bit>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <utility>

#include "bench/load/commands.h"
#include "bench/load/histogram_load.h"
#include "bench/load/output.h"
#include "larnax/format.h"
#include "larnax/labels.h"

namespace larnax::load {

namespace {

arrow::Result<LoadOptions> ReadLoadFlags(const GenerateOptions& options, int64_t now_ms) {
  LoadOptions load = options.load;
  ARROW_ASSIGN_OR_RAISE(load.interval_ms, ParseDuration(options.interval));
  ARROW_ASSIGN_OR_RAISE(load.span_ms, ParseDuration(options.span));
  load.start_ms = now_ms - load.span_ms;
  if (!options.start.empty()) {
    ARROW_ASSIGN_OR_RAISE(load.start_ms, ParseTime(options.start));
  }
  if (load.series < 1 || load.interval_ms < 1 || load.span_ms < 1 || load.batch < 1 ||
      load.shards < 1 || load.churn_per_hour < 0 || load.histograms < 0) {
    return arrow::Status::Invalid(
        "--series, --interval, --span, --batch and --connections are above 0, --churn and "
        "--histograms are not below it");
  }
  return load;
}

std::vector<SampleSource> SourcesOf(const LoadOptions& load) {
  std::vector<SampleSource> sources;
  for (int64_t shard = 0; shard < load.shards; ++shard) {
    const auto maker = std::make_shared<KubernetesLoad>(load, shard);
    sources.emplace_back([maker](std::vector<LoadSample>* samples) { maker->Next(samples); });
  }
  return sources;
}

// Indexes from `1,2,3`, or the first words of the lines of a log.
arrow::Result<std::set<int64_t>> ReadIndexes(const std::string& requests) {
  std::set<int64_t> indexes;
  if (requests.find_first_not_of("0123456789,") == std::string::npos) {
    std::istringstream list(requests);
    for (std::string item; std::getline(list, item, ',');) indexes.insert(std::stoll(item));
    return indexes;
  }
  std::ifstream log(requests);
  if (!log) return arrow::Status::IOError("cannot read: path=", requests);
  int64_t index = 0;
  for (std::string line; std::getline(log, line);) {
    if (std::istringstream(line) >> index) indexes.insert(index);
  }
  return indexes;
}

void AppendRow(int64_t index, const LoadSample& sample, std::string* out) {
  *out += std::to_string(index) + ",\"";
  for (const char c : LabelsView(sample.labels).ToString()) {
    if (c == '"') out->push_back('"');
    out->push_back(c);
  }
  char bits[24];
  std::snprintf(bits, sizeof bits, "%016llx",
                static_cast<unsigned long long>(std::bit_cast<uint64_t>(sample.value)));
  *out += "\"," + std::to_string(sample.time_ms) + "," + bits + "\n";
}

}  // namespace

arrow::Result<std::string> Generate(const GenerateOptions& options, int64_t now_ms,
                                    const std::function<bool()>& stop) {
  ARROW_ASSIGN_OR_RAISE(const LoadOptions load, ReadLoadFlags(options, now_ms));
  ARROW_ASSIGN_OR_RAISE(const SendOptions send, ReadSendFlags(options.send));
  std::vector<SampleSource> sources = SourcesOf(load);
  if (load.histograms > 0) {
    if (options.out.ends_with(".om")) {
      return arrow::Status::Invalid("OpenMetrics text has no native histograms");
    }
    const auto maker = std::make_shared<HistogramLoad>(load);
    sources.emplace_back([maker](std::vector<LoadSample>* samples) { maker->Next(samples); });
  }
  return SendOrWrite(options.out, send, std::move(sources), stop);
}

arrow::Result<std::string> VerifyList(const GenerateOptions& options, int64_t now_ms) {
  if (options.start.empty()) {
    return arrow::Status::Invalid("--start is needed, the one that `generate` had");
  }
  ARROW_ASSIGN_OR_RAISE(const LoadOptions load, ReadLoadFlags(options, now_ms));
  ARROW_ASSIGN_OR_RAISE(const std::set<int64_t> wanted, ReadIndexes(options.requests));
  std::ofstream file;
  if (!options.out.empty()) file.open(options.out, std::ios::binary | std::ios::trunc);
  std::string text = "request,series,time_ms,value_bits\n";
  std::string answer;
  // Values depend on all before them, so every request is made, and the others are dropped.
  const std::vector<SampleSource> sources = SourcesOf(load);
  for (size_t source = 0; source < sources.size(); ++source) {
    std::vector<LoadSample> samples;
    auto index = static_cast<int64_t>(source);
    for (sources[source](&samples); !samples.empty(); sources[source](&samples)) {
      if (wanted.contains(index)) {
        for (const LoadSample& sample : samples) AppendRow(index, sample, &text);
      }
      index += load.shards;
      if (!options.out.empty()) {
        file << text;
        text.clear();
      }
    }
  }
  if (options.out.empty()) return text;
  file << text;
  file.close();
  if (!file) return arrow::Status::IOError("cannot write: path=", options.out);
  return answer;
}

}  // namespace larnax::load
