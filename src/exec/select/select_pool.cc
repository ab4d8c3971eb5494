#include "exec/select/select_pool.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

namespace larnax::exec {
namespace {

// A morsel is worth a task of its own, and what it becomes fits into a cache.
constexpr size_t kMorselSamples = 32 << 10;
constexpr size_t kMaxMorselSeries = 1024;
// A histogram takes as much as so many floats.
constexpr size_t kHistogramLoad = 16;

// What a batch counts for.
struct BatchSize {
  int64_t bytes = 0;
  int64_t samples = 0;
};

BatchSize SizeOf(const SampleBatch& batch) {
  BatchSize size;
  for (const SeriesSamples& series : batch.series) {
    size.bytes += static_cast<int64_t>(series.value.size_bytes() + series.start_ms.size_bytes() +
                                       series.histograms.size_bytes());
    size.samples += static_cast<int64_t>(series.value.size());
    const NativeHistogram* last = nullptr;  // They are shared where equal.
    size_t last_bytes = 0;
    for (const HistogramSample& sample : series.histograms) {
      if (sample.histogram == nullptr) {
        last_bytes = model::FloatHistogram::SizeBytesOf(sample.source->Numbers(sample.row));
        // Most counts of a source take one or two bytes.
        size.bytes += static_cast<int64_t>(last_bytes / 4);
      } else if (sample.histogram.get() != last) {
        last = sample.histogram.get();
        last_bytes = model::FloatHistogram::SizeBytesOf(*last);
        size.bytes += static_cast<int64_t>(sizeof(NativeHistogram) + last_bytes);
      }
      size.samples += SamplesOfHistogram(last_bytes);
    }
  }
  return size;
}

// Equal exactly for equal conditions.
std::string KeyOf(std::vector<Matcher> matchers) {
  std::vector<std::string> parts;
  for (const Matcher& matcher : matchers) {
    std::string part(1, static_cast<char>('0' + static_cast<int>(matcher.type())));
    part += std::to_string(matcher.name().size()) + ':' + matcher.name() + matcher.value();
    parts.push_back(std::to_string(part.size()) + ':' + part);
  }
  std::sort(parts.begin(), parts.end());
  std::string key;
  for (const std::string& part : parts) key += part;
  return key;
}

// Two ranges are read as one when little is read that neither asks for.
bool WorthUniting(TimeRange a, TimeRange b) {
  const auto length = [](TimeRange range) {
    return static_cast<double>(range.end_ms) - static_cast<double>(range.start_ms) + 1;
  };
  const TimeRange both{std::min(a.start_ms, b.start_ms), std::max(a.end_ms, b.end_ms)};
  return length(both) <= 1.25 * (length(a) + length(b));
}

// A batch that is counted while it lives.
struct HeldBatch {
  HeldBatch(SampleBatch held, std::shared_ptr<MemoryMeter> meter)
      : batch(std::move(held)), hold(std::move(meter)) {
    const BatchSize size = SizeOf(batch);
    hold.AddBytes(size.bytes);
    hold.AddSamples(size.samples);
  }

