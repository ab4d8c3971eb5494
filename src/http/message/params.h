#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arrow/result.h>

namespace larnax::http {

/// Decode `%XX`; with `plus_is_space` (queries and forms, not paths) `+` too.
///
/// \retval kBadQuery `invalid URL escape "%zz"`.
arrow::Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);

/// Encode all but letters, digits and `-._~`.
std::string PercentEncode(std::string_view text);

/// Decode a label name as it stands in a path: `U__` starts Prometheus' escaping of UTF-8 names,
/// in which `__` is `_` and `_HEX_` a code point. What is not well formed stays as it is.
std::string DecodeNameEscapes(std::string_view name);

/// Parameters of a request: the form body's first, then the query's, each in order.
class Params {
 public:
  /// Add the pairs of `a=b&c=d`.
  ///
  /// \retval kBadQuery A bad escape, or `;` as a separator.
  arrow::Status Add(std::string_view encoded);

  /// The first value of a name; empty where there is none.
  std::string_view First(std::string_view name) const;
  std::vector<std::string_view> All(std::string_view name) const;
  bool empty() const { return pairs_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace larnax::http
