#include <cstring>
#include <string>

#include "base/varint.h"
#include "larnax/error.h"
#include "larnax/labels.h"
#include "wire/remote_write/decoder.h"
#include "wire/remote_write/parts.h"

// Request{symbols=4, timeseries=5}
// TimeSeries{labels_refs=1, samples=2, histograms=3, exemplars=4, metadata=5}
// Sample{value=1, timestamp=2, start_timestamp=3}  Exemplar{labels_refs=1, value=2, timestamp=3}
// Metadata{type=1, help_ref=3, unit_ref=4}

namespace larnax::wire {

namespace {

using enum WireType;

size_t VarintSize(size_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

class DecoderV2 : public PartsDecoder {
 public:
  using PartsDecoder::PartsDecoder;

  // Symbols may legally stand after the series that use them, hence two walks.
  bool ReadSymbols(MessageReader reader) {
    while (!reader.AtEnd()) {
      uint32_t key = 0;
      if (!reader.Key(&key)) return Fail(reader.at(), "request");
      if (key == FieldKey(4, kBytes)) {
        std::string_view text;
        if (!reader.Bytes(&text)) return Fail(reader.at(), "symbols");
        if (!AddSymbol(text)) return false;
      } else if (key >> 3 == 4 || (key >> 3 == 5 && key != FieldKey(5, kBytes)) ||
                 !reader.Skip(key)) {
        return Fail(reader.at(), "request");
      }
    }
    const auto& symbols = request()->symbols;
    if (!symbols.empty() && !symbols[0].text.empty()) {
      return Fail(MakeError(ErrorKind::kBadSample, "the first symbol is not empty: size_bytes=" +
                                                       std::to_string(symbols[0].text.size())));
    }
    // Copies read past the last symbol, where the first labels must not be written meanwhile.
    return AllocateLabels(Arena::kPadding) != nullptr;
  }

  bool ReadAllSeries(MessageReader reader) {
    while (!reader.AtEnd()) {
      uint32_t key = 0;
      std::string_view part;
      if (!reader.Key(&key)) return Fail(reader.at(), "request");
      if (key != FieldKey(5, kBytes)) {
        if (!reader.Skip(key)) return Fail(reader.at(), "request");
        continue;
      }
      if (!reader.Bytes(&part)) return Fail(reader.at(), "request");
      if (!ReadSeries(MessageReader(part))) return false;
    }
    return true;
  }

 private:
  bool AddSymbol(std::string_view text) {
    if (!CountEntry()) return false;
    const size_t encoded_size = VarintSize(text.size()) + text.size();
    char* const encoded = AllocateLabels(encoded_size);
    if (encoded == nullptr) return false;
    auto* const at = base::PutVarint(text.size(), reinterpret_cast<uint8_t*>(encoded));
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    request()->symbols.push_back({text, encoded, static_cast<uint32_t>(encoded_size)});
    return true;
  }

  bool ReadSeries(MessageReader reader) {
    if (!CountEntry()) return false;
    BeginSeries();
    auto& references = request()->references;
    references.clear();
    DecodedMetadata metadata;
    bool has_metadata = false;
    while (!reader.AtEnd()) {
      uint32_t key = 0;
      if (!reader.Key(&key)) return Fail(reader.at(), "series");
      bool read = false;
      switch (key) {
        case FieldKey(1, kBytes):
        case FieldKey(1, kVarint):
          read = ReadReferences(key, &reader);
          break;
        case FieldKey(2, kBytes):
          read = ReadSample(&reader);
          break;
        case FieldKey(3, kBytes):
          read = ReadHistogram(&reader);
          break;
        case FieldKey(4, kBytes):
          read = ReadExemplar(&reader);
          break;
        case FieldKey(5, kBytes):
          has_metadata = true;
          read = ReadMetadata(&reader, &metadata);
          break;
        default:
          read = (key >> 3 > 5 && reader.Skip(key)) || Fail(reader.at(), "series");
      }
      if (!read) return false;
    }
    return FinishSeries(has_metadata, &metadata);
  }

  bool FinishSeries(bool has_metadata, DecodedMetadata* metadata) {
    std::string_view labels;
    if (!BuildLabels(request()->references, &labels)) return false;
    EndSeries(labels);
    const DecodedSeries& series = request()->series.back();
    // The protocol's text wants samples, but Prometheus sends exemplars in entries of their own.
    if (series.sample_count == 0 && series.histogram_count == 0 && series.exemplar_count == 0) {
      request()->Reject(RejectReason::kNoSamples, request()->series.size() - 1);
    }
    return !has_metadata || FinishMetadata(metadata);
  }

  bool ReadReferences(uint32_t key, MessageReader* reader) {
    auto& references = request()->references;
    uint64_t number = 0;
    if (key == FieldKey(1, kVarint)) {
      if (!reader->Varint(&number)) return Fail(reader->at(), "references");
      references.push_back(static_cast<uint32_t>(number));
      return true;
    }
    std::string_view bytes;
    if (!reader->Bytes(&bytes)) return Fail(reader->at(), "references");
    const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
    const auto* const end = at + bytes.size();
    while (at != end) {
      number = *at;
      if (number < 0x80) {
        ++at;
      } else if (end - at >= 2 && at[1] < 0x80) {
        number = (number & 0x7F) | static_cast<uint64_t>(at[1]) << 7;
        at += 2;
      } else {
        const uint8_t* const next = base::GetVarint(at, end, &number);
        if (next == nullptr) return Fail(at, "references");
        at = next;
      }
      // A reference that does not fit 32 bits is past any symbols.
      references.push_back(number > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(number));
    }
    return true;
  }

  bool FailReference(uint32_t reference) {
    return Fail(MakeError(ErrorKind::kBadSample,
                          "symbol reference out of range: reference=" + std::to_string(reference) +
                              " symbols=" + std::to_string(request()->symbols.size())));
  }

  // Writes pairs of symbols as label bytes into the arena.
  bool BuildLabels(std::span<const uint32_t> references, std::string_view* labels) {
    if (references.size() % 2 != 0) {
      return Fail(MakeError(ErrorKind::kBadSample, "odd number of label references: count=" +
                                                       std::to_string(references.size())));
    }
    const std::span<const WriteRequest::Symbol> symbols = request()->symbols;
    size_t size = 0;
    for (size_t i = 0; i < references.size(); i += 2) {
      if (references[i] >= symbols.size()) return FailReference(references[i]);
      if (references[i + 1] >= symbols.size()) return FailReference(references[i + 1]);
      const size_t body =
          2 + symbols[references[i]].encoded_size + symbols[references[i + 1]].encoded_size;
      size += 1 + VarintSize(body) + body;
    }
    char* const start = AllocateLabels(size);
    if (start == nullptr) return false;
    char* at = start;
    for (size_t i = 0; i < references.size(); i += 2) {
      const WriteRequest::Symbol& name = symbols[references[i]];
      const WriteRequest::Symbol& value = symbols[references[i + 1]];
      *at++ = 0x0A;
      at = reinterpret_cast<char*>(base::PutVarint(
          2 + uint64_t{name.encoded_size} + value.encoded_size, reinterpret_cast<uint8_t*>(at)));
      *at++ = 0x0A;
      at = Copy(name, at);
      *at++ = 0x12;
      at = Copy(value, at);
    }
    *labels = {start, size};
    return true;
  }

  // Both the symbol and the place it goes to have Arena::kPadding bytes to spare.
  static char* Copy(const WriteRequest::Symbol& symbol, char* at) {
    if (symbol.encoded_size <= Arena::kPadding) [[likely]] {
      std::memcpy(at, symbol.encoded, Arena::kPadding);
    } else {
      std::memcpy(at, symbol.encoded, symbol.encoded_size);
    }
    return at + symbol.encoded_size;
  }

  bool ReadExemplar(MessageReader* reader) {
    std::string_view bytes;
    if (!reader->Bytes(&bytes)) return Fail(reader->at(), "exemplar");
    if (!CountEntry()) return false;
    MessageReader part(bytes);
    DecodedExemplar exemplar;
    // The series' own references stand before these, and stay.
    auto& references = request()->references;
    const size_t first = references.size();
    while (!part.AtEnd()) {
      uint32_t key = 0;
      if (!part.Key(&key)) return Fail(part.at(), "exemplar");
      if (key == FieldKey(1, kBytes) || key == FieldKey(1, kVarint)) {
        if (!ReadReferences(key, &part)) return false;
      } else if (!ReadExemplarField(key, &part, &exemplar)) {
        return Fail(part.at(), "exemplar");
      }
    }
    const std::span<const uint32_t> own(references.begin() + static_cast<ptrdiff_t>(first),
                                        references.end());
    if (!BuildLabels(own, &exemplar.labels)) return false;
    references.resize(first);
    request()->exemplars.push_back(exemplar);
    return true;
  }

  bool ReadMetadata(MessageReader* reader, DecodedMetadata* metadata) {
    std::string_view bytes;
    if (!reader->Bytes(&bytes)) return Fail(reader->at(), "metadata");
    MessageReader part(bytes);
    while (!part.AtEnd()) {
      uint32_t key = 0;
      uint64_t number = 0;
      if (!part.Key(&key)) return Fail(part.at(), "metadata");
      const uint32_t field = key >> 3;
      if (field != 1 && field != 3 && field != 4) {
        if (!part.Skip(key)) return Fail(part.at(), "metadata");
        continue;
      }
      if (key != FieldKey(field, kVarint) || !part.Varint(&number)) {
        return Fail(part.at(), "metadata");
      }
      if (field == 1) {
        metadata->type = ToMetricType(number);
        continue;
      }
      if (number >= request()->symbols.size()) {
        // No symbols is what an empty metadata refers to in an otherwise empty request.
        if (number == 0) continue;
        return FailReference(number > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(number));
      }
      (field == 3 ? metadata->help : metadata->unit) = request()->symbols[number].text;
    }
    return true;
  }

  // Metadata belongs to the metric of the series; it comes with each of its series.
  bool FinishMetadata(DecodedMetadata* metadata) {
    const bool says_nothing =
        metadata->type == MetricType::kUnknown && metadata->help.empty() && metadata->unit.empty();
    if (says_nothing) return true;
    const auto& symbols = request()->symbols;
    const auto& references = request()->references;
    for (size_t i = 0; i + 1 < references.size(); i += 2) {
      if (symbols[references[i]].text == kMetricLabel) {
        metadata->metric = symbols[references[i + 1]].text;
        break;
      }
    }
    const auto& known = request()->metadata;
    const bool repeated = !known.empty() && known.back().metric == metadata->metric &&
                          known.back().type == metadata->type &&
                          known.back().help == metadata->help &&
                          known.back().unit == metadata->unit;
    return metadata->metric.empty() || repeated || AddMetadata(*metadata);
  }
};

}  // namespace

arrow::Status DecodeV2(std::span<const uint8_t> message, WriteRequest* request) {
  request->Clear();
  if (message.size() >= kMaxMessageBytes) {
    return MakeError(ErrorKind::kTooLarge,
                     "message too large: size_bytes=" + std::to_string(message.size()));
  }
  DecoderV2 decoder(message, request);
  const MessageReader reader(message.data(), message.data() + message.size());
  const bool read = decoder.ReadSymbols(reader) && decoder.ReadAllSeries(reader);
  return read ? arrow::Status::OK() : decoder.status();
}

}  // namespace larnax::wire
