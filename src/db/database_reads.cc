// Selects and lists over what files and head have together.

#include <limits>
#include <utility>

#include "db/database_impl.h"
#include "larnax/error.h"

namespace larnax::db {
namespace {

// A request with more selectors is no honest one; each is matched against every series.
constexpr size_t kMostSelectors = 256;

arrow::Status CheckSelectors(const SelectRequest& request) {
  if (request.selectors.size() <= kMostSelectors) return arrow::Status::OK();
  return MakeError(ErrorKind::kBadQuery,
                   "too many selectors: count=" + std::to_string(request.selectors.size()) +
                       " limit=" + std::to_string(kMostSelectors));
}

// Adds what a read cost to the counters when it ends.
class CountedStream final : public SampleStream {
 public:
  CountedStream(std::unique_ptr<SampleStream> stream, Counters* counters,
                std::vector<std::string> warnings)
      : stream_(std::move(stream)), counters_(counters), warnings_(std::move(warnings)) {}
  ~CountedStream() override {
    counters_->select_samples.Add(stats().samples);
    counters_->select_bytes_read.Add(stats().bytes_read);
    counters_->select_pages_read.Add(stats().pages_read);
  }
  arrow::Result<SampleBatch> Next() override { return stream_->Next(); }
  const ReadStats& stats() const override { return stream_->stats(); }
  std::vector<std::string> warnings() const override {
    std::vector<std::string> all = warnings_;
    for (std::string& warning : stream_->warnings()) all.push_back(std::move(warning));
    return all;
  }

 private:
  std::unique_ptr<SampleStream> stream_;
  Counters* const counters_;
  const std::vector<std::string> warnings_;
};

}  // namespace

// The store takes its files after this: what a flush moves in between is then in both, and counted
// once; the other way round it could be in neither.
head::HeadSnapshot DatabaseImpl::CaptureHead(const SelectRequest& request,
                                             std::vector<std::string>* warnings) {
  const auto head = RecentHead(warnings);
  if (head == nullptr) return {};
  return head->Capture(request.selectors, request.range);
}

// What is not in files yet; null where that cannot be seen from here.
std::shared_ptr<head::Head> DatabaseImpl::RecentHead(std::vector<std::string>* warnings) {
  return unflushed_ == nullptr ? head_ : unflushed_->Read(warnings);
}

// List what head and files have, and add what was missing of the head to the answer's warnings.
template <typename List>
auto DatabaseImpl::ListNames(const SelectRequest& request, List list) {
  std::vector<std::string> warnings;
  auto answer = list(CaptureHead(request, &warnings));
  if (answer.ok()) {
    answer->warnings.insert(answer->warnings.begin(), warnings.begin(), warnings.end());
  }
  return answer;
}

arrow::Result<std::unique_ptr<SampleStream>> DatabaseImpl::Select(const SelectRequest& request) {
  return SelectWith(request, {});
}

arrow::Result<std::unique_ptr<SampleStream>> DatabaseImpl::SelectWith(
    const SelectRequest& request, const io::TaskRunner& runner) {
  ARROW_RETURN_NOT_OK(CheckSelectors(request));
  counters_.selects.Add(1);
  std::vector<std::string> warnings;
  ARROW_ASSIGN_OR_RAISE(auto stream, store_->Select(CaptureHead(request, &warnings), request,
                                                    *environment_.clock, runner));
  return std::make_unique<CountedStream>(std::move(stream), &counters_, std::move(warnings));
}

arrow::Result<NamesAnswer> DatabaseImpl::LabelNames(const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(CheckSelectors(request));
  return ListNames(request, [&](head::HeadSnapshot head) {
    return store_->LabelNames(std::move(head), request, *environment_.clock);
  });
}

arrow::Result<NamesAnswer> DatabaseImpl::LabelValues(std::string_view name,
                                                     const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(CheckSelectors(request));
  return ListNames(request, [&](head::HeadSnapshot head) {
    return store_->LabelValues(std::move(head), name, request, *environment_.clock);
  });
}

arrow::Result<SeriesAnswer> DatabaseImpl::Series(const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(CheckSelectors(request));
  return ListNames(request, [&](head::HeadSnapshot head) {
    return store_->Series(std::move(head), request, *environment_.clock);
  });
}

arrow::Result<ExemplarsAnswer> DatabaseImpl::Exemplars(const SelectRequest& request) {
  ARROW_RETURN_NOT_OK(CheckSelectors(request));
  std::vector<std::string> warnings;
  head::HeadSnapshot captured;
  if (const auto head = RecentHead(&warnings)) {
    captured = head->CaptureExemplars(request.selectors, request.range);
  }
  ARROW_ASSIGN_OR_RAISE(ExemplarsAnswer answer,
                        store_->Exemplars(std::move(captured), request, *environment_.clock));
  answer.warnings.insert(answer.warnings.begin(), warnings.begin(), warnings.end());
  return answer;
}

arrow::Result<std::vector<MetricMetadata>> DatabaseImpl::Metadata(std::string_view metric) {
  if (head_ != nullptr && metadata_.is_complete()) return metadata_.Find(metric);
  // First what is in memory: a flush in between moves it to files.
  MetadataCatalog found(std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max());
  std::vector<std::string> warnings;  // What is said of metrics has no place for them.
  if (const auto head = RecentHead(&warnings)) {
    for (const head::MetadataNews& news : head->metadata()) {
      if (metric.empty() || news.metric == metric) found.Learn(MetadataCatalog::EntryOf(news));
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto stored, store_->Metadata(metric));
  for (columns::MetadataRow& row : stored) found.Learn(MetadataCatalog::EntryOf(std::move(row)));
  return found.Find({});
}

}  // namespace larnax::db
