#!/usr/bin/env bash
# Prints the table of `make bench`: release build, both databases, everything synced to the disk.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

cargo build --release -p naryad-api -p naryad-tests --bins
NARYAD_BIN="$(target_dir)/release/naryad" exec scripts/postgres.sh --durable -- "$(target_dir)/release/bench" "$@"
