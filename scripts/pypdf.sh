#!/usr/bin/env bash
# A python that has pypdf, which reads the acts with eyes that nobody here made; prints it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

wanted='pypdf==5.1.0'
venv="$(target_dir)/venv-pypdf"
if [ ! -x "$venv/bin/python" ] || [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$venv"
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$wanted" >&2
    echo "$wanted" >"$venv/wanted"
fi
echo "$venv/bin/python"
