#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "larnax/labels.h"
#include "larnax/samples.h"

namespace larnax {

/// What of the query language is switched on besides the stable part.
struct QueryFeatures {
  bool experimental_functions = false;    ///< `limitk`, `info`, `mad_over_time`, ...
  bool extended_range_selectors = false;  ///< `anchored` and `smoothed`.
  bool binop_fill_modifiers = false;      ///< `fill`, `fill_left`, `fill_right`.
  bool delayed_name_removal = false;      ///< Names are dropped at the end of a query.
  bool use_start_timestamps = false;      ///< Start times of samples take part in counter resets.
  bool type_and_unit_labels = false;      ///< `__type__` tells counters from gauges.
  bool per_step_stats = false;            ///< `stats=all` tells samples by step.
};

/// What is to be told of how a query is answered.
enum class QueryExplain : uint8_t {
  kNo,
  kPlan,     ///< Plan only: nothing is read, and the answer is empty.
  kAnalyze,  ///< Answer, and count what each operator of the plan did.
};

/// A question in PromQL.
struct QueryRequest {
  std::string text;
  int64_t start_ms = 0;
  int64_t end_ms = 0;   ///< Last time that may be evaluated; not before `start_ms`.
  int64_t step_ms = 0;  ///< 0: an instant query at `start_ms`; `end_ms` is not looked at.

  int64_t lookback_ms = 300'000;
  int64_t default_subquery_step_ms = 60'000;  ///< Of `[1h:]`.
  int64_t timeout_ms = 0;                     ///< Fail with kTimeout after it; 0: none.
  int64_t max_samples = 0;       ///< Fail with kLimit when more are in memory at once; 0: none.
  int64_t max_memory_bytes = 0;  ///< The same, in bytes of what the query keeps; 0: none.
  int64_t series_limit = 0;      ///< Series in the answer; the rest is cut off; 0: none.
  int threads = 0;               ///< At most so many work on the query; 0: as the engine was told.
  QueryFeatures features;
  QueryExplain explain = QueryExplain::kNo;  ///< Fill QueryResult::plan.
  bool step_stats = false;                   ///< Fill QueryStats::samples_at and samples_taken_at.
  std::shared_ptr<const std::atomic<bool>> cancelled;  ///< Set to true to give up; may be null.
};

enum class QueryValueType : uint8_t { kScalar, kVector, kMatrix, kString };

/// A histogram in an answer.
struct QueryHistogram {
  int64_t time_ms = 0;
  std::shared_ptr<const NativeHistogram> histogram;  ///< Never integer; never null.
};

/// One series of an answer. Of an instant vector: one float or one histogram.
struct QuerySeries {
  Labels labels;
  std::shared_ptr<const TimestampVector> time_ms;  ///< Shape [n]; shared where equal; never null.
  std::vector<double> value;                       ///< Shape [n].
  std::vector<QueryHistogram> histograms;          ///< Shape [m], by time.
};

/// One operator of a plan and what it cost.
struct QueryPlanLine {
  int depth = 0;
  std::string text;     ///< `rate(x[5m])`, `sum by (job)`, ...
  int64_t series = 0;   ///< Put out.
  int64_t samples = 0;  ///< Put out.
  int64_t time_ns = 0;  ///< Until it had put out all, what is below it included.
};

/// What an answer cost.
struct QueryStats {
  int64_t steps = 0;
  int64_t series = 0;  ///< Read, over all selectors.
  /// Samples that windows and steps looked at, repeats counted; of a subquery those of its windows
  /// alone, and of what is the same at every step as many for each.
  int64_t samples = 0;
  /// Samples that selectors took from series for steps and windows: those inside of a subquery, not
  /// of its windows, and of what is the same at every step once.
  int64_t samples_taken = 0;
  std::vector<int64_t> samples_at;        ///< `samples` of each step; empty unless asked for.
  std::vector<int64_t> samples_taken_at;  ///< `samples_taken`, the same.
  int64_t first_step_ms = 0;              ///< Time of the first step.
  int64_t step_ms = 0;                    ///< To the next; 0: there is one.
  int64_t samples_read = 0;               ///< Samples that came from the source.
  int64_t peak_samples = 0;               ///< Most samples in memory at once.
  int64_t peak_bytes = 0;                 ///< Most bytes of values in memory at once.
  int64_t prepare_ns = 0;                 ///< Parsing and planning.
  int64_t evaluate_ns = 0;                ///< Reading and evaluating.
  int64_t sort_ns = 0;                    ///< Putting the answer in order.
  ReadStats read;
};

/// The answer to a query.
struct QueryResult {
  QueryValueType type = QueryValueType::kVector;
  /// A scalar is one series without labels (in a range query it becomes a matrix). Series of a
  /// matrix are sorted by labels; those of a vector have the order of `sort`, `topk` and the like
  /// where one of these is outermost.
  std::vector<QuerySeries> series;
  std::string text;                   ///< Of kString.
  int64_t time_ms = 0;                ///< Of an instant query.
  bool truncated = false;             ///< `series_limit` cut the answer.
  std::vector<std::string> warnings;  ///< `PromQL warning: ... (1:6)`; distinct.
  std::vector<std::string> infos;     ///< `PromQL info: ... (1:6)`; distinct.
  QueryStats stats;
  std::vector<QueryPlanLine> plan;  ///< Parents first; empty unless asked for.
};

/// One bucket of a histogram as answers print it.
struct HistogramBucketCount {
  /// Which ends belong to it: 0 = (lower, upper], 1 = [lower, upper), 2 = neither, 3 = both.
  int boundaries = 0;
  double lower = 0;
  double upper = 0;
  double count = 0;
};

/// List the buckets of a histogram that are not empty, from the lowest.
std::vector<HistogramBucketCount> ListBuckets(const NativeHistogram& histogram);
/// Append a histogram as Prometheus' JSON prints it: `{"count":"2","sum":"3","buckets":[...]}`.
void AppendHistogramJson(const NativeHistogram& histogram, std::string* out);

/// The forms that an answer can be written in.
enum class AnswerFormat : uint8_t {
  kJson,     ///< The whole answer of Prometheus' HTTP API, warnings and statistics included.
  kCsv,      ///< A header line, then a line per sample.
  kArrow,    ///< The same table as an Arrow IPC stream; numbers keep every bit.
  kParquet,  ///< The same table as one Parquet file.
};

/// Writes an answer piece by piece. Not safe to use from two threads.
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  /// Append the next piece (some tens of KiB) to `out`; false, with nothing appended, at the end.
  virtual arrow::Result<bool> Next(std::string* out) = 0;
  /// What was read for it so far.
  virtual const ReadStats& stats() const = 0;
};

