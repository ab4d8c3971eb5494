#include "io/sim_disk.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/check.h"

namespace larnax::io {
namespace {

constexpr int64_t kSectorBytes = 512;

/// How a power cut treats what is pending. Extremes are drawn on purpose: a fair coin for each
/// write would almost never keep or lose all of a long list.
enum class Mood { kLoseAll, kKeepAll, kKeepFirst, kMixed };

Mood DrawMood(Random& random) {
  switch (random.Below(6)) {
    case 0:
      return Mood::kLoseAll;
    case 1:
      return Mood::kKeepAll;
    case 2:
      return Mood::kKeepFirst;
    default:
      return Mood::kMixed;
  }
}

// Changes of which some other depends: one that touches the same name of the same directory, or the
// same file. Those added outlive it.
class Touched {
 public:
  void Add(const SimEntryChange& change) {
    for (const auto& slot : change.slots) {
      names_.emplace(slot.directory.get(), std::string_view(slot.name));
      if (slot.before != nullptr) inodes_.insert(slot.before.get());
      if (slot.after != nullptr) inodes_.insert(slot.after.get());
    }
  }
  bool Meets(const SimEntryChange& change) const {
    return std::any_of(change.slots.begin(), change.slots.end(), [this](const auto& slot) {
      return inodes_.contains(slot.before.get()) || inodes_.contains(slot.after.get()) ||
             names_.contains({slot.directory.get(), std::string_view(slot.name)});
    });
  }

 private:
  std::set<std::pair<const SimInode*, std::string_view>> names_;
  std::unordered_set<const SimInode*> inodes_;
};

void ApplyTo(std::map<std::string, std::shared_ptr<SimInode>>& entries,
             const SimEntryChange::Slot& slot) {
  if (slot.after == nullptr) {
    entries.erase(slot.name);
  } else {
    entries[slot.name] = slot.after;
  }
}

void MakeDurable(const SimEntryChange& change) {
  for (const auto& slot : change.slots) ApplyTo(slot.directory->durable_entries, slot);
}

void VisitAll(const std::shared_ptr<SimInode>& inode, std::set<SimInode*>& seen) {
  if (!seen.insert(inode.get()).second) return;
  for (const auto& [name, child] : inode->entries) VisitAll(child, seen);
}

/// Decides the fate of the unsynced writes of one file.
class FileCrash {
 public:
  FileCrash(SimInode& file, Random& random, SimCounters& counters)
      : file_(file), random_(random), counters_(counters) {}

  void Run() {
    const Mood mood = DrawMood(random_);
    const auto count = static_cast<uint64_t>(file_.pending.size());
    const uint64_t keep_first = random_.Below(count + 1);
    size_bytes_ = DurableEnd();
    for (uint64_t i = 0; i < count; ++i) {
      const auto& write = file_.pending[i];
      if (mood == Mood::kKeepAll || (mood == Mood::kKeepFirst && i < keep_first)) {
        Keep(write);
      } else if (mood == Mood::kMixed) {
        Mix(write);
      } else if (mood == Mood::kKeepFirst && i == keep_first) {
        Tear(write);
      } else {
        Lose(write);
      }
    }
    file_.bytes.resize(static_cast<size_t>(size_bytes_));
    file_.pending.clear();
  }

 private:
  using Write = SimInode::PendingWrite;

  int64_t DurableEnd() const {
    // Pending ranges are disjoint, in order, and the last ends the file or is followed by
    // synced bytes.
    int64_t end = static_cast<int64_t>(file_.bytes.size());
    for (auto write = file_.pending.rbegin(); write != file_.pending.rend(); ++write) {
      if (write->end != end) break;
      end = write->begin;
    }
    return end;
  }

  void KeepRange(int64_t begin, int64_t end) {
    if (begin < end) size_bytes_ = std::max(size_bytes_, end);
  }
  void ZeroRange(int64_t begin, int64_t end) {
    std::fill(file_.bytes.begin() + begin, file_.bytes.begin() + end, uint8_t{0});
  }

  void Keep(const Write& write) {
    ++counters_.kept_writes;
    if (some_lost_) ++counters_.reordered_writes;
    KeepRange(write.begin, write.end);
  }
  void Lose(const Write& write) {
    ++counters_.lost_writes;
    some_lost_ = true;
    ZeroRange(write.begin, write.end);
  }
  void Tear(const Write& write) {
    const int64_t length = write.end - write.begin;
    const int64_t cut =
        write.begin + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(length)));
    ++counters_.torn_writes;
    some_lost_ = true;
    KeepRange(write.begin, cut);
    ZeroRange(cut, write.end);
  }
  void Scatter(const Write& write) {
    ++counters_.scattered_writes;
    some_lost_ = true;
    for (int64_t at = write.begin; at < write.end;) {
      const int64_t end = std::min(write.end, (at / kSectorBytes + 1) * kSectorBytes);
      if (random_.Chance(0.5)) {
        KeepRange(at, end);
      } else {
        ZeroRange(at, end);
      }
      at = end;
    }
  }
  void ZeroAll(const Write& write) {
    ++counters_.zeroed_writes;
    some_lost_ = true;
    ZeroRange(write.begin, write.end);
    KeepRange(write.begin, write.end);
  }
  void Mix(const Write& write) {
    switch (random_.Below(6)) {
      case 0:
      case 1:
        return Keep(write);
      case 2:
        return Lose(write);
      case 3:
        return Tear(write);
      case 4:
        return Scatter(write);
      default:
        return ZeroAll(write);
    }
  }

  SimInode& file_;
  Random& random_;
  SimCounters& counters_;
  int64_t size_bytes_ = 0;
  bool some_lost_ = false;
};

}  // namespace

