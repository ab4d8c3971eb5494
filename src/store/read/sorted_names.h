#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace larnax::store {

/// Distinct texts of many lists, in order.
///
/// Of N lists, each text is copied O(log N) times: a list is merged only with others of about its
/// length.
class SortedNames {
 public:
  /// \param limit  That many come first and one more are kept; 0: all.
  explicit SortedNames(int64_t limit)
      : most_(limit > 0 ? static_cast<size_t>(limit) + 1 : std::numeric_limits<size_t>::max()) {}

  /// What the texts take; until Settle, of those that several lists have some count twice.
  int64_t bytes() const {
    int64_t bytes = other_bytes_;
    for (const List& list : lists_) bytes += list.bytes;
    return bytes;
  }

  /// Add texts that ascend.
  void Add(std::vector<std::string> more) {
    if (more.size() > most_) more.resize(most_);
    lists_.push_back(ListOf(std::move(more)));
    // Each list stays more than twice as long as the next one.
    while (lists_.size() > 1 &&
           lists_[lists_.size() - 2].names.size() <= 2 * lists_.back().names.size()) {
      MergeLast();
    }
  }

  /// Merge all lists, so that bytes() counts each text once.
  void Settle() {
    while (lists_.size() > 1) MergeLast();
  }

  /// Add one that may be in any place.
  void Add(std::string_view name) {
    Settle();
    const bool is_known =
        !lists_.empty() && std::binary_search(lists_[0].names.begin(), lists_[0].names.end(), name);
    if (is_known || others_.contains(name)) return;
    others_.emplace(name);
    other_bytes_ += BytesOf(name);
    if (others_.size() <= most_) return;
    other_bytes_ -= BytesOf(*others_.rbegin());
    others_.erase(std::prev(others_.end()));
  }

  /// Give all of them; none are left.
  std::vector<std::string> Take() {
    std::vector<std::string> more;
    more.reserve(others_.size());
    while (!others_.empty()) more.push_back(std::move(others_.extract(others_.begin()).value()));
    other_bytes_ = 0;
    Add(std::move(more));
    Settle();
    std::vector<std::string> all = std::move(lists_[0].names);
    lists_.clear();
    return all;
  }

 private:
  struct List {
    std::vector<std::string> names;
    int64_t bytes = 0;
  };

  static int64_t BytesOf(std::string_view name) {
    return static_cast<int64_t>(name.size() + sizeof(std::string));
  }
  static List ListOf(std::vector<std::string> names) {
    List list{.names = std::move(names)};
    for (const std::string& name : list.names) list.bytes += BytesOf(name);
    return list;
  }

  void MergeLast() {
    std::vector<std::string> last = std::move(lists_.back().names);
    lists_.pop_back();
    std::vector<std::string>& before = lists_.back().names;
    std::vector<std::string> both;
    both.reserve(std::max(before.size(), last.size()));
    std::set_union(std::make_move_iterator(before.begin()), std::make_move_iterator(before.end()),
                   std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()),
                   std::back_inserter(both));
    if (both.size() > most_) both.resize(most_);
    lists_.back() = ListOf(std::move(both));
  }

  const size_t most_;
  std::vector<List> lists_;  // Longest first.
  std::set<std::string, std::less<>> others_;
  int64_t other_bytes_ = 0;
};

}  // namespace larnax::store
