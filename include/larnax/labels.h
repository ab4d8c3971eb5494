#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>

namespace larnax {

/// One label of a series; both parts are UTF-8.
struct Label {
  std::string_view name;
  std::string_view value;

  friend bool operator==(const Label&, const Label&) = default;
};

/// Name of the label that holds the metric's name.
inline constexpr std::string_view kMetricLabel = "__name__";

/// A label set, borrowed: the labels of one series sorted by name, as one string of bytes.
///
/// The bytes are those of the field `labels` of a remote write 1.0 `TimeSeries`, so that a known
/// series is found by the hash of what arrived, with nothing decoded:
///
///     per label:  0x0A varint(size of the rest) 0x0A varint(size) name 0x12 varint(size) value
///
/// Canonical form (what every LabelsView holds): names strictly ascending in byte order, no empty
/// name, no empty value, shortest varints, valid UTF-8. Two label sets are equal exactly when
/// their bytes are.
class LabelsView {
 public:
  class Iterator {
   public:
    using value_type = Label;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(std::string_view rest);
    const Label& operator*() const { return label_; }
    const Label* operator->() const { return &label_; }
    Iterator& operator++();
    Iterator operator++(int);
    /// Equal when both stand at the same byte.
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }
    /// Where the bytes of this label begin and end. At the end of the set both are its end.
    const char* begin_of_label() const { return at_; }
    const char* end_of_label() const { return next_; }

   private:
    void Read();
    const char* at_ = nullptr;    // The label that `label_` shows; end_ past the last.
    const char* next_ = nullptr;  // The one after.
    const char* end_ = nullptr;
    Label label_;
  };

  LabelsView() = default;
  /// Wrap bytes that are known to be canonical (from `Labels` or a checked decoder).
  explicit LabelsView(std::string_view canonical_bytes) : bytes_(canonical_bytes) {}

  Iterator begin() const { return Iterator(bytes_); }
  Iterator end() const { return Iterator(bytes_.substr(bytes_.size())); }
  bool empty() const { return bytes_.empty(); }
  std::string_view bytes() const { return bytes_; }

  /// Find the value of a label; empty where the label is absent (Prometheus: the same thing).
  std::string_view Get(std::string_view name) const;
  /// The value of `__name__`.
  std::string_view metric() const { return Get(kMetricLabel); }
  /// Print as `metric{name="value", ...}`, values escaped as in PromQL.
  std::string ToString() const;

  friend bool operator==(LabelsView a, LabelsView b) { return a.bytes_ == b.bytes_; }

 private:
  std::string_view bytes_;
};

/// A label set that owns its bytes. See LabelsView for the form.
class Labels {
 public:
  Labels() = default;
  explicit Labels(LabelsView view) : bytes_(view.bytes()) {}

  /// Build from pairs in any order; pairs with an empty value are left out.
  ///
  /// \retval kBadSample An empty or repeated name, or invalid UTF-8; the message names it.
  static arrow::Result<Labels> Make(std::vector<std::pair<std::string, std::string>> pairs);

  LabelsView view() const { return LabelsView(bytes_); }
  operator LabelsView() const { return view(); }  // NOLINT(google-explicit-constructor)
  std::string_view bytes() const { return bytes_; }
  std::string_view Get(std::string_view name) const { return view().Get(name); }
  std::string ToString() const { return view().ToString(); }

  friend bool operator==(const Labels& a, const Labels& b) { return a.bytes_ == b.bytes_; }

 private:
  std::string bytes_;
};

/// Compare two label sets in the order of answers: label by label, names and then values bytewise,
/// a set before all that begin with it. (Files have another order: model/label_order.h.)
///
/// \return Negative, zero or positive; zero exactly for equal sets.
int CompareLabels(LabelsView a, LabelsView b);

/// How a matcher compares.
enum class MatchType { kEqual, kNotEqual, kRegex, kNotRegex };

/// One condition on one label, as in `{name=~"value"}`. An absent label has the value "".
///
/// Regular expressions are RE2's, anchored at both ends, `.` matches newlines. Cheap to copy;
/// immutable and safe to share between threads.
class Matcher {
 public:
  /// Build a matcher; the expression is compiled here.
  ///
  /// \retval kBadQuery The regular expression does not compile, or is too large.
  static arrow::Result<Matcher> Make(MatchType type, std::string name, std::string value);

  MatchType type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  /// Tell whether `value` satisfies this matcher.
  bool Matches(std::string_view value) const;
  /// Tell whether an absent label satisfies this matcher.
  bool MatchesEmpty() const { return Matches({}); }
  std::string ToString() const;

 private:
  class Program;
  Matcher() = default;
  MatchType type_ = MatchType::kEqual;
  std::string name_;
  std::string value_;
  std::shared_ptr<const Program> program_;  // Only for the two regex types.
};

/// Parse a selector: `metric`, `metric{a="b",c!~"d.*"}`, `{__name__=~"x"}`, `{"a.b",c="d"}`.
///
/// \return        The matchers, `__name__` among them.
/// \retval kBadQuery Not a selector; the message holds `line:col: parse error: ...`.
arrow::Result<std::vector<Matcher>> ParseSelector(std::string_view text);

}  // namespace larnax
