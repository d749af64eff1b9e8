# The steps of ./test that look for faults with tools of their own: sanitizers on
# a nightly Rust, valgrind, spin.
# shellcheck shell=bash disable=SC2154

# Whether there is a Rust that has them. Its library is not instrumented: the
# program that is checked gets its order from nothing but the locks.
have_nightly() { cargo +nightly --version >/dev/null 2>&1; }

# sanitized NAME COMMAND [ARGUMENTS]: cargo's command, on the core, with a sanitizer.
sanitized() {
    local name=$1 command=$2
    shift 2
    RUSTFLAGS="-Zsanitizer=$name -Cunsafe-allow-abi-mismatch=sanitizer" \
        cargo +nightly "$command" --quiet -p holdup-core --target "$(host)" \
        --target-dir "target/sanitizer-$name" "$@"
}

host() { rustc +nightly --version --verbose | sed -n 's/^host: //p'; }

# finds WHAT PROGRAM [ARGUMENTS]: the program must fail, and its report name WHAT.
finds() {
    local what=$1 report
    shift
    if report=$("$@" 2>&1); then
        echo "not found: $what"
        return 1
    fi
    grep -m 1 -- "$what" <<<"$report"
}

# no_nightly WHAT: without one WHAT is left out.
no_nightly() {
    have_nightly && return 1
    leave_out "$1: no nightly Rust"
}

# First that a planted race is found, then that there is none.
thread_sanitizer() {
    local program
    no_nightly 'ThreadSanitizer' && return 0
    sanitized thread build --example sanitized
    program=target/sanitizer-thread/$(host)/debug/examples/sanitized
    finds 'ThreadSanitizer: data race' "$program" --plant race
    TSAN_OPTIONS=halt_on_error=1 "$program" --repeats "$([[ $long == yes ]] && echo 400 || echo 40)"
}

# The same for memory that was freed; and what locks are that end at once.
address_sanitizer() {
    local program
    no_nightly 'AddressSanitizer' && return 0
    sanitized address build --example sanitized
    program=target/sanitizer-address/$(host)/debug/examples/sanitized
    finds 'AddressSanitizer: heap-use-after-free' "$program" --plant use-after-free
    "$program" --repeats "$([[ $long == yes ]] && echo 400 || echo 40)"
}

# The tests of the core under the AddressSanitizer. Not those that fork, whose
# children its allocator does not survive, that read stacks of other programs'
# making, or that count the calls of the system.
address_sanitizer_on_tests() {
    no_nightly 'the tests under AddressSanitizer' && return 0
    sanitized address test --no-fail-fast --test conservation --test rwlock_conservation \
        --test condvar --test lifetimes --test crowds -- --test-threads 1
}

# A third opinion, on the machine code as it is shipped to be.
valgrind_memcheck() {
    command -v valgrind >/dev/null || ensure_debian valgrind || { leave_out valgrind; return 0; }
    cargo build --quiet -p holdup-core --example sanitized
    # It remarks on how the core asks whether memory can be read, on purpose.
    local memcheck=(valgrind --quiet --error-exitcode=9 --fair-sched=yes
        --suppressions=scripts/test/valgrind.supp)
    finds 'Invalid read' "${memcheck[@]}" target/debug/examples/sanitized --plant use-after-free
    "${memcheck[@]}" target/debug/examples/sanitized --repeats 6 2>&1 |
        grep -v 'sigprocmask: unknown'
}

# models/wait_list.pml; planted faults first.
wait_list_in_promela() {
    command -v spin >/dev/null || ensure_debian spin || { leave_out 'spin'; return 0; }
    models/spin.sh "$@"
}

wait_list_in_promela_longer() { wait_list_in_promela --long; }

# All readers of outside data on their corpora, and on random changes of these; by
# coverage with --long.
fuzz_corpora() {
    (
        cd fuzz
        RUSTFLAGS='--cfg fuzzing' cargo build --quiet --bin corpus --target-dir ../target/fuzz
    )
    target/fuzz/debug/corpus 3
}

# What cargo-fuzz asks of the compiler, without cargo-fuzz; a minute for each.
fuzz_by_coverage() {
    local name new
    no_nightly 'fuzzing by coverage' && return 0
    (
        cd fuzz
        RUSTFLAGS='--cfg fuzzing -Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer
            -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
            -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares' \
            cargo +nightly build --quiet --features coverage --bin coverage \
            --target "$(host)" --target-dir ../target/fuzz-coverage
    )
    for name in pprof environment maps eh_frame; do
        new=$work/fuzz/$name
        mkdir -p "$new"
        HOLDUP_FUZZ=$name "target/fuzz-coverage/$(host)/debug/coverage" \
            -max_total_time=60 -max_len=8192 -rss_limit_mb=2048 -print_final_stats=1 \
            -artifact_prefix="$new/failed-" "$new" "fuzz/corpus/$name" 2>&1 | tail -n 12
    done
}
