# How ./test runs its steps, counts, and says what it leaves out.
# Sourced by ./test and, inside of a step, by run-step.
# shellcheck shell=bash

# Everything that a step leaves behind is in here.
work=target/test
mkdir -p "$work"
export long=${long:-no}
# Colour would be in the way of counting.
export CARGO_TERM_COLOR=never NEXTEST_HIDE_PROGRESS_BAR=1
# What the tests set themselves.
unset HOLDUP_PROFILE HOLDUP_PROFILE_EVERY HOLDUP_CONTENTS HOLDUP_PERIOD HOLDUP_DEADLOCK
unset NO_COLOR RUSTFLAGS

passed=0
failed=0
failed_steps=()
left_out=()

. scripts/test/tools.sh

say() { printf '\n===== %s\n' "$*"; }

# leave_out WHAT: says aloud what is not tested, now and at the end.
leave_out() {
    left_out+=("$*")
    printf '\n!!!!! LEFT OUT: %s\n' "$*"
}

# step TITLE SECONDS FUNCTION: runs FUNCTION (from steps.sh or pprof.sh) in a
# shell of its own, at most so long: a lock that never wakes must fail a test,
# not hang it. Counts the tests inside; a step without tests counts as one.
step() {
    local title=$1 seconds=$2 function=$3 log code ran missed before=$SECONDS
    log=$work/$function.log
    say "$title"
    set +e
    timeout --kill-after=30 "$seconds" scripts/test/run-step "$function" </dev/null 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    set -e
    read -r ran missed < <(count_tests <"$log")
    # What the step itself left out is listed again at the end, too.
    local line
    while IFS= read -r line; do
        left_out+=("${line#'!!!!! LEFT OUT: '}")
    done < <(grep '^!!!!! LEFT OUT: ' "$log" || true)
    # A step in which no test ran, or that failed although its tests did not,
    # counts itself.
    if ((code != 0 && missed == 0)); then
        missed=1
    elif ((code == 0 && ran == 0)); then
        ran=1
    fi
    passed=$((passed + ran))
    failed=$((failed + missed))
    if ((code == 0)); then
        printf -- '----- ok: %s (%s passed, %ss)\n' "$title" "$ran" $((SECONDS - before))
    else
        local why="exit code $code"
        ((code != 124)) || why="not done after $seconds s"
        failed_steps+=("$title: $why")
        printf -- '----- FAILED: %s (%s)\n' "$title" "$why"
    fi
}

# The sums of what nextest or cargo test say at their ends: "passed failed".
# nextest shows what a failed test printed, which looks like cargo test: where
# it speaks, only its own summaries count.
count_tests() {
    awk '
        function number_before(word,    i) {
            for (i = 2; i <= NF; i++) if (index($i, word) == 1) return $(i - 1)
            return 0
        }
        /^test result:/ { passed += number_before("passed"); failed += number_before("failed") }
        /^ *Summary \[/ {
            nextest = 1
            summed += number_before("passed")
            missed += number_before("failed") + number_before("timed")
        }
        END { print (nextest ? summed : passed) + 0, (nextest ? missed : failed) + 0 }'
}

finish() {
    say "done in $SECONDS s"
    local line
    for line in ${left_out[@]+"${left_out[@]}"}; do
        printf '!!!!! LEFT OUT: %s\n' "$line"
    done
    for line in ${failed_steps[@]+"${failed_steps[@]}"}; do
        printf 'FAILED: %s\n' "$line"
    done
    echo "$passed passed, $failed failed"
    if ((failed > 0)); then
        exit 1
    fi
    exit 0
}
