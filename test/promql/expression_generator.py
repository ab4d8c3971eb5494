"""A seeded generator of well-typed PromQL expressions over the series of differential_data.

What rounding could turn over (`==` on computed values, `floor` of a quotient) is left out: the last
digit of a sum is nobody's promise.
"""

import random

from promql.differential_data import FIRST_S

GAUGES = ["g", "part", "gap", "late", "early", "limit", "flip", "info", "one", "inf"]
COUNTERS = ["c_total", "h_count", "h_sum", "h_bucket"]
MATCHERS = ['job="api"', 'job!="api"', 'job=~"a.*|x"', 'instance=~"a|b"', 'instance!~"a.?"',
            'path="/"', 'path!=""', 'nosuch=""', 'instance=""', 'version=~".+"', 'le="1"']
LABELS = ["job", "instance", "path", "le", "nosuch", "version"]
ON_GAUGE = ["avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "count_over_time",
            "last_over_time", "present_over_time", "stddev_over_time", "stdvar_over_time", "delta",
            "idelta", "deriv", "changes", "absent_over_time"]
ON_COUNTER = ["rate", "increase", "irate", "resets"]
MATH = ["abs", "sqrt", "ln", "log2", "log10", "sgn", "exp", "sin", "cos", "atan", "tanh", "deg",
        "rad"]
DATES = ["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month",
         "year"]
AGGREGATES = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]
EXPERIMENTAL_ON_GAUGE = ["mad_over_time", "first_over_time", "ts_of_max_over_time",
                         "ts_of_min_over_time", "ts_of_last_over_time", "ts_of_first_over_time"]
HISTOGRAM_VECTORS = ["nh", "rate(nh[5m])", "increase(nh[7m])", "sum(nh)", "sum by (job) (nh)",
                     "avg by (instance) (rate(nh[5m]))", "nh * 2", "nh / 3", "nh + nh", "-nh",
                     "nh offset 3m", "sum_over_time(nh[2m])", "avg_over_time(nh[3m])",
                     "last_over_time(nh[3m])", "irate(nh[3m])", "delta(nh[2m])",
                     'nh{job="api"} + ignoring(job) nh{job="db"}', "nh - nh offset 1m"]


