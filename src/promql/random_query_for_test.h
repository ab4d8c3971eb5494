#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace larnax::promql {

/// Writes random queries that parse, with every feature switched on; the same for the same seed.
class RandomQuery {
 public:
  explicit RandomQuery(uint64_t seed) : random_(seed) {}

  /// An expression that gives an instant vector, at most `depth` levels high.
  std::string Vector(int depth) {
    if (depth <= 0) return Selector() + Extended() + Shift();
    switch (Below(10)) {
      case 0:
        return Selector() + Extended() + Shift();
      case 1:
        return Pick({"abs", "sort", "label_replace", "clamp", "round", "day_of_week", "info"},
                    depth);
      case 2:
        return PickText({"rate", "increase", "last_over_time", "mad_over_time"}) + "(" +
               Matrix(depth - 1) + ")";
      case 3:
        return Aggregation(depth);
      case 4:
        return Vector(depth - 1) + " " + PickText({"and", "or", "unless"}) + Matching() + " " +
               Vector(depth - 1);
      case 5:
        return "(" + Scalar(depth - 1) + PickText({" + ", " ^ ", " > ", " % "}) +
               Vector(depth - 1) + ")";
      case 6:
        return PickText({"-", "+"}) + Vector(depth - 1);
      case 7:
        return "(" + Vector(depth - 1) + ")";
      default:
        return Vector(depth - 1) + VectorOperator() + Vector(depth - 1);
    }
  }

  std::string Matrix(int depth) {
    if (Below(2) == 0) return Selector() + "[" + Positive() + "]" + Extended() + Shift();
    const std::string step = Below(2) == 0 ? "" : Positive();
    return "(" + Vector(depth - 1) + ")[" + Positive() + ":" + step + "]" + Shift();
  }

  std::string Scalar(int depth) {
    if (depth > 0 && Below(4) == 0) return "(" + Scalar(depth - 1) + " - " + Scalar(0) + ")";
    return PickText({"1", "-2.5", "0x1F", "1e22", "Inf", "-NaN", "5m", "-1h1ms", "time()", "step()",
                     "max_of(1, 2)", "- -1", "2 ^ -3 ^ 2", "1e-7"});
  }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }
  std::string PickText(const std::vector<std::string>& texts) { return texts[Below(texts.size())]; }

  std::string Pick(const std::vector<std::string>& functions, int depth) {
    const std::string name = PickText(functions);
    const std::string arg = Vector(depth - 1);
    if (name == "label_replace") return name + "(" + arg + ",'a',\"$1\",`b`,'(.*)\\n')";
    if (name == "clamp") return name + "(" + arg + ", " + Scalar(depth) + ", 5)";
    if (name == "info") return name + "(" + arg + ", {" + PickText({"", "a=~'.+'"}) + "})";
    return name + "(" + arg + ")";
  }

  std::string Selector() {
    return PickText({"foo", "sum", "a:b", "by", "offset", "fill", "{\"c d\"!='\\xc3\\xa9', 'a.b'}",
                     "foo{a!='', b=~'x|y',}", "{__name__!~'x.*', a='1'}", "start{nan='', on='2'}"});
  }

  std::string Shift() {
    const std::string at = PickText({"", "", " @ 12.5", " @ -3", " @ start()", " @ end()"});
    const std::string offset =
        PickText({"", "", " offset 5m", " offset -90", " offset step()", " offset -range()",
                  " offset +(5m + step() * 2)", " offset -(1h - 5)", " offset +step()",
                  " offset max_of(1m, step())"});
    return Below(2) == 0 ? at + offset : offset + at;
  }

  std::string Extended() { return PickText({"", "", "", " anchored", " smoothed"}); }

  std::string Positive() {
    return PickText({"5m", "300", "1h30m", "0.5", "step() + 1", "2 * (3m - 1)", "(-2) ^ 2 ^ 1",
                     "-2 ^ 2 + 9", "min_of(1, range()) % 7", "-step()", "1y / 3"});
  }

  std::string Matching() {
    return PickText({"", "", " on (a)", " ignoring (bool, \"x y\")", " on ()"});
  }

  std::string VectorOperator() {
    const std::string op = PickText({" + ", " - ", " * ", " / ", " % ", " ^ ", " atan2 ",
                                     " == ", " != bool ", " <= ", " > bool ", " </ ", " >/ "});
    return op +
           PickText({"", "", "on (a) ", "ignoring (a) group_left () ", "on (a) group_right (b) ",
                     "fill (0) ", "on () fill_left (-1e9) ", "fill_right (NaN) fill_left (5m) "});
  }

  std::string Aggregation(int depth) {
    const std::string clause =
        PickText({"", " by (a, \"inf\")", " without (sum, 'without')", " by ()", " without ()"});
    const std::string op = PickText({"sum", "avg", "group", "topk", "count_values", "limit_ratio"});
    std::string args = Vector(depth - 1);
    if (op == "count_values") args = "\"v\", " + args;
    if (op == "topk" || op == "limit_ratio") args = Scalar(depth) + ", " + args;
    return Below(2) == 0 ? op + clause + "(" + args + ")" : op + "(" + args + ")" + clause;
  }

  std::mt19937_64 random_;
};

}  // namespace larnax::promql
