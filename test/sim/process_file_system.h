#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "io/random.h"
#include "io/sim_file_system.h"
#include "test/sim/trace.h"

namespace larnax::sim {

/// A call that the code under test is made to forget, as if it were not written there: those of a
/// kind (`sync`, `sync directory`, `rewrite`, `truncate`, `remove`) on paths that hold a text.
struct ForgottenCall {
  std::string kind;  ///< Empty: none.
  std::string path_part;
};

/// The file system as one process sees it: passes every call on to a simulated disk until the
/// process dies; from then on every call fails and changes nothing.
///
/// So the code under test can be stopped at any call that it makes, and unwinds without leaving a
/// trace on the disk, as if it had never returned from that call. For one thread.
class ProcessFileSystem final : public io::FileSystem {
 public:
  /// \param disk, trace  Outlive this.
  ProcessFileSystem(io::SimFileSystem& disk, Trace& trace, uint64_t seed)
      : disk_(disk), trace_(trace), random_(seed) {}

  /// Die in the `count`-th call from now on that changes the disk (1: the next one): before it, in
  /// the middle of it, or after it but before the process learns of it.
  void DieAtCall(int64_t count) { calls_to_live_ = count; }
  /// Go on living, unless it is too late.
  void Spare() { calls_to_live_ = 0; }
  void Die() { dead_ = true; }
  /// Once the disk has failed a call, die with this probability in one of the next few: what a
  /// process could not do before it ended is what the next one finds.
  void set_death_after_failure(double chance) { death_after_failure_ = chance; }
  bool is_dead() const { return dead_; }
  /// Calls that change the disk, so far.
  int64_t call_count() const { return call_count_; }
  /// Where the last of them was; after a death, where it died.
  const std::string& last_path() const { return last_path_; }

  /// Do nothing at these calls, and say that all went well.
  void set_forgotten(ForgottenCall call) { forgotten_ = std::move(call); }
  /// Print each call that changes the disk.
  void set_prints_calls(bool prints) { prints_calls_ = prints; }
  /// Pretend that the file system does not know how to exchange directories.
  void set_exchange_supported(bool supported) { exchange_supported_ = supported; }
  /// Called after each call that changes the disk, while alive: `in_data` tells whether it was in
  /// the data folders. It may use the database as another thread would.
  void set_observer(std::function<void(bool in_data)> observer) { observer_ = std::move(observer); }

  arrow::Result<std::unique_ptr<io::ReadableFile>> OpenReadable(const std::string& path) override;
  arrow::Result<std::unique_ptr<io::WritableFile>> Create(const std::string& path) override;
  arrow::Status Truncate(const std::string& path, int64_t size_bytes) override;
  arrow::Status RewriteAndSync(const std::string& path, int64_t offset_bytes) override;
  arrow::Status Rename(const std::string& from, const std::string& to) override;
  arrow::Status Exchange(const std::string& a, const std::string& b) override;
  arrow::Status Link(const std::string& from, const std::string& to) override;
  arrow::Status RemoveFile(const std::string& path) override;
  arrow::Status RemoveDirectory(const std::string& path) override;
  arrow::Status MakeDirectories(const std::string& path) override;
  arrow::Status SyncDirectory(const std::string& path) override;
  arrow::Result<std::vector<io::DirectoryEntry>> List(const std::string& path) override;
  arrow::Result<bool> Exists(const std::string& path) override;
  arrow::Result<int64_t> FreeBytes(const std::string& path) override;
  arrow::Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path,
                                                    std::string_view content) override;
  arrow::Result<std::optional<std::string>> LockHolder(const std::string& path) override;

 private:
  friend class ProcessReadableFile;
  friend class ProcessWritableFile;

  enum class Fate { kLive, kDieBefore, kDieAfter };

  arrow::Status CheckAlive() const;
  Fate NextFate();
  // Runs a changing call, and dies where it is due; `path` tells the observer what changed.
  arrow::Status Change(std::string_view what, const std::string& path,
                       const std::function<arrow::Status()>& call);
  void Observe(const std::string& path);
  void NoteStatus(const arrow::Status& status);

  io::SimFileSystem& disk_;
  Trace& trace_;
  io::Random random_;
  int64_t calls_to_live_ = 0;  // 0: as many as it likes.
  int64_t call_count_ = 0;
  std::string last_path_;
  bool dead_ = false;
  double death_after_failure_ = 0;
  bool exchange_supported_ = true;
  bool prints_calls_ = false;
  ForgottenCall forgotten_;
  std::function<void(bool)> observer_;
};

}  // namespace larnax::sim
