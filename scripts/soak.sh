#!/usr/bin/env bash
# Runs the simulated phones and desks against a real server for long; arguments go to the simulator.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

cargo build -p naryad-api -p naryad-tests --bins
NARYAD_BIN="$(target_dir)/debug/naryad" exec scripts/postgres.sh -- "$(target_dir)/debug/soak" "$@"
