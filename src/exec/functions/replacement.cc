#include "exec/functions/replacement.h"

#include <re2/re2.h>

#include "larnax/error.h"
#include "model/go_regex.h"

namespace larnax::exec {
namespace {

// Reads the digits of a group's number; -1 where it is a name. Leading zeros make a name.
int GroupNumber(std::string_view name) {
  if (name.size() > 1 && name[0] == '0') return -1;
  int number = 0;
  for (const char c : name) {
    if (c < '0' || c > '9' || number >= 100'000'000) return -1;
    number = number * 10 + (c - '0');
  }
  return number;
}

// How many bytes of `text` are a name: letters and digits of any script, and `_`.
size_t NameLength(std::string_view text) {
  static const RE2 name("[\\pL\\p{Nd}_]+");
  re2::StringPiece found;
  name.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::ANCHOR_START, &found,
             1);
  return found.size();
}

}  // namespace

Replacement::Replacement(Replacement&&) noexcept = default;
Replacement& Replacement::operator=(Replacement&&) noexcept = default;
Replacement::~Replacement() = default;

arrow::Result<Replacement> Replacement::Make(std::string_view regex, std::string_view replacement) {
  Replacement made;
  auto compiled = model::CompileGoRegex(regex);
  if (!compiled.ok()) {
    return MakeError(ErrorKind::kExecution,
                     "invalid regular expression in label_replace(): " + std::string(regex));
  }
  made.regex_ = *std::move(compiled);
  made.groups_ = made.regex_->NumberOfCapturingGroups();
  made.ParseTemplate(replacement);
  return made;
}

void Replacement::ParseTemplate(std::string_view rest) {
  while (!rest.empty()) {
    const size_t dollar = rest.find('$');
    AddText(rest.substr(0, dollar));
    if (dollar == std::string_view::npos) return;
    rest.remove_prefix(dollar + 1);
    if (rest.starts_with('$')) {
      AddText("$");
      rest.remove_prefix(1);
      continue;
    }
    const bool braces = rest.starts_with('{');
    const std::string_view inside = rest.substr(braces ? 1 : 0);
    const size_t length = NameLength(inside);
    if (length == 0 || (braces && !inside.substr(length).starts_with('}'))) {
      AddText("$");
      continue;
    }
    AddGroup(inside.substr(0, length));
    rest.remove_prefix(length + (braces ? 2 : 0));
  }
}

void Replacement::AddText(std::string_view text) {
  if (text.empty()) return;
  if (pieces_.empty() || pieces_.back().group >= 0) pieces_.emplace_back();
  pieces_.back().text += text;
}

void Replacement::AddGroup(std::string_view name) {
  int group = GroupNumber(name);
  if (group < 0) {
    const auto& names = regex_->NamedCapturingGroups();
    const auto found = names.find(std::string(name));
    if (found == names.end()) return;
    group = found->second;
  }
  if (group > groups_) return;
  pieces_.push_back({{}, group});
}

arrow::Result<bool> Replacement::Expand(std::string_view text, std::string* out) const {
  std::vector<re2::StringPiece> groups(static_cast<size_t>(groups_) + 1);
  if (!regex_->Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::ANCHOR_BOTH,
                     groups.data(), groups_ + 1)) {
    return false;
  }
  out->clear();
  for (const Piece& piece : pieces_) {
    if (piece.group < 0) {
      *out += piece.text;
    } else {
      const re2::StringPiece& caught = groups[static_cast<size_t>(piece.group)];
      if (caught.data() != nullptr) out->append(caught.data(), caught.size());
    }
    if (out->size() > kMaxLabelBytes) {
      return MakeError(ErrorKind::kLimit, "label_replace() makes a label value that is too long");
    }
  }
  return true;
}

}  // namespace larnax::exec
