#pragma once

#include <string>
#include <string_view>

#include "promql/token.h"

namespace larnax::promql {

/// Cuts the text of a query into tokens. Comments and spaces are left out.
///
/// What a character means depends on the brackets around it, so the lexer counts them: inside `{}`
/// keywords are identifiers, inside `[]` only durations and their operators may stand.
class Lexer {
 public:
  /// `text` must outlive the lexer and its tokens.
  explicit Lexer(std::string_view text) : text_(text) {}

  /// The next token; kError once something is wrong, kEnd from the end on.
  Token Next();
  /// What is wrong, when Next returned kError.
  const std::string& error() const { return error_; }

 private:
  // One reader for each of the three states; each reads one token or skips space or a comment.
  void ReadStatement();
  void ReadInsideBraces();
  void ReadDurationStart();

  void ReadPunctuation(int32_t c);
  void ReadLetterInBrackets();
  bool ReadDurationKeyword();
  void ReadWord();
  void ReadString(char quote);
  bool ReadEscape(char quote);
  bool ReadEscapeDigits(int digits, uint32_t base, uint32_t limit, int32_t c);
  void ReadNumberOrDuration();
  bool ScanNumber();
  bool ScanDurationRest();
  void ReadRightParen();
  void SkipComment();
  bool IsFollowedByLeftParen() const;

  int32_t Peek() const;  // kEof at the end.
  int32_t Take();
  bool Accept(std::string_view set);
  bool IsAt(std::string_view set) const;
  void Emit(TokenType type);
  void EmitOp(BinaryOp op);
  void Fail(std::string message);

  std::string_view text_;
  size_t at_ = 0;
  size_t start_ = 0;  // Of the token being read.
  bool emitted_ = false;
  bool failed_ = false;
  Token token_;
  std::string error_;

  int paren_depth_ = 0;
  bool in_braces_ = false;
  bool in_brackets_ = false;
  bool at_duration_ = false;    // In brackets, before the first number.
  bool colon_seen_ = false;     // Since the left bracket.
  bool duration_seen_ = false;  // Since the start of the text.
};

}  // namespace larnax::promql
