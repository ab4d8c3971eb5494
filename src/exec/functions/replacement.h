#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/result.h>

namespace re2 {
class RE2;
}

namespace larnax::exec {

/// Labels that a query makes may be no longer: calls inside each other could double them each time.
inline constexpr size_t kMaxLabelBytes = 1 << 20;

/// A regular expression that has to match a whole text, and a template that is filled with what
/// its groups caught: `$1`, `${name}`, `$$` for a dollar sign.
///
/// A name in the template goes as far as letters, digits and `_` do; groups that do not exist, or
/// caught nothing, are empty.
class Replacement {
 public:
  /// \retval kExecution The expression does not compile.
  static arrow::Result<Replacement> Make(std::string_view regex, std::string_view replacement);
  Replacement(Replacement&&) noexcept;
  Replacement& operator=(Replacement&&) noexcept;
  ~Replacement();

  /// Fill the template, into `out`; false, and nothing done, where `text` does not match.
  ///
  /// \retval kLimit More comes of it than a label should ever hold.
  arrow::Result<bool> Expand(std::string_view text, std::string* out) const;

 private:
  // A piece of the template: a text, or where `group` is >= 0 what that group caught.
  struct Piece {
    std::string text;
    int group = -1;
  };
  Replacement() = default;
  void ParseTemplate(std::string_view replacement);
  void AddText(std::string_view text);
  void AddGroup(std::string_view name);

  std::unique_ptr<re2::RE2> regex_;
  std::vector<Piece> pieces_;
  int groups_ = 0;
};

}  // namespace larnax::exec
