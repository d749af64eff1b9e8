# The steps of ./test that need Rust alone.
# shellcheck shell=bash disable=SC2154

# run_tests ARGUMENTS: by nextest if there is one, else by cargo test. Names of
# packages, --release and --target-dir mean the same to both.
run_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --no-fail-fast --status-level slow --final-status-level slow "$@"
    else
        # One at a time: tests that measure need the machine for themselves.
        # (Without a choice of them: all but doc tests.)
        [[ " $* " == *' --test '* ]] || set -- --lib --bins --tests "$@"
        cargo test --no-fail-fast "$@" -- --test-threads 1
    fi
}

format() {
    cargo fmt --all --check
    cargo fmt --manifest-path models/Cargo.toml --check
}

clippy() {
    cargo clippy --workspace --all-targets --quiet -- -D warnings
    cargo clippy -p holdup --all-targets --all-features --quiet -- -D warnings
}

# The core is meant to be small enough to trust: libc, and gimli for unwinding.
dependencies() {
    local found
    found=$(cargo tree --quiet -p holdup-core -e normal --depth 1 --prefix none --format '{p}' |
        cut -d ' ' -f 1 | tail -n +2 | sort | tr '\n' ' ')
    echo "holdup-core depends on: $found"
    [[ $found == 'gimli libc ' ]]
    # holdup stands in for parking_lot, so nothing of it may need parking_lot.
    if cargo tree --quiet -p holdup --all-features -e normal --prefix none |
        grep '^parking_lot'; then
        echo 'holdup must not depend on parking_lot'
        return 1
    fi
    # Licensed in a way that must not reach who uses the library.
    if cargo tree --quiet -p holdup -e normal --prefix none | grep '^inferno '; then
        echo 'holdup must not depend on inferno'
        return 1
    fi
}

# Once with all features, once (optimized) with none.
tests() { run_tests --workspace --all-features; }

doc_tests() {
    cargo test --workspace --all-features --doc --quiet
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --all-features --no-deps --quiet
}

tests_with_semaphore() {
    RUSTFLAGS='--cfg holdup_park="semaphore"' \
        run_tests -p holdup-core -p holdup --target-dir target/semaphore
}

# Accuracy is judged as users build: optimized, with line tables.
tests_in_release() { run_tests --release -p holdup-core -p holdup; }

# What frame pointers change is how stacks are captured.
tests_with_frame_pointers() {
    RUSTFLAGS=-Cforce-frame-pointers=yes \
        run_tests -p holdup-core --target-dir target/frame-pointers \
        --lib --test 'stack_*' --test in_signal_handlers
}

# Linked with holes between its segments, too, as programs for larger pages are:
# where code is found must not depend on how a linker lays it out.
tests_counting_steps() {
    RUSTFLAGS='--cfg holdup_count_steps -Clink-arg=-Wl,-z,separate-loadable-segments,-z,max-page-size=65536' \
        run_tests -p holdup-core --target-dir target/steps --lib --test 'stack_*' --test linking
}

# model CHECKER: the tests under models/tests/CHECKER. Models are quiet about
# what they find in order; see models/README.md.
model() {
    SHUTTLE_SILENCE_WARNINGS=1 RUSTFLAGS="--cfg $1" \
        cargo test --quiet --manifest-path models/Cargo.toml --target-dir "target/$1" --test "$1"
}

models() {
    model loom
    model shuttle
}

# With one preemption more, each exploration at most so many seconds; and many
# more random schedules, others each time.
models_longer() {
    export HOLDUP_PREEMPTIONS=1 HOLDUP_SECONDS=240 HOLDUP_TIMES=40 HOLDUP_SEED=$RANDOM
    echo "HOLDUP_SEED=$HOLDUP_SEED"
    models
}

# stress [FLAG...]: the stress tests, every use of a wait list verified.
stress() {
    RUSTFLAGS="--cfg holdup_verify $*" cargo test --quiet -p holdup-core \
        --target-dir target/verify --test stress --test stress_rwlock -- --nocapture
}

stress_longer() {
    export HOLDUP_STRESS_SECONDS=300
    stress
    stress '--cfg holdup_park="semaphore"'
}

# Ten minutes of random locking with time-outs and tries: no deadlock is reported.
no_false_alarm() {
    HOLDUP_STRESS_SECONDS=600 cargo test --quiet --release -p holdup --test deadlocks \
        -- --nocapture random
}

