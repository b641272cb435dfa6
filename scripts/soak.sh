#!/usr/bin/env bash
# Kills a real server under load again and again, on both databases: `make soak N=500` says how often.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

cargo build -p naryad-api -p naryad-tests --bin naryad --bin soak
NARYAD_BIN="$(target_dir)/debug/naryad" exec scripts/postgres.sh -- "$(target_dir)/debug/soak" "$@"
