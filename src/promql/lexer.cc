#include "promql/lexer.h"

#include <algorithm>

#include "base/utf8.h"
#include "promql/quote.h"

namespace larnax::promql {
namespace {

constexpr int32_t kEof = -1;

bool IsSpace(int32_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool IsDigit(int32_t c) { return c >= '0' && c <= '9'; }
bool IsLetter(int32_t c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsWordPart(int32_t c) { return IsLetter(c) || IsDigit(c); }
// May start `step`, `range`, `max_of` or `min_of`.
bool MayStartDurationKeyword(int32_t c) {
  return c < 0x80 && c > 0 &&
         std::string_view("srmSRM").find(static_cast<char>(c)) != std::string_view::npos;
}

int DigitValue(int32_t c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 16;
}

}  // namespace

Token Lexer::Next() {
  emitted_ = false;
  if (failed_) Emit(TokenType::kEnd);
  while (!emitted_) {
    start_ = at_;
    if (in_braces_) {
      ReadInsideBraces();
    } else if (at_duration_) {
      ReadDurationStart();
    } else {
      ReadStatement();
    }
  }
  return token_;
}

int32_t Lexer::Peek() const {
  size_t at = at_;
  return at < text_.size() ? static_cast<int32_t>(base::NextCodePoint(text_, &at)) : kEof;
}

int32_t Lexer::Take() {
  return at_ < text_.size() ? static_cast<int32_t>(base::NextCodePoint(text_, &at_)) : kEof;
}

bool Lexer::IsAt(std::string_view set) const {
  return at_ < text_.size() && set.find(text_[at_]) != std::string_view::npos;
}

bool Lexer::Accept(std::string_view set) {
  if (!IsAt(set)) return false;
  ++at_;
  return true;
}

void Lexer::Emit(TokenType type) {
  token_ = Token();
  token_.type = type;
  token_.text = text_.substr(start_, at_ - start_);
  token_.position = {static_cast<int32_t>(start_), static_cast<int32_t>(at_)};
  emitted_ = true;
}

void Lexer::EmitOp(BinaryOp op) {
  Emit(TokenType::kOperator);
  token_.binary_op = op;
}

void Lexer::Fail(std::string message) {
  Emit(TokenType::kError);
  error_ = std::move(message);
  failed_ = true;
}

void Lexer::SkipComment() { at_ = std::min(text_.find_first_of("\r\n", at_), text_.size()); }

void Lexer::ReadStatement() {
  const int32_t c = Peek();
  if (c == '#') return SkipComment();
  Take();
  if (c == kEof) {
    if (paren_depth_ != 0) return Fail("unclosed left parenthesis");
    if (in_brackets_) return Fail("unclosed left bracket");
    return Emit(TokenType::kEnd);
  }
  if (IsSpace(c)) return;
  if (IsDigit(c) || (c == '.' && IsDigit(Peek()))) {
    at_ = start_;
    return ReadNumberOrDuration();
  }
  if (c == '"' || c == '\'' || c == '`') return ReadString(static_cast<char>(c));
  if (IsLetter(c) || c == ':') return in_brackets_ ? ReadLetterInBrackets() : ReadWord();
  ReadPunctuation(c);
}

void Lexer::ReadPunctuation(int32_t c) {
  switch (c) {
    case ',':
      return Emit(TokenType::kComma);
    case '@':
      return Emit(TokenType::kAt);
    case '*':
      return EmitOp(BinaryOp::kMul);
    case '/':
      return EmitOp(BinaryOp::kDiv);
    case '%':
      return EmitOp(BinaryOp::kMod);
    case '+':
      return EmitOp(BinaryOp::kAdd);
    case '-':
      return EmitOp(BinaryOp::kSub);
    case '^':
      return EmitOp(BinaryOp::kPow);
    case '=':
      if (Accept("=")) return EmitOp(BinaryOp::kEqual);
      if (IsAt("~")) return Fail("unexpected character after '=': '~'");
      return Emit(TokenType::kEqual);
    case '!':
      if (const int32_t next = Take(); next != '=') {
        return Fail("unexpected character after '!': " + QuotedRune(next));
      }
      return EmitOp(BinaryOp::kNotEqual);
    case '<':
      if (Accept("=")) return EmitOp(BinaryOp::kLessEqual);
      return EmitOp(Accept("/") ? BinaryOp::kTrimUpper : BinaryOp::kLess);
    case '>':
      if (Accept("=")) return EmitOp(BinaryOp::kGreaterEqual);
      return EmitOp(Accept("/") ? BinaryOp::kTrimLower : BinaryOp::kGreater);
    case '(':
      ++paren_depth_;
      return Emit(TokenType::kLeftParen);
    case ')':
      return ReadRightParen();
    case '{':
      in_braces_ = true;
      return Emit(TokenType::kLeftBrace);
    case '[':
      if (in_brackets_) return Fail("unexpected left bracket '['");
      in_brackets_ = at_duration_ = true;
      colon_seen_ = false;
      return Emit(TokenType::kLeftBracket);
    case ']':
      if (!in_brackets_) return Fail("unexpected right bracket ']'");
      in_brackets_ = false;
      return Emit(TokenType::kRightBracket);
    default:
      return Fail("unexpected character: " + QuotedRune(c));
  }
}

void Lexer::ReadRightParen() {
  if (--paren_depth_ >= 0) return Emit(TokenType::kRightParen);
  start_ = at_;
  Fail("unexpected right parenthesis ')'");
}

void Lexer::ReadLetterInBrackets() {
  const int32_t c = text_[start_];
  if (c == ':') {
    if (colon_seen_) return Fail("unexpected colon ':'");
    colon_seen_ = true;
    return Emit(TokenType::kColon);
  }
  if (MayStartDurationKeyword(c) && ReadDurationKeyword()) return;
  Fail("unexpected character: " + QuotedRune(c) + ", expected ':'");
}

bool Lexer::ReadDurationKeyword() {
  while (IsLetter(Peek())) Take();
  Emit(TokenType::kIdentifier);
  Classify(&token_);
  switch (token_.type) {
    case TokenType::kStep:
    case TokenType::kRange:
    case TokenType::kMaxOf:
    case TokenType::kMinOf:
      return true;
    default:
      return false;
  }
}

void Lexer::ReadDurationStart() {
  const int32_t c = Take();
  if (c == kEof) return Fail("unexpected end of input in duration expression");
  if (IsSpace(c)) return;
  if (IsDigit(c) || (c == '.' && IsDigit(Peek()))) {
    at_ = start_;
    duration_seen_ = true;
    at_duration_ = false;
    return ReadNumberOrDuration();
  }
  switch (c) {
    case ']':
      in_brackets_ = at_duration_ = false;
      return Emit(TokenType::kRightBracket);
    case ':':
      if (duration_seen_ && !colon_seen_) {
        colon_seen_ = true;
        return Emit(TokenType::kColon);
      }
      start_ = at_;
      return Fail(duration_seen_ ? "unexpected repeated colon in duration expression"
                                 : "unexpected colon before duration in duration expression");
    case '(':
    case ')':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '^':
    case ',':
      return ReadPunctuation(c);
    default:
      if (MayStartDurationKeyword(c) && ReadDurationKeyword()) {
        duration_seen_ = true;
        return;
      }
      return Fail("unexpected character in duration expression: " + QuotedRune(c));
  }
}

void Lexer::ReadInsideBraces() {
  if (IsAt("#")) return SkipComment();
  const int32_t c = Take();
  if (c == kEof) return Fail("unexpected end of input inside braces");
  if (IsSpace(c)) return;
  if (IsLetter(c)) {
    while (IsWordPart(Peek())) Take();
    return Emit(TokenType::kIdentifier);
  }
  switch (c) {
    case ',':
      return Emit(TokenType::kComma);
    case '"':
    case '\'':
    case '`':
      return ReadString(static_cast<char>(c));
    case '=':
      return Emit(Accept("~") ? TokenType::kEqualRegex : TokenType::kEqual);
    case '!':
      if (Accept("~")) return Emit(TokenType::kNotEqualRegex);
      if (Accept("=")) return EmitOp(BinaryOp::kNotEqual);
      return Fail("unexpected character after '!' inside braces: " + QuotedRune(Peek()));
    case '{':
      return Fail("unexpected left brace '{'");
    case '}':
      in_braces_ = false;
      return Emit(TokenType::kRightBrace);
    default:
      return Fail("unexpected character inside braces: " + QuotedRune(c));
  }
}

void Lexer::ReadWord() {
  at_ = start_;
  while (IsWordPart(Peek()) || Peek() == ':') Take();
  const std::string_view word = text_.substr(start_, at_ - start_);
  if (word.find(':') != std::string_view::npos) return Emit(TokenType::kMetricIdentifier);
  Emit(TokenType::kIdentifier);
  Classify(&token_);
  const bool is_fill = token_.Is(TokenType::kFill) || token_.Is(TokenType::kFillLeft) ||
                       token_.Is(TokenType::kFillRight);
  // Elsewhere they are names, as they were before there were fill modifiers.
  if (is_fill && !IsFollowedByLeftParen()) token_.type = TokenType::kIdentifier;
}

bool Lexer::IsFollowedByLeftParen() const {
  const size_t next = text_.find_first_not_of(" \t\n\r", at_);
  return next != std::string_view::npos && text_[next] == '(';
}

void Lexer::ReadString(char quote) {
  while (true) {
    const int32_t c = Take();
    if (c == kRuneError) return Fail("invalid UTF-8 rune");
    if (c == quote) return Emit(TokenType::kString);
    if (quote == '`') {
      if (c == kEof) return Fail("unterminated raw string");
      continue;
    }
    if (c == kEof || c == '\n') return Fail("unterminated quoted string");
    if (c == '\\' && !ReadEscape(quote)) return;
  }
}

bool Lexer::ReadEscape(char quote) {
  constexpr uint32_t kMaxRune = 0x10FFFF;
  const int32_t c = Take();
  if (c == quote ||
      (c > 0 && c < 0x80 &&
       std::string_view("abfnrtv\\").find(static_cast<char>(c)) != std::string_view::npos)) {
    return true;
  }
  if (c >= '0' && c <= '7') return ReadEscapeDigits(3, 8, 255, c);
  if (c == 'x') return ReadEscapeDigits(2, 16, 255, Take());
  if (c == 'u') return ReadEscapeDigits(4, 16, kMaxRune, Take());
  if (c == 'U') return ReadEscapeDigits(8, 16, kMaxRune, Take());
  Fail(c == kEof ? "escape sequence not terminated" : "unknown escape sequence " + NamedRune(c));
  return false;
}

bool Lexer::ReadEscapeDigits(int digits, uint32_t base, uint32_t limit, int32_t c) {
  uint32_t value = 0;
  for (int i = 0; i < digits; ++i) {
    const auto digit = static_cast<uint32_t>(DigitValue(c));
    if (digit >= base) {
      Fail(c == kEof ? "escape sequence not terminated"
                     : "illegal character " + NamedRune(c) + " in escape sequence");
      return false;
    }
    value = value * base + digit;
    if (i + 1 < digits) c = Take();
  }
  if (value <= limit && (value < 0xD800 || value >= 0xE000)) return true;
  Fail("escape sequence is an invalid Unicode code point");
  return false;
}

void Lexer::ReadNumberOrDuration() {
  if (ScanNumber()) return Emit(TokenType::kNumber);
  if (ScanDurationRest()) return Emit(TokenType::kDuration);
  Fail("bad number or duration syntax: " + Quoted(text_.substr(start_, at_ - start_)));
}

// Reads digits with at most one dot and one exponent, and underscores between digits. What is read
// may still be no number (`1_`); its conversion says so.
bool Lexer::ScanNumber() {
  const size_t begin = at_;
  std::string_view digits = "0123456789";
  bool hex = false;
  if (Accept("0") && Accept("xX")) {
    Accept("_");
    digits = "0123456789abcdefABCDEF";
    hex = true;
  }
  Accept(".");
  Accept(digits);
  bool dot = false;
  bool exponent = false;
  while (IsAt(digits) || IsAt("._eE")) {
    if ((dot && Accept(".")) || (exponent && Accept("eE"))) return false;
    if (Accept(".")) {
      dot = true;
      if (Accept("_.") || hex) return false;
    } else if (Accept("eE")) {
      exponent = true;
      Accept("+-");
      if (Accept("._eE") || at_ >= text_.size()) return false;
    } else if (Accept("_")) {
      if (Accept("._eE") || at_ >= text_.size()) return false;
    } else {
      while (Accept(digits)) continue;
    }
  }
  return at_ != begin && !IsWordPart(Peek());
}

// After digits that did not end as a number: `m30s`. Units that do not exist (`hs`) are found when
// the duration is converted.
bool Lexer::ScanDurationRest() {
  if (!Accept("smhdwy")) return false;
  Accept("s");
  while (Accept("0123456789")) {
    while (Accept("0123456789")) continue;
    if (!Accept("smhdw")) return false;
    Accept("s");
  }
  if (!IsWordPart(Peek())) return true;
  Take();
  return false;
}

}  // namespace larnax::promql
