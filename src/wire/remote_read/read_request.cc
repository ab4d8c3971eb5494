// ReadRequest     1 queries, 2 accepted_response_types (packed or not)
// Query           1 start_timestamp_ms, 2 end_timestamp_ms, 3 matchers, 4 hints
// LabelMatcher    1 type, 2 name, 3 value
// ReadHints       2 func, 3 start_ms, 4 end_ms; step, grouping and range are not looked at
#include "wire/remote_read/read_request.h"

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "larnax/error.h"
#include "wire/remote_write/message_reader.h"

namespace larnax::wire {

namespace {

using enum WireType;

struct Hints {
  std::string_view function;
  std::optional<TimeRange> range;
};

class Decoder {
 public:
  explicit Decoder(std::span<const uint8_t> message) : begin_(message.data()), message_(message) {}

  arrow::Result<ReadRequest> Decode() {
    MessageReader reader(message_.data(), message_.data() + message_.size());
    uint32_t key = 0;
    while (!reader.AtEnd()) {
      if (!reader.Key(&key)) return Broken(reader);
      std::string_view bytes;
      uint64_t number = 0;
      switch (key) {
        case FieldKey(1, kBytes):
          if (!reader.Bytes(&bytes)) return Broken(reader);
          ARROW_RETURN_NOT_OK(DecodeQuery(bytes));
          break;
        case FieldKey(2, kVarint):
          if (!reader.Varint(&number)) return Broken(reader);
          Offer(number);
          break;
        case FieldKey(2, kBytes):
          if (!reader.Bytes(&bytes)) return Broken(reader);
          ARROW_RETURN_NOT_OK(DecodeAnswerTypes(bytes));
          break;
        default:
          if (!reader.Skip(key)) return Broken(reader);
      }
    }
    if (any_offered_ && !chosen_) {
      return MakeError(ErrorKind::kBadQuery,
                       "server does not support any of the requested response types");
    }
    request_.answer_type = chosen_.value_or(ReadAnswerType::kSamples);
    return std::move(request_);
  }

 private:
  arrow::Status Broken(const MessageReader& reader) const {
    return MakeError(ErrorKind::kBadQuery,
                     "broken read request: offset_bytes=" + std::to_string(reader.at() - begin_));
  }

  void Offer(uint64_t type) {
    any_offered_ = true;
    if (!chosen_ && type <= 1) chosen_ = static_cast<ReadAnswerType>(type);
  }

  arrow::Status DecodeAnswerTypes(std::string_view bytes) {
    MessageReader reader(bytes);
    uint64_t number = 0;
    while (!reader.AtEnd()) {
      if (!reader.Varint(&number)) return Broken(reader);
      Offer(number);
    }
    return arrow::Status::OK();
  }

  arrow::Status DecodeQuery(std::string_view bytes) {
    if (request_.queries.size() == kMaxReadQueries) {
      return MakeError(ErrorKind::kTooLarge,
                       "too many queries in one request: limit=" + std::to_string(kMaxReadQueries));
    }
    ReadQuery query;
    query.range = {0, 0};
    Hints hints;
    MessageReader reader(bytes);
    uint32_t key = 0;
    while (!reader.AtEnd()) {
      if (!reader.Key(&key)) return Broken(reader);
      std::string_view part;
      uint64_t number = 0;
      switch (key) {
        case FieldKey(1, kVarint):
          if (!reader.Varint(&number)) return Broken(reader);
          query.range.start_ms = static_cast<int64_t>(number);
          break;
        case FieldKey(2, kVarint):
          if (!reader.Varint(&number)) return Broken(reader);
          query.range.end_ms = static_cast<int64_t>(number);
          break;
        case FieldKey(3, kBytes):
          if (!reader.Bytes(&part)) return Broken(reader);
          ARROW_RETURN_NOT_OK(DecodeMatcher(part, &query.matchers));
          break;
        case FieldKey(4, kBytes):
          if (!reader.Bytes(&part)) return Broken(reader);
          ARROW_RETURN_NOT_OK(DecodeHints(part, &hints));
          break;
        default:
          if (!reader.Skip(key)) return Broken(reader);
      }
    }
    ApplyHints(hints, &query);
    request_.queries.push_back(std::move(query));
    return arrow::Status::OK();
  }

