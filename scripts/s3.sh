#!/usr/bin/env bash
# A real S3 server for tests, on the loopback and a free port, with nothing left of it afterwards.
#
#   scripts/s3.sh -- COMMAND...   runs COMMAND with NARYAD_TEST_S3 set, then stops the server
set -euo pipefail
. "$(dirname "$0")/lib.sh"
[ "${1:-}" = -- ] && shift

version=1.5.33
venv="$(target_dir)/ministack-$version"
if [ ! -x "$venv/bin/ministack" ]; then
    say "installing ministack $version"
    rm -rf "$venv"
    python3 -m venv "$venv" 2>/dev/null || { install_packages python3-venv; python3 -m venv "$venv"; }
    "$venv/bin/pip" install -q --disable-pip-version-check "ministack==$version" >&2
fi

dir=$(mktemp -d /tmp/naryad-s3.XXXXXX)
server=
child=
stop() {
    trap - EXIT INT TERM HUP
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" 2>/dev/null || true
    [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# It binds to every interface unless it is told not to.
(cd "$dir" && exec env BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" SERVICES=s3 IOT_MTLS_ENABLED=0 HOME="$dir" \
    "$venv/bin/ministack") >"$dir/log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { cat "$dir/log" >&2; die "the S3 server does not start"; }
    sleep 0.1
done

export NARYAD_TEST_S3="http://127.0.0.1:$port"
echo "NARYAD_TEST_S3=$NARYAD_TEST_S3"
"$@" <&0 &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
