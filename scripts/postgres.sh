#!/usr/bin/env bash
# A private PostgreSQL for tests and benches.
#
#   scripts/postgres.sh [--durable] -- COMMAND...   runs COMMAND with NARYAD_TEST_POSTGRES set, then stops the cluster
#   scripts/postgres.sh [--durable]                 prints NARYAD_TEST_POSTGRES=... and serves until it is interrupted
#
# The cluster lives in a temporary directory, listens on the loopback and a socket of its own, and is gone afterwards.
# Without --durable nothing is synced to the disk.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

durable=
while [ $# -gt 0 ]; do
    case $1 in
        --durable) durable=1; shift ;;
        --) shift; break ;;
        *) die "unknown argument: $1" ;;
    esac
done

# The directory of real binaries with btree_gist, btree_gin and pg_trgm, version 14 or newer; the newest wins.
find_bindir() {
    local dir version control best= best_version=0
    for dir in $(candidates); do
        [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/pg_ctl" ] || continue
        version=$("$dir/postgres" --version 2>/dev/null | grep -oE '[0-9]+' | head -n 1) || continue
        [ "${version:-0}" -ge 14 ] && [ "$version" -gt "$best_version" ] || continue
        for control in btree_gist btree_gin pg_trgm; do
            has_extension "$dir" "$version" "$control" || continue 2
        done
        best=$dir best_version=$version
    done
    [ -n "$best" ] && echo "$best"
}

# What stands in the PATH may be a link or a wrapper: the directory behind it counts, and initdb needs its neighbours.
candidates() {
    local tool
    {
        ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql@*/bin 2>/dev/null || true
        command -v pg_config >/dev/null && pg_config --bindir 2>/dev/null || true
        for tool in initdb postgres; do
            command -v "$tool" >/dev/null && dirname "$(readlink -f "$(command -v "$tool")")" || true
        done
    } | sort -u
}

has_extension() {
    local dir=$1 version=$2 name=$3 share
    share=$("$dir/pg_config" --sharedir 2>/dev/null || true)
    for share in "$share" "/usr/share/postgresql/$version" "$dir/../share/postgresql" "$dir/../share"; do
        [ -n "$share" ] && [ -f "$share/extension/$name.control" ] && return 0
    done
    return 1
}

# initdb refuses root, so root hands the cluster to somebody who owns nothing else here.
if [ "$(id -u)" = 0 ]; then
    owner=nobody
    id postgres >/dev/null 2>&1 && owner=postgres
    as_owner() { runuser -u "$owner" -- "$@"; }
else
    owner=$(id -un)
    as_owner() { "$@"; }
fi

bindir=$(find_bindir || true)
if [ -z "$bindir" ]; then
    say "no PostgreSQL >= 14 with btree_gist, btree_gin and pg_trgm found; installing it"
    install_packages postgresql postgresql-contrib
    bindir=$(find_bindir || true)
    [ -n "$bindir" ] || die "PostgreSQL >= 14 with its contrib extensions is needed"
fi

# Not under TMPDIR: the owner must be able to enter it, and a socket's path may have 107 bytes at most.
dir=$(mktemp -d /tmp/naryad-pg.XXXXXX)
child=
started=
stop() {
    trap - EXIT INT TERM HUP
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" 2>/dev/null || true
    [ -z "$started" ] || (cd / && as_owner "$bindir/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1) || true
    rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chown "$owner" "$dir"

# Texts are Russian: a character type that knows Cyrillic letters is needed for pg_trgm and ILIKE.
locale=C
for known in $(locale -a 2>/dev/null || true); do
    case $known in
        C.utf8 | C.UTF-8) locale=$known; break ;;
        *.utf8 | *.UTF-8) locale=$known ;;
    esac
done

cd "$dir"
as_owner "$bindir/initdb" -D "$dir/data" -U naryad -A trust --encoding=UTF8 --locale="$locale" --no-sync \
    >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; die "initdb failed"; }
{
    echo "listen_addresses = '127.0.0.1'"
    echo "unix_socket_directories = '$dir'"
    echo "max_connections = 300"
    echo "shared_buffers = 128MB"
    echo "log_min_messages = warning"
    echo "timezone = 'UTC'"
    [ -n "$durable" ] || printf '%s\n' 'fsync = off' 'full_page_writes = off' 'synchronous_commit = off' 'autovacuum = off'
} >>"$dir/data/postgresql.conf"

# The free port may be taken by another before the server has it: then with the next one.
for _ in 1 2 3 4 5; do
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    # The server must not hold our output open: whoever reads it through a pipe would wait for the server too.
    if as_owner "$bindir/pg_ctl" -D "$dir/data" -l "$dir/data/log" -o "-p $port" -w -t 60 start >/dev/null 2>&1 </dev/null; then
        started=1
        break
    fi
done
[ -n "$started" ] || { cat "$dir/data/log" >&2; die "PostgreSQL does not start"; }
cd "$OLDPWD"

export NARYAD_TEST_POSTGRES="postgres://naryad@127.0.0.1:$port/postgres?sslmode=disable"
echo "NARYAD_TEST_POSTGRES=$NARYAD_TEST_POSTGRES"

# In the background, so that a signal to this script is handled at once and not when the command ends.
if [ $# -gt 0 ]; then
    "$@" <&0 &
else
    say "serving from $bindir; interrupt to stop"
    sleep infinity </dev/null >/dev/null 2>&1 &
fi
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
