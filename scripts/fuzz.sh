#!/usr/bin/env bash
# Fuzzes what reads untrusted bytes by itself: the photo reader with its EXIF, the headers of uploads.
#
#   scripts/fuzz.sh [RUNS]   so many runs a target, the same in every run; without a number, ten minutes each
#
# libFuzzer by the flags that cargo-fuzz gives a stable compiler (-s none); nothing needs to be installed for it.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"
. ../scripts/lib.sh

target=$(cd .. && target_dir)/fuzz
export CARGO_TARGET_DIR="$target" CARGO_INCREMENTAL=0
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
# A target of its own keeps the flags away from build scripts.
triple=$(rustc -vV | sed -n 's/^host: //p')
cargo build -q --release --target "$triple"
if [ -n "${1:-}" ]; then
    bound=(-runs="$1" -seed=1)
else
    bound=(-max_total_time=600)
fi
for name in photo tus; do
    say "fuzzing $name"
    corpus="$target/corpus-$name"
    mkdir -p "$corpus"
    [ -z "${1:-}" ] || corpus=$(mktemp -d "$target/corpus.XXXXXX")
    "$target/$triple/release/$name" "$corpus" "${bound[@]}" -max_len=4096 -rss_limit_mb=2048 -timeout=20 \
        -artifact_prefix="$target/" >"$target/$name.log" 2>&1 || { tail -40 "$target/$name.log" >&2; die "$name failed"; }
    tail -1 "$target/$name.log" >&2
done
