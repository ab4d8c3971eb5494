#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "larnax/labels.h"

namespace larnax::head {

/// Names a series in memory. Small and dense; means nothing outside one run of one process.
enum class SeriesRef : uint32_t {};
inline constexpr SeriesRef kNoSeries{std::numeric_limits<uint32_t>::max()};

/// Memory for label bytes that never move. Kept alive by everyone who holds a view into it.
class LabelArena {
 public:
  /// Copy bytes in; the view is valid as long as the arena.
  std::string_view Add(std::string_view bytes);
  int64_t memory_bytes() const { return memory_bytes_; }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;  // Free room in the last block.
  size_t left_ = 0;
  int64_t memory_bytes_ = 0;
};

/// The series that have recent samples: label bytes to SeriesRef and back.
///
/// Invariants: (1) every entry's bytes are canonical; (2) two live entries never have equal bytes;
/// (3) `order()` holds each live entry once, in file order, but for those in `unordered()`.
/// Not thread-safe: guarded by the Head's mutex.
class SeriesTable {
 public:
  struct Entry {
    std::string_view labels;  ///< Canonical label bytes, in the arena; empty: the ref is free.
    uint64_t hash = 0;        ///< base::Hash64 of `labels`.
    int64_t flushed_through_ms = 0;    ///< Files may hold samples of it up to this time.
    int64_t exemplars_through_ms = 0;  ///< The same of its exemplars.
    uint64_t log_segment = 0;          ///< Newest log segment that defines it; 0: none.
    uint64_t last_generation = 0;      ///< Newest generation that has anything of it.
    SeriesRef next_same_hash = kNoSeries;
    uint32_t rank = kNoRank;  ///< Place in `order()`; kNoRank: in `unordered()`.
  };
  static constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();

  /// A series that waits for its place in the order.
  struct Unordered {
    LabelsView labels;
    SeriesRef ref;
  };

  SeriesTable() : arena_(std::make_shared<LabelArena>()) {}

  /// Find a series by its canonical bytes and their hash; kNoSeries when unknown.
  SeriesRef Find(std::string_view labels, uint64_t hash) const {
    const auto found = by_hash_.find(hash);
    if (found == by_hash_.end()) return kNoSeries;
    SeriesRef ref = found->second;
    // Two label sets may share a hash: bytes decide.
    while (ref != kNoSeries && (*this)[ref].labels != labels) ref = (*this)[ref].next_same_hash;
    return ref;
  }
  /// Add a series that is not there yet. \param flushed_through_ms  Of its exemplars, too.
  SeriesRef Add(LabelsView labels, uint64_t hash, int64_t flushed_through_ms);

  Entry& operator[](SeriesRef ref) { return entries_[static_cast<uint32_t>(ref)]; }
  const Entry& operator[](SeriesRef ref) const { return entries_[static_cast<uint32_t>(ref)]; }
  /// One past the largest ref in use.
  uint32_t end_ref() const { return static_cast<uint32_t>(entries_.size()); }
  /// Live series.
  size_t size() const { return live_; }

  /// Tell whether one live series comes before another in files.
  bool IsBefore(SeriesRef a, SeriesRef b) const;
  /// Live series that have a rank, in file order.
  const std::vector<SeriesRef>& order() const { return order_; }
  /// Live series that were added since the last AddToOrder, in any order.
  const std::vector<SeriesRef>& unordered() const { return unordered_; }

  /// The steps of ordering, apart so that the long one needs no mutex: take what is unordered,
  /// sort it, give all of it back. ForgetIdle must not come between.
  std::vector<Unordered> TakeUnordered() const;
  static void SortForFile(std::vector<Unordered>* series);
  void AddToOrder(const std::vector<Unordered>& sorted);
  /// Series of one metric; nullptr when there are none.
  const std::vector<SeriesRef>* OfMetric(std::string_view metric) const;

  /// Forget series whose last generation is older than `oldest_generation`, when they are many or
  /// `few_too`; their refs are reused. Views into the old arena stay valid while it is held.
  void ForgetIdle(uint64_t oldest_generation, bool few_too = false);

  /// Keeps all label views alive that were handed out so far.
  std::shared_ptr<const LabelArena> arena() const { return arena_; }
  int64_t memory_bytes() const;

 private:
  void Unlink(SeriesRef ref);
  void NumberRanks();
  void DropFreeEnd();

  std::vector<Entry> entries_;
  std::vector<SeriesRef> free_;
  boost::unordered_flat_map<uint64_t, SeriesRef> by_hash_;
  boost::unordered_flat_map<std::string_view, std::vector<SeriesRef>> by_metric_;
  std::vector<SeriesRef> order_;
  std::vector<SeriesRef> unordered_;
  std::shared_ptr<LabelArena> arena_;
  size_t live_ = 0;
};

}  // namespace larnax::head
