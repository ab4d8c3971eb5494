#include "promql/parser.h"

#include <string>
#include <vector>

#include "promql/printer.h"
#include "test/matchers.h"

namespace larnax::promql {
namespace {

constexpr ParseOptions kAll = {
    .experimental_functions = true, .extended_range_selectors = true, .binop_fill_modifiers = true};

struct Case {
  std::string text;
  std::string want;  // What it prints as, or its error.
};

std::string Outcome(const std::string& text, const ParseOptions& options = kAll) {
  const auto expr = Parse(text, options);
  if (!expr.ok()) {
    EXPECT_THAT(expr, test::IsKind(ErrorKind::kBadQuery));
    return expr.status().message();
  }
  return ToString(**expr);
}

void ExpectAll(const std::vector<Case>& cases, const ParseOptions& options = kAll) {
  for (const Case& c : cases) EXPECT_EQ(Outcome(c.text, options), c.want) << c.text;
}

TEST(Parser, ReadsNumbers) {
  ExpectAll({{"1", "1"},
             {".5", "0.5"},
             {"5.", "5"},
             {"1_000", "1000"},
             {"0x1F", "31"},
             {"0X_1f", "31"},
             {"017", "15"},
             {"08", "8"},
             {"1e3", "1000"},
             {"1E-3", "0.001"},
             {"1e31", "10000000000000000000000000000000"},
             {"1e-400", "0"},
             {"-1", "-1"},
             {"--1", "1"},
             {"iNf", "+Inf"},
             {"-Inf", "-Inf"},
             {"nan", "NaN"},
             {"5m", "5m"},
             {"1h30m", "1h30m"},
             {"-1y2w3d4h5m6s7ms", "-382d4h5m6s7ms"},
             {"1e400",
              "1:1: parse error: error parsing number: strconv.ParseFloat: parsing "
              "\"1e400\": value out of range"},
             {"0x",
              "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x\": "
              "invalid syntax"},
             {"1_ ",
              "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1_\": "
              "invalid syntax"},
             {"1__0", "1:1: parse error: bad number or duration syntax: \"1__\""},
             {"0x1.5", "1:1: parse error: bad number or duration syntax: \"0x1.\""},
             {"0b1", "1:1: parse error: bad number or duration syntax: \"0\""},
             {"5x", "1:1: parse error: bad number or duration syntax: \"5\""},
             {"5m5y", "1:1: parse error: bad number or duration syntax: \"5m5\""},
             {"5m5h", "1:1: parse error: not a valid duration string: \"5m5h\""},
             {"5hs", "1:1: parse error: unknown unit \"hs\" in duration \"5hs\""},
             {"1.5m", "1:1: parse error: unknown unit \".\" in duration \"1.5m\""},
             {"293y", "1:1: parse error: duration out of range"}});
}

TEST(Parser, ReadsStrings) {
  ExpectAll({{R"("a\n\x41\101\u00e9\U0001F600\"'")", "\"a\\nAA\u00e9\U0001F600\\\"'\""},
             {R"('a"\'')", R"("a\"'")"},
             {"`a\\n`", R"("a\\n")"},
             {R"("\xff\x00")", R"("\xff\x00")"},
             {R"("a)", "1:1: parse error: unterminated quoted string"},
             {"`a", "1:1: parse error: unterminated raw string"},
             {"\"\xff\"", "1:1: parse error: invalid UTF-8 rune"},
             {R"("\z")", "1:1: parse error: unknown escape sequence U+007A 'z'"},
             {R"("\')", "1:1: parse error: unknown escape sequence U+0027 '''"},
             {R"("\xg0")", "1:1: parse error: illegal character U+0067 'g' in escape sequence"},
             {R"("\ud800")", "1:1: parse error: escape sequence is an invalid Unicode code point"},
             {R"("\400")", "1:1: parse error: escape sequence is an invalid Unicode code point"},
             {R"("\x)", "1:1: parse error: escape sequence not terminated"}});
}

TEST(Parser, ReadsSelectors) {
  ExpectAll(
      {{"foo", "foo"},
       {"foo:bar{}", "foo:bar"},
       {R"(foo{b!="x",a=~'y',})", R"(foo{a=~"y",b!="x"})"},
       {R"({"my.metric","my.label"!~"x"})", R"({"my.label"!~"x",__name__="my.metric"})"},
       {R"({__name__="foo"})", R"({__name__="foo"})"},
       {R"(foo{sum="1",on='2',"inf"=`3`})", R"(foo{inf="3",on="2",sum="1"})"},
       {"sum + by + offset", "sum + by + offset"},
       {"fill + fill_left", "fill + fill_left"},
       {"foo # comment\n", "foo"},
       {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
       {R"({a=~".*",b=""})",
        "1:1: parse error: vector selector must contain at least one non-empty matcher"},
       {R"(foo{__name__="bar"})",
        "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
       {R"(foo{"bar"})", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
       {"foo{a}",
        "1:6: parse error: unexpected \"}\" in label matching, expected label matching "
        "operator"},
       {"foo{a=b}",
        "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"},
       {"foo{,}",
        "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
       {R"(foo{a="1" b})",
        "1:11: parse error: unexpected identifier \"b\" in label matching, "
        "expected \",\" or \"}\""},
       {"foo{a", "1:6: parse error: unexpected end of input inside braces"},
       {"foo{1}", "1:5: parse error: unexpected character inside braces: '1'"},
       {"foo{{", "1:5: parse error: unexpected left brace '{'"},
       {R"(foo{a!"x"})", "1:6: parse error: unexpected character after '!' inside braces: '\"'"},
       {"bool", "1:1: parse error: unexpected <bool>"},
       {"fill(1)", "1:5: parse error: unexpected \"(\""}});
}

TEST(Parser, ReadsTimeModifiers) {
  ExpectAll(
      {{"foo offset 5m @ 1603775091", "foo @ 1603775091.000 offset 5m"},
       {"foo @ -1.5 offset -60", "foo @ -1.500 offset -1m"},
       {"foo[5m] @ end() offset 1d", "foo[5m] @ end() offset 1d"},
       {"foo[300]", "foo[5m]"},
       {"sum(foo)[1h:] @ start()", "sum(foo)[1h:] @ start()"},
       {"foo[1h:5m] offset 1w", "foo[1h:5m] offset 1w"},
       {"foo anchored offset 5m", "foo anchored offset 5m"},
       {"foo[5m] smoothed @ 0", "foo[5m] smoothed @ 0.000"},
       {"foo offset 100 + 2", "foo offset 1m40s + 2"},
       {"foo offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
       {"foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
       {"foo offset 5m[5m]", "1:14: parse error: no offset modifiers allowed before range"},
       {"foo @ 1 [5m]", "1:9: parse error: no @ modifiers allowed before range"},
       {"(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"},
       {"1 offset 5m",
        "1:1: parse error: offset modifier must be preceded by an instant vector "
        "selector or range vector selector or a subquery"},
       {"(foo) @ 1",
        "1:1: parse error: @ modifier must be preceded by an instant vector selector "
        "or range vector selector or a subquery"},
       {"foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
       {"foo @ 1e19",
        "1:1: parse error: timestamp out of bounds for @ modifier: 10000000000000000000.000000"},
       {"foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"},
       {"foo offset bar",
        "1:12: parse error: unexpected identifier \"bar\" in offset, expected "
        "number, duration, step(), or range()"},
       {"foo[]",
        "1:5: parse error: unexpected \"]\" in subquery or range selector, expected "
        "number, duration, step(), or range()"},
       {"foo[0]", "1:5: parse error: duration must be greater than 0"},
       {"foo[-5m]", "1:5: parse error: duration must be greater than 0"},
       {"foo[5m", "1:7: parse error: unclosed left bracket"},
       {"foo[5m:", "1:8: parse error: unclosed left bracket"},
       {"foo[:5m]", "1:6: parse error: unexpected colon before duration in duration expression"},
       {"foo[5m:1m:1m]", "1:10: parse error: unexpected colon ':'"},
       {"foo[5m[", "1:7: parse error: unexpected left bracket '['"},
       {"foo]", "1:4: parse error: unexpected right bracket ']'"},
       {"foo[5m 5m]",
        "1:8: parse error: unexpected duration \"5m\" in subquery or range, expected "
        "\":\" or \"]\""},
       {"foo[1h:1m 1m]",
        "1:11: parse error: unexpected duration \"1m\" in subquery selector, expected \"]\""},
       {"foo[1h:)]", "1:9: parse error: unexpected right parenthesis ')'"},
       {"foo[5m][1h:]",
        "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
       {"foo[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"},
       {"1 smoothed", "1:1: parse error: smoothed modifier not implemented"},
       {"foo anchored smoothed",
        "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
       {"foo offset 1e11", "1:12: parse error: duration out of range"}});
}

TEST(Parser, ReadsDurationExpressions) {
  ExpectAll({{"foo[5m * 2]", "foo[5m * 2]"},
             {"foo[step() + (1m - 30)]", "foo[step() + (1m - 30)]"},
             {"foo[max_of(step(), 5s):min_of(1m,range()) ^ 2]",
              "foo[max_of(step(), 5s):min_of(1m, range()) ^ 2]"},
             {"foo offset (5m+step())", "foo offset (5m + step())"},
             {"foo offset -(5m+step()) + 1", "foo offset -(5m + step()) + 1"},
             {"foo offset -step()", "foo offset -step()"},
             {"foo offset (5m) * 2", "foo offset (5m * 2)"},
             {"foo offset --5m * 2", "foo offset (5m * 2)"},
             {"foo[-2 ^ 2 + 5m]", "foo[-2 ^ 2 + 5m]"},
             {"foo[(-2) ^ 2]", "foo[(-2) ^ 2]"},
             {"foo[5m / 0]", "1:8: parse error: division by zero"},
             {"foo[5m % 0]", "1:8: parse error: modulo by zero"},
             {"foo[(5m 1]",
              "1:9: parse error: unexpected number \"1\" in subquery or range "
              "selector, expected number, duration, step(), or range()"},
             {"foo[bar]", "1:5: parse error: unexpected character in duration expression: 'b'"},
             {"foo[5m + bar]", "1:10: parse error: unexpected character: 'b', expected ':'"}});
}

TEST(Parser, KnowsPrecedence) {
  const auto shape = [](const std::string& text) {
    const auto expr = Parse(text, kAll).ValueOrDie();
    const auto* binary = expr->As<Binary>();
    return binary == nullptr ? "unary " : ToString(*binary->lhs) + " | " + ToString(*binary->rhs);
  };
  EXPECT_EQ(shape("a or b and c"), "a | b and c");
  EXPECT_EQ(shape("a and b unless c"), "a and b | c");
  EXPECT_EQ(shape("a == b + c"), "a | b + c");
  EXPECT_EQ(shape("a - b - c"), "a - b | c");
  EXPECT_EQ(shape("a + b * c"), "a | b * c");
  EXPECT_EQ(shape("a atan2 b % c"), "a atan2 b | c");
  EXPECT_EQ(shape("a * b ^ c"), "a | b ^ c");
  EXPECT_EQ(shape("a ^ b ^ c"), "a | b ^ c");
  EXPECT_EQ(shape("-a * b"), "-a | b");
  EXPECT_EQ(shape("-a ^ b"), "unary ");
  EXPECT_EQ(shape("a </ b >/ c"), "a </ b | c");
}

TEST(Parser, ReadsOperators) {
  ExpectAll(
      {{"a == bool on (x) group_left (y) b", "a == bool on (x) group_left (y) b"},
       {"a*ignoring(x,)group_right b", "a * ignoring (x) group_right () b"},
       {R"(a + on("my.label", bool, inf_) b)", R"(a + on ("my.label", bool, inf_) b)"},
       {"a + fill(0) b", "a + fill (0) b"},
       {"a + on () fill_right(-1) fill_left(1e9) b",
        "a + on () fill_left (1e+09) fill_right (-1) b"},
       {"a AND b OR c UNLESS d", "a and b or c unless d"},
       {"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
       {"a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
       {"1 and a",
        "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
       {"a and on(x) group_left b", "1:1: parse error: no grouping allowed for \"and\" operation"},
       {"a or fill(1) b",
        "1:1: parse error: filling in missing series not allowed for set operators"},
       {"1 + on(x) a", "1:1: parse error: vector matching only allowed between instant vectors"},
       {"1 + fill(0) a",
        "1:1: parse error: filling in missing series only allowed between instant vectors"},
       {"a * on(x) group_left(x) b",
        "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
       {"a + b[5m]",
        "1:5: parse error: binary expression must contain only scalar and instant vector types"},
       {"a + group_left b", "1:5: parse error: unexpected <group_left>"},
       {"a + on b",
        "1:8: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\""},
       {"a + on (1) b",
        "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
       {"a + on (x y) b",
        "1:11: parse error: unexpected identifier \"y\" in grouping opts, "
        "expected \",\" or \")\""},
       {"a + on (\"\") b", "1:9: parse error: invalid label name for grouping: \"\""},
       {"a + on (x) group_left ^ b",
        "1:23: parse error: unexpected <op:^> in grouping opts, expected \"(\""},
       {"-\"a\"",
        "1:1: parse error: unary expression only allowed on expressions of type scalar "
        "or instant vector, got \"string\""},
       {"a = b", "1:3: parse error: unexpected \"=\""},
       {"a =~ b", "1:3: parse error: unexpected character after '=': '~'"},
       {"a ! b", "1:3: parse error: unexpected character after '!': ' '"},
       {"a +", "1:4: parse error: unexpected end of input"},
       {"a b", "1:3: parse error: unexpected identifier \"b\""},
       {"a:b c:d", "1:5: parse error: unexpected metric identifier \"c:d\""},
       {"a\n+\n  \"a very long string\"\n1", "4:1: parse error: unexpected number \"1\""},
       {"a \"a very long string\"", "1:3: parse error: unexpected string \"\\\"a very lo\"..."},
       {"\u00e9", "1:1: parse error: unexpected character: '\u00e9'"},
       {"a \x01", "1:3: parse error: unexpected character: '\\x01'"},
       {"(a", "1:3: parse error: unclosed left parenthesis"},
       {"a)", "1:3: parse error: unexpected right parenthesis ')'"},
       {"", "unknown position: parse error: no expression found in input"},
       {"# only a comment", "1:1: parse error: no expression found in input"}});
}

TEST(Parser, ReadsCalls) {
  ExpectAll(
      {{"rate(foo[5m])", "rate(foo[5m])"},
       {"time()", "time()"},
       {"round(foo, 5)", "round(foo, 5)"},
       {"label_join(a, \"b\", \",\", \"c\", \"d\")", "label_join(a, \"b\", \",\", \"c\", \"d\")"},
       {"info(a, {b=\"c\"})", "info(a, {b=\"c\"})"},
       {"info(a, {})", "info(a, {})"},
       {"step() + max_of(1, 2)", "step() + max_of(1, 2)"},
       {"rate(foo)",
        "1:6: parse error: expected type range vector in call to function \"rate\", "
        "got instant vector"},
       {"abs(foo, bar)", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 2"},
       {"round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"},
       {"hour(a, b)",
        "1:1: parse error: expected at most 1 argument(s) in call to \"hour\", got 2"},
       {"nope(foo)", "1:1: parse error: unknown function with name \"nope\""},
       {"RATE(foo[5m])", "1:1: parse error: unknown function with name \"RATE\""},
       {"abs(foo,)", "1:8: parse error: trailing commas not allowed in function call args"},
       {"abs(foo bar)", "1:9: parse error: unexpected identifier \"bar\""},
       {"info(a, b)",
        "1:9: parse error: expected label selectors only, got vector selector "
        "instead"},
       {"info(a, {b=\"c\"} + 1)", "1:9: parse error: expected label selectors only"},
       {"info(a, 1)",
        "1:1: parse error: expected type instant vector in call to function "
        "\"info\", got scalar"}});
}

TEST(Parser, ReadsAggregations) {
  ExpectAll(
      {{"sum(foo)", "sum(foo)"},
       {"sum(foo) by (a, b,)", "sum by (a, b) (foo)"},
       {"SUM WITHOUT () (foo)", "sum without () (foo)"},
       {"topk by (a) (5, foo)", "topk by (a) (5, foo)"},
       {"count_values(\"v\", foo)", "count_values(\"v\", foo)"},
       {"sum by (\"without\", bool, \"a b\") (foo)", "sum by (\"without\", bool, \"a b\") (foo)"},
       {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
       {"topk(foo)",
        "1:1: parse error: wrong number of arguments for aggregate expression "
        "provided, expected 2, got 1"},
       {"sum(1)",
        "1:5: parse error: expected type instant vector in aggregation expression, got "
        "scalar"},
       {"topk(\"a\", foo)",
        "1:6: parse error: expected type scalar in aggregation parameter, got "
        "string"},
       {"count_values(5, foo)",
        "1:14: parse error: expected type string in aggregation parameter, "
        "got scalar"},
       {"sum foo", "1:5: parse error: unexpected identifier \"foo\""},
       {"sum by foo",
        "1:8: parse error: unexpected identifier \"foo\" in grouping opts, expected "
        "\"(\""},
       {"sum by (without) (a)",
        "1:9: parse error: unexpected <without> in grouping opts, expected label"},
       {"sum without (a) foo", "1:17: parse error: unexpected identifier \"foo\" in aggregation"},
       {"sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"},
       {"sum(abs(a b))", "1:11: parse error: unexpected identifier \"b\" in aggregation"},
       {"sum(a) topk", "1:8: parse error: unexpected <aggr:topk>"}});
}

TEST(Parser, KeepsExperimentsBehindFlags) {
  const ParseOptions none;
  ExpectAll(
      {{"mad_over_time(foo[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"},
       {"limitk(1, foo)",
        "1:1: parse error: limitk() is experimental and must be enabled with "
        "--enable-feature=promql-experimental-functions"},
       {"rate(foo[5m] anchored)",
        "1:6: parse error: anchored modifier is experimental and not "
        "enabled"},
       {"foo smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"},
       {"a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"},
       {"foo[step()]", "foo[step()]"}},
      none);
}

TEST(Parser, BoundsNestingAndLength) {
  const auto repeat = [](const std::string& text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += text;
    return out;
  };
  const std::string deep = "expression is nested too deep, limit=256";
  EXPECT_THAT(Parse(repeat("(", 100'000) + "1" + repeat(")", 100'000), kAll),
              test::HasMessage(deep));
  EXPECT_THAT(Parse(repeat("-", 100'000) + "a", kAll), test::HasMessage(deep));
  EXPECT_THAT(Parse("a" + repeat("^a", 100'000), kAll), test::HasMessage(deep));
  EXPECT_THAT(Parse(repeat("abs(", 100'000), kAll), test::HasMessage(deep));
  EXPECT_THAT(Parse("a[" + repeat("(", 100'000), kAll), test::HasMessage(deep));
  EXPECT_THAT(Parse("a[1" + repeat("+1", 100'000) + "]", kAll),
              test::HasMessage("duration has too many operators"));
  EXPECT_THAT(Parse("a" + repeat("+a", 100'000), kAll), test::HasMessage("too many levels"));
  EXPECT_THAT(Parse("a" + repeat("[1m:]", 100'000), kAll), test::HasMessage("too many levels"));
  EXPECT_OK(Parse("a" + repeat(" or a", 2000), kAll));
  EXPECT_OK(Parse(repeat("(", 200) + "1" + repeat(")", 200), kAll));
  ParseOptions small = kAll;
  small.max_text_bytes = 10;
  EXPECT_THAT(Parse("aaaaaaaaaaa", small), test::HasMessage("the query is too long"));
}

TEST(Parser, GivesPositions) {
  const std::string text = "sum by (a) (\n  rate(foo{b=\"c\"}[5m] offset 1m)) + -2";
  const auto expr = Parse(text, kAll).ValueOrDie();
  const auto part = [&](const Expr& e) {
    return text.substr(static_cast<size_t>(e.position.start),
                       static_cast<size_t>(e.position.end - e.position.start));
  };
  EXPECT_EQ(part(*expr), text);
  const auto* sum = Children(*expr)[0];
  EXPECT_EQ(part(*sum), text.substr(0, text.find(" + ")));
  const auto* rate = Children(*sum)[0];
  EXPECT_EQ(PositionText(text, rate->position), "2:3");
  EXPECT_EQ(part(*Children(*rate)[0]), "foo{b=\"c\"}[5m] offset 1m");
  EXPECT_EQ(part(*Children(*expr)[1]), "-2");
}

}  // namespace
}  // namespace larnax::promql