struct AnswerOptions {
  bool stats = false;                 ///< In JSON, tell what the answer cost.
  int64_t queue_ns = 0;               ///< Time before evaluation began; told with `stats`.
  std::vector<std::string> warnings;  ///< Of the one who asks, before those of the query.
};

/// Begin to write the answer to a query.
///
/// The table has the columns `metric`, one for each label, `other_labels`, `timestamp`, `value`
/// and, where there are histograms, `histogram`. At most 10 warnings and 10 infos are written; a
/// last one tells how many more there are.
std::unique_ptr<AnswerWriter> WriteAnswer(QueryResult result, AnswerFormat format,
                                          AnswerOptions options = {});

struct SamplesOptions {
  int64_t limit = 0;        ///< Of series; 0: none. The stream must be selected with one more.
  bool stats = false;       ///< In JSON, tell what was read.
  bool drop_stale = false;  ///< Leave stale markers out.
};

/// Begin to write raw samples: JSON as Prometheus' matrix (a stale marker has the value null), or a
/// table with the columns above and `stale` and `start_timestamp`.
///
/// \param labels  Names of labels that get a column, at most 256 of them; see Database::LabelNames.
std::unique_ptr<AnswerWriter> WriteSamples(std::unique_ptr<SampleStream> stream,
                                           AnswerFormat format,
                                           const std::vector<std::string>& labels,
                                           const SamplesOptions& options);

/// Append labels as a JSON object, in the order they have.
void AppendLabelsJson(LabelsView labels, std::string* out);
/// Append what was read as a JSON object.
void AppendStatsJson(const ReadStats& stats, std::string* out);

/// Print a query in its one form, on several lines where it is long.
///
/// \retval kBadQuery `line:col: parse error: ...`
arrow::Result<std::string> FormatQuery(const std::string& text, const QueryFeatures& features);
/// Give the syntax tree of a query as JSON, as Prometheus' `/api/v1/parse_query` does.
arrow::Result<std::string> QueryTreeJson(const std::string& text, const QueryFeatures& features);
/// The matchers of each selector in a query.
arrow::Result<std::vector<std::vector<Matcher>>> QuerySelectors(const std::string& text,
                                                                const QueryFeatures& features);

/// Something that the query language has, or could have.
struct QueryLanguagePart {
  std::string category;  ///< `promql`, `promql_functions`, `promql_operators`
  std::string name;
  bool enabled = false;
};
/// List keywords, operators and functions, sorted by category and name.
std::vector<QueryLanguagePart> QueryLanguage(const QueryFeatures& features);

}  // namespace larnax
