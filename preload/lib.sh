# What preload/verify and preload/cost share.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
holdup=${HOLDUP:-$root/target/release/holdup}
work=$root/target/preload
programs=$root/preload/programs
mkdir -p "$work"
export PYTHONDONTWRITEBYTECODE=1

passed=0
failed=0
left_out=()

say() { printf '\n== %s\n' "$*"; }

# leave_out WHAT: says aloud what is not tested.
leave_out() {
    left_out+=("$*")
    printf '!!!!! LEFT OUT: %s\n' "$*"
}

# need COMMAND PACKAGE: whether there is COMMAND, from Debian's PACKAGE if need be.
need() {
    command -v "$1" >/dev/null && return 0
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        # Services of packages must not be started.
        printf '#!/bin/sh\nexit 101\n' >"$work/policy-rc.d"
        if [[ ! -e /usr/sbin/policy-rc.d ]]; then
            install -m 755 "$work/policy-rc.d" /usr/sbin/policy-rc.d
            trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get install -qq -y --no-install-recommends "$2" >"$work/apt.log" 2>&1 ||
            { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$2"; } \
                >"$work/apt.log" 2>&1 || true
    fi
    command -v "$1" >/dev/null
}

# ok CLAIM COMMAND...: a test: COMMAND must succeed.
ok() {
    local claim=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        printf 'ok: %s\n' "$claim"
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$claim"
    fi
}

# compile NAME [FLAG...]: a program of preload/programs, optimized as Debian's are.
compile() {
    local name=$1 source
    shift
    source=$(ls "$programs/$name".*)
    case $source in
        *.cpp) g++ -std=c++17 -O2 -g -Wall -Wextra -Werror -pthread "$source" -o "$work/$name" "$@" ;;
        *) gcc -O2 -g -Wall -Wextra -Werror -pthread "$source" -o "$work/$name" "$@" ;;
    esac
}

# same NAME EXPECTED-CODE COMMAND...: COMMAND gives the same output and exit code bare and
# under `holdup run`; the profile is NAME.json, what holdup says NAME.said.
same() {
    local name=$1 expected=$2 code
    shift 2
    code=0
    timeout 120 "$@" >"$work/$name.bare" 2>"$work/$name.bare-errors" </dev/null || code=$?
    ok "$name, bare: exit code $code" test "$code" = "$expected"
    under "$name" "$expected" "$@"
    ok "$name: the same answers" cmp "$work/$name.bare" "$work/$name.out"
}

# under NAME EXPECTED-CODE COMMAND...: the same under `holdup run` alone.
under() {
    local name=$1 expected=$2 code=0
    shift 2
    rm -f "$work/$name.json"
    timeout 180 "$holdup" run -o "$work/$name.json" -- "$@" \
        >"$work/$name.out" 2>"$work/$name.said" </dev/null || code=$?
    ok "$name, under holdup run: exit code $code" test "$code" = "$expected"
}

# books NAME [WAITS]: the profile balances to the nanosecond, and has at least WAITS waits.
books() {
    ok "$1: the books balance" python3 "$programs/books.py" "$work/$1.json" "${2:-1}"
}

# names NAME WORD...: each WORD is in the profile's frames or locks.
names() {
    local name=$1 word
    shift
    for word in "$@"; do
        ok "$name: names $word" grep -q "$word" "$work/$name.json"
    done
}

finish() {
    local line
    for line in ${left_out[@]+"${left_out[@]}"}; do
        printf '!!!!! LEFT OUT: %s\n' "$line"
    done
    echo "$passed passed, $failed failed"
    ((failed == 0))
}
