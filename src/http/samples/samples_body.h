#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/result.h>

#include "http/response.h"
#include "larnax/database.h"
#include "larnax/samples.h"

namespace larnax::http {

/// What of the raw samples to answer, besides what was selected.
struct SamplesOptions {
  int64_t limit = 0;        ///< Of series; 0: none. The stream must be selected with one more.
  bool stats = false;       ///< Tell what was read: in the JSON, or as a trailer field.
  bool drop_stale = false;  ///< Leave stale markers out.
};

/// One label and the column that shows it.
struct LabelColumn {
  std::string label;
  std::string column;
};

/// Give columns to labels, in order: each its own name, or `<name>_label`, `<name>_label2`, ...
/// where that is one of the answer's own columns or taken (case ignored, as in the files). Labels
/// past `max_columns` get none.
std::vector<LabelColumn> AssignColumns(const std::vector<std::string>& labels, size_t max_columns);

/// Labels that get a column in CSV and Arrow answers; the others go to `other_labels`.
inline constexpr size_t kMaxLabelColumns = 256;

/// Prometheus' JSON for a range vector: `{"status":"success","data":{"resultType":"matrix",...}}`.
/// A stale marker has the value null. A series of which any start timestamp is known has
/// `"start_timestamps":[s|null,...]` beside `values`.
std::unique_ptr<BodySource> JsonBody(std::unique_ptr<SampleStream> stream, SamplesOptions options);

/// A header line, then a line per sample: metric, labels, other_labels, timestamp, value, stale,
/// start_timestamp.
std::unique_ptr<BodySource> CsvBody(std::unique_ptr<SampleStream> stream,
                                    std::vector<LabelColumn> columns, SamplesOptions options);

/// The same columns as an Arrow IPC stream; labels are dictionary-encoded, `value` is null for
/// stale markers and keeps all its bits otherwise.
std::unique_ptr<BodySource> ArrowBody(std::unique_ptr<SampleStream> stream,
                                      std::vector<LabelColumn> columns, SamplesOptions options);

/// Append stats as a JSON object.
void AppendStats(const ReadStats& stats, std::string* out);

/// Append labels as a JSON object, in the order they have.
void AppendLabels(LabelsView labels, std::string* out);

}  // namespace larnax::http
