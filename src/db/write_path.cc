#include "db/write_path.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "larnax/error.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/negotiation.h"
#include "wire/write_request.h"

namespace larnax::db {
namespace {

// Memory of one request kept for the next one at most; a rare giant gives its own back.
constexpr size_t kKeptBytes = 8 << 20;

arrow::Status NoMemory() { return MakeError(ErrorKind::kOverloaded, "memory ran out"); }

arrow::Status Postponed(const arrow::Status& cause) {
  if (KindOf(cause) == ErrorKind::kOverloaded || KindOf(cause) == ErrorKind::kClosed) return cause;
  return MakeError(ErrorKind::kOverloaded, "cannot write the log: " + cause.message());
}

// OK when the log has the record as safe as its mode promises; zero: there is no record.
arrow::Status CheckCommitted(const head::Log& log, head::LogPosition position) {
  if (position == head::LogPosition{}) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const bool committed, log.IsCommitted(position));
  if (committed) return arrow::Status::OK();
  return MakeError(ErrorKind::kOverloaded, "the log has not come to this write yet");
}

// Remote write 2.0 may name one long symbol as the help of any number of metrics.
arrow::Status CheckMetadata(const wire::WriteRequest& request) {
  constexpr size_t kMostBytes = 16 << 20;
  size_t bytes = 0;
  for (const wire::DecodedMetadata& each : request.metadata) {
    bytes += each.metric.size() + each.help.size() + each.unit.size();
  }
  if (bytes <= kMostBytes) return arrow::Status::OK();
  return MakeError(ErrorKind::kTooLarge,
                   "too much metadata in one request: bytes=" + std::to_string(bytes) +
                       " limit=" + std::to_string(kMostBytes));
}

}  // namespace

struct WritePath::Scratch {
  std::string message;
  wire::WriteRequest request;
};

WritePath::WritePath(Environment environment, const DatabaseOptions& options, Parts parts)
    : environment_(environment), options_(options), parts_(parts) {}

WritePath::~WritePath() = default;

std::unique_ptr<WritePath::Scratch> WritePath::TakeScratch() {
  const std::lock_guard lock(scratch_mutex_);
  if (scratch_.empty()) return std::make_unique<Scratch>();
  auto scratch = std::move(scratch_.back());
  scratch_.pop_back();
  return scratch;
}

void WritePath::GiveBack(std::unique_ptr<Scratch> scratch) {
  if (scratch->message.capacity() + scratch->request.memory_bytes() > kKeptBytes) return;
  const std::lock_guard lock(scratch_mutex_);
  scratch_.push_back(std::move(scratch));
}

bool HasEnoughToFlush(const head::Head& head, const DatabaseOptions& options) {
  constexpr int64_t kSamplesPerSeries = 4;
  const int64_t samples = head.active_load();
  if (samples < options.flush_samples) return false;
  // The other half of the limit is for what arrives during the flush.
  return samples >=
         std::min(kSamplesPerSeries * head.series_count(), options.head_limit_samples / 2);
}

arrow::Status WritePath::CheckRoom() const {
  if (stopped_.load(std::memory_order_acquire)) {
    return MakeError(ErrorKind::kClosed, "the database is closing");
  }
  if (disk_full_.load(std::memory_order_relaxed)) {
    return MakeError(ErrorKind::kOverloaded, "the disk is nearly full: min_free_bytes=" +
                                                 std::to_string(options_.min_free_disk_bytes));
  }
  const int64_t waiting = parts_.head->load();
  if (waiting > options_.head_limit_samples) {
    return MakeError(ErrorKind::kOverloaded,
                     "too many samples wait in memory: samples=" + std::to_string(waiting) +
                         " limit=" + std::to_string(options_.head_limit_samples));
  }
  const int64_t memory_bytes = parts_.head->memory_bytes();
  if (memory_bytes > options_.head_limit_bytes) {
    return MakeError(
        ErrorKind::kOverloaded,
        "series and samples in memory take too much: bytes=" + std::to_string(memory_bytes) +
            " limit=" + std::to_string(options_.head_limit_bytes));
  }
  return arrow::Status::OK();
}

