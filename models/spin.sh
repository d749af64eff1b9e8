#!/usr/bin/env bash
# Checks models/wait_list.pml with spin. Needs spin and a C compiler.
#
#   models/spin.sh          2 threads, and planted faults: seconds
#   models/spin.sh --long   3 threads as well: 25 minutes, 2 GB
set -euo pipefail
model=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/wait_list.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# All states are kept, in up to 4 GB.
store=(-DCOLLAPSE -DMEMLIM=4000) size=() limit=()

# verify KIND OPTIONS: builds the verifier and runs it; its report is in report.
verify() {
    local kind=$1 flags run
    shift
    case $kind in
        safety) flags=(-DSAFETY) run=() ;;
        # Cycles without progress, under weak fairness for as many processes.
        liveness) flags=(-DNP -DNFAIR=3) run=(-l -f) ;;
    esac
    spin -a "$@" "$model" >spin.log || { cat spin.log; return 1; }
    cc -O2 -w "${store[@]}" "${flags[@]}" -o pan pan.c
    ${limit[@]+"${limit[@]}"} ./pan -m20000000 -n ${size[@]+"${size[@]}"} ${run[@]+"${run[@]}"} >report || return
    grep -E 'errors:|states, stored' report
    # A search that was cut off shows nothing.
    ! grep -E 'max search depth too small|out of memory|memory limit' report
}

holds() {
    echo "== $*"
    verify "$@"
    grep -q 'errors: 0' report || { cat report; exit 1; }
}

# searches SECONDS KIND OPTIONS: finds nothing in that time.
searches() {
    local seconds=$1 code=0
    shift
    echo "== $*, searched for $seconds s"
    limit=(timeout "$seconds") size=(-w33)
    verify "$@" || code=$?
    [[ $code == 0 || $code == 124 ]] && ! grep -E '^pan:[0-9]+:' report
}

fails() {
    echo "== $*: must fail"
    verify "$@"
    ! grep -q 'errors: 0' report || { echo 'the fault was not found'; exit 1; }
    grep -E '^pan:[0-9]+:' report
}

fails safety -DTHREADS=2 -DTIMED=1 -DFAULT_LOST_WAKE
fails safety -DTHREADS=3 -DTIMED=1 -DFAULT_NO_RELINK
fails safety -DTHREADS=3 -DTIMED=0 -DFAULT_WOKEN_TWICE
fails safety -DTHREADS=3 -DTIMED=0 -DFAULT_CALLED_AGAIN
holds safety -DTHREADS=2 -DTIMED=2
holds liveness -DTHREADS=2 -DTIMED=2
if [[ ${1:-} == --long ]]; then
    # Three threads have too many states to keep: a bit for each, and an end after
    # some minutes. A search for faults, no proof.
    store=(-DBITSTATE)
    searches 900 safety -DTHREADS=3 -DTIMED=1
    searches 600 liveness -DTHREADS=3 -DTIMED=1
fi
