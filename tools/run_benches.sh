#!/usr/bin/env bash
# Runs every benchmark of a build folder; results in <build>/results, as text and, of those that
# have it, as JSON with commit and machine.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build/bench}
results=$build/results
mkdir -p "$results"
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
ran=0
for program in "$build"/bench/*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  name=$(basename "$program")
  echo "== $name"
  "$program" --benchmark_out="$results/$name.json" --benchmark_out_format=json \
    --benchmark_context=revision="$revision" | tee "$results/$name.txt"
  ran=$((ran + 1))
done
echo "$ran benchmark programs ran; results in $results"
