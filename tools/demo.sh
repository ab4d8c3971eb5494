#!/usr/bin/env bash
# Runs Debian's Prometheus and node_exporter against Larnax until Ctrl-C, then ends what it started.
# Takes a Larnax that already listens on LISTEN, or starts one on DATA.
set -euo pipefail
cd "$(dirname "$0")/.."
listen=${LISTEN:-127.0.0.1:9797}
data=${DATA:-./data}
preset=${PRESET:-release}
prometheus_listen=${PROMETHEUS_LISTEN:-127.0.0.1:9798}
exporter_listen=${EXPORTER_LISTEN:-127.0.0.1:9799}
seconds=${DEMO_SECONDS:-0}  # 0: until Ctrl-C
work=build/demo
mkdir -p "$work"

started=()
end_all() {
  local pid
  trap - EXIT INT TERM
  # The sender first, so that what it still holds reaches Larnax.
  for pid in "${started[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
}
trap end_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# answers URL: whether something answers 200 there.
answers() {
  .venv/bin/python - "$1" <<'PYTHON' 2>/dev/null
import sys
import urllib.request
urllib.request.urlopen(sys.argv[1], timeout=2).read()
PYTHON
}

# start NAME URL COMMAND..: run in the background and wait until URL answers.
start() {
  local name=$1 url=$2 pid
  shift 2
  # In a session of its own: Ctrl-C is for this script, which ends them in their order.
  setsid "$@" >"$work/$name.log" 2>&1 &
  pid=$!
  started=("$pid" "${started[@]}")
  for _ in $(seq 150); do
    answers "$url" && return 0
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  echo "demo: $name does not answer; its last words:" >&2
  tail -n 5 "$work/$name.log" >&2
  exit 1
}

if answers "http://$listen/-/ready"; then
  echo "demo: using the Larnax on $listen"
else
  echo "demo: starting Larnax on $listen, archive in $data"
  start larnax "http://$listen/-/ready" "build/$preset/larnax" serve --data "$data" --listen "$listen"
fi

cat >"$work/prometheus.yml" <<END
global:
  scrape_interval: 5s
  external_labels:
    source: demo
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["$exporter_listen"]
  - job_name: prometheus
    static_configs:
      - targets: ["$prometheus_listen"]
remote_write:
  - url: http://$listen/api/v1/write
END

start node_exporter "http://$exporter_listen/metrics" \
  prometheus-node-exporter --web.listen-address="$exporter_listen"
start prometheus "http://$prometheus_listen/-/ready" \
  prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/prometheus" \
  --web.listen-address="$prometheus_listen"

cat <<END
demo: Prometheus (http://$prometheus_listen) scrapes node_exporter every 5 s and sends to Larnax.

  curl "http://$listen/api/v1/labels"
  curl -g "http://$listen/api/v1/samples?match[]=node_load1&format=csv"
  .venv/bin/python -c "import duckdb; duckdb.sql(\"select metric, count(*) from read_parquet('$data/samples/*/*.parquet', union_by_name = true) group by 1 order by 2 desc limit 20\").show()"

Files grow within a minute in $data/samples. Ctrl-C ends what the demo started.
END
if [ "$seconds" -gt 0 ]; then
  sleep "$seconds" &
  wait $!
else
  wait
fi
