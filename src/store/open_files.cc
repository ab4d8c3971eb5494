#include "store/open_files.h"

#include "store/data_file.h"

namespace larnax::store {

void OpenFiles::Use(const std::shared_ptr<DataFile>& file, int64_t memory_bytes) {
  std::list<Entry> idle;
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
      memory_bytes_ -= entries_.back().memory_bytes;
      by_file_.erase(entries_.back().key);
      idle.splice(idle.end(), entries_, std::prev(entries_.end()));
    }
  }
  // Outside of the mutex: this may be the last one to hold a file.
  for (const Entry& one : idle) {
    if (const auto file_of_one = one.file.lock()) file_of_one->CloseReaders();
  }
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
