# The tests that well-known crates have in their packages, on the stand-in for
# parking_lot 0.12. Sourced by ../verify.
# shellcheck shell=bash disable=SC2154

# own NAME VERSION ARGUMENTS...: runs `cargo test ARGUMENTS` in a copy of the
# package. holdup must have been underneath: the graph says so, and that the
# processes wrote its profiles.
own() {
    local name=$1 version=$2 dir=$work/own-$1 theirs code=0
    shift 2
    echo "== the tests of $name $version: cargo test $*"
    theirs=$(source_of loads "$name" "$version")
    if [[ ! -e $dir/copied ]]; then
        rm -rf "$dir"
        cp -r "$theirs" "$dir"
        chmod -R u+w "$dir"
        rm -f "$dir/Cargo.lock"
        cat >>"$dir/Cargo.toml" <<EOF

[workspace]

[patch.crates-io]
parking_lot = { path = "$PWD/parking_lot-0.12" }
EOF
        # Its own tests use crates that use it.
        if [[ $name == tokio ]]; then
            echo 'tokio = { path = "." }' >>"$dir/Cargo.toml"
        fi
        touch "$dir/copied"
    fi
    fetch "$dir"
    count "$name has the stand-in" on_the_stand_ins "$dir" "$(stand_in 0.12)"
    rm -rf "$work/profiles-$name"
    mkdir -p "$work/profiles-$name"
    (cd "$dir" && HOLDUP_PROFILE=$work/profiles-$name/%p.txt RUST_BACKTRACE=0 \
        timeout --kill-after=30 1800 cargo test --offline --no-fail-fast "$@") \
        >"$work/own-$name.txt" 2>&1 || code=$?
    judge_own "$name" "$code"
}

# judge_own NAME CODE: counts the tests that passed; those that failed must be
# the ones listed.
judge_own() {
    local name=$1 code=$2 sum
    sum=$(sed -n 's/^test result:.* \([0-9]*\) passed;.*/\1/p' "$work/own-$name.txt" |
        awk '{ sum += $1 } END { print sum + 0 }')
    sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$work/own-$name.txt" | sed 's/ - should panic$//' |
        sort >"$work/own-$name.failed"
    awk -v suite="$name" '$1 == suite { print $2 }' cannot-pass.txt | sort >"$work/own-$name.listed"
    passed=$((passed + sum))
    if ! diff "$work/own-$name.listed" "$work/own-$name.failed"; then
        failed=$((failed + 1))
        echo "FAILED: $name: not the tests that cannot pass (> failed, < passed)"
    elif ((sum == 0)) || ! ended_as_listed "$name" "$code"; then
        failed=$((failed + 1))
        echo "FAILED: $name: exit code $code"
        tail -n 40 "$work/own-$name.txt"
    else
        echo "ok: $sum tests of $name, $(wc -l <"$work/own-$name.listed") fail as listed"
    fi
    count "holdup was in the processes of the tests of $name" was_there "$name"
}

# ended_as_listed NAME CODE: whether cargo ended well; or, where tests are listed, with
# the code for failed tests, and no process by a signal.
ended_as_listed() {
    (($2 == 0)) && return 0
    (($2 == 101)) && [[ -s $work/own-$1.listed ]] &&
        ! grep -q "process didn't exit successfully" "$work/own-$1.txt"
}

# was_there NAME: whether tests that ran have left a profile, which only a program
# with holdup in it does when it ends.
was_there() {
    local dir=$work/profiles-$1 waited
    waited=$(grep -lE '^ *waited .* in [1-9][0-9,]* wait' "$dir"/*.txt 2>/dev/null | wc -l)
    echo "processes with holdup: $(find "$dir" -name '*.txt' | wc -l), in which threads waited: $waited"
    [[ -n $(find "$dir" -name '*.txt' -print -quit) ]]
}

# without_mock NAME VERSION: `--test` for each test that its package can build:
# some of tracing-subscriber's need a crate that it does not name there.
without_mock() {
    local theirs
    theirs=$(source_of loads "$1" "$2")
    (cd "$theirs/tests" && grep -L tracing_mock ./*.rs) | sed 's|^\./\(.*\)\.rs$|--test\n\1|'
}

# own_tests CRATE...
own_tests() {
    local crate selected
    for crate in "$@"; do
        case $crate in
            tracing-subscriber)
                mapfile -t selected < <(without_mock tracing-subscriber 0.3.23)
                own tracing-subscriber 0.3.23 --features parking_lot --lib "${selected[@]}"
                ;;
            # tree_gc compares the sizes of files that a thread in the background
            # compacts: on a busy machine it fails with the published parking_lot, too.
            # The others run for minutes to half an hour with either: see README.md.
            sled)
                own sled 1.0.0-alpha.124 --lib --tests -- --skip tree_gc --skip concurrent_tree_ops \
                    --skip quickcheck_tree_matches_btreemap --skip test_interleaved_gets_sets
                # It takes any argument for the name of a test, --skip as well.
                own sled 1.0.0-alpha.124 --test test_crash_recovery
                ;;
            sled-slow)
                own sled 1.0.0-alpha.124 --release --test test_tree -- --exact --test-threads 1 \
                    quickcheck_tree_matches_btreemap test_interleaved_gets_sets
                ;;
            moka) own moka 0.12.16 --features sync,future --lib --tests ;;
            tokio)
                own tokio 1.54.1 --features full,parking_lot --lib \
                    --test 'sync_*' --test 'rt_*' --test 'task_*' --test 'time_*' --test 'tcp_*'
                ;;
        esac
    done
}
