#!/usr/bin/env bash
# Installs tus-js-client for the story that drives it, and prints where.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

{ command -v node && command -v npm; } >/dev/null || install_packages nodejs npm
place="$(target_dir)/tus-js"
if ! cmp -s tests/tus-js/package-lock.json "$place/package-lock.json" || [ ! -d "$place/node_modules" ]; then
    rm -rf "$place"
    mkdir -p "$place"
    cp tests/tus-js/package.json tests/tus-js/package-lock.json "$place/"
    (cd "$place" && npm ci --silent --no-audit --no-fund --ignore-scripts) >&2
fi
cp tests/tus-js/upload.mjs "$place/"
echo "$place"
