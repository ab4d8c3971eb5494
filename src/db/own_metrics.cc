#include "db/own_metrics.h"

#include <array>

#include "base/check.h"
#include "io/machine_stats.h"
#include "larnax/version.h"
#include "wire/exposition/text_encoder.h"
#include "wire/remote_write/encoder.h"

namespace larnax::db {
namespace {

struct CounterRow {
  const char* name;
  const char* help;
  Counter Counters::* counter;
  double scale = 1;
};

constexpr double kNanoseconds = 1e-9;

constexpr std::array kCounterRows = {
    CounterRow{"larnax_write_requests_total", "Write requests received.",
               &Counters::write_requests},
    CounterRow{"larnax_write_requests_refused_total",
               "Write requests refused in whole or in part, by a fault of the sender.",
               &Counters::write_requests_refused},
    CounterRow{"larnax_write_requests_postponed_total",
               "Write requests to be sent again: overload, or a disk at fault.",
               &Counters::write_requests_postponed},
    CounterRow{"larnax_write_bytes_total", "Bytes of write requests as received.",
               &Counters::write_bytes},
    CounterRow{"larnax_samples_total", "Float samples accepted.", &Counters::samples},
    CounterRow{"larnax_samples_duplicate_total",
               "Accepted samples that repeated the one before, bits included.",
               &Counters::samples_duplicate},
    CounterRow{"larnax_samples_refused_total", "Samples and series refused.",
               &Counters::samples_refused},
    CounterRow{"larnax_histograms_total", "Native histogram samples accepted.",
               &Counters::histograms},
    CounterRow{"larnax_exemplars_total", "Exemplars accepted.", &Counters::exemplars},
    CounterRow{"larnax_metadata_total", "Metadata entries received.", &Counters::metadata},
    CounterRow{"larnax_wal_commits_total", "Group commits of the log.", &Counters::wal_commits},
    CounterRow{"larnax_wal_commit_seconds_total", "Time spent in group commits.",
               &Counters::wal_commit_ns, kNanoseconds},
    CounterRow{"larnax_wal_commit_failures_total", "Group commits that failed.",
               &Counters::wal_commit_failures},
    CounterRow{"larnax_wal_bytes_total", "Bytes written to the log.", &Counters::wal_bytes},
    CounterRow{"larnax_flushes_total", "Flushes of memory into files.", &Counters::flushes},
    CounterRow{"larnax_flush_seconds_total", "Time spent in flushes.", &Counters::flush_ns,
               kNanoseconds},
    CounterRow{"larnax_flush_failures_total", "Flushes that failed and are tried again.",
               &Counters::flush_failures},
    CounterRow{"larnax_merges_total", "Merges of files.", &Counters::merges},
    CounterRow{"larnax_merge_seconds_total", "Time spent in merges.", &Counters::merge_ns,
               kNanoseconds},
    CounterRow{"larnax_merge_failures_total", "Merges that failed and are tried again.",
               &Counters::merge_failures},
    CounterRow{"larnax_selects_total", "Reads of samples begun.", &Counters::selects},
    CounterRow{"larnax_select_samples_total", "Samples given by reads.", &Counters::select_samples},
    CounterRow{"larnax_select_bytes_read_total", "Bytes that reads took from files.",
               &Counters::select_bytes_read},
    CounterRow{"larnax_select_pages_read_total", "Parquet pages that reads decoded.",
               &Counters::select_pages_read}};

class Collector {
 public:
  void Add(const char* name, const char* type, const char* help, double value) {
    metrics_.push_back({name, type, help, {}, value});
  }
  void AddLabeled(const char* name, const char* type, const char* help, const char* label,
                  std::string text, double value) {
    metrics_.push_back({name, type, help, {{label, std::move(text)}}, value});
  }
  std::vector<OwnMetric> Take() { return std::move(metrics_); }

