#!/usr/bin/env bash
# Tell what to do with the server that is about to start: next_steps.sh HOST:PORT DATA
set -euo pipefail
listen=$1
data=$2
cat <<END

Larnax is about to listen on http://$listen and to keep its archive in $data (Ctrl-C ends it).
It records its own metrics every 15 seconds, so there is something to look at within a minute:

  curl "http://$listen/api/v1/labels"
  curl -g "http://$listen/api/v1/samples?match[]=larnax_samples_total&format=csv"
  .venv/bin/python -c "import pandas; print(pandas.read_parquet('$data/samples'))"

To fill it from a Prometheus that you have, add to its configuration:

  remote_write:
    - url: http://$listen/api/v1/write

Or run \`make demo\` in another terminal. docs/tour.md goes on from here.

END