class Generator:
    """Expressions as text. `experimental`: also what only a Prometheus 3 knows."""

    def __init__(self, seed, experimental=False):
        self.rng = random.Random(seed)
        self.experimental = experimental

    def pick(self, *choices):
        return self.rng.choice(choices)

    def number(self):
        return self.pick("0", "1", "2", "-1", "0.5", "3.7", "100", "1e3", "-2.5")

    def duration(self):
        return self.pick("1m", "2m", "5m", "10m", "90s", "7m30s")

    def modifiers(self):
        text = ""
        roll = self.rng.random()
        if roll < 0.15:
            text = f" offset {self.pick('30s', '1m', '5m', '-1m', '1h')}"
        if 0.10 < roll < 0.22:
            at = self.pick("start()", "end()", str(FIRST_S + 10 * self.rng.randrange(300)))
            text = text + f" @ {at}" if self.rng.random() < 0.5 else f" @ {at}" + text
        return text

    def bare_selector(self, names):
        matchers = self.rng.sample(MATCHERS, self.rng.choice([0, 0, 0, 1, 1, 2]))
        return self.rng.choice(names) + ("{" + ",".join(matchers) + "}" if matchers else "")

    def selector(self):
        return self.bare_selector(GAUGES + COUNTERS) + self.modifiers()

    def range_call(self):
        if self.rng.random() < 0.4:
            function, names = self.rng.choice(ON_COUNTER), COUNTERS
        else:
            choices = ON_GAUGE + (EXPERIMENTAL_ON_GAUGE if self.experimental else [])
            function, names = self.rng.choice(choices), GAUGES
        window = f"{self.bare_selector(names)}[{self.duration()}]{self.modifiers()}"
        roll = self.rng.random()
        if roll < 0.08:
            return f"quantile_over_time({self.pick('0.5', '0', '0.9', '1', '-1')}, {window})"
        if roll < 0.12:
            return f"predict_linear({window}, {self.pick('60', '-300', '3600')})"
        return f"{function}({window})"

    def subquery_call(self, depth):
        inner = self.vector(depth - 1)
        function = self.pick("max_over_time", "min_over_time", "avg_over_time", "sum_over_time",
                             "count_over_time", "last_over_time", "stddev_over_time", "changes",
                             "present_over_time")
        step = self.pick("30s", "1m", "20s", "10s", "70s", "")
        # No multiple of ten seconds: inner times, which are, never fall on the begin of the range,
        # which belongs to it only in Prometheus 2.
        window = self.pick("123s", "303s", "603s")
        return f"{function}(({inner})[{window}:{step}]{self.modifiers()})"

    def grouping(self):
        labels = ", ".join(self.rng.sample(LABELS, self.rng.randrange(0, 3)))
        return self.pick("", "", f" by ({labels})", f" by ({labels})", f" without ({labels})")

    def aggregate(self, depth):
        roll = self.rng.random()
        if roll < 0.12:  # No two values of these series are equal.
            operator = self.pick("topk", "bottomk")
            inner = self.bare_selector(["g", "c_total", "limit", "gap"]) + self.modifiers()
            return f"{operator}{self.grouping()} ({self.pick('1', '2', '5', '0')}, {inner})"
        if roll < 0.2:
            q = self.pick("0.5", "0.25", "1", "0", "2")
            return f"quantile{self.grouping()} ({q}, {self.vector(depth - 1)})"
        if roll < 0.25:
            inner = self.pick("flip", "info", "round(g)", "floor(part)")
            return f'count_values{self.grouping()} ("value", {inner})'
        return f"{self.rng.choice(AGGREGATES)}{self.grouping()} ({self.vector(depth - 1)})"

    def call(self, depth):
        roll = self.rng.random()
        inner = self.vector(depth - 1)
        if roll < 0.45:
            return f"{self.rng.choice(MATH)}({inner})"
        if roll < 0.55:
            return f"clamp({inner}, {self.pick('-5', '0')}, {self.pick('10', '-10', '1e3')})"
        if roll < 0.6:
            return f"{self.pick('clamp_min', 'clamp_max')}({inner}, {self.number()})"
        if roll < 0.65:
            return f"{self.pick('floor', 'ceil', 'round')}({self.selector()})"
        if roll < 0.72:
            return f"timestamp({self.pick(self.selector(), inner)})"
        if roll < 0.78:
            return f"{self.rng.choice(DATES)}({self.pick('', self.selector(), 'vector(time())')})"
        if roll < 0.84:
            source = self.rng.choice(LABELS)
            return (f'label_replace({inner}, "{self.pick("new", "job", "instance")}", '
                    f'"{self.pick("$1", "x-$1", "", "$2")}", "{source}", '
                    f'"{self.pick("(.*)", "(a).*", "(.)(.*)", "b")}")')
        if roll < 0.88:
            return f'label_join({inner}, "new", "-", "job", "instance")'
        if roll < 0.94:
            return f"absent({inner})"
        return f"vector({self.scalar(depth - 1)})"

    def matching(self):
        labels = ", ".join(self.rng.sample(LABELS[:4], self.rng.randrange(0, 3)))
        clause = self.pick("", "on", "on", "ignoring", "ignoring")
        if not clause:
            return ""
        side = self.pick("", "", " group_left()", " group_right()", " group_left(version)")
        return f" {clause}({labels}){side}"

    def binary(self, depth):
        left, right = self.vector(depth - 1), self.vector(depth - 1)
        roll = self.rng.random()
        if roll < 0.35:
            operator = self.pick("+", "-", "*", "/", "^", "atan2")
            sides = [left, self.scalar(depth - 1)]
            self.rng.shuffle(sides)
            return f"({sides[0]}) {operator} ({sides[1]})"
        if roll < 0.45:
            operator = self.pick(">", "<", ">=", "<=", "!=") + self.pick("", " bool")
            return f"({left}) {operator} {self.pick('0', '10.123', '-3.21', '1e5')}"
        if roll < 0.65:
            side = self.pick("", f" on({self.rng.choice(LABELS)})",
                             f" ignoring({self.rng.choice(LABELS)})")
            return f"({left}) {self.pick('and', 'or', 'unless')}{side} ({right})"
        operator = self.pick("+", "-", "*", "/", "atan2", "> bool", "<", ">")
        return f"({left}) {operator}{self.matching()} ({right})"

    def scalar(self, depth):
        roll = self.rng.random()
        if depth <= 0 or roll < 0.5:
            return self.number()
        if roll < 0.6:
            return self.pick("time()", "pi()", "scalar(one)")
        if roll < 0.75:
            return f"scalar({self.vector(depth - 1)})"
        return f"{self.scalar(depth - 1)} {self.pick('+', '-', '*', '> bool')} {self.number()}"

    def histogram_call(self):
        vector = self.rng.choice(HISTOGRAM_VECTORS)
        return self.pick(vector, f"histogram_count({vector})", f"histogram_sum({vector})",
                         f"histogram_avg({vector})", f"histogram_stddev({vector})",
                         f"histogram_quantile({self.pick('0.5', '0.9', '0', '1')}, {vector})",
                         f"histogram_fraction(0.5, {self.pick('3', '+Inf')}, {vector})",
                         f"count({vector})", f"changes(nh[{self.duration()}])",
                         f"resets(nh[{self.duration()}])", f"{vector} == {vector}")

    def vector(self, depth):
        if depth <= 0:
            return self.range_call() if self.rng.random() < 0.4 else self.selector()
        roll = self.rng.random()
        if self.experimental and roll < 0.08:
            return self.histogram_call()
        if roll < 0.2:
            return self.range_call()
        if roll < 0.3:
            return self.subquery_call(depth)
        if roll < 0.55:
            return self.aggregate(depth)
        if roll < 0.75:
            return self.call(depth)
        if roll < 0.8:
            q = self.pick("0.5", "0.9", "0.99", "0", "1")
            inner = self.pick("h_bucket", "rate(h_bucket[5m])",
                              "sum by (le, job) (rate(h_bucket[3m]))")
            return f"histogram_quantile({q}, {inner})"
        if roll < 0.83:
            return f"-({self.vector(depth - 1)})"
        return self.binary(depth)

    def expression(self):
        """The next one: a vector, now and then a scalar."""
        if self.rng.random() < 0.03:
            return self.scalar(3)
        return self.vector(self.rng.choice([1, 1, 2, 2, 3]))
