#include <cstring>
#include <string>

#include "larnax/error.h"
#include "wire/label_bytes.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/parts.h"

// WriteRequest{timeseries=1, metadata=3}
// TimeSeries{labels=1, samples=2, exemplars=3, histograms=4}  Label{name=1, value=2}
// Sample{value=1, timestamp=2}  Exemplar{labels=1, value=2, timestamp=3}
// MetricMetadata{type=1, metric_family_name=2, help=4, unit=5}

namespace larnax::wire {

namespace {

using enum WireType;

// Give the end of the labels at `at` that are written as every sender does: one after the other,
// name before value, shortest sizes. They are then label bytes as they stand.
const uint8_t* SkipPlainLabels(const uint8_t* at, const uint8_t* end) {
  while (end - at >= 6 && at[0] == 0x0A) {
    const size_t size = at[1];
    if (size < 0x80) [[likely]] {
      if (size < 4 || size > static_cast<size_t>(end - at) - 2 || at[2] != 0x0A) return at;
      const size_t name_size = at[3];
      if (name_size > size - 4 || at[4 + name_size] != 0x12) return at;
      const size_t value_size = at[5 + name_size];
      if (4 + name_size + value_size != size) return at;
      at += 2 + size;
    } else {
      LabelBytesReader reader({reinterpret_cast<const char*>(at), static_cast<size_t>(end - at)});
      Label label;
      if (!reader.Next(&label)) return at;
      at = reinterpret_cast<const uint8_t*>(reader.at());
    }
  }
  return at;
}

std::string_view Between(const uint8_t* begin, const uint8_t* end) {
  return {reinterpret_cast<const char*>(begin), static_cast<size_t>(end - begin)};
}

class DecoderV1 : public PartsDecoder {
 public:
  using PartsDecoder::PartsDecoder;

  bool ReadRequest(MessageReader* reader) {
    while (!reader->AtEnd()) {
      uint32_t key = 0;
      if (!reader->Key(&key)) return Fail(reader->at(), "request");
      std::string_view part;
      switch (key) {
        case FieldKey(1, kBytes):
          if (!reader->Bytes(&part)) return Fail(reader->at(), "request");
          if (!part.empty() && !ReadSeries(MessageReader(part))) return false;
          break;
        case FieldKey(3, kBytes):
          if (!reader->Bytes(&part)) return Fail(reader->at(), "request");
          if (!ReadMetadata(MessageReader(part))) return false;
          break;
        default:
          if (key >> 3 == 1 || key >> 3 == 3 || !reader->Skip(key)) {
            return Fail(reader->at(), "request");
          }
      }
    }
    return true;
  }

 private:
  bool ReadSeries(MessageReader reader) {
    if (!CountEntry()) return false;
    const uint8_t* const begin = reader.at();
    reader.MoveTo(SkipPlainLabels(begin, reader.end()));
    std::string_view labels = Between(begin, reader.at());
    bool odd = false;
    BeginSeries();
    while (!reader.AtEnd()) {
      if (*reader.at() == FieldKey(2, kBytes)) [[likely]] {
        reader.MoveTo(reader.at() + 1);
        if (!ReadSample(&reader)) return false;
      } else if (!ReadOtherSeriesField(&reader, &odd)) {
        return false;
      }
    }
    if (odd && !CollectLabels(begin, reader.end(), &labels)) return false;
    EndSeries(labels);
    return true;
  }

  // `odd` is set when a label stands where SkipPlainLabels did not take it.
  bool ReadOtherSeriesField(MessageReader* reader, bool* odd) {
    uint32_t key = 0;
    if (!reader->Key(&key)) return Fail(reader->at(), "series");
    switch (key) {
      case FieldKey(1, kBytes):
        *odd = true;
        if (!reader->Skip(key)) return Fail(reader->at(), "series");
        return true;
      case FieldKey(2, kBytes):
        return ReadSample(reader);
      case FieldKey(3, kBytes):
        return ReadExemplar(reader);
      case FieldKey(4, kBytes):
        return ReadHistogram(reader);
      default:
        if (key >> 3 <= 4 || !reader->Skip(key)) return Fail(reader->at(), "series");
        return true;
    }
  }

