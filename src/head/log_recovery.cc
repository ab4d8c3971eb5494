#include "head/log_recovery.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "larnax/error.h"

namespace larnax::head {
namespace {

constexpr char kBadHeader[] = "The header of a log segment is damaged";
constexpr char kMissing[] = "A log segment is missing";

/// Walks back from the newest segment along the headers.
class Planner {
 public:
  Planner(io::FileSystem& fs, const std::string& folder, LogPosition from)
      : fs_(fs), folder_(folder), from_(from) {}

  arrow::Result<LogPlan> Run() {
    const auto entries = fs_.List(folder_);
    if (KindOf(entries.status()) == ErrorKind::kNotFound) return LogPlan();
    ARROW_RETURN_NOT_OK(entries);
    for (const auto& entry : *entries) {
      const auto number = ParseSegmentFileName(entry.name);
      if (number && !entry.is_directory) plan_.file_bytes[*number] = entry.size_bytes;
    }
    ARROW_RETURN_NOT_OK(AddNewest());
    while (next_.segment != 0 && next_.segment >= from_.segment) ARROW_RETURN_NOT_OK(AddNext());
    std::reverse(plan_.segments.begin(), plan_.segments.end());
    FindAbandoned();
    return std::move(plan_);
  }

 private:
  std::string PathOf(uint64_t number) const {
    return io::JoinPath(folder_, SegmentFileName(number));
  }

  /// Read a header; nullopt when it is damaged.
  arrow::Result<std::optional<SegmentHeader>> HeaderOf(uint64_t number) {
    const auto reader = LogSegmentReader::Open(fs_, folder_, number);
    if (reader.ok()) return std::optional((*reader)->header());
    if (KindOf(reader.status()) == ErrorKind::kCorrupt) return std::nullopt;
    return reader.status();
  }

  void Add(uint64_t number, std::optional<int64_t> limit_bytes, const char* damage) {
    LogPlan::Segment segment;
    segment.number = number;
    segment.path = PathOf(number);
    if (const auto file = plan_.file_bytes.find(number); file != plan_.file_bytes.end()) {
      segment.file_bytes = file->second;
    }
    segment.limit_bytes = limit_bytes;
    if (damage != nullptr) segment.damage = LogDamage{segment.path, 0, damage};
    plan_.segments.push_back(std::move(segment));
  }

  arrow::Status AddNewest() {
    for (auto file = plan_.file_bytes.rbegin(); file != plan_.file_bytes.rend(); ++file) {
      const auto [number, file_bytes] = *file;
      if (number < from_.segment) break;
      ARROW_ASSIGN_OR_RAISE(const auto header, HeaderOf(number));
      if (header) {
        // What a damaged segment follows was whole, wherever its end was.
        const bool is_newest = plan_.segments.empty();
        Add(number, is_newest ? std::nullopt : std::optional(file_bytes), nullptr);
        next_ = header->previous;
        break;
      }
      // A header is synced before the first record is written: without records it was being
      // made when the power went, with some it was damaged later.
      if (file_bytes > kSegmentHeaderBytes) Add(number, std::nullopt, kBadHeader);
    }
    return arrow::Status::OK();
  }

  arrow::Status AddNext() {
    const uint64_t number = next_.segment;
    const int64_t limit_bytes = next_.offset_bytes;
    const bool is_there = plan_.file_bytes.contains(number);
    std::optional<SegmentHeader> header;
    if (is_there) {
      ARROW_ASSIGN_OR_RAISE(header, HeaderOf(number));
    } else if (number == from_.segment && limit_bytes <= from_.offset_bytes) {
      // All of it is before the start, and may have been removed.
      next_ = {};
      return arrow::Status::OK();
    }
    Add(number, limit_bytes, header ? nullptr : is_there ? kBadHeader : kMissing);
    next_ = header ? header->previous : NewestBefore(number);
    return arrow::Status::OK();
  }

  /// Where to go on when a header is lost: to the next older file, whose end nobody knows, but
  /// all of which was synced.
  LogPosition NewestBefore(uint64_t number) const {
    const auto file = plan_.file_bytes.lower_bound(number);
    if (file == plan_.file_bytes.begin()) return {};
    const auto [older, file_bytes] = *std::prev(file);
    return {older, std::max(file_bytes, kSegmentHeaderBytes)};
  }

