#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "columns/read/page_cache.h"

namespace larnax::store {

class DataFile;

/// How much may be kept open for the next query.
struct OpenFilesLimits {
  size_t files = 192;  ///< Two descriptors each; many systems give a process 1,024.
  int64_t memory_bytes = 64 << 20;
  int64_t page_bytes = 64 << 20;  ///< Of decoded pages; 0: none are kept.
};

/// Remembers which files are open, the latest used first, and closes the others when there are too
/// many. Keeps decoded pages of all of them, also of those it closed. Safe to use from several
/// threads.
class OpenFiles {
 public:
  explicit OpenFiles(OpenFilesLimits limits)
      : limits_(limits), pages_(std::make_shared<columns::PageCache>(limits.page_bytes)) {}

  /// Take note that a file is in use, and close those used longest ago over the limits (not this
  /// one). The caller holds no file's mutex.
  void Use(const std::shared_ptr<DataFile>& file, int64_t memory_bytes);
  /// Take note that a file is no more.
  void Forget(const DataFile* file);

  size_t size() const;
  /// Decoded pages of all files.
  const std::shared_ptr<columns::PageCache>& pages() const { return pages_; }

 private:
  struct Entry {
    const DataFile* key = nullptr;
    std::weak_ptr<DataFile> file;
    int64_t memory_bytes = 0;
  };

  const OpenFilesLimits limits_;
  const std::shared_ptr<columns::PageCache> pages_;
  mutable std::mutex mutex_;  // Guards what follows.
  std::list<Entry> entries_;  // Latest used first.
  std::unordered_map<const DataFile*, std::list<Entry>::iterator> by_file_;
  int64_t memory_bytes_ = 0;
};

}  // namespace larnax::store
