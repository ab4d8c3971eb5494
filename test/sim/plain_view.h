#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "io/sim_file_system.h"
#include "store/manifest/manifest.h"
#include "test/sim/model.h"

namespace larnax::sim {

/// Rows of one data file, read from the data file alone.
struct PlainFile {
  std::string path;
  std::string table;
  int64_t day = 0;
  std::string run;  ///< Sequences and the rest of the name that files of one run share.
  int64_t min_sequence = 0;
  int64_t max_sequence = 0;
  std::vector<SentSample> rows;
  std::vector<SentExemplar> exemplars;  ///< Of that table, which has no `rows`.
};

/// What somebody sees who opens `<table>/date=*/*.parquet` and knows nothing of a manifest.
class PlainView {
 public:
  using Files = std::vector<std::shared_ptr<const PlainFile>>;

  /// \param disk  Outlives the view; to be without faults but flipped bits while it is used.
  PlainView(io::SimFileSystem& disk, std::string root);
  ~PlainView();

  /// Read all files as they are now. What was read, grouped and checked once is not again, so that
  /// looking often is cheap.
  arrow::Result<Files> Read();

  /// Check what holds at every moment: each row was stored at some time; nothing stands twice but
  /// where a value was overwritten; no old and new file of a merge together.
  ///
  /// \param may_repeat  A flush could not look into a damaged file, and may have written again what
  ///                    that holds.
  arrow::Status CheckAlways(const Model& model, const Files& files, bool may_repeat);
  /// Check that the newest row of each sample is what the model says, and that none is missing.
  arrow::Status CheckComplete(const Model& model, const Files& files);
  /// Count the samples of files; a sample that has two rows counts once.
  int64_t CountSamples(const Files& files);
  /// Check that each exemplar was sent, and stands once.
  arrow::Status CheckExemplars(const std::set<SentExemplar>& sent, const Files& files,
                               bool may_repeat);
  /// Check that both trees hold exactly the files of the manifest, in their full length, that
  /// each passes its own checks, that the schema file has all their columns, and that nothing is
  /// left over elsewhere.
  arrow::Status CheckFolders();

 private:
  struct Grouping;  // Rows by sample.

  const Grouping& GroupingOf(const Files& files);
  arrow::Status CheckRows(const Model& model, const PlainFile& file);
  arrow::Status CheckListed(const store::Manifest& manifest, std::set<std::string>* listed);
  arrow::Status CheckNothingElse(const std::set<std::string>& listed);
  arrow::Result<const std::set<std::string>*> ColumnsOf(const std::string& path);
  arrow::Status CheckColumns(const std::string& path, const std::set<std::string>& schema);
  arrow::Result<std::shared_ptr<const PlainFile>> ReadFile(const std::string& path,
                                                           std::string_view table, int64_t day,
                                                           const std::string& name);
  arrow::Status ReadTable(std::string_view table, Files* files);
  arrow::Status CheckMetadata(const store::Manifest& manifest, std::set<std::string>* listed);

  io::SimFileSystem& disk_;
  const std::string root_;
  // By path and version of the content.
  std::map<std::pair<std::string, uint64_t>, std::shared_ptr<const PlainFile>> known_;
  std::map<std::pair<std::string, uint64_t>, std::set<std::string>> columns_;  // The same.
  std::unique_ptr<Grouping> grouping_;                   // Of the files that were asked for last.
  Files checked_files_;                                  // That passed CheckAlways,
  int64_t checked_recoveries_ = -1;                      // for the model as of then;
  std::set<const PlainFile*> checked_;                   // their rows.
  Files checked_exemplars_;                              // That passed CheckExemplars.
  std::set<std::pair<std::string, uint64_t>> verified_;  // Path and version, of index and rows.
};

}  // namespace larnax::sim
