# Shared by the scripts: sourced, not run.

say() { echo "== $*" >&2; }
die() { echo "error: $*" >&2; exit 1; }

# Installs Debian packages, where that is possible without a question.
install_packages() {
    command -v apt-get >/dev/null || die "please install: $*"
    local sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || die "please install: $* (apt-get install, as root)"
        sudo=sudo
    fi
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq >&2 </dev/null
    $sudo apt-get install -y -qq --no-install-recommends "$@" >&2 </dev/null
}

# Where cargo builds, in this clone or wherever CARGO_TARGET_DIR or a configuration puts it.
target_dir() {
    cargo metadata --format-version 1 --no-deps --offline 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])' 2>/dev/null ||
        echo "${CARGO_TARGET_DIR:-$PWD/target}"
}

# Everything the tests need, in one build: the program itself and every test of the workspace, with one set of features.
build_all() {
    cargo build --workspace --lib --bins --tests
}
