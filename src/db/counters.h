#pragma once

#include <atomic>
#include <cstdint>

namespace larnax::db {

/// A count that several threads add to.
class Counter {
 public:
  void Add(int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

/// What a database counts of its own work. Times are nanoseconds.
struct Counters {
  Counter write_requests;
  Counter write_requests_refused;    // In whole or in part: the sender's fault.
  Counter write_requests_postponed;  // Overloaded or failing disk: sent again later.
  Counter write_bytes;               // Compressed bodies.
  Counter samples;
  Counter samples_duplicate;
  Counter samples_refused;
  Counter histograms;
  Counter exemplars;
  Counter metadata;
  Counter wal_commits;
  Counter wal_commit_ns;
  Counter wal_commit_failures;
  Counter wal_bytes;
  Counter flushes;
  Counter flush_ns;
  Counter flush_failures;
  Counter merges;
  Counter merge_ns;
  Counter merge_failures;
  Counter selects;
  Counter select_samples;
  Counter select_bytes_read;
  Counter select_pages_read;
};

}  // namespace larnax::db