 private:
  std::vector<OwnMetric> metrics_;
};

void CollectProcess(Collector* out) {
  const io::ProcessStats process = io::ReadProcessStats();
  out->Add("process_cpu_seconds_total", "counter", "User and system CPU time.",
           process.cpu_seconds);
  out->Add("process_resident_memory_bytes", "gauge", "Resident memory.",
           static_cast<double>(process.resident_bytes));
  out->Add("process_virtual_memory_bytes", "gauge", "Virtual memory.",
           static_cast<double>(process.virtual_bytes));
  out->Add("process_open_fds", "gauge", "Open file descriptors.",
           static_cast<double>(process.open_files));
  out->Add("process_max_fds", "gauge", "Most file descriptors that may be open.",
           static_cast<double>(process.max_files));
  out->Add("process_threads", "gauge", "Threads.", static_cast<double>(process.threads));
  out->Add("process_start_time_seconds", "gauge", "Start of the process, Unix time.",
           process.start_time_seconds);
}

wire::DecodedMetadata DescriptionOf(const OwnMetric& metric) {
  return {.metric = metric.name,
          .type = metric.type == "counter" ? wire::MetricType::kCounter : wire::MetricType::kGauge,
          .help = metric.help,
          .unit = {}};
}

// Calls visit(metric, labels, whether its name is new) for each; empty `job` and `instance` are
// left out.
template <typename Visit>
void ForEachMetric(const std::vector<OwnMetric>& metrics, std::string_view job,
                   std::string_view instance, Visit visit) {
  const std::string* previous = nullptr;
  for (const OwnMetric& metric : metrics) {
    auto pairs = metric.labels;
    pairs.emplace_back(kMetricLabel, metric.name);
    pairs.emplace_back("job", job);
    pairs.emplace_back("instance", instance);
    const auto labels = Labels::Make(std::move(pairs));
    LARNAX_CHECK(labels.ok());
    visit(metric, labels->view(), previous == nullptr || *previous != metric.name);
    previous = &metric.name;
  }
}

}  // namespace

std::vector<OwnMetric> CollectOwnMetrics(const Counters& counters, const OwnState& state) {
  const DatabaseStatus& status = state.status;
  Collector out;
  for (const CounterRow& row : kCounterRows) {
    out.Add(row.name, "counter", row.help,
            static_cast<double>((counters.*row.counter).value()) * row.scale);
  }
  const auto gauge = [&out](const char* name, const char* help, int64_t value) {
    out.Add(name, "gauge", help, static_cast<double>(value));
  };
  gauge("larnax_head_series", "Series with recent samples in memory.", status.head_series);
  gauge("larnax_head_samples", "Samples in memory that wait for a flush.", status.head_samples);
  gauge("larnax_head_memory_bytes", "Memory that they take.", state.head_memory_bytes);
  gauge("larnax_files", "Live data files.", status.files);
  gauge("larnax_file_rows", "Rows in live data files.", status.file_rows);
  gauge("larnax_file_bytes", "Bytes of live data and series files.", status.file_bytes);
  gauge("larnax_wal_size_bytes", "Bytes of the log on disk.", status.wal_bytes);
  const auto counter = [&out](const char* name, const char* help, int64_t value) {
    out.Add(name, "counter", help, static_cast<double>(value));
  };
  const columns::PageCacheStats& cache = state.page_cache;
  counter("larnax_page_cache_hits_total", "Pages that were found decoded.", cache.hits);
  counter("larnax_page_cache_misses_total", "Pages that had to be read.", cache.misses);
  counter("larnax_page_cache_evictions_total", "Decoded pages dropped for others.",
          cache.evictions);
  gauge("larnax_page_cache_pages", "Decoded pages that are kept.", cache.pages);
  gauge("larnax_page_cache_bytes", "Memory that they take.", cache.bytes);
  out.AddLabeled("larnax_build_info", "gauge", "Always 1; the version is a label.", "version",
                 Version(), 1);
  CollectProcess(&out);
  return out.Take();
}

std::vector<OwnMetric> CollectMachineMetrics() {
  Collector out;
  const io::MachineStats machine = io::ReadMachineStats();
  if (!machine.available) return out.Take();
  out.Add("node_load1", "gauge", "1m load average.", machine.load1);
  out.Add("node_load5", "gauge", "5m load average.", machine.load5);
  out.Add("node_load15", "gauge", "15m load average.", machine.load15);
  out.Add("node_memory_MemTotal_bytes", "gauge", "Memory of the machine.",
          static_cast<double>(machine.memory_total_bytes));
  out.Add("node_memory_MemAvailable_bytes", "gauge", "Memory that programs may still take.",
          static_cast<double>(machine.memory_available_bytes));
  for (const auto& [mode, seconds] : machine.cpu_seconds) {
    out.AddLabeled("node_cpu_seconds_total", "counter", "Seconds of all processors, by mode.",
                   "mode", mode, seconds);
  }
  return out.Take();
}

std::string MetricsToText(const std::vector<OwnMetric>& metrics) {
  std::string out;
  wire::ExpositionWriter writer(wire::ExpositionFormat::kPrometheusText, &out);
  ForEachMetric(metrics, {}, {}, [&](const OwnMetric& metric, LabelsView labels, bool is_new) {
    if (is_new) writer.Family(DescriptionOf(metric));
    writer.Sample(labels, metric.value);
  });
  writer.Finish();
  return out;
}

std::string MetricsToWriteRequest(const std::vector<OwnMetric>& metrics, std::string_view job,
                                  std::string_view instance, int64_t time_ms) {
  wire::RequestEncoder encoder(wire::WriteVersion::kV1);
  ForEachMetric(metrics, job, instance,
                [&](const OwnMetric& metric, LabelsView labels, bool is_new) {
                  encoder.BeginSeries(labels.bytes());
                  encoder.AddSample(time_ms, metric.value);
                  if (is_new) encoder.AddMetadata(DescriptionOf(metric));
                });
  return std::string(encoder.Finish());
}

}  // namespace larnax::db
