#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "columns/schema/column_registry.h"
#include "columns/write/samples_writer.h"
#include "head/head.h"
#include "store/manifest/manifest.h"
#include "store/manifest/version.h"

namespace larnax::store {

/// Hands out names for new files; each once. Safe to use from two threads.
class FileNames {
 public:
  explicit FileNames(int64_t epoch) : epoch_(epoch) {}
  std::string Next(int64_t min_sequence, int64_t max_sequence);

 private:
  const int64_t epoch_;
  std::atomic<int64_t> next_ = 1;
};

/// Fill an entry from what the writer says; the rest is the caller's.
void FillEntry(const columns::FileSummary& summary, FileEntry* entry);
void FillEntry(const columns::FileSummary& summary, MetadataEntry* entry);

/// Gives labels their columns. Remembers which series it has seen, since most come again with every
/// flush. Not safe to use from two threads.
class ColumnAssigner {
 public:
  /// Give every label of a generation a column, in file order.
  void Assign(const head::FrozenGeneration& generation, columns::ColumnRegistry* registry);

 private:
  std::shared_ptr<const head::LabelArena> arena_;
  std::vector<const char*> seen_;  // Label bytes in arena_, by SeriesRef.
};

/// A file that a flush or merge wrote.
struct NewFile {
  FileEntry entry;
  std::shared_ptr<const KnownLabels> labels;  ///< Where they are known; else null.
};

}  // namespace larnax::store
