#include "wire/label_bytes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "base/varint.h"
#include "larnax/error.h"

namespace larnax::wire {

namespace {

constexpr char kLabelTag = 0x0A;
constexpr char kNameTag = 0x0A;
constexpr char kValueTag = 0x12;

// Reads a size and checks that so many bytes are left; nullptr otherwise.
const char* ReadSize(const char* at, const char* end, size_t* size) {
  uint64_t value = 0;
  const auto* next = base::GetVarint(reinterpret_cast<const uint8_t*>(at),
                                     reinterpret_cast<const uint8_t*>(end), &value);
  if (next == nullptr) return nullptr;
  const char* const result = reinterpret_cast<const char*>(next);
  // A varint in more bytes than needed would make equal label sets differ.
  if (result - at > 1 && result[-1] == 0) return nullptr;
  if (value > static_cast<uint64_t>(end - result)) return nullptr;
  *size = static_cast<size_t>(value);
  return result;
}

const char* ReadText(char tag, const char* at, const char* end, std::string_view* text) {
  if (at == end || *at != tag) return nullptr;
  size_t size = 0;
  at = ReadSize(at + 1, end, &size);
  if (at == nullptr) return nullptr;
  *text = {at, size};
  return at + size;
}

// Quotes for a message; what is not UTF-8 must not reach a JSON answer.
std::string Quoted(std::string_view text) {
  std::string result = "\"";
  constexpr size_t kMaxShown = 200;
  for (size_t at = 0; at < text.size() && at < kMaxShown;) {
    base::AppendUtf8(base::NextCodePoint(text, &at), &result);
  }
  return result += text.size() > kMaxShown ? "\"..." : "\"";
}

std::string_view MetricOf(const std::vector<Label>& labels) {
  for (const Label& label : labels) {
    if (label.name == kMetricLabel) return label.value;
  }
  return {};
}

arrow::Status Refuse(RejectReason kind, const std::string& detail, const std::vector<Label>& labels,
                     RejectReason* reason) {
  if (reason != nullptr) *reason = kind;
  std::string message = RejectReasonText(kind);
  message += ": " + detail;
  if (const auto metric = MetricOf(labels); !metric.empty()) message += " metric=" + Quoted(metric);
  return MakeError(ErrorKind::kBadSample, std::move(message));
}

arrow::Status CheckEach(const std::vector<Label>& labels, RejectReason* reason) {
  for (const Label& label : labels) {
    if (label.name.empty()) {
      return Refuse(RejectReason::kEmptyLabelName, "value=" + Quoted(label.value), labels, reason);
    }
    if (!base::IsValidUtf8(label.name) || !base::IsValidUtf8(label.value)) {
      return Refuse(RejectReason::kInvalidUtf8,
                    "label=" + Quoted(label.name) + " value=" + Quoted(label.value), labels,
                    reason);
    }
  }
  return arrow::Status::OK();
}

// Reads all labels, sorted, without those of empty value.
arrow::Status ReadSorted(std::string_view raw, std::vector<Label>* labels, RejectReason* reason) {
  LabelBytesReader reader(raw);
  for (Label label; reader.Next(&label);) labels->push_back(label);
  if (!reader.AtEnd()) {
    return MakeError(ErrorKind::kBadSample,
                     "malformed label bytes: size_bytes=" + std::to_string(raw.size()));
  }
  ARROW_RETURN_NOT_OK(CheckEach(*labels, reason));
  // Order among equal names does not matter, as they are refused.
  std::sort(labels->begin(), labels->end(),
            [](const Label& a, const Label& b) { return a.name < b.name; });
  for (size_t i = 1; i < labels->size(); ++i) {
    if ((*labels)[i].name == (*labels)[i - 1].name) {
      return Refuse(RejectReason::kRepeatedLabelName, "label=" + Quoted((*labels)[i].name), *labels,
                    reason);
    }
  }
  std::erase_if(*labels, [](const Label& label) { return label.value.empty(); });
  return arrow::Status::OK();
}

Labels Build(const std::vector<Label>& labels) {
  std::string bytes;
  for (const Label& label : labels) AppendLabel(label.name, label.value, &bytes);
  return Labels(LabelsView(bytes));
}

std::string Shown(const std::vector<Label>& labels) {
  constexpr size_t kMaxShown = 300;
  std::string shown = "{";
  for (const Label& label : labels) {
    if (shown.size() > kMaxShown) return shown + ", ...}";
    if (shown.size() > 1) shown += ", ";
    shown += std::string(label.name) + "=" + Quoted(label.value);
  }
  return shown + "}";
}

}  // namespace

bool LabelBytesReader::Next(Label* label) {
  std::string_view body;
  const char* const next = ReadText(kLabelTag, at_, end_, &body);
  if (next == nullptr) return false;
  const char* const body_end = body.data() + body.size();
  const char* at = ReadText(kNameTag, body.data(), body_end, &label->name);
  if (at == nullptr) return false;
  at = ReadText(kValueTag, at, body_end, &label->value);
  if (at != body_end) return false;
  at_ = next;
  return true;
}

bool IsCanonical(std::string_view raw) {
  LabelBytesReader reader(raw);
  Label label;
  std::string_view previous;
  bool has_metric = false;
  while (reader.Next(&label)) {
    // The first name must only not be empty, which is what an empty `previous` asks.
    if (label.name <= previous || label.value.empty()) return false;
    if (!base::IsValidUtf8(label.name) || !base::IsValidUtf8(label.value)) return false;
    has_metric = has_metric || label.name == kMetricLabel;
    previous = label.name;
  }
  return has_metric && reader.AtEnd();
}

arrow::Result<Labels> CanonicalLabels(std::string_view raw, RejectReason* reason) {
  if (reason != nullptr) *reason = RejectReason::kNone;
  if (IsCanonical(raw)) return Labels(LabelsView(raw));
  std::vector<Label> labels;
  ARROW_RETURN_NOT_OK(ReadSorted(raw, &labels, reason));
  if (MetricOf(labels).empty()) {
    return Refuse(RejectReason::kNoMetricName, "labels=" + Shown(labels), labels, reason);
  }
  return Build(labels);
}

arrow::Result<Labels> CanonicalExemplarLabels(std::string_view raw, RejectReason* reason) {
  if (reason != nullptr) *reason = RejectReason::kNone;
  std::vector<Label> labels;
  ARROW_RETURN_NOT_OK(ReadSorted(raw, &labels, reason));
  return Build(labels);
}

}  // namespace larnax::wire
