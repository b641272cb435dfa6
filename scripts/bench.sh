#!/usr/bin/env bash
# Prints the table of `make bench`: release build, both databases, everything synced to the disk. Arguments go to the
# bench: `--judge` makes a missed aim an exit code, `--rounds N` measures longer, `--engine sqlite` only one database.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Five thousand open streams want as many open files, here and in the server.
ulimit -n "$(ulimit -Hn)" || say "the limit of open files stays at $(ulimit -n)"

cargo build --release -p naryad-api -p naryad-tests --bin naryad --bin bench
NARYAD_BIN="$(target_dir)/release/naryad" exec scripts/postgres.sh --durable -- scripts/s3.sh -- "$(target_dir)/release/bench" "$@"