  // Rewrites all labels (field 1) of a message as label bytes. A message that has them as such
  // already comes here only in odd encodings, so speed does not matter.
  bool CollectLabels(const uint8_t* begin, const uint8_t* end, std::string_view* labels) {
    MessageReader reader(begin, end);
    std::string bytes;
    while (!reader.AtEnd()) {
      uint32_t key = 0;
      std::string_view part;
      if (!reader.Key(&key)) return Fail(reader.at(), "labels");
      if (key != FieldKey(1, kBytes)) {
        if (!reader.Skip(key)) return Fail(reader.at(), "labels");
        continue;
      }
      if (!reader.Bytes(&part)) return Fail(reader.at(), "labels");
      if (!AppendOddLabel(MessageReader(part), &bytes)) return false;
    }
    char* const at = AllocateLabels(bytes.size());
    if (at == nullptr) return false;
    std::memcpy(at, bytes.data(), bytes.size());
    *labels = {at, bytes.size()};
    return true;
  }

  bool AppendOddLabel(MessageReader reader, std::string* bytes) {
    std::string_view name;
    std::string_view value;
    while (!reader.AtEnd()) {
      uint32_t key = 0;
      if (!reader.Key(&key)) return Fail(reader.at(), "label");
      bool read = false;
      if (key == FieldKey(1, kBytes)) {
        read = reader.Bytes(&name);
      } else if (key == FieldKey(2, kBytes)) {
        read = reader.Bytes(&value);
      } else {
        read = key >> 3 > 2 && reader.Skip(key);
      }
      if (!read) return Fail(reader.at(), "label");
    }
    AppendLabel(name, value, bytes);
    return true;
  }

  bool ReadExemplar(MessageReader* reader) {
    std::string_view bytes;
    if (!reader->Bytes(&bytes)) return Fail(reader->at(), "exemplar");
    if (!CountEntry()) return false;
    MessageReader part(bytes);
    const uint8_t* const begin = part.at();
    part.MoveTo(SkipPlainLabels(begin, part.end()));
    DecodedExemplar exemplar;
    exemplar.labels = Between(begin, part.at());
    bool odd = false;
    while (!part.AtEnd()) {
      uint32_t key = 0;
      if (!part.Key(&key)) return Fail(part.at(), "exemplar");
      const bool is_label = key == FieldKey(1, kBytes);
      odd = odd || is_label;
      const bool read = is_label ? part.Skip(key) : ReadExemplarField(key, &part, &exemplar);
      if (!read) return Fail(part.at(), "exemplar");
    }
    if (odd && !CollectLabels(begin, part.end(), &exemplar.labels)) return false;
    request()->exemplars.push_back(exemplar);
    return true;
  }

  bool ReadMetadata(MessageReader reader) {
    DecodedMetadata metadata;
    while (!reader.AtEnd()) {
      uint32_t key = 0;
      if (!reader.Key(&key)) return Fail(reader.at(), "metadata");
      bool read = false;
      uint64_t type = 0;
      switch (key) {
        case FieldKey(1, kVarint):
          read = reader.Varint(&type);
          metadata.type = ToMetricType(type);
          break;
        case FieldKey(2, kBytes):
          read = reader.Bytes(&metadata.metric);
          break;
        case FieldKey(4, kBytes):
          read = reader.Bytes(&metadata.help);
          break;
        case FieldKey(5, kBytes):
          read = reader.Bytes(&metadata.unit);
          break;
        default:
          read = (key >> 3 == 3 || key >> 3 > 5) && reader.Skip(key);
      }
      if (!read) return Fail(reader.at(), "metadata");
    }
    return AddMetadata(metadata);
  }
};

}  // namespace

arrow::Status DecodeV1(std::span<const uint8_t> message, WriteRequest* request) {
  request->Clear();
  if (message.size() >= kMaxMessageBytes) {
    return MakeError(ErrorKind::kTooLarge,
                     "message too large: size_bytes=" + std::to_string(message.size()));
  }
  DecoderV1 decoder(message, request);
  MessageReader reader(message.data(), message.data() + message.size());
  return decoder.ReadRequest(&reader) ? arrow::Status::OK() : decoder.status();
}

}  // namespace larnax::wire
