#pragma once

#include <cstdint>
#include <string>

namespace larnax {

/// When an accepted write is on disk.
enum class WalSync {
  kBatch,     ///< Before it is acknowledged; requests that wait together share one fdatasync.
  kInterval,  ///< Within `wal_sync_interval_ms`; a power cut may lose that much.
  kOff,       ///< Whenever the operating system likes.
};

/// Settings of one open archive. The defaults are meant for a server on its own disk.
struct DatabaseOptions {
  /// Answer only; take no lock, write nothing. What is in the log and not in files yet is read,
  /// too, unless a writer has the archive open: see DatabaseStatus::writer.
  bool read_only = false;

  /// Where this process can be reached; shown to others who find the archive locked.
  std::string address;

  WalSync wal_sync = WalSync::kBatch;
  int64_t wal_sync_interval_ms = 1000;
  int64_t wal_segment_bytes = 128 << 20;

  /// Samples further ahead of the clock than this are refused.
  int64_t max_future_ms = 600'000;
  /// Recent samples go to files when the oldest is this old, ...
  int64_t flush_interval_ms = 50'000;
  /// ... or when there are this many, and 4 a series (with very many series, half the limit below).
  int64_t flush_samples = 1 << 20;
  /// Writes are refused (kOverloaded) while so many samples wait in memory.
  int64_t head_limit_samples = 6 << 20;
  /// Most bytes of what is in memory with the labels of its series; writes past it are kOverloaded.
  int64_t head_limit_bytes = int64_t{2} << 30;
  /// Writes are refused (kOverloaded) while the disk has less room than this.
  int64_t min_free_disk_bytes = 64 << 20;

  /// So many files of one level are merged into one of the next.
  int merge_fan_in = 8;
  /// A data file is cut at a metric boundary past this size.
  int64_t max_file_bytes = 256 << 20;
  /// At most so many columns; further labels live in `other_labels`.
  int max_columns = 256;
  /// Write no BYTE_STREAM_SPLIT, for Spark before 4.3 and other old readers.
  bool wide_compat = false;

  int64_t max_request_bytes = 32 << 20;  ///< Of a write, decompressed.
  int64_t max_labels_per_series = 400 + 64;
  int64_t max_label_name_bytes = 4096;
  int64_t max_label_value_bytes = 64 << 10;

  /// Memory for decoded pages of files, which all reads share; 0: none are kept.
  int64_t page_cache_bytes = 64 << 20;

  /// Each value of this label is recorded as an experiment of that name; empty: none.
  std::string experiment_label = "prom2parquet_prefix";
};

}  // namespace larnax
