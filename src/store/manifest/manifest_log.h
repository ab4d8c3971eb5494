#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <arrow/result.h>

#include "io/file_system.h"
#include "store/manifest/manifest.h"

namespace larnax::store {

/// How a commit that failed left the archive on disk.
enum class CommitState {
  kNotCommitted,  ///< The old manifest holds, after a power cut too.
  kUncertain,     ///< A power cut may leave the old or the new one.
};

/// Reads and writes the manifests of one archive: CURRENT, root manifests, months.
///
/// A month before the previous one keeps its level-3 files in an immutable manifest of its own, so
/// that a commit writes what is new, not what is old. Not safe to use from two threads at once.
class ManifestLog {
 public:
  /// \param fs  Outlives the log. \param root  The archive's directory.
  ManifestLog(io::FileSystem* fs, std::string root);

  /// Read the manifest that CURRENT names, with the files of all months in `files`; nullopt when
  /// there is no CURRENT: a new archive.
  ///
  /// \retval kCorrupt CURRENT, the manifest it names, or a month is damaged or missing. An older
  ///                  manifest is never taken instead.
  arrow::Result<std::optional<Manifest>> Load();

  /// The text of CURRENT as it is now; empty when there is none. Cheap: to see whether a writer
  /// went on.
  arrow::Result<std::string> ReadCurrent();

  /// Make `manifest` (with all files, in any order; `months` is ignored) the archive's state.
  ///
  /// Its number is set here. On failure `state` tells what is on disk; the next commit that
  /// succeeds settles it.
  arrow::Status Commit(Manifest manifest, int64_t now_ms, CommitState* state);

  /// Remove manifests that neither CURRENT nor one of the few before it needs. Errors are left for
  /// the next time.
  void RemoveOld();

  /// Number of the newest manifest that was read or committed.
  int64_t number() const { return number_; }

 private:
  struct Month {
    MonthEntry entry;
    // Name and checksum of the index's footer of its files, sorted: an index that was lost is
    // written anew under the same name.
    std::vector<std::pair<std::string, uint32_t>> files;
  };
  using MonthKey = std::pair<std::string, std::string>;  // Table, month.

  std::string Path(std::string_view name) const;
  arrow::Status Write(const std::string& path, std::string_view text);
  arrow::Status LoadMonths(Manifest* manifest);
  arrow::Result<std::map<MonthKey, Month>> WriteMonths(Manifest* manifest, int64_t now_ms);

  io::FileSystem* const fs_;
  const std::string root_;
  int64_t number_ = 0;
  int64_t last_tried_ = 0;  // Numbers are not used again, not even after a failure.
  std::map<MonthKey, Month> months_;
  // Newest committed manifests and the months that they name, oldest first.
  std::vector<std::pair<int64_t, std::vector<std::string>>> kept_;
};

}  // namespace larnax::store
