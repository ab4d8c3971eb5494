#include "store/open_files.h"

#include "store/data_file.h"

namespace larnax::store {

void OpenFiles::Use(const std::shared_ptr<DataFile>& file, int64_t memory_bytes) {
  std::vector<std::shared_ptr<DataFile>> idle;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_file_.find(file.get());
    if (found != by_file_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
    } else {
      std::list<Entry> fresh;
      fresh.push_front({.key = file.get(), .file = file});
      by_file_.emplace(file.get(), fresh.begin());
      entries_.splice(entries_.begin(), fresh);
    }
    memory_bytes_ += memory_bytes - entries_.front().memory_bytes;
    entries_.front().memory_bytes = memory_bytes;
    while (entries_.size() > 1 &&
           (entries_.size() > limits_.files || memory_bytes_ > limits_.memory_bytes)) {
      const Entry& last = entries_.back();
      if (auto shared = last.file.lock()) idle.push_back(std::move(shared));
      memory_bytes_ -= last.memory_bytes;
      by_file_.erase(last.key);
      entries_.pop_back();
    }
  }
  // Outside of the mutex: this may be the last one to hold a file.
  for (const auto& one : idle) one->CloseReaders();
}

void OpenFiles::Forget(const DataFile* file) {
  const std::lock_guard lock(mutex_);
  const auto found = by_file_.find(file);
  if (found == by_file_.end()) return;
  memory_bytes_ -= found->second->memory_bytes;
  entries_.erase(found->second);
  by_file_.erase(found);
}

size_t OpenFiles::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace larnax::store