SimDisk::SimDisk() : root_(std::make_shared<SimInode>()) { root_->is_directory = true; }

void SimDisk::Append(SimInode& file, std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  const auto begin = static_cast<int64_t>(file.bytes.size());
  file.bytes.insert(file.bytes.end(), bytes.begin(), bytes.end());
  file.pending.push_back({begin, static_cast<int64_t>(file.bytes.size()), false});
  Touch(file);
}

void SimDisk::SyncFile(SimInode& file) {
  std::erase_if(file.pending, [](const auto& write) { return !write.is_abandoned; });
}

void SimDisk::AbandonPending(SimInode& file) {
  for (auto& write : file.pending) write.is_abandoned = true;
}

void SimDisk::Rewrite(SimInode& file, int64_t offset_bytes) {
  std::vector<SimInode::PendingWrite> pending;
  for (const auto& write : file.pending) {
    const int64_t cut = std::clamp(offset_bytes, write.begin, write.end);
    if (write.begin < cut) pending.push_back({write.begin, cut, write.is_abandoned});
    if (cut < write.end) pending.push_back({cut, write.end, false});
  }
  file.pending = std::move(pending);
}

void SimDisk::Truncate(SimInode& file, int64_t size_bytes) {
  LARNAX_CHECK(size_bytes <= static_cast<int64_t>(file.bytes.size()));
  file.bytes.resize(static_cast<size_t>(size_bytes));
  for (auto& write : file.pending) write.end = std::min(write.end, size_bytes);
  std::erase_if(file.pending, [](const auto& write) { return write.begin >= write.end; });
  SyncFile(file);
  Touch(file);
}

void SimDisk::Change(SimEntryChange change) {
  for (const auto& slot : change.slots) ApplyTo(slot.directory->entries, slot);
  pending_changes_.push_back(std::move(change));
}

void SimDisk::SyncDirectory(const std::shared_ptr<SimInode>& directory) {
  const auto touches = [&](const SimEntryChange& change) {
    return std::any_of(change.slots.begin(), change.slots.end(),
                       [&](const auto& slot) { return slot.directory == directory; });
  };
  if (std::none_of(pending_changes_.begin(), pending_changes_.end(), touches)) return;
  // From the last to the first: a change is written when it touches the directory, or when a
  // later one that is written depends on it.
  std::vector<bool> is_written(pending_changes_.size());
  Touched written;
  for (size_t i = pending_changes_.size(); i-- > 0;) {
    const SimEntryChange& change = pending_changes_[i];
    is_written[i] = touches(change) || written.Meets(change);
    if (is_written[i]) written.Add(change);
  }
  std::vector<SimEntryChange> rest;
  for (size_t i = 0; i < pending_changes_.size(); ++i) {
    if (is_written[i]) {
      MakeDurable(pending_changes_[i]);
    } else {
      rest.push_back(std::move(pending_changes_[i]));
    }
  }
  pending_changes_ = std::move(rest);
}

void SimDisk::Crash(Random& random, const SimCountersOf& counters_of) {
  const Mood mood = DrawMood(random);
  const uint64_t keep_first = random.Below(pending_changes_.size() + 1);
  Touched lost;
  bool some_lost = false;
  for (size_t i = 0; i < pending_changes_.size(); ++i) {
    const bool is_lost = mood == Mood::kLoseAll || (mood == Mood::kKeepFirst && i >= keep_first) ||
                         (mood == Mood::kMixed && random.Chance(0.5)) ||
                         lost.Meets(pending_changes_[i]);
    SimCounters& counters = counters_of(pending_changes_[i].path);
    if (is_lost) {
      lost.Add(pending_changes_[i]);
      ++counters.lost_entry_changes;
      if (pending_changes_[i].slots.size() == 2) ++counters.lost_renames;
      some_lost = true;
    } else {
      ++counters.kept_entry_changes;
      if (some_lost) ++counters.reordered_entry_changes;
      MakeDurable(pending_changes_[i]);
    }
  }
  pending_changes_.clear();

  std::set<SimInode*> seen;
  const auto restore = [&](const auto& self, const std::shared_ptr<SimInode>& inode,
                           const std::string& path) -> void {
    if (!seen.insert(inode.get()).second) return;
    if (!inode->is_directory) {
      if (!inode->pending.empty()) Touch(*inode);
      return FileCrash(*inode, random, counters_of(path)).Run();
    }
    inode->entries = inode->durable_entries;
    for (const auto& [name, child] : inode->entries) self(self, child, path + '/' + name);
  };
  restore(restore, root_, "");
}

void SimDisk::CopyFrom(const SimDisk& other) {
  std::map<const SimInode*, std::shared_ptr<SimInode>> copies;
  const auto copy = [&](const auto& self, const SimInode& inode) -> std::shared_ptr<SimInode> {
    std::shared_ptr<SimInode>& made = copies[&inode];
    if (made != nullptr) return made;
    made = std::make_shared<SimInode>();
    const std::shared_ptr<SimInode> result = made;
    result->is_directory = inode.is_directory;
    result->bytes = inode.bytes;
    Touch(*result);
    for (const auto& [name, child] : inode.entries) result->entries[name] = self(self, *child);
    result->durable_entries = result->entries;
    return result;
  };
  root_ = copy(copy, *other.root_);
  pending_changes_.clear();
}

int64_t SimDisk::used_bytes() const {
  std::set<SimInode*> seen;
  VisitAll(root_, seen);
  int64_t total_bytes = 0;
  for (const SimInode* inode : seen) total_bytes += static_cast<int64_t>(inode->bytes.size());
  return total_bytes;
}

}  // namespace larnax::io
