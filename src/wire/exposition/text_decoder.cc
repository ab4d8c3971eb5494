#include "wire/exposition/text_decoder.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "larnax/error.h"
#include "larnax/labels.h"

namespace larnax::wire {

namespace {

constexpr uint64_t kOrdinaryNan = 0x7ff8000000000001;

bool IsBlank(char c) { return c == ' ' || c == '\t'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}
bool IsNameRest(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }

size_t VarintSize(size_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// Reads Go's floats as Prometheus does: no underscores, no hexadecimal digits.
bool ParseNumber(std::string_view word, double* value) {
  if (!word.empty() && word[0] == '+') {
    word.remove_prefix(1);
    if (!word.empty() && (word[0] == '-' || word[0] == '+')) return false;
  }
  // std::from_chars also takes nan(...).
  if (word.find('(') != std::string_view::npos) return false;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *value);
  if (word.empty() || end != word.data() + word.size()) return false;
  if (error == std::errc::result_out_of_range) {
    // Too small becomes the nearest number, too large is refused.
    *value = std::strtod(std::string(word).c_str(), nullptr);
    return std::isfinite(*value);
  }
  if (error != std::errc()) return false;
  if (std::isnan(*value)) *value = std::bit_cast<double>(kOrdinaryNan);
  return true;
}

MetricType ParseType(std::string_view word, bool* known) {
  *known = true;
  if (word == "untyped") return MetricType::kUnknown;
  for (int i = 0; i <= static_cast<int>(MetricType::kStateset); ++i) {
    if (word == MetricTypeName(static_cast<MetricType>(i))) return static_cast<MetricType>(i);
  }
  *known = false;
  return MetricType::kUnknown;
}

class TextDecoder {
 public:
  TextDecoder(std::string_view text, ExpositionFormat format, int64_t default_time_ms,
              WriteRequest* request)
      : text_(text),
        open_metrics_(format == ExpositionFormat::kOpenMetrics),
        default_time_ms_(default_time_ms),
        request_(request) {}

  bool ReadAll() {
    size_t start = 0;
    while (start < text_.size() && !ended_) {
      const size_t newline = std::min(text_.find('\n', start), text_.size());
      ++line_number_;
      at_ = text_.data() + start;
      end_ = text_.data() + newline;
      if (!ReadLine()) return false;
      start = newline + 1;
    }
    if (!FlushMetadata()) return false;
    if (ended_ && start < text_.size()) return Fail("text after # EOF");
    if (open_metrics_ && !ended_) return Fail("no # EOF at the end");
    return true;
  }

  const arrow::Status& status() const { return status_; }

 private:
  bool Fail(const char* what) {
    status_ = MakeError(ErrorKind::kBadSample, std::string("cannot parse exposition: ") + what +
                                                   " line=" + std::to_string(line_number_));
    return false;
  }

  bool CountEntry() {
    if (++entries_ <= request_->max_entries) return true;
    status_ = MakeError(ErrorKind::kTooLarge, "too many series, exemplars and metadata: limit=" +
                                                  std::to_string(request_->max_entries));
    return false;
  }

  char* Allocate(size_t size) {
    if (size <= request_->max_arena_bytes - request_->arena.used()) {
      return request_->arena.Allocate(size);
    }
    status_ = MakeError(ErrorKind::kTooLarge,
                        "label bytes of one scrape are over the limit: "
                        "limit_bytes=" +
                            std::to_string(request_->max_arena_bytes));
    return nullptr;
  }

  void SkipBlanks() {
    while (at_ != end_ && IsBlank(*at_)) ++at_;
  }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  std::string_view Word() {
    const char* const start = at_;
    while (at_ != end_ && !IsBlank(*at_)) ++at_;
    return {start, static_cast<size_t>(at_ - start)};
  }

  bool ReadLine() {
    // Lines may end as on Windows.
    if (end_ != at_ && end_[-1] == '\r') --end_;
    SkipBlanks();
    if (at_ == end_) return true;
    return *at_ == '#' ? ReadComment() : ReadSample();
  }

  bool ReadName(std::string_view* name) {
    if (at_ != end_ && *at_ == '"') return ReadQuoted(name);
    const char* const start = at_;
    if (at_ == end_ || !IsNameStart(*at_)) return Fail("a name is expected");
    while (at_ != end_ && IsNameRest(*at_)) ++at_;
    *name = {start, static_cast<size_t>(at_ - start)};
    return true;
  }