  arrow::Status DecodeMatcher(std::string_view bytes, std::vector<Matcher>* matchers) {
    if (++matcher_count_ > kMaxReadMatchers) {
      return MakeError(ErrorKind::kTooLarge, "too many matchers in one request: limit=" +
                                                 std::to_string(kMaxReadMatchers));
    }
    uint64_t type = 0;
    std::string_view name;
    std::string_view value;
    MessageReader reader(bytes);
    uint32_t key = 0;
    while (!reader.AtEnd()) {
      if (!reader.Key(&key)) return Broken(reader);
      const bool read = key == FieldKey(1, kVarint)  ? reader.Varint(&type)
                        : key == FieldKey(2, kBytes) ? reader.Bytes(&name)
                        : key == FieldKey(3, kBytes) ? reader.Bytes(&value)
                                                     : reader.Skip(key);
      if (!read) return Broken(reader);
    }
    constexpr MatchType kTypes[] = {MatchType::kEqual, MatchType::kNotEqual, MatchType::kRegex,
                                    MatchType::kNotRegex};
    if (type >= std::size(kTypes)) {
      return MakeError(ErrorKind::kBadQuery,
                       "unknown kind of matcher: type=" + std::to_string(type));
    }
    if (name.empty() || !base::IsValidUtf8(name) || !base::IsValidUtf8(value)) {
      return MakeError(ErrorKind::kBadQuery, "a matcher without a name, or not in UTF-8");
    }
    ARROW_ASSIGN_OR_RAISE(auto matcher,
                          Matcher::Make(kTypes[type], std::string(name), std::string(value)));
    matchers->push_back(std::move(matcher));
    return arrow::Status::OK();
  }

  arrow::Status DecodeHints(std::string_view bytes, Hints* hints) const {
    TimeRange range{0, 0};
    MessageReader reader(bytes);
    uint32_t key = 0;
    uint64_t number = 0;
    while (!reader.AtEnd()) {
      if (!reader.Key(&key)) return Broken(reader);
      switch (key) {
        case FieldKey(2, kBytes):
          if (!reader.Bytes(&hints->function)) return Broken(reader);
          break;
        case FieldKey(3, kVarint):
          if (!reader.Varint(&number)) return Broken(reader);
          range.start_ms = static_cast<int64_t>(number);
          break;
        case FieldKey(4, kVarint):
          if (!reader.Varint(&number)) return Broken(reader);
          range.end_ms = static_cast<int64_t>(number);
          break;
        default:
          if (!reader.Skip(key)) return Broken(reader);
      }
    }
    if (range.start_ms != 0 || range.end_ms != 0) hints->range = range;
    return arrow::Status::OK();
  }

  // What a query asks is for all selectors of an expression, the hint for the one at hand. A hint
  // outside of what is asked is a strange one.
  static void ApplyHints(const Hints& hints, ReadQuery* query) {
    query->labels_only = hints.function == "series";
    if (!hints.range || !hints.range->Overlaps(query->range)) return;
    query->range.start_ms = std::max(query->range.start_ms, hints.range->start_ms);
    query->range.end_ms = std::min(query->range.end_ms, hints.range->end_ms);
  }

  const uint8_t* begin_;
  std::span<const uint8_t> message_;
  ReadRequest request_;
  std::optional<ReadAnswerType> chosen_;
  bool any_offered_ = false;
  size_t matcher_count_ = 0;
};

}  // namespace

arrow::Result<ReadRequest> DecodeReadRequest(std::span<const uint8_t> message) {
  return Decoder(message).Decode();
}

}  // namespace larnax::wire