# Counts that do not depend on how busy the machine is; on x86-64.
instructions() {
    if [[ $(uname -m) != x86_64 ]]; then
        leave_out 'instructions of the fast paths: known for x86-64 only'
        return 0
    fi
    benches/instructions --check
}

mutations() { models/mutations/run.py; }

command_is_built() {
    cargo build --release --quiet -p holdup-cli
    target/release/holdup --version
}

command_on_a_terminal() {
    small_demo "$work/terminal"
    python3 scripts/test/terminal.py target/release/holdup "$work/terminal/holdup.pb.gz"
}

# small_demo DIR: the demonstration on a small tree, its files in DIR. Words
# enough that sorting them takes longer than entering them.
small_demo() {
    local tree=$work/tree
    if [[ ! -e $tree/done ]]; then
        mkdir -p "$tree"
        # A linear congruential generator: the same words each time.
        awk -v tree="$tree" 'BEGIN {
            state = 1
            for (file = 0; file < 600; file++) {
                name = tree "/" file ".txt"
                for (line = 0; line < 150; line++) {
                    text = ""
                    for (i = 0; i < 10; i++) {
                        state = (state * 1664525 + 1013904223) % 4294967296
                        text = text " w" int(state / 256) % 60000
                    }
                    print text > name
                }
                close(name)
            }
        }'
        touch "$tree/done"
    fi
    target/release/holdup demo "$tree" --threads 4 --out "$1"
}

# A profile at exit without a line of code, readable as its name says; and a
# path that cannot be written changes no exit code.
command_with_environment() {
    local name out=$work/environment message code
    rm -rf "$out"
    mkdir -p "$out"
    for name in e.txt e.folded e.pb.gz; do
        HOLDUP_PROFILE=$out/$name small_demo "$out" >"$out/log"
        [[ -s $out/$name ]] || { echo "$name was not written"; return 1; }
    done
    grep -q prune_and_sort "$out/e.txt"
    grep -Eq '^[^ ].*prune_and_sort.* [0-9]+$' "$out/e.folded"
    target/release/holdup report "$out/e.pb.gz" | grep prune_and_sort
    code=0
    message=$(HOLDUP_PROFILE=$out/none/e.txt small_demo "$out" 2>&1 >"$out/log") || code=$?
    echo "said: $message"
    [[ $code == 0 && $(wc -l <<<"$message") == 1 && $message == *none/e.txt* ]]
}

# Without the advisories: their data base is on a host of its own.
licences() { cargo deny check licenses bans sources; }

# First the judge: on figures whose truth is known by hand.
accuracy_of_holdup() {
    export PYTHONDONTWRITEBYTECODE=1
    python3 -m unittest discover -s accuracy -t accuracy
    accuracy/run --check holdup
}

accuracy_beside_peers() { accuracy/run --check all; }

core_again_and_again() {
    local round
    for round in {1..10}; do
        echo "round $round"
        run_tests -p holdup-core
        RUSTFLAGS='--cfg holdup_park="semaphore"' \
            run_tests -p holdup-core --target-dir target/semaphore
    done
}

whole_demo() {
    target/release/holdup demo --out "$work/whole" | tee "$work/whole.txt"
    grep -q 'the books balance' "$work/whole.txt"
}

# The stand-ins for parking_lot, each a workspace of its own: two packages of one
# name cannot be members of one.
stand_ins() {
    local dir
    cd patch
    . scripts/lib.sh
    for dir in parking_lot-0.12 parking_lot-0.13; do
        fetch "$dir"
        (
            cd "$dir"
            cargo clippy --offline --quiet --all-targets --all-features -- -D warnings
            cargo test --offline --quiet
        )
    done
    for dir in parking_lot-0.12 parking_lot-0.13 loads face dashmap/load; do
        (cd "$dir" && cargo fmt --check)
    done
}

# The tests in the packages of parking_lot and lock_api, on the stand-ins.
their_suites() { patch/their-suites; }

# Real crates on the stand-ins.
real_crates() {
    if [[ $long == yes ]]; then
        patch/verify --long
    else
        patch/verify
    fi
}

# Real programs under `holdup run`, by the command that was built above.
unchanged_programs() {
    if [[ $(uname -sm) != 'Linux x86_64' ]]; then
        leave_out 'programs under holdup run: known for Linux on x86-64 only'
        return 0
    fi
    if [[ $long == yes ]]; then
        preload/verify --long
    else
        preload/verify
    fi
}