  // Reads a text in quotes; what has escapes is rewritten into the arena.
  bool ReadQuoted(std::string_view* text) {
    if (!Take('"')) return Fail("a quote is expected");
    const char* const start = at_;
    bool escaped = false;
    while (at_ != end_ && *at_ != '"') {
      if (*at_ == '\\') {
        escaped = true;
        if (++at_ == end_) break;
      }
      ++at_;
    }
    if (at_ == end_) return Fail("a quote is not closed");
    *text = {start, static_cast<size_t>(at_ - start)};
    ++at_;
    return !escaped || Unescape(true, text);
  }

  bool Unescape(bool quotes, std::string_view* text) {
    char* const out = Allocate(text->size());
    if (out == nullptr) return false;
    size_t size = 0;
    for (size_t i = 0; i < text->size(); ++i) {
      char c = (*text)[i];
      if (c == '\\' && i + 1 < text->size()) {
        const char next = (*text)[i + 1];
        if (next == '\\' || next == 'n' || (quotes && next == '"')) {
          c = next == 'n' ? '\n' : next;
          ++i;
        }
      }
      out[size++] = c;
    }
    *text = {out, size};
    return true;
  }

  // # HELP name text, # TYPE name type, # UNIT name unit, # EOF; all else is a comment.
  bool ReadComment() {
    const char* const start = at_;
    ++at_;
    if (open_metrics_ && std::string_view(start, static_cast<size_t>(end_ - start)) == "# EOF") {
      ended_ = true;
      return true;
    }
    SkipBlanks();
    const std::string_view keyword = Word();
    const bool is_unit = open_metrics_ && keyword == "UNIT";
    if (keyword != "HELP" && keyword != "TYPE" && !is_unit) return true;
    SkipBlanks();
    std::string_view name;
    if (!ReadName(&name)) return false;
    if (at_ != end_ && !IsBlank(*at_)) return Fail("a blank is expected after the name");
    SkipBlanks();
    std::string_view rest(at_, static_cast<size_t>(end_ - at_));
    if (!(family_.metric == name) && !FlushMetadata()) return false;
    family_.metric = name;
    if (keyword == "HELP") {
      if (rest.find('\\') != std::string_view::npos && !Unescape(open_metrics_, &rest)) {
        return false;
      }
      family_.help = rest;
      return true;
    }
    while (!rest.empty() && IsBlank(rest.back())) rest.remove_suffix(1);
    if (is_unit) {
      family_.unit = rest;
      return true;
    }
    bool known = false;
    family_.type = ParseType(rest, &known);
    return known || Fail("unknown type");
  }

  bool FlushMetadata() {
    if (family_.metric.empty()) return true;
    if (!CountEntry()) return false;
    if (base::IsValidUtf8(family_.metric) && base::IsValidUtf8(family_.help) &&
        base::IsValidUtf8(family_.unit)) {
      request_->metadata.push_back(family_);
    }
    family_ = {};
    return true;
  }

  bool ReadSample() {
    labels_.clear();
    if (*at_ != '{') {
      std::string_view metric;
      if (!ReadName(&metric)) return false;
      labels_.push_back({kMetricLabel, metric});
      SkipBlanks();
    }
    if (at_ != end_ && *at_ == '{' && !ReadLabels(labels_.empty())) return false;
    SkipBlanks();
    double value = 0;
    if (!ParseNumber(Word(), &value)) return Fail("a value is expected");
    SkipBlanks();
    int64_t time_ms = default_time_ms_;
    if (at_ != end_ && *at_ != '#' && !ReadTime(&time_ms)) return false;
    if (!AddSeries(time_ms, value)) return false;
    SkipBlanks();
    if (open_metrics_ && at_ != end_ && *at_ == '#' && !ReadExemplar()) return false;
    return at_ == end_ || Fail("text after the sample");
  }

  // Reads `{name="value",...}`; a name in quotes alone is the metric's.
  bool ReadLabels(bool with_metric) {
    ++at_;
    while (true) {
      SkipBlanks();
      if (Take('}')) return true;
      Label label;
      const bool quoted = at_ != end_ && *at_ == '"';
      if (!ReadName(&label.name)) return false;
      if (!quoted && label.name.find(':') != std::string_view::npos) {
        return Fail("a label name without colon is expected");
      }
      SkipBlanks();
      if (Take('=')) {
        SkipBlanks();
        if (!ReadQuoted(&label.value)) return false;
        labels_.push_back(label);
      } else if (quoted && with_metric) {
        labels_.push_back({kMetricLabel, label.name});
        with_metric = false;
      } else {
        return Fail("= is expected");
      }
      SkipBlanks();
      if (Take(',')) continue;
      if (Take('}')) return true;
      return Fail("a comma or } is expected");
    }
  }
  bool ReadTime(int64_t* time_ms) {
    const std::string_view word = Word();
    if (!open_metrics_) {
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), *time_ms);
      const bool whole = error == std::errc() && end == word.data() + word.size();
      return whole || Fail("a time in milliseconds is expected");
    }
    double seconds = 0;
    if (!ParseNumber(word, &seconds)) return Fail("a time in seconds is expected");
    constexpr double kLimitSeconds = 9e15;
    if (!(std::fabs(seconds) < kLimitSeconds)) return Fail("a time is out of range");
    *time_ms = std::llround(seconds * 1000);
    return true;
  }

