// The public function AnswerRemoteRead: from a question's bytes over a Database to the answer's.
//
// ReadResponse           1 results; QueryResult 1 timeseries
// TimeSeries             1 labels, 2 samples, 4 histograms
// ChunkedReadResponse    1 chunked_series, 2 query_index; ChunkedSeries 1 labels, 2 chunks
// The bytes of a LabelsView are the fields `labels` of both.
//
// A frame of a stream: uvarint payload size, CRC-32C of the payload (big endian), payload.
#include <cstring>
#include <utility>

#include "answer/remote_read/sorted_series.h"
#include "base/crc32c.h"
#include "base/varint.h"
#include "larnax/database.h"
#include "larnax/error.h"
#include "wire/remote_read/read_request.h"
#include "wire/remote_write/histogram_message.h"
#include "wire/remote_write/message_reader.h"
#include "wire/remote_write/negotiation.h"

namespace larnax {

namespace answer {

namespace {

using wire::BodyEncoding;
using wire::Compress;
using wire::EncodeChunks;
using wire::EncodeHistogram;
using wire::FieldKey;
using wire::ReadQuery;
using wire::ReadRequest;
using wire::SeriesChunks;
using wire::WireType;

// Of a request, decompressed: regular expressions of many alternatives are long.
constexpr size_t kMaxRequestBytes = size_t{4} << 20;
// A frame holds chunks until it has at least so many bytes.
constexpr size_t kFrameBytes = size_t{1} << 20;
// Enough for a piece of the stream.
constexpr size_t kPieceBytes = size_t{256} << 10;

void PutBytes(uint32_t field, std::string_view bytes, std::string* out) {
  base::PutVarint(FieldKey(field, WireType::kBytes), out);
  base::PutVarint(bytes.size(), out);
  out->append(bytes);
}

void PutNumber(uint32_t field, uint64_t number, std::string* out) {
  base::PutVarint(FieldKey(field, WireType::kVarint), out);
  base::PutVarint(number, out);
}

void PutSample(int64_t time_ms, double value, std::string* out) {
  char part[24];
  uint8_t* at = reinterpret_cast<uint8_t*>(part);
  *at++ = static_cast<uint8_t>(FieldKey(1, WireType::kFixed64));
  std::memcpy(at, &value, sizeof value);
  at += sizeof value;
  *at++ = static_cast<uint8_t>(FieldKey(2, WireType::kVarint));
  at = base::PutVarint(static_cast<uint64_t>(time_ms), at);
  PutBytes(2, {part, static_cast<size_t>(at - reinterpret_cast<uint8_t*>(part))}, out);
}

// Fields `samples` and `histograms` of a TimeSeries.
SeriesChunks EncodeSamples(const SeriesSamples& series) {
  SeriesChunks encoded;
  for (size_t i = 0; i < series.value.size(); ++i) {
    PutSample((*series.time_ms)[i], series.value[i], &encoded.fields);
  }
  for (const HistogramSample& sample : series.histograms) {
    PutBytes(4, EncodeHistogram(*sample.histogram, sample.time_ms, 0), &encoded.fields);
  }
  return encoded;
}

bool IsExternal(const Matcher& matcher, LabelsView external) {
  return matcher.type() == MatchType::kEqual && !matcher.value().empty() &&
         external.Get(matcher.name()) == matcher.value();
}

// What all answers share: the questions, one after the other.
class Answer : public ReadAnswer {
 public:
  Answer(Database* database, ReadRequest request, const ReadMessage& message)
      : database_(database),
        request_(std::move(request)),
        external_labels_(message.external_labels),
        sample_limit_(message.sample_limit),
        max_buffered_bytes_(message.max_buffered_bytes),
        max_message_bytes_(message.max_message_bytes),
        timeout_ms_(message.timeout_ms),
        cancelled_(message.cancelled) {}

 protected:
  arrow::Result<std::unique_ptr<SortedSeries>> OpenQuery(size_t index, EncodeSeries encode) {
    const ReadQuery& query = request_.queries[index];
    SelectRequest select;
    select.range = query.range;
    select.cancelled = cancelled_;
    select.timeout_ms = timeout_ms_;
    // A matcher on an external label asks for what every series has, or gets.
    std::vector<Matcher> matchers;
    for (const Matcher& matcher : query.matchers) {
      if (!IsExternal(matcher, external_labels_)) matchers.push_back(matcher);
    }
    if (!matchers.empty()) select.selectors.push_back(std::move(matchers));
    SortedSeries::Options options;
    options.external_labels = external_labels_;
    options.max_buffered_bytes = max_buffered_bytes_;
    options.labels_only = query.labels_only;
    return SortedSeries::Open(database_, std::move(select), std::move(encode), options);
  }
  size_t query_count() const { return request_.queries.size(); }
  bool IsEmpty(size_t index) const {
    const TimeRange range = request_.queries[index].range;
    return range.end_ms < range.start_ms;
  }

  Database* database_;
  ReadRequest request_;
  Labels external_labels_;
  int64_t sample_limit_;
  int64_t max_buffered_bytes_;
  int64_t max_message_bytes_;
  int64_t timeout_ms_;
  std::shared_ptr<const std::atomic<bool>> cancelled_;
};

// One message, built at once and compressed.
class SamplesAnswer : public Answer {
 public:
  using Answer::Answer;
  std::string_view content_type() const override { return "application/x-protobuf"; }
  std::string_view content_encoding() const override { return "snappy"; }

