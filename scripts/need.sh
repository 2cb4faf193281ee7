#!/bin/sh
# Makes sure that programs are there: `need.sh cc cargo`. What is a Debian package is installed; for
# the Rust toolchain it says what to do, because its version matters.
set -eu

here=$(cd "$(dirname "$0")" && pwd)

have() { command -v "$1" >/dev/null 2>&1; }

for program in "$@"; do
    case $program in
    cargo)
        have cargo || {
            echo "need: cargo is missing. Install Rust 1.95 or newer, for example with rustup." >&2
            exit 1
        }
        ;;
    fmt | clippy)
        cargo "$program" --version >/dev/null 2>&1 || rustup component add "$(
            [ "$program" = fmt ] && echo rustfmt || echo clippy
        )"
        ;;
    cc) { have cc && have c++; } || "$here/debian.sh" build-essential ;;
    dpkg-dev) { have dpkg-deb && have dpkg-shlibdeps && have strip; } || "$here/debian.sh" dpkg-dev binutils ;;
    sysusers) have systemd-sysusers || "$here/debian.sh" systemd-standalone-sysusers ;;
    python3) have python3 || "$here/debian.sh" python3 ;;
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null || "$here/debian.sh" python3-venv ;;
    *)
        echo "need: do not know how to get $program" >&2
        exit 2
        ;;
    esac
done