  SampleBatch batch;
  MeteredHold hold;
};

}  // namespace

// One select, and its batches that some reader still needs.
struct SelectPool::Read {
  struct Held {
    std::shared_ptr<const SampleBatch> batch;
    size_t readers_left = 0;  // That have not passed it.
  };
  std::vector<Matcher> matchers;
  TimeRange range;
  size_t readers = 0;
  std::unique_ptr<SampleStream> stream;
  std::deque<Held> batches;
  size_t first_batch = 0;  // Number of batches.front().
  bool ended = false;
};

SelectPool::SelectPool(SampleSource* source, const QueryRequest& request, ExecutionContext* context)
    : source_(source), request_(request), context_(context) {}

SelectPool::~SelectPool() = default;

size_t SelectPool::Register(const std::vector<Matcher>& matchers, TimeRange range) {
  std::vector<Read*>& known = reads_by_key_[KeyOf(matchers)];
  const auto found = std::find_if(known.begin(), known.end(),
                                  [&](Read* read) { return WorthUniting(read->range, range); });
  Read* read = nullptr;
  if (found != known.end()) {
    read = *found;
    read->range = {std::min(read->range.start_ms, range.start_ms),
                   std::max(read->range.end_ms, range.end_ms)};
  } else {
    reads_.push_back(std::make_unique<Read>());
    read = reads_.back().get();
    read->matchers = matchers;
    read->range = range;
    known.push_back(read);
  }
  ++read->readers;
  readers_.push_back({.read = read});
  return readers_.size() - 1;
}

void SelectPool::Pass(Reader* reader) {
  Read* read = reader->read;
  --read->batches[reader->batch - read->first_batch].readers_left;
  ++reader->batch;
  reader->series = 0;
  while (!read->batches.empty() && read->batches.front().readers_left == 0) {
    read->batches.pop_front();
    ++read->first_batch;
  }
}

arrow::Result<std::shared_ptr<const SampleBatch>> SelectPool::BatchAt(Read* read, size_t number) {
  while (!read->ended && number >= read->first_batch + read->batches.size()) {
    if (read->stream == nullptr) {
      SelectRequest select;
      select.selectors = {read->matchers};
      select.range = read->range;
      select.timeout_ms = context_->budget->RemainingMs();
      select.cancelled = request_.cancelled;
      select.make_histograms = false;
      ARROW_ASSIGN_OR_RAISE(read->stream, source_->Select(select));
    }
    ARROW_ASSIGN_OR_RAISE(SampleBatch batch, read->stream->Next());
    if (batch.series.empty()) {
      read->ended = true;
      break;
    }
    auto held = std::make_shared<HeldBatch>(std::move(batch), context_->budget->meter());
    read->batches.push_back({{held, &held->batch}, read->readers});
    ARROW_RETURN_NOT_OK(context_->budget->Check());
  }
  if (number >= read->first_batch + read->batches.size()) return nullptr;
  return read->batches[number - read->first_batch].batch;
}

arrow::Result<SampleMorsel> SelectPool::Next(size_t reader_index, size_t steps) {
  Reader& reader = readers_[reader_index];
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, BatchAt(reader.read, reader.batch));
    if (batch == nullptr) return SampleMorsel{};
    const std::span<const SeriesSamples> all = batch->series;
    if (reader.series == all.size()) {
      batch.reset();
      Pass(&reader);
      continue;
    }
    const size_t first = reader.series;
    size_t samples = 0;
    while (reader.series < all.size() && samples < kMorselSamples &&
           reader.series - first < kMaxMorselSeries) {
      const SeriesSamples& series = all[reader.series++];
      const size_t load = series.histograms.empty() ? 1 : kHistogramLoad;
      samples += load * std::max(steps, series.value.size() + series.histograms.size());
    }
    return SampleMorsel{batch, all.subspan(first, reader.series - first)};
  }
}

std::vector<std::string> SelectPool::Warnings() const {
  std::vector<std::string> distinct;
  for (const auto& read : reads_) {
    if (read->stream == nullptr) continue;
    for (std::string& warning : read->stream->warnings()) {
      if (std::find(distinct.begin(), distinct.end(), warning) == distinct.end()) {
        distinct.push_back(std::move(warning));
      }
    }
  }
  return distinct;
}

void SelectPool::AddStats(QueryStats* stats) const {
  for (const auto& read : reads_) {
    if (read->stream == nullptr) continue;
    const ReadStats& from = read->stream->stats();
    stats->series += from.series;
    stats->samples_read += from.samples;
    stats->read.files_considered += from.files_considered;
    stats->read.files_read += from.files_read;
    stats->read.pages_read += from.pages_read;
    stats->read.bytes_read += from.bytes_read;
    stats->read.samples_decoded += from.samples_decoded;
    stats->read.head_samples += from.head_samples;
    stats->read.series += from.series;
    stats->read.samples += from.samples;
  }
}

}  // namespace larnax::exec
