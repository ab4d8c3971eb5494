#pragma once

#include <string>
#include <string_view>

#include <arrow/result.h>

#include "larnax/labels.h"
#include "model/label_bytes.h"
#include "wire/write_request.h"

namespace larnax::wire {

/// Read label bytes (the form of LabelsView) that need not be canonical, one label at a time.
class LabelBytesReader {
 public:
  explicit LabelBytesReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  /// Read the next label; false at the end, and at the first byte that is not of the form.
  bool Next(Label* label);
  /// Tell whether every byte was read.
  bool AtEnd() const { return at_ == end_; }
  /// Where the next label starts.
  const char* at() const { return at_; }

 private:
  const char* at_;
  const char* end_;
};

/// Tell whether label bytes are a canonical label set with a metric name: well-formed, names
/// ascending, no empty name or value, valid UTF-8.
bool IsCanonical(std::string_view raw);

using model::AppendLabel;

/// Put label bytes into canonical form: labels with an empty value dropped, the rest sorted.
///
/// \param raw     Label bytes in the form of LabelsView, in any order.
/// \param reason  Set on failure, when not null.
/// \retval kBadSample No metric name, an empty or repeated name, invalid UTF-8, or bytes that are
///                    not of the form (reason kNone); the message names the label.
arrow::Result<Labels> CanonicalLabels(std::string_view raw, RejectReason* reason = nullptr);

/// As CanonicalLabels, for the labels of an exemplar: they need no metric name, nor any label.
arrow::Result<Labels> CanonicalExemplarLabels(std::string_view raw, RejectReason* reason = nullptr);

}  // namespace larnax::wire
