#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <arrow/status.h>

#include "wire/remote_write/message_reader.h"
#include "wire/write_request.h"

namespace larnax::wire {

/// What the decoders of both protocol versions share: samples, histograms, limits and errors.
///
/// Functions give false after noting the error in Fail; `status()` tells it.
class PartsDecoder {
 public:
  PartsDecoder(std::span<const uint8_t> message, WriteRequest* request)
      : begin_(message.data()), request_(request) {}

  /// The error noted by Fail; OK before.
  const arrow::Status& status() const { return status_; }

 protected:
  /// Note broken protobuf at a byte of the message. Always false.
  bool Fail(const uint8_t* at, const char* what);
  /// Note an error that is not about one byte. Always false.
  bool Fail(arrow::Status status);

  /// Read a message `Sample` and append it.
  bool ReadSample(MessageReader* reader) {
    // What senders write: a value and a time, nothing else.
    const uint8_t* const at = reader->at();
    if (reader->end() - at >= 12 && at[0] >= 11 && at[0] <= 20 && at[0] < reader->end() - at &&
        at[1] == 0x09 && at[10] == 0x10) {
      const uint8_t* const end = at + 1 + at[0];
      uint64_t time = 0;
      if (base::GetVarint(at + 11, end, &time) == end) {
        uint64_t bits = 0;
        std::memcpy(&bits, at + 2, 8);
        AppendSample(static_cast<int64_t>(time), bits, 0);
        reader->MoveTo(end);
        return true;
      }
    }
    return ReadAnySample(reader);
  }
  bool ReadHistogram(MessageReader* reader);
  /// Read a field of a message `Exemplar` that is none of its labels, which are field 1. False,
  /// with nothing noted, where it is broken.
  static bool ReadExemplarField(uint32_t key, MessageReader* reader, DecodedExemplar* exemplar);
  /// Start an entry of `series`; what is appended from now on belongs to it.
  void BeginSeries();
  /// Fill in the ranges of the entry begun last.
  void EndSeries(std::string_view labels);
  /// Count one entry against the limit.
  bool CountEntry() {
    if (++entries_ > request_->max_entries) [[unlikely]]
      return FailEntries();
    return true;
  }
  /// Take room for label bytes from the arena; nullptr over the limit.
  char* AllocateLabels(size_t size);
  /// Append metadata unless it is not UTF-8.
  bool AddMetadata(const DecodedMetadata& metadata);

  WriteRequest* request() const { return request_; }

 private:
  bool ReadAnySample(MessageReader* reader);
  bool FailEntries();
  void AppendSample(int64_t time_ms, uint64_t bits, int64_t start_ms) {
    request_->time_ms.push_back(time_ms);
    request_->value.push_back(std::bit_cast<double>(bits));
    if (start_ms != 0 || !request_->start_ms.empty()) [[unlikely]]
      AppendStart(start_ms);
  }
  void AppendStart(int64_t start_ms);

  const uint8_t* begin_;
  WriteRequest* request_;
  size_t entries_ = 0;
  arrow::Status status_;
};

/// Read a metric type as sent; numbers that are not known mean kUnknown.
inline MetricType ToMetricType(uint64_t number) {
  return number <= static_cast<uint64_t>(MetricType::kStateset) ? static_cast<MetricType>(number)
                                                                : MetricType::kUnknown;
}

/// Largest message that is decoded: indexes into its parts have 32 bits.
inline constexpr size_t kMaxMessageBytes = size_t{1} << 31;

}  // namespace larnax::wire
