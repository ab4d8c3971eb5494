"""What the reader tests send: every kind of label name and value that could go wrong."""

import struct
import time

from app.remote_write import STALE_BITS

DAY_MS = 86_400_000

# Names that are taken by columns or readers, differ by case alone, or need quoting somewhere.
HARD_NAMES = ["date", "Date", "value", "VALUE", "timestamp", "stale", "metric", "series_id",
              "other_labels", "start_timestamp", "filename", "file_row_number", "experiment",
              "elapsed", "pod", "Pod", "POD", "größe", "GRÖSSE", "标签", "http.method",
              "a label with spaces", 'quote"d', "semi;colon", "back`tick", "comma,name", "слово",
              "brace{d}", "a=b", "tab\there", "😀", "name_", "U__x", "$money", "per%20cent"]

HARD_VALUES = ["plain", "späße", "多字节", "with spaces", "tab\tnew\nline", 'quo"te', "a'b", "\\",
               "null", "NULL", "NaN", "2026-11-22", "0", "x" * 300, "\u0001", "😀", "\u200b", "="]

VALUE_BITS = [0x7FF8000000000001, 0x7FF8000000000000, 0x7FF80000DEADBEEF, 0xFFF8000000000123,
              0x7FF0000000000001, 0x7FF0000000000003, 0x7FFFFFFFFFFFFFFF]

VALUES = [0.0, -0.0, float("inf"), float("-inf"), 5e-324, -1.7976931348623157e308, 1 / 3, 1e21,
          9007199254740993.0, 123456789.125, -2.5]


def is_nan(bits):
    return bits & 0x7FF0000000000000 == 0x7FF0000000000000 and bits & 0xFFFFFFFFFFFFF != 0


def series(name, samples, **labels):
    return {"__name__": name, "job": "readers", **labels}, samples


def regular(start_ms, count, first=0.0):
    return [(start_ms + 15_000 * i, first + i * 0.5) for i in range(count)]


def waves(now_ms):
    """Lists of series, each list to be flushed before the next: later ones have more labels."""
    now_ms -= now_ms % 1000
    old = now_ms - 2 * DAY_MS

    first = [series("older", regular(old, 40), instance=f"host-{i}") for i in range(4)]
    first += [series("plain_total", regular(now_ms - 600_000, 30), instance=f"host-{i}")
              for i in range(4)]
    first.append(series("ancient", [(0, 1.5), (1, 2.5), (DAY_MS - 1, 3.5), (DAY_MS, 4.5)]))

    second = [series("named", regular(now_ms - 500_000, 5), instance="host-1", **{name: f"v-{i}"})
              for i, name in enumerate(HARD_NAMES)]
    second.append(series("all_names", regular(now_ms - 500_000, 5),
                         **{name: f"all-{i}" for i, name in enumerate(HARD_NAMES)}))
    second += [series("valued", regular(now_ms - 400_000, 3), text=text, number=str(i))
               for i, text in enumerate(HARD_VALUES)]
    second.append(series("métrique.à points", regular(now_ms - 400_000, 3), instance="host-1"))

    third = [series("wide", regular(now_ms - 300_000, 6, i), instance=f"host-{i}",
                    **{f"label_{n:03}": f"{i}-{n}" for n in range(i, 400, 3)})
             for i in range(3)]
    third.append(series("widest", regular(now_ms - 300_000, 6),
                        **{f"label_{n:03}": f"w-{n}" for n in range(400)}))
    bits = VALUE_BITS + [struct.unpack("<Q", struct.pack("<d", value))[0] for value in VALUES]
    third.append(series("special", [(now_ms - 290_000 + i, b) for i, b in enumerate(bits)]))
    third += [series("special_each", [(now_ms - 280_000, b), (now_ms - 279_000, b)], n=str(i))
              for i, b in enumerate(bits)]
    third.append(series("all_nan", [(now_ms - 280_000 + i, VALUE_BITS[i % 7]) for i in range(50)]))
    third += [series("ended", [*regular(now_ms - 270_000, 4, i), (now_ms - 200_000, STALE_BITS)],
                     instance=f"host-{i}") for i in range(3)]
    third.append(series("ended_only", [(now_ms - 200_000, STALE_BITS)]))

    # After the merge: few labels again, late samples of an old day, a long series.
    fourth = [series("plain_total", regular(now_ms - 100_000, 4), instance=f"host-{i}")
              for i in range(2)]
    fourth.append(series("older", regular(old + 900_000, 10), instance="late"))
    fourth.append(series("long", [(old + 1000 * i, float(i % 97)) for i in range(3000)]))
    return [first, second, third, fourth]


def now_ms():
    return int(time.time() * 1000)
