#include "wire/remote_write/encoder.h"

#include <bit>
#include <cstring>

#include "base/varint.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/message_reader.h"

namespace larnax::wire {

namespace {

using enum WireType;

void PutKey(uint32_t field, WireType type, std::string* out) {
  base::PutVarint(FieldKey(field, type), out);
}

void PutBytes(uint32_t field, std::string_view bytes, std::string* out) {
  PutKey(field, kBytes, out);
  base::PutVarint(bytes.size(), out);
  out->append(bytes);
}

void PutNumber(uint32_t field, uint64_t number, std::string* out) {
  PutKey(field, kVarint, out);
  base::PutVarint(number, out);
}

void AppendDouble(double value, std::string* out) {
  const auto bits = std::bit_cast<uint64_t>(value);
  char bytes[sizeof bits];
  std::memcpy(bytes, &bits, sizeof bits);
  out->append(bytes, sizeof bytes);
}

void PutDouble(uint32_t field, double value, std::string* out) {
  PutKey(field, kFixed64, out);
  AppendDouble(value, out);
}

void PutSpans(uint32_t field, const std::vector<BucketSpan>& spans, std::string* out) {
  for (const BucketSpan& span : spans) {
    std::string part;
    // Signed 32-bit numbers keep to 32 bits when they are zigzagged.
    PutNumber(1, static_cast<uint32_t>(base::ZigZag(span.offset)), &part);
    PutNumber(2, span.length, &part);
    PutBytes(field, part, out);
  }
}

void PutDeltas(uint32_t field, const std::vector<int64_t>& deltas, std::string* out) {
  if (deltas.empty()) return;
  std::string part;
  for (const int64_t delta : deltas) base::PutVarint(base::ZigZag(delta), &part);
  PutBytes(field, part, out);
}

void PutDoubles(uint32_t field, const std::vector<double>& values, std::string* out) {
  if (values.empty()) return;
  std::string part;
  for (const double value : values) AppendDouble(value, &part);
  PutBytes(field, part, out);
}

void PutSample(int64_t time_ms, double value, std::string* out) {
  PutDouble(1, value, out);
  PutNumber(2, static_cast<uint64_t>(time_ms), out);
}

}  // namespace

std::string EncodeHistogram(const HistogramFields& fields) {
  std::string out;
  if (fields.is_float) {
    PutDouble(2, fields.count_float, &out);
  } else {
    PutNumber(1, fields.count_int, &out);
  }
  PutDouble(3, fields.sum, &out);
  PutNumber(4, static_cast<uint32_t>(base::ZigZag(fields.schema)), &out);
  PutDouble(5, fields.zero_threshold, &out);
  if (fields.is_float) {
    PutDouble(7, fields.zero_count_float, &out);
  } else {
    PutNumber(6, fields.zero_count_int, &out);
  }
  PutSpans(8, fields.negative_spans, &out);
  PutDeltas(9, fields.negative_deltas, &out);
  PutDoubles(10, fields.negative_counts, &out);
  PutSpans(11, fields.positive_spans, &out);
  PutDeltas(12, fields.positive_deltas, &out);
  PutDoubles(13, fields.positive_counts, &out);
  PutNumber(14, fields.reset_hint, &out);
  PutNumber(15, static_cast<uint64_t>(fields.time_ms), &out);
  PutDoubles(16, fields.custom_bounds, &out);
  if (fields.start_ms != 0) PutNumber(17, static_cast<uint64_t>(fields.start_ms), &out);
  return out;
}

RequestEncoder::RequestEncoder(WriteVersion version) : version_(version) { Clear(); }

void RequestEncoder::Clear() {
  in_series_ = false;
  series_.clear();
  body_.clear();
  symbols_.clear();
  encoded_symbols_.clear();
  if (version_ == WriteVersion::kV2) SymbolOf({});
}

uint32_t RequestEncoder::SymbolOf(std::string_view text) {
  const auto [at, is_new] =
      symbols_.try_emplace(std::string(text), static_cast<uint32_t>(symbols_.size()));
  if (is_new) PutBytes(4, text, &encoded_symbols_);
  return at->second;
}

void RequestEncoder::AppendReferences(std::string_view label_bytes, std::string* out) {
  std::string references;
  LabelBytesReader reader(label_bytes);
  for (Label label; reader.Next(&label);) {
    base::PutVarint(SymbolOf(label.name), &references);
    base::PutVarint(SymbolOf(label.value), &references);
  }
  PutBytes(1, references, out);
}

void RequestEncoder::BeginSeries(std::string_view label_bytes) {
  EndSeries();
  in_series_ = true;
  if (version_ == WriteVersion::kV1) {
    series_.append(label_bytes);
  } else {
    AppendReferences(label_bytes, &series_);
  }
}

void RequestEncoder::AddSample(int64_t time_ms, double value, int64_t start_ms) {
  part_.clear();
  PutSample(time_ms, value, &part_);
  if (version_ == WriteVersion::kV2 && start_ms != 0) {
    PutNumber(3, static_cast<uint64_t>(start_ms), &part_);
  }
  PutBytes(2, part_, &series_);
}

void RequestEncoder::AddHistogram(std::string_view message) {
  PutBytes(version_ == WriteVersion::kV1 ? 4 : 3, message, &series_);
}

void RequestEncoder::AddExemplar(std::string_view label_bytes, double value, int64_t time_ms) {
  part_.clear();
  if (version_ == WriteVersion::kV1) {
    part_.append(label_bytes);
  } else {
    AppendReferences(label_bytes, &part_);
  }
  PutDouble(2, value, &part_);
  PutNumber(3, static_cast<uint64_t>(time_ms), &part_);
  PutBytes(version_ == WriteVersion::kV1 ? 3 : 4, part_, &series_);
}

void RequestEncoder::AddMetadata(const DecodedMetadata& metadata) {
  part_.clear();
  PutNumber(1, static_cast<uint64_t>(metadata.type), &part_);
  if (version_ == WriteVersion::kV1) {
    PutBytes(2, metadata.metric, &part_);
    PutBytes(4, metadata.help, &part_);
    PutBytes(5, metadata.unit, &part_);
    PutBytes(3, part_, &body_);
  } else {
    PutNumber(3, SymbolOf(metadata.help), &part_);
    PutNumber(4, SymbolOf(metadata.unit), &part_);
    PutBytes(5, part_, &series_);
  }
}

void RequestEncoder::EndSeries() {
  if (!in_series_) return;
  PutBytes(version_ == WriteVersion::kV1 ? 1 : 5, series_, &body_);
  series_.clear();
  in_series_ = false;
}

std::string_view RequestEncoder::Finish() {
  EndSeries();
  if (version_ == WriteVersion::kV1) return body_;
  message_.assign(encoded_symbols_);
  message_.append(body_);
  return message_;
}

}  // namespace larnax::wire
