#include "bench/load/replay.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <sstream>

#include "bench/load/commands.h"
#include "bench/load/output.h"
#include "larnax/format.h"
#include "larnax/labels.h"
#include "larnax/samples.h"
#include "wire/exposition/text_decoder.h"

namespace larnax::load {

namespace {

arrow::Result<std::vector<std::pair<std::string, std::string>>> ReadLabels(
    const std::string& text) {
  std::vector<std::pair<std::string, std::string>> labels;
  std::istringstream list(text);
  for (std::string item; std::getline(list, item, ',');) {
    const size_t equals = item.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return arrow::Status::Invalid("--labels is a=b,c=d, not ", text);
    }
    labels.emplace_back(item.substr(0, equals), item.substr(equals + 1));
  }
  return labels;
}

// Reads scrapes ahead of the samples that are asked for.
struct Reader {
  ScrapeReader file;
  ReplayedTarget target;
  std::optional<int64_t> start_ms;
  size_t batch = 0;
  std::optional<int64_t> shift_ms;
  std::vector<LoadSample> pending;
  size_t next = 0;
  arrow::Status status;

  arrow::Status Next(std::vector<LoadSample>* samples) {
    samples->clear();
    Scrape scrape;
    while (pending.size() - next < batch) {
      ARROW_ASSIGN_OR_RAISE(const bool more, file.Next(&scrape));
      if (!more) break;
      if (!shift_ms) shift_ms = start_ms ? *start_ms - scrape.time_ms : 0;
      pending.erase(pending.begin(), pending.begin() + static_cast<ptrdiff_t>(next));
      next = 0;
      ARROW_RETURN_NOT_OK(target.Add(scrape, scrape.time_ms + *shift_ms, &pending));
    }
    const size_t count = std::min(batch, pending.size() - next);
    const auto first = pending.begin() + static_cast<ptrdiff_t>(next);
    samples->assign(first, first + static_cast<ptrdiff_t>(count));
    next += count;
    return arrow::Status::OK();
  }
};

}  // namespace

arrow::Result<ReplayedTarget::Series*> ReplayedTarget::Find(const wire::DecodedSeries& decoded) {
  auto& series = series_[std::string(decoded.labels)];
  if (series != nullptr) return series.get();
  std::vector<std::pair<std::string, std::string>> pairs = labels_;
  for (const Label& label : LabelsView(decoded.labels)) {
    const bool taken = std::any_of(labels_.begin(), labels_.end(),
                                   [&](const auto& pair) { return pair.first == label.name; });
    // The target's own labels win, as in Prometheus without honor_labels.
    pairs.emplace_back(taken ? "exported_" + std::string(label.name) : std::string(label.name),
                       std::string(label.value));
  }
  ARROW_ASSIGN_OR_RAISE(const Labels labels, Labels::Make(std::move(pairs)));
  series = std::make_unique<Series>();
  series->labels = labels.bytes();
  return series.get();
}

arrow::Status ReplayedTarget::Add(const Scrape& scrape, int64_t time_ms,
                                  std::vector<LoadSample>* samples) {
  ++round_;
  const bool open_metrics = scrape.text.ends_with("# EOF\n");
  const auto format =
      open_metrics ? wire::ExpositionFormat::kOpenMetrics : wire::ExpositionFormat::kPrometheusText;
  ARROW_RETURN_NOT_OK(wire::DecodeExposition(scrape.text, format, time_ms, &request_));
  for (const wire::DecodedSeries& decoded : request_.series) {
    ARROW_ASSIGN_OR_RAISE(Series* const series, Find(decoded));
    series->last_round = round_;
    if (!series->alive) {
      series->alive = true;
      alive_.push_back(series);
    }
    samples->push_back({series->labels, request_.time_ms[decoded.first_sample],
                        request_.value[decoded.first_sample]});
  }
  std::erase_if(alive_, [&](Series* series) {
    if (series->last_round == round_) return false;
    series->alive = false;
    samples->push_back({series->labels, time_ms, std::bit_cast<double>(kStaleBits)});
    return true;
  });
  return arrow::Status::OK();
}

arrow::Result<std::string> Replay(const ReplayOptions& options, const std::function<bool()>& stop) {
  ARROW_ASSIGN_OR_RAISE(const SendOptions send, ReadSendFlags(options.send));
  ARROW_ASSIGN_OR_RAISE(auto labels, ReadLabels(options.labels));
  ARROW_ASSIGN_OR_RAISE(ScrapeReader file, ScrapeReader::Open(options.in));
  if (options.batch < 1) return arrow::Status::Invalid("--batch is above 0");
  const auto reader = std::make_shared<Reader>(Reader{std::move(file),
                                                      ReplayedTarget(std::move(labels)),
                                                      {},
                                                      static_cast<size_t>(options.batch),
                                                      {},
                                                      {},
                                                      0,
                                                      {}});
  if (!options.start.empty()) {
    ARROW_ASSIGN_OR_RAISE(reader->start_ms, ParseTime(options.start));
  }
  std::vector<SampleSource> sources{[reader](std::vector<LoadSample>* samples) {
    // A source cannot fail; it ends, and the error is told after all was sent.
    if (reader->status.ok()) reader->status = reader->Next(samples);
    if (!reader->status.ok()) samples->clear();
  }};
  ARROW_ASSIGN_OR_RAISE(std::string report,
                        SendOrWrite(options.out, send, std::move(sources), stop));
  ARROW_RETURN_NOT_OK(reader->status);
  return report;
}

}  // namespace larnax::load
