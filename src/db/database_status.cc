#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include "db/database_impl.h"

namespace larnax::db {
namespace {

using Counts = boost::unordered_flat_map<std::string_view, int64_t>;
using NamedCounts = std::vector<std::pair<std::string, int64_t>>;

NamedCounts Largest(const Counts& counts, int limit) {
  NamedCounts sorted;
  sorted.reserve(counts.size());
  for (const auto& [name, count] : counts) sorted.emplace_back(name, count);
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (sorted.size() > static_cast<size_t>(limit)) sorted.resize(static_cast<size_t>(limit));
  return sorted;
}

}  // namespace

arrow::Result<DatabaseStatus> DatabaseImpl::Status(int limit) {
  DatabaseStatus status = CheapStatus();
  // Series are many: who wants no lists of them need not wait until they are counted.
  if (head_ == nullptr || limit <= 0) return status;
  const head::HeadSnapshot snapshot = head_->Capture({}, {});
  Counts by_metric;
  Counts by_pair;
  Counts values;
  Counts bytes;
  // A pair is its name and value as they stand in the label bytes: one piece of memory.
  boost::unordered_flat_map<std::string_view, std::pair<std::string_view, std::string_view>> pairs;
  for (const head::HeadSeries& series : snapshot.series) {
    ++by_metric[series.labels.metric()];
    for (const Label& label : series.labels) {
      const char* const end = label.value.data() + label.value.size();
      const std::string_view pair(label.name.data(), static_cast<size_t>(end - label.name.data()));
      if (by_pair[pair]++ > 0) continue;
      pairs[pair] = {label.name, label.value};
      ++values[label.name];
      bytes[label.name] += static_cast<int64_t>(label.value.size());
    }
  }
  status.label_pairs = static_cast<int64_t>(by_pair.size());
  status.series_by_metric = Largest(by_metric, limit);
  status.values_by_label = Largest(values, limit);
  status.bytes_by_label = Largest(bytes, limit);
  status.series_by_pair = Largest(by_pair, limit);
  for (auto& [pair, count] : status.series_by_pair) {
    const auto& [name, value] = pairs[pair];
    std::string text(name);
    text.append("=").append(value);
    pair = std::move(text);
  }
  return status;
}

}  // namespace larnax::db
