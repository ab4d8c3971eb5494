#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace larnax::columns {

class PageCompressor;
struct ChunkContext;

/// How much CPU a file deserves.
enum class Tier {
  kFresh,   ///< Lives for minutes: zstd 1, no trials.
  kMerged,  ///< Lives for hours: zstd 3, encodings by trial.
  kDay,     ///< Lives forever: a higher level, encodings by trial.
};

struct WriterOptions {
  Tier tier = Tier::kMerged;
  /// Write only encodings that every reader of the last years knows (no BYTE_STREAM_SPLIT).
  bool wide_compat = false;
  /// Most rows of a row group.
  int64_t row_group_rows = int64_t{1} << 20;
  /// Most rows of a page of `timestamp`; 0: by tier.
  int64_t time_page_rows = 0;
  /// Most rows of a page of `value` that short series share; 0: by tier.
  int64_t value_page_rows = 0;
  /// A series of so many rows has pages of `value` of its own, of about so many rows.
  int64_t long_series_page_rows = 4096;
  /// Rows of a page of the `series` file.
  int64_t series_page_rows = 8192;
  /// Most bytes of distinct label values; a series that would make them more is kTooLarge.
  /// Dictionary pages and their offsets have 31 bits.
  int64_t most_label_bytes = int64_t{512} << 20;
  /// Mean rows a series from which the `series` file has the value summaries (see docs/format).
  int64_t summary_min_rows = 1440;
  /// Added to the key-value metadata of both files; keys that start with `larnax.` or `ARROW:` are
  /// ours.
  std::map<std::string, std::string> key_values = {};
};

/// Compression and pages of a file by tier. \param series Those of the `series` file.
ChunkContext ContextFor(const WriterOptions& options, PageCompressor* compressor, bool series);

}  // namespace larnax::columns
