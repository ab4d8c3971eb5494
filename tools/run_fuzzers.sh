#!/bin/bash
# Run the fuzz programs of a build one after the other, each for so many seconds.
#
#   tools/run_fuzzers.sh BUILD SECONDS [NAME ...]      NAME: a part of a program's name
#
# What they learn is kept and minimised in BUILD/corpus/<program>; an input that breaks one is left
# in BUILD/findings, and the script then fails. `BUILD/fuzz/<program> FILE` runs it again.
set -uo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=$1
seconds=$2
shift 2
mkdir -p "$build/corpus" "$build/findings" "$build/logs"
export ASAN_OPTIONS=${ASAN_OPTIONS:-allocator_may_return_null=1}
export LSAN_OPTIONS=${LSAN_OPTIONS:-suppressions=$root/tools/lsan.supp}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

is_wanted() {
  local program=$1 name
  shift
  [ $# -eq 0 ] && return 0
  for name in "$@"; do [[ $program == *"$name"* ]] && return 0; done
  return 1
}

failed=0
for path in "$build"/fuzz/*_fuzz; do
  program=$(basename "$path")
  is_wanted "$program" "$@" || continue
  # <room>_<name>_fuzz has its seeds in fuzz/corpus/<name>.
  name=${program#*_}
  seeds=$root/fuzz/corpus/${name%_fuzz}
  corpus=$build/corpus/$program
  mkdir -p "$corpus" "$corpus.new"
  "$path" "$corpus" "$seeds" -max_total_time="$seconds" -max_len=16384 -timeout=20 \
    -rss_limit_mb=2500 -print_final_stats=1 -artifact_prefix="$build/findings/$program-" \
    >"$build/logs/$program.log" 2>&1
  status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/logs/$program.log")
  if [ $status -eq 0 ]; then
    echo "$program: ${executions:-?} inputs"
    "$path" -merge=1 "$corpus.new" "$corpus" "$seeds" >>"$build/logs/$program.log" 2>&1 &&
      rm -r "$corpus" && mv "$corpus.new" "$corpus"
  else
    echo "$program: FAILED, see $build/logs/$program.log"
    failed=1
  fi
  rm -rf "$corpus.new"
done
exit $failed
