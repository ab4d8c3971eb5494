#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/status.h>

namespace larnax::head {

/// Kinds of log records.
enum RecordKind : uint8_t {
  kSampleRecord = 1,  ///< Float samples of one write (sample_record.h).
  kOldNonFloatRecord =
      2,  ///< As kNonFloatRecord, with labels instead of refs; only in old `wal/typed`.
  kNonFloatRecord = 3,  ///< Histograms, exemplars and metadata of one write (non_float_record.h).
};

/// One series that a record defines: later records of the same segment name it by `ref`.
struct SeriesDefinition {
  uint32_t ref = 0;
  std::string_view labels;  ///< Canonical label bytes.
};

/// Content of a sample record: columns over the samples of one write.
struct SampleRecord {
  std::vector<SeriesDefinition> definitions;
  std::vector<uint32_t> refs;     ///< Shape [n].
  std::vector<int64_t> time_ms;   ///< Shape [n].
  std::vector<int64_t> start_ms;  ///< Shape [n] or empty; 0 = unknown.
  std::vector<double> value;      ///< Shape [n]; every bit kept.

  void Clear();
};

/// Encode a record; replaces the content of `out`. The layout is in docs/format/wal.md.
void EncodeSampleRecord(const SampleRecord& record, std::string* out);

/// Decode a record, into memory that is reused; labels are borrowed from `bytes`.
///
/// \retval kCorrupt The bytes are not a record.
arrow::Status DecodeSampleRecord(std::span<const uint8_t> bytes, SampleRecord* out);

/// Most bytes that EncodeSampleRecord writes for a sample, and for a definition besides its labels.
inline constexpr size_t kMaxSampleBytes = 5 + 10 + 10 + 8;
inline constexpr size_t kMaxDefinitionBytes = 15;

}  // namespace larnax::head
