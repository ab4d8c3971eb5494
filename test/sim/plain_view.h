#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
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
  /// \param disk  Outlives the view; read past all faults but flipped bits.
  PlainView(io::SimFileSystem& disk, std::string root) : disk_(disk), root_(std::move(root)) {}

  /// Read all files as they are now. Contents are kept by their hash, so that looking often is
  /// cheap.
  arrow::Result<std::vector<std::shared_ptr<const PlainFile>>> Read();

  /// Check what holds at every moment: each row was stored at some time; nothing stands twice but
  /// where a value was overwritten; no old and new file of a merge together.
  ///
  /// \param may_repeat  A flush could not look into a damaged file, and may have written again what
  ///                    that holds.
  static arrow::Status CheckAlways(const Model& model,
                                   const std::vector<std::shared_ptr<const PlainFile>>& files,
                                   bool may_repeat);
  /// Check that the newest row of each sample is what the model says, and that none is missing.
  static arrow::Status CheckComplete(const Model& model,
                                     const std::vector<std::shared_ptr<const PlainFile>>& files);
  /// Count the samples of files; a sample that has two rows counts once.
  static int64_t CountSamples(const std::vector<std::shared_ptr<const PlainFile>>& files);
  /// Check that each exemplar was sent, and stands once.
  static arrow::Status CheckExemplars(const std::set<SentExemplar>& sent,
                                      const std::vector<std::shared_ptr<const PlainFile>>& files,
                                      bool may_repeat);
  /// Check that both trees hold exactly the files of the manifest, in their full length, that
  /// each passes its own checks, that the schema file has all their columns, and that nothing is
  /// left over elsewhere.
  arrow::Status CheckFolders();

 private:
  arrow::Status CheckListed(const store::Manifest& manifest, std::set<std::string>* listed);
  arrow::Status CheckNothingElse(const std::set<std::string>& listed);
  arrow::Status CheckColumns(const std::string& path, const std::set<std::string>& schema);
  arrow::Result<std::shared_ptr<const PlainFile>> ReadFile(const std::string& path,
                                                           std::string_view table, int64_t day,
                                                           const std::string& name);
  arrow::Status ReadTable(std::string_view table,
                          std::vector<std::shared_ptr<const PlainFile>>* files);
  arrow::Status CheckMetadata(const store::Manifest& manifest, std::set<std::string>* listed);

  io::SimFileSystem& disk_;
  const std::string root_;
  std::map<uint64_t, std::shared_ptr<const PlainFile>> known_;
  std::set<uint64_t> verified_;  // Hashes of path and footer checksum.
};

}  // namespace larnax::sim
