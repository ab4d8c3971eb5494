#include "wire/remote_write/parts.h"

#include <string>
#include <utility>

#include "base/hash.h"
#include "base/utf8.h"
#include "larnax/error.h"
#include "wire/remote_write/histogram_check.h"

namespace larnax::wire {

using enum WireType;

bool PartsDecoder::Fail(const uint8_t* at, const char* what) {
  status_ = MakeError(ErrorKind::kBadSample, std::string("broken protobuf in ") + what +
                                                 ": offset_bytes=" + std::to_string(at - begin_));
  return false;
}

bool PartsDecoder::Fail(arrow::Status status) {
  status_ = std::move(status);
  return false;
}

bool PartsDecoder::FailEntries() {
  return Fail(MakeError(ErrorKind::kTooLarge,
                        "too many series, histograms, exemplars and metadata in one request: "
                        "limit=" +
                            std::to_string(request_->max_entries)));
}

bool PartsDecoder::ReadAnySample(MessageReader* reader) {
  std::string_view bytes;
  if (!reader->Bytes(&bytes)) return Fail(reader->at(), "sample");
  MessageReader sample(bytes);
  uint64_t bits = 0;
  uint64_t time = 0;
  uint64_t start = 0;
  while (!sample.AtEnd()) {
    uint32_t key = 0;
    if (!sample.Key(&key)) return Fail(sample.at(), "sample");
    bool read = false;
    switch (key) {
      case FieldKey(1, kFixed64):
        read = sample.Fixed64(&bits);
        break;
      case FieldKey(2, kVarint):
        read = sample.Varint(&time);
        break;
      case FieldKey(3, kVarint):
        read = sample.Varint(&start);
        break;
      default:
        read = key >> 3 > 3 && sample.Skip(key);
    }
    if (!read) return Fail(sample.at(), "sample");
  }
  AppendSample(static_cast<int64_t>(time), bits, KnownStart(static_cast<int64_t>(start)));
  return true;
}

void PartsDecoder::AppendStart(int64_t start_ms) {
  // The first known start makes the column; samples before it have none.
  request_->start_ms.resize(request_->time_ms.size() - 1, 0);
  request_->start_ms.push_back(start_ms);
}

bool PartsDecoder::ReadHistogram(MessageReader* reader) {
  std::string_view bytes;
  if (!reader->Bytes(&bytes)) return Fail(reader->at(), "histogram");
  if (!CountEntry()) return false;
  DecodedHistogram histogram;
  const uint8_t* broken_at = nullptr;
  if (!CheckHistogram(bytes, &histogram, &broken_at)) return Fail(broken_at, "histogram");
  if (histogram.rejection != RejectReason::kNone) {
    request_->Reject(histogram.rejection, request_->series.size() - 1,
                     "time_ms=" + std::to_string(histogram.time_ms));
  }
  request_->histograms.push_back(histogram);
  return true;
}

bool PartsDecoder::ReadExemplarField(uint32_t key, MessageReader* reader,
                                     DecodedExemplar* exemplar) {
  uint64_t number = 0;
  switch (key) {
    case FieldKey(2, kFixed64):
      if (!reader->Fixed64(&number)) return false;
      exemplar->value = std::bit_cast<double>(number);
      return true;
    case FieldKey(3, kVarint):
      if (!reader->Varint(&number)) return false;
      exemplar->time_ms = static_cast<int64_t>(number);
      return true;
    default:
      return key >> 3 > 3 && reader->Skip(key);
  }
}

void PartsDecoder::BeginSeries() {
  DecodedSeries& series = request_->series.emplace_back();
  series.first_sample = static_cast<uint32_t>(request_->time_ms.size());
  series.first_histogram = static_cast<uint32_t>(request_->histograms.size());
  series.first_exemplar = static_cast<uint32_t>(request_->exemplars.size());
}

void PartsDecoder::EndSeries(std::string_view labels) {
  DecodedSeries& series = request_->series.back();
  series.labels = labels;
  series.hash = base::Hash64(labels);
  series.sample_count = static_cast<uint32_t>(request_->time_ms.size()) - series.first_sample;
  series.histogram_count =
      static_cast<uint32_t>(request_->histograms.size()) - series.first_histogram;
  series.exemplar_count = static_cast<uint32_t>(request_->exemplars.size()) - series.first_exemplar;
}

char* PartsDecoder::AllocateLabels(size_t size) {
  if (size > request_->max_arena_bytes - request_->arena.used()) {
    Fail(MakeError(ErrorKind::kTooLarge,
                   "label bytes of one request are over the limit: "
                   "limit_bytes=" +
                       std::to_string(request_->max_arena_bytes)));
    return nullptr;
  }
  return request_->arena.Allocate(size);
}

bool PartsDecoder::AddMetadata(const DecodedMetadata& metadata) {
  if (!CountEntry()) return false;
  // Metadata carries no sample: what cannot be kept as text is not worth refusing a request.
  if (base::IsValidUtf8(metadata.metric) && base::IsValidUtf8(metadata.help) &&
      base::IsValidUtf8(metadata.unit)) {
    request_->metadata.push_back(metadata);
  }
  return true;
}

}  // namespace larnax::wire