arrow::Result<head::AppendPosition> WritePath::Apply(const WriteMessage& message,
                                                     WriteReport* report,
                                                     std::vector<MetricMetadata>* learned) {
  ARROW_RETURN_NOT_OK(CheckRoom());
  ARROW_ASSIGN_OR_RAISE(const wire::WriteVersion version,
                        wire::NegotiateVersion(message.content_type));
  ARROW_ASSIGN_OR_RAISE(const wire::BodyEncoding encoding,
                        wire::NegotiateEncoding(message.content_encoding));
  auto scratch = TakeScratch();
  ARROW_RETURN_NOT_OK(wire::Decompress(
      encoding, message.body, static_cast<size_t>(options_.max_request_bytes), &scratch->message));
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(scratch->message.data()),
                                       scratch->message.size());
  wire::WriteRequest& request = scratch->request;
  ARROW_RETURN_NOT_OK(version == wire::WriteVersion::kV2 ? wire::DecodeV2(bytes, &request)
                                                         : wire::DecodeV1(bytes, &request));
  ARROW_RETURN_NOT_OK(CheckMetadata(request));
  // Prometheus repeats all metadata every minute: only news go to the log, and the head counts
  // them.
  const int64_t now_ms = environment_.clock->NowMs();
  const size_t known = std::erase_if(request.metadata, [&](const wire::DecodedMetadata& each) {
    MetricMetadata entry =
        MetadataCatalog::EntryOf(each, std::clamp(now_ms, kMinTimeMs, kMaxTimeMs));
    if (parts_.metadata->NoteSeen(entry)) return true;
    learned->push_back(std::move(entry));
    return false;
  });
  report->metadata = static_cast<int64_t>(known);
  const head::AppendRules rules{
      .max_time_ms = std::min(kMaxTimeMs, now_ms + options_.max_future_ms),
      .max_labels = options_.max_labels_per_series,
      .max_name_bytes = options_.max_label_name_bytes,
      .max_value_bytes = options_.max_label_value_bytes};
  auto position = parts_.head->Append(request, rules, now_ms, report);
  GiveBack(std::move(scratch));
  return position;
}

// Whatever happens on the way, `done` is called; and one that throws keeps nobody else from being
// answered.
template <typename Outcome>
void WritePath::Acknowledge(Waiter* waiter, Outcome outcome) {
  try {
    arrow::Result<WriteReport> answer = std::move(waiter->no_memory_answer);
    try {
      answer = AnswerOf(waiter, outcome());
    } catch (const std::exception&) {
      parts_.counters->write_requests_postponed.Add(1);
    }
    waiter->done(std::move(answer));
  } catch (const std::exception&) {
    // Who gave it has to cope.
  }
}

void WritePath::Ingest(const WriteMessage& message, WriteDone done) {
  parts_.counters->write_requests.Add(1);
  parts_.counters->write_bytes.Add(static_cast<int64_t>(message.body.size()));
  Waiter waiter{.position = {},
                .report = {},
                .learned = {},
                .done = std::move(done),
                .no_memory_answer = NoMemory()};
  std::optional<arrow::Result<head::AppendPosition>> position;
  try {
    position = Apply(message, &waiter.report, &waiter.learned);
  } catch (const std::bad_alloc&) {
    // What was applied is in memory and may be in files one day; the sender sends it again.
    parts_.counters->write_requests_postponed.Add(1);
  }
  if (!position || !position->ok()) {
    Acknowledge(&waiter, [&] { return position ? position->status() : NoMemory(); });
    return;
  }
  waiter.position = **position;
  if (HasEnoughToFlush(*parts_.head, options_)) parts_.request_flush();
  // Nothing was stored, so there is nothing to wait for.
  if (waiter.position.is_empty()) {
    Acknowledge(&waiter, [] { return arrow::Status::OK(); });
    return;
  }
  Enqueue(std::move(waiter));
}

