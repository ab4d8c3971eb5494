#include "larnax/labels.h"

#include <algorithm>

#include "base/check.h"
#include "base/utf8.h"
#include "base/varint.h"
#include "larnax/error.h"
#include "model/label_bytes.h"

namespace larnax {
namespace {

constexpr char kLabelTag = 0x0A;
constexpr char kNameTag = 0x0A;
constexpr char kValueTag = 0x12;

const uint8_t* Bytes(const char* at) { return reinterpret_cast<const uint8_t*>(at); }

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

bool IsPlainName(std::string_view name, bool colons) {
  if (name.empty()) return false;
  const auto letter = [colons](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
  };
  if (!letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out->append("\\\"");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case '\n':
        out->append("\\n");
        break;
      default:
        out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace

LabelsView::Iterator::Iterator(std::string_view rest)
    : at_(rest.data()), next_(rest.data()), end_(rest.data() + rest.size()) {
  Read();
}

void LabelsView::Iterator::Read() {
  at_ = next_;
  if (at_ == end_) return;
  // Canonical bytes are checked where they are made; a short one-byte length is by far the most
  // common.
  const auto length = [this](const uint8_t* from, uint64_t* value) {
    if (from != Bytes(end_) && *from < 0x80) {
      *value = *from;
      return from + 1;
    }
    return base::GetVarint(from, Bytes(end_), value);
  };
  uint64_t body = 0;
  uint64_t size = 0;
  const uint8_t* at = length(Bytes(at_) + 1, &body);
  LARNAX_DCHECK(at != nullptr && body <= static_cast<uint64_t>(Bytes(end_) - at));
  next_ = reinterpret_cast<const char*>(at) + body;
  at = length(at + 1, &size);
  label_.name = {reinterpret_cast<const char*>(at), size};
  at = length(at + size + 1, &size);
  label_.value = {reinterpret_cast<const char*>(at), size};
}

LabelsView::Iterator& LabelsView::Iterator::operator++() {
  Read();
  return *this;
}

LabelsView::Iterator LabelsView::Iterator::operator++(int) {
  Iterator before = *this;
  Read();
  return before;
}

std::string_view LabelsView::Get(std::string_view name) const {
  for (const Label& label : *this) {
    if (label.name == name) return label.value;
  }
  return {};
}

std::string LabelsView::ToString() const {
  const std::string_view name = metric();
  std::string out;
  const bool plain_metric = IsPlainName(name, true);
  if (plain_metric) out.append(name);
  std::string_view separator = "{";
  if (!plain_metric && !name.empty()) {
    out.append(separator);
    AppendQuoted(name, &out);
    separator = ", ";
  }
  for (const Label& label : *this) {
    if (label.name == kMetricLabel) continue;
    out.append(separator);
    separator = ", ";
    if (IsPlainName(label.name, false)) {
      out.append(label.name);
    } else {
      AppendQuoted(label.name, &out);
    }
    out.push_back('=');
    AppendQuoted(label.value, &out);
  }
  if (separator == ", ") out.push_back('}');
  if (out.empty()) out = "{}";
  return out;
}

arrow::Result<Labels> Labels::Make(std::vector<std::pair<std::string, std::string>> pairs) {
  std::sort(pairs.begin(), pairs.end());
  Labels labels;
  const std::string* previous = nullptr;
  for (const auto& [name, value] : pairs) {
    if (name.empty()) return MakeError(ErrorKind::kBadSample, "empty label name: value=" + value);
    if (!base::IsValidUtf8(name) || !base::IsValidUtf8(value)) {
      return MakeError(ErrorKind::kBadSample, "invalid UTF-8 in a label: name=" + name);
    }
    if (previous != nullptr && *previous == name) {
      return MakeError(ErrorKind::kBadSample, "repeated label name: name=" + name);
    }
    previous = &name;
    if (!value.empty()) model::AppendLabel(name, value, &labels.bytes_);
  }
  return labels;
}

int CompareLabels(LabelsView a, LabelsView b) {
  auto x = a.begin();
  auto y = b.begin();
  for (; x != a.end() && y != b.end(); ++x, ++y) {
    if (const int order = x->name.compare(y->name); order != 0) return order;
    if (const int order = x->value.compare(y->value); order != 0) return order;
  }
  return static_cast<int>(x != a.end()) - static_cast<int>(y != b.end());
}

void model::AppendLabel(std::string_view name, std::string_view value, std::string* out) {
  const size_t body =
      2 + VarintSize(name.size()) + name.size() + VarintSize(value.size()) + value.size();
  out->push_back(kLabelTag);
  base::PutVarint(body, out);
  out->push_back(kNameTag);
  base::PutVarint(name.size(), out);
  out->append(name);
  out->push_back(kValueTag);
  base::PutVarint(value.size(), out);
  out->append(value);
}

}  // namespace larnax
