#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "columns/read/exemplars_reader.h"
#include "columns/read/histograms_reader.h"
#include "columns/read/page_cache.h"
#include "columns/read/samples_reader.h"
#include "columns/read/series_index.h"
#include "io/file_system.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "store/manifest/archive_layout.h"
#include "store/manifest/manifest.h"
#include "store/open_files.h"

namespace larnax::store {

/// Label sets of all series of a file, in its order, in memory that they share with the head. Files
/// of the same series share one.
struct KnownLabels {
  std::vector<LabelsView> labels;
  std::shared_ptr<const void> memory;  ///< Keeps `labels` valid.
};

/// Tell whether two label sets are the same place in memory; cheaper than to compare them.
inline bool AreSamePlace(LabelsView a, LabelsView b) {
  return a.bytes().data() == b.bytes().data() && a.bytes().size() == b.bytes().size();
}

/// A live data file with its index; opened when first read, and readable for as long as someone
/// holds it, even when a merge has replaced it.
///
/// Safe to use from several threads. `mutex_` guards the open readers.
class DataFile : public std::enable_shared_from_this<DataFile> {
 public:
  /// \param fs          Outlives the file. \param root  The archive's directory.
  /// \param open_files  Says when to close it, and keeps decoded pages; nullptr: neither.
  DataFile(io::FileSystem* fs, std::string root, FileEntry entry,
           std::shared_ptr<OpenFiles> open_files);
  /// Removes both files where they were retired.
  ~DataFile();
  DataFile(const DataFile&) = delete;
  DataFile& operator=(const DataFile&) = delete;

  const FileEntry& entry() const { return entry_; }

  /// Label sets that need not be read; nullptr mostly. Set before the file is shared.
  const std::shared_ptr<const KnownLabels>& known_labels() const { return known_labels_; }
  void set_known_labels(std::shared_ptr<const KnownLabels> known) {
    known_labels_ = std::move(known);
  }

  /// Make another one of the same files, with readers of its own. Open them before this one may be
  /// moved or removed.
  std::shared_ptr<DataFile> Clone() const;

  /// The index, opened once. `stats` counts what this call read; may be nullptr.
  ///
  /// \retval kNotFound It is gone: a writer elsewhere replaced it (read-only archives), or it is
  /// lost.
  arrow::Result<std::shared_ptr<columns::SeriesIndex>> Index(ReadStats* stats);
  /// The rows, opened once; each only of files of its table.
  arrow::Result<std::shared_ptr<columns::SamplesReader>> Samples(ReadStats* stats);
  arrow::Result<std::shared_ptr<columns::HistogramsReader>> Histograms(ReadStats* stats);
  arrow::Result<std::shared_ptr<columns::ExemplarsReader>> Exemplars(ReadStats* stats);
  /// Take note that a reader has come to an end, so that what it loaded is counted. Throws nothing.
  void NoteUse();
  /// Let the disk begin with what the readers will read first. Errors come when they are opened.
  void WillOpen();
  /// Open the rows, whatever the table: then they stay readable when the file is removed.
  arrow::Status OpenRows(ReadStats* stats);
  bool holds_histograms() const { return holds_histograms_; }

  /// Close what is open; the next use opens it anew. Readers in use stay open.
  void CloseReaders();
  bool is_open() const;
  /// Bytes of memory that the open index holds.
  int64_t memory_bytes() const;

  /// Where the file is: in its day's folder, or in `retired` under the same name.
  std::string PathIn(Tree tree, bool in_retired) const;
  /// Tell whether the next opening looks in `retired`. The file must be there before.
  void set_in_retired(bool in_retired) { in_retired_ = in_retired; }
  /// Remove the files in `retired` when nobody holds this any more.
  void RemoveWhenUnused() { remove_when_unused_ = true; }

 private:
  arrow::Result<std::shared_ptr<io::ReadableFile>> Open(Tree tree);
  arrow::Result<std::shared_ptr<io::ReadableFile>> TakeOpen(Tree tree);
  arrow::Status Mismatch(Tree tree) const;
  template <typename Reader>
  arrow::Result<std::shared_ptr<Reader>> OpenReader(std::shared_ptr<Reader>* kept,
                                                    ReadStats* stats);

  io::FileSystem* const fs_;
  const std::string root_;
  const FileEntry entry_;
  const bool holds_histograms_;
  const std::shared_ptr<OpenFiles> open_files_;
  const std::shared_ptr<columns::FilePages> pages_;  // Null where open_files_ is.
  std::shared_ptr<const KnownLabels> known_labels_;
  std::atomic<bool> in_retired_ = false;
  std::atomic<bool> remove_when_unused_ = false;

  mutable std::mutex mutex_;
  std::shared_ptr<io::ReadableFile> series_ahead_;  // Open, but not read yet.
  std::shared_ptr<io::ReadableFile> data_ahead_;
  std::shared_ptr<columns::SeriesIndex> index_;
  std::shared_ptr<columns::SamplesReader> samples_;
  std::shared_ptr<columns::HistogramsReader> histograms_;
  std::shared_ptr<columns::ExemplarsReader> exemplars_;
};

}  // namespace larnax::store
