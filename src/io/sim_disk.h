#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/random.h"

namespace larnax::io {

/// What the faults of a simulated disk came to, so that a test can show that each one happened.
struct SimCounters {
  int64_t crashes = 0;  ///< Power cuts.
  int64_t kills = 0;    ///< Deaths of the process.
  // What power cuts did to writes that were not synced.
  int64_t kept_writes = 0;
  int64_t lost_writes = 0;
  int64_t torn_writes = 0;       ///< A first part kept, the rest lost.
  int64_t scattered_writes = 0;  ///< Some 512-byte sectors kept, others lost.
  int64_t zeroed_writes = 0;     ///< The file's size kept, the bytes lost.
  int64_t reordered_writes = 0;  ///< Kept although an earlier one of the file was not.
  // What power cuts did to changes of directories that were not synced.
  int64_t kept_entry_changes = 0;
  int64_t lost_entry_changes = 0;
  int64_t reordered_entry_changes = 0;  ///< Kept although an earlier one was lost.
  int64_t lost_renames = 0;             ///< Of the lost changes, those of two entries.
  // Errors given.
  int64_t failed_writes = 0;
  int64_t short_writes = 0;  ///< Of the failed writes, those that left a part of the bytes.
  int64_t failed_syncs = 0;
  int64_t failed_creates = 0;
  int64_t failed_renames = 0;
  int64_t failed_truncates = 0;
  int64_t failed_reads = 0;
  int64_t failed_opens = 0;
  int64_t failed_lists = 0;
  int64_t failed_make_directories = 0;
  int64_t failed_removes = 0;
  int64_t read_only_errors = 0;
  int64_t disk_full_errors = 0;
  int64_t lying_syncs = 0;
  int64_t slow_operations = 0;
  int64_t bit_flips = 0;
};

/// Gives the counters in which what befalls a path is counted.
using SimCountersOf = std::function<SimCounters&(const std::string& path)>;

/// A file or directory of a simulated disk: what processes see of it, and what of that is not
/// yet safe from a power cut.
struct SimInode {
  /// Bytes appended and not synced: [begin, end) of `bytes`.
  struct PendingWrite {
    int64_t begin;
    int64_t end;
    /// A sync failed on it; the cache believes it clean, so that no later sync writes it.
    bool is_abandoned;
  };

  bool is_directory = false;
  std::vector<uint8_t> bytes;         ///< A file's content.
  std::vector<PendingWrite> pending;  ///< In the order written.
  uint64_t version = 0;  ///< Of the content; no two contents of one disk have the same.
  std::map<std::string, std::shared_ptr<SimInode>> entries;          ///< A directory's entries.
  std::map<std::string, std::shared_ptr<SimInode>> durable_entries;  ///< What is surely on disk.
};

/// One change of one or two directory entries that a power cut leaves wholly or not at all.
struct SimEntryChange {
  struct Slot {
    std::shared_ptr<SimInode> directory;
    std::string name;
    std::shared_ptr<SimInode> before;  ///< Null: there was none.
    std::shared_ptr<SimInode> after;   ///< Null: there is none.
  };
  std::vector<Slot> slots;
  std::string path;  ///< As the call named it.
};

/// The state of a simulated disk and the rules of what a power cut may leave of it.
///
/// Rules: (1) of bytes not synced any part is left; lost ones before the new end read as zeros.
/// (2) Of entry changes not synced any part is left, but a change never without an earlier one
/// that touched the same name of the same directory or the same file, as a journal would keep
/// these in order. (3) A change of two directories is synced by syncing either.
/// Not safe to use from two threads at once.
class SimDisk {
 public:
  SimDisk();

  const std::shared_ptr<SimInode>& root() const { return root_; }

  void Append(SimInode& file, std::span<const uint8_t> bytes);
  /// Make the content durable, except what an earlier failed sync gave up.
  void SyncFile(SimInode& file);
  /// Let a sync fail: what was pending may or may not reach the disk, whatever is synced later.
  void AbandonPending(SimInode& file);
  /// Write what is pending from an offset on again, also what was given up; to be synced.
  void Rewrite(SimInode& file, int64_t offset_bytes);
  /// Cut and sync; `size_bytes` is at most the file's size.
  void Truncate(SimInode& file, int64_t size_bytes);

  void Change(SimEntryChange change);
  void SyncDirectory(const std::shared_ptr<SimInode>& directory);

  /// Drop to a state that a power cut could leave.
  void Crash(Random& random, const SimCountersOf& counters_of);

  /// Note that the content of a file was changed past the functions above.
  void Touch(SimInode& file) { file.version = ++versions_; }
  /// Make this a copy of another disk that shares nothing with it; only what is seen there now, and
  /// all of it durable.
  void CopyFrom(const SimDisk& other);

  /// Bytes of all files that have a name.
  int64_t used_bytes() const;

 private:
  std::shared_ptr<SimInode> root_;
  std::vector<SimEntryChange> pending_changes_;  ///< In the order made.
  uint64_t versions_ = 0;
};

}  // namespace larnax::io
