#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>

#include "larnax/samples.h"

namespace larnax::columns {

/// What a page was decoded into. Immutable, once it is shared.
class DecodedPage {
 public:
  virtual ~DecodedPage() = default;
  virtual size_t rows() const = 0;
  /// Memory that goes with the page; what other pages share is counted elsewhere.
  virtual int64_t memory_bytes() const = 0;
};

/// What a PageCache did so far, and holds now.
struct PageCacheStats {
  int64_t hits = 0;
  int64_t misses = 0;
  int64_t evictions = 0;  ///< Pages dropped for others; those of files that are gone not counted.
  int64_t pages = 0;
  int64_t bytes = 0;
};

/// Keeps decoded pages of data files up to a number of bytes, for all queries of an archive.
///
/// A page comes in on probation; one that is asked for again is protected. What is on probation
/// goes first, in the order of its last use, so that a read of everything drops no more than that.
/// Pages that readers hold stay valid when they are dropped. Safe to use from several threads;
/// `mutex_` guards all but the atomics.
class PageCache {
 public:
  /// \param budget_bytes  Of all pages and what they share; 0: nothing is kept.
  explicit PageCache(int64_t budget_bytes) : budget_bytes_(budget_bytes) {}
  PageCache(const PageCache&) = delete;
  PageCache& operator=(const PageCache&) = delete;

  PageCacheStats stats() const;

 private:
  friend class FilePages;

  struct Key {
    uint64_t file = 0;
    size_t leaf = 0;
    int64_t offset = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct HashKey {
    size_t operator()(const Key& key) const;
  };
  struct Entry {
    Key key;
    std::shared_ptr<const DecodedPage> page;
    int64_t bytes = 0;
    bool is_protected = false;
  };
  using Entries = std::list<Entry>;

  uint64_t AddFile() { return next_file_.fetch_add(1); }
  void RemoveFile(uint64_t file);
  std::shared_ptr<const DecodedPage> Find(Key key);
  bool Contains(Key key) const;
  void Insert(Key key, std::shared_ptr<const DecodedPage> page);
  bool DropOne();
  // These need mutex_.
  void Touch(Entries::iterator entry);
  void Remove(Entries::iterator entry, Entries* dropped);

  const int64_t budget_bytes_;
  std::atomic<uint64_t> next_file_{1};
  std::atomic<int64_t> hits_{0};
  std::atomic<int64_t> misses_{0};
  // Of vectors of times that pages share, while any page or query holds them.
  const std::shared_ptr<std::atomic<int64_t>> shared_bytes_ =
      std::make_shared<std::atomic<int64_t>>(0);

  mutable std::mutex mutex_;
  Entries probation_;  // Latest used first, as below.
  Entries protected_;
  std::unordered_map<Key, Entries::iterator, HashKey> by_key_;
  std::unordered_map<uint64_t, int64_t> pages_of_file_;
  int64_t bytes_ = 0;
  int64_t protected_bytes_ = 0;
  int64_t evictions_ = 0;
};

/// The decoded pages of one data file in a cache, which are dropped with the last owner of this.
/// Safe to use from several threads.
class FilePages {
 public:
  explicit FilePages(std::shared_ptr<PageCache> cache);
  ~FilePages();
  FilePages(const FilePages&) = delete;
  FilePages& operator=(const FilePages&) = delete;

  /// Find the page of a column that begins at an offset of the file; null where it is not kept.
  std::shared_ptr<const DecodedPage> Find(size_t leaf, int64_t offset) {
    return cache_->Find({file_, leaf, offset});
  }
  /// Tell whether it is kept, without a use of it.
  bool Contains(size_t leaf, int64_t offset) const {
    return cache_->Contains({file_, leaf, offset});
  }
  /// Keep a page, unless another thread has brought it already.
  void Insert(size_t leaf, int64_t offset, std::shared_ptr<const DecodedPage> page) {
    cache_->Insert({file_, leaf, offset}, std::move(page));
  }
  /// Give the one vector of these times that all pages of the file share.
  std::shared_ptr<const TimestampVector> Share(TimestampVector times);

 private:
  const std::shared_ptr<PageCache> cache_;
  const uint64_t file_;
  std::mutex mutex_;  // Guards what follows.
  std::unordered_map<uint64_t, std::weak_ptr<const TimestampVector>> times_;  // By a hash.
  size_t sweep_at_ = 1024;
};

/// Mix some of the times: few that differ get the same number. \param time_ms  Not empty.
uint64_t HashTimes(std::span<const int64_t> time_ms);

}  // namespace larnax::columns
