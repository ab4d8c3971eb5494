// Layout, all integers varints, "delta" = zigzag of the difference to the one before (first: to 0):
//
//   definitions  { ref, size, label bytes } x definitions
//   samples      flags (1: start times follow)
//   delta(ref) x samples
//   delta(time_ms) x samples
//   delta(start_ms) x samples      only with flag 1
//   value x samples                8 bytes each, little-endian

#include "head/sample_record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/varint.h"
#include "larnax/error.h"

namespace larnax::head {
namespace {

static_assert(std::endian::native == std::endian::little,
              "values are logged as they lie in memory");

constexpr uint8_t kHasStarts = 1;

arrow::Status Malformed(const char* what) {
  return MakeError(ErrorKind::kCorrupt, std::string("malformed sample record: bad ") + what);
}

template <typename T>
uint8_t* PutDeltas(const std::vector<T>& column, uint8_t* at) {
  int64_t previous = 0;
  for (const T each : column) {
    const auto value = static_cast<int64_t>(each);
    // Unsigned subtraction wraps, and so does the addition that undoes it.
    at = base::PutVarint(base::ZigZag(static_cast<int64_t>(static_cast<uint64_t>(value) -
                                                           static_cast<uint64_t>(previous))),
                         at);
    previous = value;
  }
  return at;
}

template <typename T>
const uint8_t* GetDeltas(const uint8_t* at, const uint8_t* end, std::vector<T>* column) {
  uint64_t previous = 0;
  for (T& each : *column) {
    uint64_t raw = 0;
    at = base::GetVarint(at, end, &raw);
    if (at == nullptr) return nullptr;
    previous += static_cast<uint64_t>(base::UnZigZag(raw));
    each = static_cast<T>(previous);
  }
  return at;
}

}  // namespace

void SampleRecord::Clear() {
  definitions.clear();
  refs.clear();
  time_ms.clear();
  start_ms.clear();
  value.clear();
}

void EncodeSampleRecord(const SampleRecord& record, std::string* out) {
  size_t most = 32 + record.refs.size() * kMaxSampleBytes;
  for (const SeriesDefinition& definition : record.definitions) {
    most += kMaxDefinitionBytes + definition.labels.size();
  }
  if (out->size() < most) out->resize(most);
  auto* const begin = reinterpret_cast<uint8_t*>(out->data());
  uint8_t* at = base::PutVarint(record.definitions.size(), begin);
  for (const SeriesDefinition& definition : record.definitions) {
    at = base::PutVarint(definition.ref, at);
    at = base::PutVarint(definition.labels.size(), at);
    at = std::copy(definition.labels.begin(), definition.labels.end(), at);
  }
  at = base::PutVarint(record.refs.size(), at);
  *at++ = record.start_ms.empty() ? 0 : kHasStarts;
  at = PutDeltas(record.refs, at);
  at = PutDeltas(record.time_ms, at);
  if (!record.start_ms.empty()) at = PutDeltas(record.start_ms, at);
  const size_t value_bytes = record.value.size() * sizeof(double);
  if (value_bytes > 0) std::memcpy(at, record.value.data(), value_bytes);
  out->resize(static_cast<size_t>(at - begin) + value_bytes);
}

arrow::Status DecodeSampleRecord(std::span<const uint8_t> bytes, SampleRecord* out) {
  out->Clear();
  const uint8_t* at = bytes.data();
  const uint8_t* const end = at + bytes.size();
  const auto left = [&] { return static_cast<uint64_t>(end - at); };
  uint64_t definitions = 0;
  at = base::GetVarint(at, end, &definitions);
  if (at == nullptr || definitions > left()) return Malformed("number of definitions");
  for (uint64_t i = 0; i < definitions; ++i) {
    uint64_t ref = 0;
    uint64_t size = 0;
    at = base::GetVarint(at, end, &ref);
    if (at == nullptr || ref > UINT32_MAX) return Malformed("ref of a definition");
    at = base::GetVarint(at, end, &size);
    if (at == nullptr || size > left()) return Malformed("size of a definition");
    out->definitions.push_back({static_cast<uint32_t>(ref),
                                {reinterpret_cast<const char*>(at), static_cast<size_t>(size)}});
    at += size;
  }
  uint64_t samples = 0;
  at = base::GetVarint(at, end, &samples);
  // A sample takes at least ten bytes: a lying count cannot make memory.
  if (at == nullptr || samples > left() / 10 || left() == 0) return Malformed("number of samples");
  const uint8_t flags = *at++;
  if (flags > kHasStarts) return Malformed("flags");
  out->refs.resize(samples);
  out->time_ms.resize(samples);
  at = GetDeltas(at, end, &out->refs);
  if (at != nullptr) at = GetDeltas(at, end, &out->time_ms);
  if (at != nullptr && flags == kHasStarts) {
    out->start_ms.resize(samples);
    at = GetDeltas(at, end, &out->start_ms);
  }
  if (at == nullptr || left() != samples * sizeof(double)) return Malformed("columns");
  out->value.resize(samples);
  // A record may do nothing but define series.
  if (samples > 0) std::memcpy(out->value.data(), at, samples * sizeof(double));
  return arrow::Status::OK();
}

}  // namespace larnax::head