  void FindAbandoned() {
    const bool is_damaged =
        std::any_of(plan_.segments.begin(), plan_.segments.end(),
                    [](const auto& segment) { return segment.damage.has_value(); });
    // Then the chain may have gone past files that belong to it.
    if (is_damaged) return;
    for (const auto& [number, file_bytes] : plan_.file_bytes) {
      const uint64_t wanted = number;
      const bool is_planned =
          std::any_of(plan_.segments.begin(), plan_.segments.end(),
                      [&](const auto& segment) { return segment.number == wanted; });
      if (!is_planned && number > from_.segment) plan_.abandoned.push_back(PathOf(number));
    }
  }

  io::FileSystem& fs_;
  const std::string& folder_;
  LogPosition from_;
  LogPlan plan_;
  LogPosition next_;  ///< Segment to add next, and its end; segment 0: none.
};

/// End of the last whole record of a segment; kSegmentHeaderBytes when there is none.
arrow::Result<int64_t> MeasureSegment(io::FileSystem& fs, const std::string& folder,
                                      LogSegmentReader& reader) {
  int64_t end_bytes = kSegmentHeaderBytes;
  int64_t kept_bytes = reader.file_bytes();
  int64_t synced_bytes = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto window, reader.Next());
    if (!window) break;
    window->Verify();
    if (!window->records.empty()) end_bytes = window->end_bytes;
    synced_bytes = std::max(synced_bytes, window->synced_through_bytes());
    if (!window->bad_offset_bytes) continue;
    ARROW_ASSIGN_OR_RAISE(const LogVerdict verdict,
                          JudgeBadRecord(reader, *window->bad_offset_bytes, true));
    if (verdict.is_torn) kept_bytes = end_bytes;
    if (verdict.is_torn || !verdict.next_record_bytes) break;
    reader.Seek(*verdict.next_record_bytes);
  }
  ARROW_RETURN_NOT_OK(SettleNewest(fs, folder, reader.header().segment, kept_bytes, synced_bytes));
  return end_bytes;
}

}  // namespace

arrow::Status LogDamage::ToStatus() const {
  return MakeError(ErrorKind::kCorrupt,
                   message + ": path=" + path + " offset=" + std::to_string(offset_bytes));
}

arrow::Result<LogPlan> PlanLog(io::FileSystem& fs, const std::string& folder, LogPosition from) {
  return Planner(fs, folder, from).Run();
}

arrow::Result<LogVerdict> JudgeBadRecord(const LogSegmentReader& reader, int64_t bad_offset_bytes,
                                         bool is_newest) {
  ARROW_ASSIGN_OR_RAISE(const auto beyond, reader.LookBeyond(bad_offset_bytes));
  LogVerdict verdict;
  verdict.is_torn = is_newest && beyond.synced_through_bytes <= bad_offset_bytes;
  verdict.next_record_bytes = beyond.next_record_bytes;
  return verdict;
}

arrow::Status SettleNewest(io::FileSystem& fs, const std::string& folder, uint64_t segment,
                           int64_t end_bytes, int64_t synced_bytes) {
  const std::string path = io::JoinPath(folder, SegmentFileName(segment));
  ARROW_RETURN_NOT_OK(fs.Truncate(path, end_bytes));
  ARROW_RETURN_NOT_OK(fs.RewriteAndSync(path, std::min(synced_bytes, end_bytes)));
  return fs.SyncDirectory(folder);
}

arrow::Result<LogEnd> MeasureLog(io::FileSystem& fs, const std::string& folder) {
  ARROW_ASSIGN_OR_RAISE(const LogPlan plan, PlanLog(fs, folder, {}));
  LogEnd end;
  end.file_bytes = plan.file_bytes;
  const auto newest = std::find_if(plan.segments.rbegin(), plan.segments.rend(),
                                   [](const auto& segment) { return !segment.damage; });
  if (newest == plan.segments.rend()) return end;
  ARROW_ASSIGN_OR_RAISE(const auto reader, LogSegmentReader::Open(fs, folder, newest->number));
  if (newest->limit_bytes) {
    end.position = {newest->number, *newest->limit_bytes};
    return end;
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t end_bytes, MeasureSegment(fs, folder, *reader));
  end.file_bytes[newest->number] = std::max(end_bytes, kSegmentHeaderBytes);
  // One without records is left out of the chain, as if it had failed.
  end.position = end_bytes > kSegmentHeaderBytes ? LogPosition{newest->number, end_bytes}
                                                 : reader->header().previous;
  return end;
}

}  // namespace larnax::head