  bool ReadExemplar() {
    ++at_;
    SkipBlanks();
    if (at_ == end_ || *at_ != '{') return Fail("labels of an exemplar are expected");
    labels_.clear();
    if (!ReadLabels(false) || !CountEntry()) return false;
    DecodedExemplar exemplar;
    if (!BuildLabels(&exemplar.labels)) return false;
    SkipBlanks();
    if (!ParseNumber(Word(), &exemplar.value)) return Fail("a value of an exemplar is expected");
    SkipBlanks();
    exemplar.time_ms = default_time_ms_;
    if (at_ != end_ && !ReadTime(&exemplar.time_ms)) return false;
    SkipBlanks();
    request_->exemplars.push_back(exemplar);
    request_->series.back().exemplar_count = 1;
    return true;
  }

  bool AddSeries(int64_t time_ms, double value) {
    if (!CountEntry()) return false;
    DecodedSeries series;
    if (!BuildLabels(&series.labels)) return false;
    series.hash = base::Hash64(series.labels);
    series.first_sample = static_cast<uint32_t>(request_->time_ms.size());
    series.sample_count = 1;
    series.first_exemplar = static_cast<uint32_t>(request_->exemplars.size());
    request_->time_ms.push_back(time_ms);
    request_->value.push_back(value);
    request_->series.push_back(series);
    return true;
  }

  // Writes `labels_`, sorted, as label bytes into the arena.
  bool BuildLabels(std::string_view* bytes) {
    std::erase_if(labels_,
                  [](const Label& label) { return label.value.empty() && !label.name.empty(); });
    const auto by_name = [](const Label& a, const Label& b) { return a.name < b.name; };
    if (!std::is_sorted(labels_.begin(), labels_.end(), by_name)) {
      std::sort(labels_.begin(), labels_.end(), by_name);
    }
    const auto part_size = [](std::string_view text) {
      return VarintSize(text.size()) + text.size();
    };
    size_t size = 0;
    for (const Label& label : labels_) {
      const size_t body = 2 + part_size(label.name) + part_size(label.value);
      size += 1 + VarintSize(body) + body;
    }
    char* const start = Allocate(size);
    if (start == nullptr) return false;
    auto* at = reinterpret_cast<uint8_t*>(start);
    const auto put = [&at](uint8_t tag, std::string_view text) {
      *at++ = tag;
      at = base::PutVarint(text.size(), at);
      if (!text.empty()) std::memcpy(at, text.data(), text.size());
      at += text.size();
    };
    for (const Label& label : labels_) {
      *at++ = 0x0A;
      at = base::PutVarint(2 + part_size(label.name) + part_size(label.value), at);
      put(0x0A, label.name);
      put(0x12, label.value);
    }
    *bytes = {start, size};
    return true;
  }

  const std::string_view text_;
  const bool open_metrics_;
  const int64_t default_time_ms_;
  WriteRequest* const request_;
  const char* at_ = nullptr;   // In the current line.
  const char* end_ = nullptr;  // Of the current line.
  size_t line_number_ = 0;
  size_t entries_ = 0;
  bool ended_ = false;  // # EOF was read.
  std::vector<Label> labels_;
  DecodedMetadata family_;  // Of the comments read last.
  arrow::Status status_;
};

}  // namespace

arrow::Status DecodeExposition(std::string_view text, ExpositionFormat format,
                               int64_t default_time_ms, WriteRequest* request) {
  request->Clear();
  if (text.size() >= size_t{1} << 31) {
    return MakeError(ErrorKind::kTooLarge,
                     "scrape too large: size_bytes=" + std::to_string(text.size()));
  }
  TextDecoder decoder(text, format, default_time_ms, request);
  return decoder.ReadAll() ? arrow::Status::OK() : decoder.status();
}

}  // namespace larnax::wire
