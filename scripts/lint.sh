#!/usr/bin/env bash
# Format, lints, and licences where cargo-deny is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check bans licenses sources
fi
