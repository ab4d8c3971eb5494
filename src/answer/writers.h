#pragma once

#include <memory>
#include <string>
#include <vector>

#include "larnax/query.h"
#include "larnax/samples.h"

namespace larnax::answer {

/// One label and the column that shows it.
struct LabelColumn {
  std::string label;
  std::string column;
};

/// Give columns to labels, in order: each its own name, or `<name>_label`, `<name>_label2`, ...
/// where that is one of the answer's own columns or taken (case ignored, as in the files). Labels
/// past `max_columns` get none.
std::vector<LabelColumn> AssignColumns(const std::vector<std::string>& labels, size_t max_columns);

/// Labels that get a column in tables; the others go to `other_labels`.
inline constexpr size_t kMaxLabelColumns = 256;

/// What a table has besides metric, labels, times and values.
struct TableShape {
  std::vector<LabelColumn> columns;
  bool raw = true;         ///< Columns `stale` and `start_timestamp`.
  bool histograms = true;  ///< Column `histogram`.
};

/// Prometheus' JSON for a range vector: `{"status":"success","data":{"resultType":"matrix",...}}`.
/// A series of which any start timestamp is known has `"start_timestamps":[s|null,...]` beside
/// `values`.
std::unique_ptr<AnswerWriter> MatrixJson(std::unique_ptr<SampleStream> stream,
                                         SamplesOptions options);
/// Prometheus' JSON for the answer to a query.
std::unique_ptr<AnswerWriter> QueryJson(QueryResult result, AnswerOptions options);
std::unique_ptr<AnswerWriter> CsvTable(std::unique_ptr<SampleStream> stream, TableShape shape,
                                       SamplesOptions options);
/// Labels are dictionary-encoded; `value` is null for stale markers and histograms, and keeps all
/// its bits otherwise.
std::unique_ptr<AnswerWriter> ArrowTable(std::unique_ptr<SampleStream> stream, TableShape shape,
                                         SamplesOptions options);
std::unique_ptr<AnswerWriter> ParquetTable(std::unique_ptr<SampleStream> stream, TableShape shape,
                                           SamplesOptions options);

/// The series of an answer as a stream of one batch.
std::unique_ptr<SampleStream> StreamOf(QueryResult result);

}  // namespace larnax::answer
