#include "columns/read/page_cache.h"

#include <algorithm>
#include <utility>

namespace larnax::columns {
namespace {

// Of a hundred bytes so many are for pages that were asked for more than once.
constexpr int64_t kProtectedPercent = 80;
// A page above this part of the budget would drop too many others.
constexpr int64_t kMostPagePart = 4;
// What an entry takes besides its page.
constexpr int64_t kEntryBytes = 160;

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 32);
}

}  // namespace

uint64_t HashTimes(std::span<const int64_t> time_ms) {
  uint64_t hash = Mix(time_ms.size(), static_cast<uint64_t>(time_ms.front()));
  hash = Mix(hash, static_cast<uint64_t>(time_ms.back()));
  return Mix(hash, static_cast<uint64_t>(time_ms[time_ms.size() / 2]));
}

size_t PageCache::HashKey::operator()(const Key& key) const {
  return Mix(Mix(key.file, key.leaf), static_cast<uint64_t>(key.offset));
}

PageCacheStats PageCache::stats() const {
  const std::lock_guard lock(mutex_);
  return {.hits = hits_,
          .misses = misses_,
          .evictions = evictions_,
          .pages = static_cast<int64_t>(by_key_.size()),
          .bytes = bytes_ + *shared_bytes_};
}

std::shared_ptr<const DecodedPage> PageCache::Find(Key key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    ++misses_;
    return nullptr;
  }
  ++hits_;
  Touch(found->second);
  return found->second->page;
}

bool PageCache::Contains(Key key) const {
  const std::lock_guard lock(mutex_);
  return by_key_.contains(key);
}

void PageCache::Touch(Entries::iterator entry) {
  protected_.splice(protected_.begin(), entry->is_protected ? protected_ : probation_, entry);
  if (entry->is_protected) return;
  entry->is_protected = true;
  protected_bytes_ += entry->bytes;
  while (protected_bytes_ > budget_bytes_ * kProtectedPercent / 100 && protected_.size() > 1) {
    const auto last = std::prev(protected_.end());
    last->is_protected = false;
    protected_bytes_ -= last->bytes;
    probation_.splice(probation_.begin(), protected_, last);
  }
}

void PageCache::Insert(Key key, std::shared_ptr<const DecodedPage> page) {
  const int64_t bytes = page->memory_bytes() + kEntryBytes;
  if (bytes > budget_bytes_ / kMostPagePart) return;
  {
    const std::lock_guard lock(mutex_);
    if (by_key_.contains(key)) return;
    probation_.push_front({.key = key, .page = std::move(page), .bytes = bytes});
    by_key_.emplace(key, probation_.begin());
    ++pages_of_file_[key.file];
    bytes_ += bytes;
  }
  while (DropOne()) {
  }
}

// Drops the page that goes first if there are too many bytes. One at a time: what pages share goes
// with the last of them, and that is seen only when they are freed.
bool PageCache::DropOne() {
  Entries dropped;  // Freed outside of the mutex.
  const std::lock_guard lock(mutex_);
  if (bytes_ + *shared_bytes_ <= budget_bytes_ || by_key_.empty()) return false;
  Entries& from = probation_.empty() ? protected_ : probation_;
  Remove(std::prev(from.end()), &dropped);
  ++evictions_;
  return true;
}

void PageCache::Remove(Entries::iterator entry, Entries* dropped) {
  bytes_ -= entry->bytes;
  if (entry->is_protected) protected_bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  const auto file = pages_of_file_.find(entry->key.file);
  if (--file->second == 0) pages_of_file_.erase(file);
  dropped->splice(dropped->end(), entry->is_protected ? protected_ : probation_, entry);
}

void PageCache::RemoveFile(uint64_t file) {
  Entries dropped;
  const std::lock_guard lock(mutex_);
  for (Entries* entries : {&probation_, &protected_}) {
    for (auto entry = entries->begin(); entry != entries->end();) {
      const auto next = std::next(entry);
      // Files that are read little are gone soon.
      if (!pages_of_file_.contains(file)) return;
      if (entry->key.file == file) Remove(entry, &dropped);
      entry = next;
    }
  }
}

FilePages::FilePages(std::shared_ptr<PageCache> cache)
    : cache_(std::move(cache)), file_(cache_->AddFile()) {}

FilePages::~FilePages() { cache_->RemoveFile(file_); }

std::shared_ptr<const TimestampVector> FilePages::Share(TimestampVector times) {
  const uint64_t hash = times.empty() ? 0 : HashTimes(times);
  const std::lock_guard lock(mutex_);
  // One vector for each number: whoever makes others of the same shares nothing, and that is all.
  std::weak_ptr<const TimestampVector>& known = times_[hash];
  if (auto shared = known.lock(); shared != nullptr && *shared == times) return shared;
  times.shrink_to_fit();
  const auto bytes = static_cast<int64_t>(times.capacity() * sizeof(int64_t) + sizeof(times));
  cache_->shared_bytes_->fetch_add(bytes);
  std::shared_ptr<const TimestampVector> shared(
      new TimestampVector(std::move(times)),
      [bytes, total = cache_->shared_bytes_](const TimestampVector* gone) {
        delete gone;
        total->fetch_sub(bytes);
      });
  known = shared;
  if (times_.size() > sweep_at_) {
    std::erase_if(times_, [](const auto& one) { return one.second.expired(); });
    sweep_at_ = std::max<size_t>(1024, times_.size() * 2);
  }
  return shared;
}

}  // namespace larnax::columns
