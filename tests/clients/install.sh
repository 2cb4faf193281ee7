#!/bin/sh
# Installs the real clients: a Python environment under .cache/venv, the SDK for JavaScript beside
# its walk, the walk with the SDK for Rust, and a curl that can sign. Does nothing where nothing is
# missing, so it may run before every test.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
venv=$repository/.cache/venv
node_least=20

say() { echo "install: $*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# Debian packages, only where something is missing; root or sudo is needed only then.
debian() {
    say "apt-get install $*"
    if [ "$(id -u)" = 0 ]; then become=; elif have sudo; then become=sudo; else
        say "missing: $*. Install these packages as root, then run this again."
        exit 1
    fi
    $become env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' - "$@" >&2
}

system_tools() {
    missing=
    curl --help all 2>/dev/null | grep -q -- --aws-sigv4 || missing="$missing curl"
    have openssl || missing="$missing openssl"
    have python3 || missing="$missing python3"
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
    # Word splitting is meant: a list of names.
    # shellcheck disable=SC2086
    [ -z "$missing" ] || debian ca-certificates $missing
}

# $1: the requirements; $2: where to note that they are installed.
python_packages() {
    wanted=$(sha256sum <"$1")
    [ "$(cat "$2" 2>/dev/null)" = "$wanted" ] && return
    say "$(basename "$1")"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$1"
    echo "$wanted" >"$2"
}

python_environment() {
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    python_packages "$here/requirements.txt" "$venv/.requirements"
}

node_is_new_enough() {
    have npm && have node && [ "$(node -p 'parseInt(process.versions.node)')" -ge "$node_least" ]
}

javascript_sdk() {
    if ! node_is_new_enough; then
        python_packages "$here/requirements-node.txt" "$venv/.requirements-node"
        PATH=$venv/bin:$PATH
    fi
    stamp=$here/js-sdk/node_modules/.package-lock.sha256
    wanted=$(sha256sum <"$here/js-sdk/package-lock.json")
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    say "js-sdk/package-lock.json"
    (cd "$here/js-sdk" && npm ci --silent --no-audit --no-fund --ignore-scripts)
    echo "$wanted" >"$stamp"
}

rust_sdk() {
    target=${CARGO_TARGET_DIR:-$repository/target}/clients
    cargo build --quiet --locked --manifest-path "$here/rust-sdk/Cargo.toml" --target-dir "$target"
}

system_tools
python_environment
javascript_sdk
rust_sdk
