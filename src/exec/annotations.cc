#include "exec/annotations.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/civil_time.h"
#include "base/number_text.h"

namespace larnax::exec {
namespace {

std::string TwoDigits(double value) {
  std::array<char, 64> buffer;
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.2g", value);
  return {buffer.data(), static_cast<size_t>(size)};
}

std::string PrintTime(int64_t time_ms) {
  const int64_t day = base::DayOf(time_ms);
  const int64_t seconds = (time_ms - day * base::kDayMs) / 1000;
  std::array<char, 32> buffer;
  const int size = std::snprintf(
      buffer.data(), buffer.size(), "T%02d:%02d:%02dZ", static_cast<int>(seconds / 3600),
      static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return base::FormatDay(day) + std::string(buffer.data(), static_cast<size_t>(size));
}

std::string PrintRepair(const MonotonicityRepair& repair, int64_t count) {
  std::string out = ", from buckets ";
  base::AppendShortest(repair.lowest_bucket, &out);
  out += " to ";
  base::AppendShortest(repair.highest_bucket, &out);
  out += ", with a max diff of " + TwoDigits(repair.max_difference) + ", over " +
         std::to_string(count) + " samples from " + PrintTime(repair.first_time_ms) + " to " +
         PrintTime(repair.last_time_ms);
  return out;
}

}  // namespace

void Annotations::Add(Note note) {
  std::string key(1, note.warning ? 'w' : 'i');
  key += note.text;
  const auto [found, added] = index_.try_emplace(std::move(key), notes_.size());
  if (added) {
    notes_.push_back(std::move(note));
    return;
  }
  Note& known = notes_[found->second];
  known.position = note.position;
  known.count += note.count;
  known.repairs += note.repairs;
  if (!note.repair.has_value()) return;
  if (!known.repair.has_value()) {
    known.repair = note.repair;
    return;
  }
  MonotonicityRepair& to = *known.repair;
  to.lowest_bucket = std::min(to.lowest_bucket, note.repair->lowest_bucket);
  to.highest_bucket = std::max(to.highest_bucket, note.repair->highest_bucket);
  to.max_difference = std::max(to.max_difference, note.repair->max_difference);
  to.first_time_ms = std::min(to.first_time_ms, note.repair->first_time_ms);
  to.last_time_ms = std::max(to.last_time_ms, note.repair->last_time_ms);
}

void Annotations::Warn(std::string text, promql::PositionRange position) {
  Add({.warning = true, .text = std::move(text), .position = position});
}

void Annotations::Inform(std::string text, promql::PositionRange position) {
  Add({.warning = false, .text = std::move(text), .position = position});
}

void Annotations::WarnCounted(std::string text, promql::PositionRange position) {
  Add({.warning = true, .text = std::move(text), .position = position, .count = 1});
}

void Annotations::InformRepair(std::string head, const MonotonicityRepair& repair,
                               promql::PositionRange position) {
  Add({.warning = false,
       .text = std::move(head),
       .position = position,
       .repair = repair,
       .repairs = 1});
}

void Annotations::Merge(const Annotations& other, int32_t shift) {
  for (Note note : other.notes_) {
    note.position.start += shift;
    note.position.end += shift;
    Add(std::move(note));
  }
}

std::vector<std::string> Annotations::Print(bool warnings, std::string_view query) const {
  std::vector<std::string> out;
  for (const Note& note : notes_) {
    if (note.warning != warnings) continue;
    std::string text = warnings ? "PromQL warning: " : "PromQL info: ";
    text += note.text;
    if (note.repair.has_value()) text += PrintRepair(*note.repair, note.repairs);
    if (note.count > 1) text += " (" + std::to_string(note.count) + " occurrences)";
    text += " (" + promql::PositionText(query, note.position) + ")";
    out.push_back(std::move(text));
  }
  return out;
}

std::vector<std::string> Annotations::Warnings(std::string_view query) const {
  return Print(true, query);
}

std::vector<std::string> Annotations::Infos(std::string_view query) const {
  return Print(false, query);
}

}  // namespace larnax::exec
