#!/usr/bin/env bash
# The simulator of offline work and kills under load, on both databases: `make soak MINUTES=60 SEED=1000`.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

cargo build -p naryad-api -p naryad-tests --bin naryad --bin soak
NARYAD_BIN="$(target_dir)/debug/naryad" exec scripts/postgres.sh -- scripts/s3.sh -- "$(target_dir)/debug/soak" "$@"
