// Layout, integers varints, "string" = size and bytes:
//
//   histograms  { string labels, string message }
//   exemplars   { string labels, string exemplar labels, zigzag(time_ms), value as 8 bytes }
//   metadata    { string metric, type, string help, string unit }

#include "head/typed_record.h"

#include <cstring>

#include "base/varint.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

void PutString(std::string_view text, std::string* out) {
  base::PutVarint(text.size(), out);
  out->append(text);
}

// Reads fields one after the other; after the first bad one every read gives zero.
class FieldReader {
 public:
  explicit FieldReader(std::span<const uint8_t> bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  uint64_t Varint() {
    uint64_t value = 0;
    if (at_ != nullptr) at_ = base::GetVarint(at_, end_, &value);
    return at_ == nullptr ? 0 : value;
  }
  std::string_view String() {
    const uint64_t size = Varint();
    const uint8_t* const bytes = Take(size);
    return bytes == nullptr ? std::string_view()
                            : std::string_view(reinterpret_cast<const char*>(bytes), size);
  }
  double Double() {
    double value = 0;
    const uint8_t* const bytes = Take(sizeof(value));
    if (bytes != nullptr) std::memcpy(&value, bytes, sizeof(value));
    return value;
  }
  bool ok() const { return at_ != nullptr; }
  bool AtEnd() const { return at_ == end_; }

 private:
  const uint8_t* Take(uint64_t size) {
    if (at_ == nullptr || size > static_cast<uint64_t>(end_ - at_)) {
      at_ = nullptr;
      return nullptr;
    }
    const uint8_t* const bytes = at_;
    at_ += size;
    return bytes;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

}  // namespace

void EncodeTypedRecord(const TypedRecord& record, std::string* out) {
  out->clear();
  base::PutVarint(record.histograms.size(), out);
  for (const TypedHistogram& histogram : record.histograms) {
    PutString(histogram.labels, out);
    PutString(histogram.message, out);
  }
  base::PutVarint(record.exemplars.size(), out);
  for (const TypedExemplar& exemplar : record.exemplars) {
    PutString(exemplar.labels, out);
    PutString(exemplar.exemplar_labels, out);
    base::PutVarint(base::ZigZag(exemplar.time_ms), out);
    out->append(reinterpret_cast<const char*>(&exemplar.value), sizeof(exemplar.value));
  }
  base::PutVarint(record.metadata.size(), out);
  for (const TypedMetadata& metadata : record.metadata) {
    PutString(metadata.metric, out);
    base::PutVarint(metadata.type, out);
    PutString(metadata.help, out);
    PutString(metadata.unit, out);
  }
}

arrow::Status DecodeTypedRecord(std::span<const uint8_t> bytes, TypedRecord* out) {
  *out = {};
  FieldReader reader(bytes);
  for (uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    const std::string_view labels = reader.String();
    out->histograms.push_back({labels, reader.String()});
  }
  for (uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    TypedExemplar exemplar;
    exemplar.labels = reader.String();
    exemplar.exemplar_labels = reader.String();
    exemplar.time_ms = base::UnZigZag(reader.Varint());
    exemplar.value = reader.Double();
    out->exemplars.push_back(exemplar);
  }
  for (uint64_t left = reader.Varint(); left > 0 && reader.ok(); --left) {
    TypedMetadata metadata;
    metadata.metric = reader.String();
    metadata.type = static_cast<uint8_t>(reader.Varint());
    metadata.help = reader.String();
    metadata.unit = reader.String();
    out->metadata.push_back(metadata);
  }
  if (!reader.ok() || !reader.AtEnd()) {
    return MakeError(ErrorKind::kCorrupt, "malformed typed record");
  }
  return arrow::Status::OK();
}

}  // namespace larnax::head
