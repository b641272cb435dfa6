#!/usr/bin/env bash
# Everything `make test` does, from a fresh clone: a private PostgreSQL, one build, every test on both databases, the
# validation of openapi.yaml, and the table of promises. Arguments go to the test runner and leave the table out.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

command -v cargo >/dev/null || die "a Rust toolchain is needed (https://rustup.rs)"
command -v python3 >/dev/null || install_packages python3
command -v cc >/dev/null || install_packages build-essential

# Built before the cluster starts: a failing build should fail at once.
if [ -z "${NARYAD_TEST_BUILT:-}" ]; then
    build_all
    export NARYAD_TEST_BUILT=1
fi
if [ -z "${NARYAD_TEST_POSTGRES:-}" ]; then
    exec scripts/postgres.sh -- scripts/test.sh "$@"
fi

if [ -z "${NARYAD_TEST_S3:-}" ]; then
    exec scripts/s3.sh -- scripts/test.sh "$@"
fi

target=$(target_dir)
export NARYAD_TEST_TUS_JS="${NARYAD_TEST_TUS_JS:-$(scripts/tus-js.sh)}"
export NARYAD_TEST_PYPDF="${NARYAD_TEST_PYPDF:-$(scripts/pypdf.sh)}"
export NARYAD_BIN="${NARYAD_BIN:-$target/debug/naryad}"
export NARYAD_PROMISES_DIR="$target/promises"
rm -rf "$NARYAD_PROMISES_DIR"

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace "$@"
else
    cargo test --workspace --lib --bins --tests "$@"
fi

[ $# -eq 0 ] || exit 0
scripts/validate-openapi.sh
scripts/fuzz.sh 20000
"$target/debug/promises" "$NARYAD_PROMISES_DIR"
