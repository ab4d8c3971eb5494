#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>
#include <arrow/status.h>

#include "larnax/labels.h"
#include "larnax/options.h"
#include "larnax/query.h"
#include "larnax/samples.h"

namespace larnax {

/// A write as it came in. All parts are borrowed for the length of the call to Ingest.
struct WriteMessage {
  std::string_view content_type;      ///< As in the HTTP header; empty = remote write 1.0.
  std::string_view content_encoding;  ///< `snappy` (or empty, the same), `zstd`, `identity`.
  std::span<const uint8_t> body;
};

/// Samples that were refused for one reason.
struct Refusal {
  std::string reason;  ///< A short phrase: `out of bounds`, `repeated label name`, ...
  int64_t count = 0;
  std::string first;  ///< The first one, named: its series and what is wrong.
};

/// What became of a write.
struct WriteReport {
  int64_t samples = 0;  ///< Float samples kept; repeats of a stored sample count as kept.
  int64_t histograms = 0;
  int64_t exemplars = 0;
  int64_t metadata = 0;
  int64_t duplicates = 0;  ///< Of `samples`, repeats with the same bits.
  std::vector<Refusal> refused;
};

/// Tell whether a Content-Type names remote write 2.0, whose answers carry the Written headers.
bool IsRemoteWrite2(std::string_view content_type);

/// Called once, when the write is durable (or failed), perhaps on another thread and perhaps
/// before Ingest returns. Must not block, and should not throw: what it throws is dropped.
using WriteDone = std::function<void(arrow::Result<WriteReport>)>;

/// What to read.
struct SelectRequest {
  /// A series is selected when any of these matches it; none: every series.
  std::vector<std::vector<Matcher>> selectors;
  TimeRange range;              ///< Ends included.
  int64_t limit = 0;            ///< Of names, values or series; 0: none.
  int64_t sample_limit = 0;     ///< Fail with kLimit above it; 0: none.
  int64_t max_label_bytes = 0;  ///< Of listed series, names, values: kLimit above it; 0: none.
  int64_t timeout_ms = 0;       ///< Fail with kTimeout after it; 0: none.
  std::shared_ptr<const std::atomic<bool>> cancelled;  ///< Set to true to give up; may be null.
  /// False: histogram samples may come with a source instead of a histogram, which is cheaper for
  /// whoever looks at them one by one.
  bool make_histograms = true;
};

/// A sorted list of names or values.
struct NamesAnswer {
  std::vector<std::string> names;
  bool truncated = false;  ///< `limit` cut the list.
  ReadStats stats;
  std::vector<std::string> warnings;  ///< As SampleStream::warnings.
};

/// Label sets in file order.
struct SeriesAnswer {
  std::vector<Labels> series;
  bool truncated = false;
  ReadStats stats;
  std::vector<std::string> warnings;  ///< As SampleStream::warnings.
};

/// A sample that a sender singled out, with labels of its own (a trace, mostly).
struct Exemplar {
  int64_t time_ms = 0;
  double value = 0;  ///< Every bit as sent.
  Labels labels;     ///< Without those of the series.

  friend bool operator==(const Exemplar&, const Exemplar&) = default;
};

/// The exemplars of one series: by time, then by labels; each once.
struct SeriesExemplars {
  Labels labels;
  std::vector<Exemplar> exemplars;  ///< Never empty.
};

/// Exemplars of the selected series, in file order.
struct ExemplarsAnswer {
  std::vector<SeriesExemplars> series;
  ReadStats stats;                    ///< `samples` counts exemplars.
  std::vector<std::string> warnings;  ///< As SampleStream::warnings.
};

/// What is known of a metric besides its samples.
struct MetricMetadata {
  std::string metric;
  std::string type;  ///< `counter`, `gauge`, `histogram`, ... as Prometheus names them.
  std::string help;
  std::string unit;
  int64_t first_seen_ms = 0;  ///< When a sender first said so, to about a day.
  int64_t last_seen_ms = 0;   ///< When one last did, to about a day.
};

/// State of the store at one moment, for status pages.
struct DatabaseStatus {
  std::string path;
  int64_t head_series = 0;
  int64_t head_samples = 0;
  int64_t head_min_time_ms = 0;
  int64_t head_max_time_ms = 0;
  int64_t files = 0;
  int64_t file_rows = 0;
  int64_t file_bytes = 0;  ///< Data and series files together.
  int64_t wal_bytes = 0;
  int64_t next_sequence = 0;
  int64_t start_time_ms = 0;
  /// Of an archive that is open read-only: the address of who writes to it; empty: nobody does.
  /// What the writer has not brought into files yet cannot be read here.
  std::string writer;
  /// Files that opening found damaged, and mended or goes on without: a sentence each.
  std::vector<std::string> warnings;
  /// Largest first, at most `limit` of each: series per metric, values per label, series per pair.
  std::vector<std::pair<std::string, int64_t>> series_by_metric;
  std::vector<std::pair<std::string, int64_t>> values_by_label;
  std::vector<std::pair<std::string, int64_t>> bytes_by_label;
  std::vector<std::pair<std::string, int64_t>> series_by_pair;
  int64_t label_pairs = 0;
};

/// Progress of long work: units done of all; unit and meaning are the callee's to say.
using Progress = std::function<void(int64_t done, int64_t total)>;

/// An archive, open. Every method may be called from any thread.
class Database {
 public:
  virtual ~Database() = default;  ///< Closes if still open; errors are lost.

