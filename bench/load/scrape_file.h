#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include <arrow/result.h>

namespace larnax::load {

/// One answer of a target.
struct Scrape {
  int64_t time_ms = 0;  ///< When it was asked.
  std::string text;
};

/// Write scrapes to a file: each a zstd frame of the text, after its time, the size of the text
/// and the size of the frame (64 bits each, little endian).
class ScrapeWriter {
 public:
  static arrow::Result<ScrapeWriter> Open(const std::string& path);
  arrow::Status Append(const Scrape& scrape);
  arrow::Status Close();

 private:
  std::ofstream file_;
};

/// Read a file of ScrapeWriter.
class ScrapeReader {
 public:
  static arrow::Result<ScrapeReader> Open(const std::string& path);
  /// Read the next scrape; false at the end.
  arrow::Result<bool> Next(Scrape* scrape);

 private:
  std::ifstream file_;
};

}  // namespace larnax::load
