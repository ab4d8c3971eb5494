#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/status.h>

#include "head/sample_record.h"

namespace larnax::head {

/// A native histogram sample as it arrived.
struct LoggedHistogram {
  uint32_t ref = 0;  ///< Of its series, defined in the same segment.
  /// The protobuf message `Histogram` (1.0, or 2.0 which only adds).
  std::string_view message;
};

/// An exemplar.
struct LoggedExemplar {
  uint32_t ref = 0;         ///< Of its series.
  std::string_view labels;  ///< Canonical label bytes of its own.
  int64_t time_ms = 0;
  double value = 0;  ///< Every bit kept.
};

/// What was said of a metric.
struct LoggedMetadata {
  std::string_view metric;
  uint8_t type = 0;  ///< wire::MetricType.
  std::string_view help;
  std::string_view unit;
  int64_t seen_ms = 0;  ///< When; 0: unknown.
};

/// Content of such a record: what one write held besides float samples. Views are borrowed.
struct NonFloatRecord {
  std::vector<SeriesDefinition> definitions;  ///< As in a SampleRecord, with the same refs.
  std::vector<LoggedHistogram> histograms;
  std::vector<LoggedExemplar> exemplars;
  std::vector<LoggedMetadata> metadata;

  bool empty() const { return histograms.empty() && exemplars.empty() && metadata.empty(); }
  void Clear();
};

/// Encode a record; replaces the content of `out`. The layout is in docs/format/wal.md.
void EncodeNonFloatRecord(const NonFloatRecord& record, std::string* out);

/// Decode a record; views are borrowed from `bytes`.
///
/// \retval kCorrupt The bytes are not a record.
arrow::Status DecodeNonFloatRecord(std::span<const uint8_t> bytes, NonFloatRecord* out);

/// Decode a record of kind kOldNonFloatRecord: its series get refs from 0 on, in the order of their
/// first appearance, and are defined by the record itself.
arrow::Status DecodeOldNonFloatRecord(std::span<const uint8_t> bytes, NonFloatRecord* out);

}  // namespace larnax::head
