#!/bin/sh
# Installs what building (`setup.sh build`) and testing (`setup.sh test`) vidbench need and this machine lacks.
# System packages come through apt when it may be used; otherwise the exact command is named.
set -eu

goal=${1:-build}
packages="build-essential pkg-config libclang-dev libavcodec-dev libavformat-dev libavutil-dev libswscale-dev"
# Ubuntu has no Debian package of Chromium: its package installs the snap.
if [ "$goal" = test ]; then
    case $(. /etc/os-release 2>/dev/null && echo "${ID:-}") in
    ubuntu) packages="$packages chromium-browser chromium-chromedriver" ;;
    *) packages="$packages chromium chromium-driver" ;;
    esac
fi

say() { printf 'setup: %s\n' "$*" >&2; }

has_package() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

install_packages() {
    missing=""
    for package in $packages; do has_package "$package" || missing="$missing $package"; done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo"; else
        say "these packages are missing:$missing"
        say "install them with: sudo apt-get update && sudo apt-get install --yes$missing"
        exit 2
    fi
    say "installing$missing"
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install --yes -qq --no-install-recommends $missing >/dev/null
}

if command -v apt-get >/dev/null 2>&1; then
    install_packages
else
    say "this system has no apt: install the equivalents of: $packages"
fi

command -v cargo >/dev/null 2>&1 || { say "cargo is missing: install a Rust toolchain from https://rustup.rs"; exit 2; }
if [ "$goal" = test ]; then
    cargo nextest --version >/dev/null 2>&1 || { say "building cargo-nextest"; cargo install --locked --quiet cargo-nextest; }
    cargo deny --version >/dev/null 2>&1 || { say "building cargo-deny"; cargo install --locked --quiet cargo-deny; }
fi
