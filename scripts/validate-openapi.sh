#!/usr/bin/env bash
# Holds openapi.yaml (or the file named) against the OpenAPI 3.1 standard, by a validator that nobody here wrote.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

file=${1:-openapi.yaml}
[ -f "$file" ] || die "$file is not there; \`make openapi\` writes it"
wanted='openapi-spec-validator>=0.7,<1'
venv="$(target_dir)/venv-openapi"
if [ ! -x "$venv/bin/openapi-spec-validator" ] || [ "$(cat "$venv/wanted" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$venv"
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "$wanted"
    echo "$wanted" >"$venv/wanted"
fi
"$venv/bin/openapi-spec-validator" --schema 3.1 "$file"