  arrow::Result<bool> Next(std::string* out) override {
    if (done_) return false;
    done_ = true;
    std::string response;
    for (size_t i = 0; i < query_count(); ++i) ARROW_RETURN_NOT_OK(AppendResult(i, &response));
    std::string compressed;
    Compress(BodyEncoding::kSnappy, response, &compressed);
    // Large answers are not held twice for longer than that.
    std::string().swap(response);
    out->empty() ? out->swap(compressed) : void(out->append(compressed));
    return true;
  }

 private:
  // The size of a result stands before it and is known behind it.
  arrow::Status AppendResult(size_t index, std::string* response) {
    const size_t begin = response->size();
    if (!IsEmpty(index)) ARROW_RETURN_NOT_OK(AppendSeries(index, response));
    std::string prefix;
    base::PutVarint(FieldKey(1, WireType::kBytes), &prefix);
    base::PutVarint(response->size() - begin, &prefix);
    response->insert(begin, prefix);
    return arrow::Status::OK();
  }

  arrow::Status AppendSeries(size_t index, std::string* response) {
    ARROW_ASSIGN_OR_RAISE(const auto series, OpenQuery(index, EncodeSamples));
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const PreparedSeries* next, series->Next());
      if (next == nullptr) return arrow::Status::OK();
      samples_ += next->sample_count;
      if (sample_limit_ > 0 && samples_ > sample_limit_) {
        return MakeError(ErrorKind::kBadQuery,
                         "exceeded sample limit (" + std::to_string(sample_limit_) + ")");
      }
      const std::string_view labels = next->labels.bytes();
      base::PutVarint(FieldKey(1, WireType::kBytes), response);
      base::PutVarint(labels.size() + next->chunks.fields.size(), response);
      response->append(labels).append(next->chunks.fields);
      if (std::ssize(*response) > max_message_bytes_) {
        return MakeError(ErrorKind::kBadQuery,
                         "the answer is too large for one message, ask for STREAMED_XOR_CHUNKS: "
                         "limit_bytes=" +
                             std::to_string(max_message_bytes_));
      }
    }
  }

  int64_t samples_ = 0;
  bool done_ = false;
};

class ChunkedAnswer : public Answer {
 public:
  using Answer::Answer;
  std::string_view content_type() const override {
    return "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
  }
  std::string_view content_encoding() const override { return {}; }

  arrow::Result<bool> Next(std::string* out) override {
    const size_t enough = out->size() + kPieceBytes;
    while (out->size() < enough) {
      if (series_ == nullptr) {
        ARROW_ASSIGN_OR_RAISE(const bool more, NextSeries());
        if (!more) break;
      }
      AppendFrame(out);
    }
    return out->size() + kPieceBytes > enough;
  }

 private:
  // Move to the next series of this or a later query; false at the end of the last.
  arrow::Result<bool> NextSeries() {
    while (index_ < query_count()) {
      if (query_ == nullptr && !IsEmpty(index_)) {
        ARROW_ASSIGN_OR_RAISE(query_, OpenQuery(index_, EncodeChunks));
      }
      if (query_ != nullptr) {
        ARROW_ASSIGN_OR_RAISE(series_, query_->Next());
        if (series_ != nullptr) {
          next_chunk_ = 0;
          return true;
        }
      }
      query_.reset();
      ++index_;
    }
    return false;
  }

  void AppendFrame(std::string* out) {
    const SeriesChunks& chunks = series_->chunks;
    const size_t begin = next_chunk_ == 0 ? 0 : chunks.ends[next_chunk_ - 1];
    size_t end = begin;
    while (next_chunk_ < chunks.ends.size() && end - begin < kFrameBytes) {
      end = chunks.ends[next_chunk_++];
    }
    const std::string_view labels = series_->labels.bytes();
    payload_.clear();
    base::PutVarint(FieldKey(1, WireType::kBytes), &payload_);
    base::PutVarint(labels.size() + (end - begin), &payload_);
    payload_.append(labels).append(chunks.fields, begin, end - begin);
    if (index_ > 0) PutNumber(2, index_, &payload_);
    if (next_chunk_ == chunks.ends.size()) series_ = nullptr;

    base::PutVarint(payload_.size(), out);
    const uint32_t crc =
        base::Crc32c(0, {reinterpret_cast<const uint8_t*>(payload_.data()), payload_.size()});
    for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(crc >> shift));
    out->append(payload_);
  }

  size_t index_ = 0;  // Of the query.
  std::unique_ptr<SortedSeries> query_;
  PreparedSeries* series_ = nullptr;  // Null between two series.
  size_t next_chunk_ = 0;
  std::string payload_;
};

}  // namespace

}  // namespace answer

arrow::Result<std::unique_ptr<ReadAnswer>> AnswerRemoteRead(Database* database,
                                                            const ReadMessage& message) {
  ARROW_ASSIGN_OR_RAISE(const auto encoding, wire::NegotiateEncoding(message.content_encoding));
  std::string bytes;
  ARROW_RETURN_NOT_OK(wire::Decompress(encoding, message.body, answer::kMaxRequestBytes, &bytes));
  ARROW_ASSIGN_OR_RAISE(
      auto request,
      wire::DecodeReadRequest({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}));
  switch (request.answer_type) {
    case wire::ReadAnswerType::kSamples:
      return std::make_unique<answer::SamplesAnswer>(database, std::move(request), message);
    case wire::ReadAnswerType::kStreamedChunks:
      return std::make_unique<answer::ChunkedAnswer>(database, std::move(request), message);
  }
  return MakeError(ErrorKind::kInternal, "no such answer type");
}

}  // namespace larnax