  /// Open the archive in a directory, creating it (unless read-only), and recover the log.
  ///
  /// \retval kClosed  Another process writes to it; the message holds that process' address.
  /// \retval kCorrupt The manifest or the acknowledged part of the log is damaged; the message
  ///                  names file and offset.
  static arrow::Result<std::unique_ptr<Database>> Open(const std::string& path,
                                                       const DatabaseOptions& options,
                                                       Progress progress = {});

  /// Take a write: decode, check, log, keep in memory; acknowledge by `done` when durable.
  ///
  /// `done` gets kBadSample where nothing of it could be stored or understood, kTooLarge,
  /// kUnsupported, or kOverloaded (send again); a partial refusal is a report with `refused`.
  virtual void Ingest(const WriteMessage& message, WriteDone done) = 0;

  /// Open a stream over the samples of the selected series, as of now.
  virtual arrow::Result<std::unique_ptr<SampleStream>> Select(const SelectRequest& request) = 0;
  virtual arrow::Result<NamesAnswer> LabelNames(const SelectRequest& request) = 0;
  virtual arrow::Result<NamesAnswer> LabelValues(std::string_view name,
                                                 const SelectRequest& request) = 0;
  virtual arrow::Result<SeriesAnswer> Series(const SelectRequest& request) = 0;
  /// Exemplars of the selected series in the asked range; kLimit above `sample_limit` of them.
  virtual arrow::Result<ExemplarsAnswer> Exemplars(const SelectRequest& request) = 0;
  /// Metadata of one metric, or of all where `metric` is empty; sorted by metric.
  virtual arrow::Result<std::vector<MetricMetadata>> Metadata(std::string_view metric) = 0;

  /// Answer a question in PromQL.
  ///
  /// \retval kBadQuery  The text, or the request's times, cannot be understood.
  /// \retval kExecution The query cannot be evaluated on these samples.
  /// \retval kLimit, kTimeout, kCancelled  As set in the request.
  virtual arrow::Result<QueryResult> Query(const QueryRequest& request) = 0;

  /// Bring everything written before the call into files, and wait until they are live.
  virtual arrow::Status Flush() = 0;
  /// Let merges that run end with kCancelled, and begin no others: so that a server that is to stop
  /// need not wait for them.
  virtual void StopMerging() {}
  /// Merge until nothing is left to merge; with `everything`, each day into one level.
  virtual arrow::Status Merge(bool everything) = 0;
  virtual arrow::Result<DatabaseStatus> Status(int limit) = 0;
  /// The database's own metrics in Prometheus' text format.
  virtual std::string MetricsText() = 0;
  /// Record the database's own and the machine's metrics as samples of the archive.
  virtual arrow::Status RecordOwnMetrics(std::string_view instance) = 0;

  /// Refuse new writes, flush, release the lock.
  virtual arrow::Status Close() = 0;
};

/// A request of Prometheus' remote read as it came in. All parts but `cancelled` are borrowed for
/// the length of the call.
struct ReadMessage {
  std::string_view content_encoding;  ///< `snappy` (or empty, the same), `zstd`, `identity`.
  std::span<const uint8_t> body;
  /// Added to series that lack them; a matcher that asks for one of them is taken as met.
  LabelsView external_labels;
  int64_t sample_limit = 0;               ///< Of an answer in one message; fail above it; 0: none.
  int64_t max_buffered_bytes = 64 << 20;  ///< Of encoded samples held for sorting.
  int64_t max_message_bytes = 256 << 20;  ///< Of an answer in one message; fail above it.
  int64_t timeout_ms = 0;
  std::shared_ptr<const std::atomic<bool>> cancelled;
};

/// The answer to remote read, made as it is drawn. Not safe to use from two threads.
class ReadAnswer {
 public:
  virtual ~ReadAnswer() = default;
  virtual std::string_view content_type() const = 0;
  virtual std::string_view content_encoding() const = 0;  ///< Empty: none.
  /// Append the next piece to `out`; false, with nothing appended, at the end.
  ///
  /// \retval kBadQuery The answer exceeds `sample_limit`, or is too large for one message.
  virtual arrow::Result<bool> Next(std::string* out) = 0;
};

/// Answer remote read over a database, which must outlive the answer.
///
/// Series come in the order of their labels. A streamed answer holds float samples as XOR chunks
/// and native histograms as histogram chunks, at most 120 samples each.
///
/// \retval kBadQuery, kBadSample The request is broken; the message names the place.
/// \retval kTooLarge, kUnsupported
arrow::Result<std::unique_ptr<ReadAnswer>> AnswerRemoteRead(Database* database,
                                                            const ReadMessage& message);

}  // namespace larnax
