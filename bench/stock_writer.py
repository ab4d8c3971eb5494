#!/usr/bin/env python3
"""Compare Larnax's data files with the same rows written by parquet-cpp's stock writer.

    columns_columns_bench --keep FOLDER     (writes the files of the synthetic loads)
    bench/stock_writer.py FILE...           (such files, or any of an archive's samples/)

Needs pyarrow. Per file and writer: bytes a sample in all and by column, nanoseconds of CPU a sample
to write (the stock writer alone; columns_columns_bench has Larnax's own) and to read all columns with
pyarrow, and what it takes to open the file and parse its footer. Writers: `larnax` is the file as it
is; `stock` has pyarrow's defaults and zstd 3; `tuned` leaves the dictionary to the labels and gives
`value` BYTE_STREAM_SPLIT and `timestamp` DELTA_BINARY_PACKED, the best that one setting for all
pages of a column can do.
"""

import argparse
import os
import tempfile
import time

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 1 << 20


def stock(table, path):
    pq.write_table(table, path, compression="zstd", compression_level=3, row_group_size=ROW_GROUP)


def tuned(table, path):
    labels = [field.name for field in table.schema
              if pa.types.is_dictionary(field.type) or field.name == "series_id"]
    pq.write_table(table, path, compression="zstd", compression_level=3, row_group_size=ROW_GROUP,
                   use_dictionary=labels,
                   column_encoding={"value": "BYTE_STREAM_SPLIT",
                                    "timestamp": "DELTA_BINARY_PACKED"})


def best_cpu(call, rounds):
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        call()
        best = min(best, time.process_time() - begin)
    return best


def bytes_by_column(path):
    """Compressed bytes of value, timestamp, series_id, the rest, and what is not in a chunk."""
    metadata = pq.read_metadata(path)
    own = {"value": 0, "timestamp": 0, "series_id": 0, "rest": 0}
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            name = chunk.path_in_schema
            own[name if name in own else "rest"] += chunk.total_compressed_size
    own["footer"] = os.path.getsize(path) - sum(own.values())
    return own


def report(name, writer, path, rows, write_seconds, rounds):
    columns = bytes_by_column(path)
    read = best_cpu(lambda: pq.read_table(path, use_threads=False), rounds)
    footer = best_cpu(lambda: pq.ParquetFile(path).close(), 9)
    write = "" if write_seconds is None else f"{write_seconds / rows * 1e9:.0f}"
    sizes = " | ".join(f"{size / rows:.3f}" for size in columns.values())
    print(f"| {name} | {writer} | {os.path.getsize(path) / rows:.3f} | {sizes} | {write} | "
          f"{read / rows * 1e9:.0f} | {footer * 1e6:.0f} |", flush=True)


def compare(path, rounds):
    # Labels as dictionaries, so that the stock writer need not build them.
    strings = [field.name for field in pq.read_schema(path) if pa.types.is_string(field.type)]
    table = pq.read_table(path, read_dictionary=strings, use_threads=False, partitioning=None)
    name = os.path.basename(path).removesuffix(".parquet")
    report(name, "larnax", path, table.num_rows, None, rounds)
    for writer in (stock, tuned):
        with tempfile.TemporaryDirectory(prefix="larnax-stock-") as folder:
            copy = os.path.join(folder, "copy.parquet")
            seconds = best_cpu(lambda: writer(table, copy), rounds)
            report(name, writer.__name__, copy, table.num_rows, seconds, rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    print("| file | writer | B/sample | value | timestamp | series_id | labels, rest | footer | "
          "write ns | read ns | open us |\n|---|---|---|---|---|---|---|---|---|---|---|")
    for path in arguments.files:
        compare(path, arguments.rounds)


if __name__ == "__main__":
    main()