void WritePath::Enqueue(Waiter waiter) {
  try {
    const std::lock_guard lock(waiters_mutex_);
    waiters_.push_back(std::move(waiter));
    if (commit_posted_) return;
    commit_posted_ = true;
  } catch (const std::bad_alloc&) {
    // What is in the log comes to the disk with the next commit.
    Acknowledge(&waiter, [] { return NoMemory(); });
    return;
  }
  try {
    environment_.executor->Post([this] { CommitPending(); });
  } catch (const std::exception&) {
    // No memory for the task: nobody else would do it.
    CommitPending();
  }
}

void WritePath::CommitPending() {
  const std::lock_guard commit_lock(commit_mutex_);
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(waiters_mutex_);
    waiters.swap(waiters_);
    commit_posted_ = false;
  }
  const int64_t start_ns = environment_.clock->MonotonicNs();
  Commit();
  parts_.counters->wal_commit_ns.Add(environment_.clock->MonotonicNs() - start_ns);
  for (Waiter& waiter : waiters) {
    Acknowledge(&waiter, [&] { return OutcomeOf(waiter); });
  }
}

arrow::Status WritePath::OutcomeOf(const Waiter& waiter) const {
  arrow::Status status = CheckCommitted(*parts_.log, waiter.position.floats);
  if (status.ok()) status = CheckCommitted(*parts_.log, waiter.position.non_floats);
  return status.ok() ? status : Postponed(status);
}

void WritePath::Commit() {
  const size_t pending = parts_.log->pending_bytes();
  if (pending > 0) {
    parts_.counters->wal_commits.Add(1);
    parts_.counters->wal_bytes.Add(static_cast<int64_t>(pending));
  }
  // Also with nothing pending: who only repeated samples may wait for an empty segment.
  // Who waited for what a failure dropped learns it from IsCommitted.
  bool committed = false;
  try {
    committed = parts_.log->Commit().ok();
  } catch (const std::exception&) {
    // Memory ran out: whoever waits is answered that it has to be sent again.
  }
  if (!committed) parts_.counters->wal_commit_failures.Add(1);
}

arrow::Result<WriteReport> WritePath::AnswerOf(Waiter* waiter, const arrow::Status& status) {
  if (status.ok()) {
    // Only now: what a failed commit lost has to be logged when it is sent again.
    for (MetricMetadata& entry : waiter->learned) parts_.metadata->Learn(std::move(entry));
  }
  arrow::Result<WriteReport> result = status.ok()
                                          ? arrow::Result<WriteReport>(std::move(waiter->report))
                                          : arrow::Result<WriteReport>(status);
  Count(result);
  return result;
}

void WritePath::Count(const arrow::Result<WriteReport>& result) {
  Counters& counters = *parts_.counters;
  if (!result.ok()) {
    const ErrorKind kind = KindOf(result.status());
    if (kind == ErrorKind::kOverloaded || kind == ErrorKind::kClosed) {
      counters.write_requests_postponed.Add(1);
    } else {
      counters.write_requests_refused.Add(1);
    }
    return;
  }
  counters.samples.Add(result->samples);
  counters.samples_duplicate.Add(result->duplicates);
  counters.histograms.Add(result->histograms);
  counters.exemplars.Add(result->exemplars);
  counters.metadata.Add(result->metadata);
  if (result->refused.empty()) return;
  counters.write_requests_refused.Add(1);
  for (const Refusal& refusal : result->refused) counters.samples_refused.Add(refusal.count);
}

void WritePath::Stop() { stopped_.store(true, std::memory_order_release); }

arrow::Status WritePath::SyncNow() {
  CommitPending();
  return parts_.log->Sync();
}

}  // namespace larnax::db
