// Layout, integers varints, "string" = size and bytes:
//
//   definitions { ref, string labels }
//   histograms  { ref, string message }
//   exemplars   { ref, string exemplar labels, zigzag(time_ms), value as 8 bytes }
//   metadata    { string metric, type, string help, string unit, zigzag(seen_ms) }
//
// The old kind has no definitions, the labels of the series instead of each ref, and no seen_ms.

#include "head/non_float_record.h"

#include <cstring>
#include <map>

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
  void Fail() { at_ = nullptr; }
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

arrow::Status Finish(const FieldReader& reader) {
  if (reader.ok() && reader.AtEnd()) return arrow::Status::OK();
  return MakeError(ErrorKind::kCorrupt, "malformed record of histograms, exemplars and metadata");
}

// Reads a list; `read` reads one element.
template <typename Read>
void ReadList(FieldReader* reader, Read read) {
  // A lying count ends with the bytes.
  for (uint64_t left = reader->Varint(); left > 0 && reader->ok(); --left) read();
}

// The ref of a record; one that is none ends the reading.
uint32_t ReadRef(FieldReader* reader) {
  const uint64_t ref = reader->Varint();
  if (ref > UINT32_MAX) reader->Fail();
  return static_cast<uint32_t>(ref);
}

// Everything but definitions; `read_series` reads what names a series.
template <typename ReadSeries>
void ReadParts(FieldReader* reader, bool has_times, ReadSeries read_series, NonFloatRecord* out) {
  ReadList(reader, [&] {
    const uint32_t ref = read_series();
    out->histograms.push_back({ref, reader->String()});
  });
  ReadList(reader, [&] {
    LoggedExemplar exemplar;
    exemplar.ref = read_series();
    exemplar.labels = reader->String();
    exemplar.time_ms = base::UnZigZag(reader->Varint());
    exemplar.value = reader->Double();
    out->exemplars.push_back(exemplar);
  });
  ReadList(reader, [&] {
    LoggedMetadata metadata;
    metadata.metric = reader->String();
    metadata.type = static_cast<uint8_t>(reader->Varint());
    metadata.help = reader->String();
    metadata.unit = reader->String();
    if (has_times) metadata.seen_ms = base::UnZigZag(reader->Varint());
    out->metadata.push_back(metadata);
  });
}

}  // namespace

void NonFloatRecord::Clear() {
  definitions.clear();
  histograms.clear();
  exemplars.clear();
  metadata.clear();
}

void EncodeNonFloatRecord(const NonFloatRecord& record, std::string* out) {
  out->clear();
  base::PutVarint(record.definitions.size(), out);
  for (const SeriesDefinition& definition : record.definitions) {
    base::PutVarint(definition.ref, out);
    PutString(definition.labels, out);
  }
  base::PutVarint(record.histograms.size(), out);
  for (const LoggedHistogram& histogram : record.histograms) {
    base::PutVarint(histogram.ref, out);
    PutString(histogram.message, out);
  }
  base::PutVarint(record.exemplars.size(), out);
  for (const LoggedExemplar& exemplar : record.exemplars) {
    base::PutVarint(exemplar.ref, out);
    PutString(exemplar.labels, out);
    base::PutVarint(base::ZigZag(exemplar.time_ms), out);
    out->append(reinterpret_cast<const char*>(&exemplar.value), sizeof(exemplar.value));
  }
  base::PutVarint(record.metadata.size(), out);
  for (const LoggedMetadata& metadata : record.metadata) {
    PutString(metadata.metric, out);
    base::PutVarint(metadata.type, out);
    PutString(metadata.help, out);
    PutString(metadata.unit, out);
    base::PutVarint(base::ZigZag(metadata.seen_ms), out);
  }
}

arrow::Status DecodeNonFloatRecord(std::span<const uint8_t> bytes, NonFloatRecord* out) {
  out->Clear();
  FieldReader reader(bytes);
  ReadList(&reader, [&] {
    const uint32_t ref = ReadRef(&reader);
    out->definitions.push_back({ref, reader.String()});
  });
  ReadParts(&reader, /*has_times=*/true, [&] { return ReadRef(&reader); }, out);
  return Finish(reader);
}

arrow::Status DecodeOldNonFloatRecord(std::span<const uint8_t> bytes, NonFloatRecord* out) {
  out->Clear();
  FieldReader reader(bytes);
  std::map<std::string_view, uint32_t> refs;
  const auto read_series = [&] {
    const auto next = static_cast<uint32_t>(refs.size());
    const auto [at, is_new] = refs.try_emplace(reader.String(), next);
    if (is_new) out->definitions.push_back({next, at->first});
    return at->second;
  };
  ReadParts(&reader, /*has_times=*/false, read_series, out);
  return Finish(reader);
}

}  // namespace larnax::head
