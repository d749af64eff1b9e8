# The steps of ./test that ask a running program over HTTP, by real clients.
# shellcheck shell=bash disable=SC2154

# The programs were built by the step of all tests; this makes sure of it.
example_services() {
    cargo test --workspace --all-features --no-run --quiet
    axum=target/debug/holdup-example-axum
    serve=target/debug/examples/serve
}

# pprof_fetches PROGRAM [ARGUMENT...] CULPRIT: `go tool pprof` takes a profile of two
# seconds of it, and its first row after the titles is the culprit.
pprof_fetches() {
    local culprit=${*: -1} out=$work/http
    mkdir -p "$out"
    PPROF_TMPDIR=$out python3 scripts/test/with_service.py "${@:1:$#-1}" -- \
        go tool pprof -top -nodecount=10 '@/debug/pprof/mutex?seconds=2' 2>&1 | tee "$out/top.txt"
    grep -q '^Type: delay$' "$out/top.txt"
    grep -A 1 'flat%' "$out/top.txt" | tail -n 1 | grep -F " $culprit"
}

pprof_over_http() {
    example_services
    pprof_fetches "$axum" 127.0.0.1:0 --load holdup_example_axum::load::end_the_pruning
    pprof_fetches "$serve" 127.0.0.1:0 serve::end_the_archiving
    # What is asked for in vain is told in the server's own words.
    if python3 scripts/test/with_service.py "$serve" 127.0.0.1:0 -- \
        go tool pprof -top '@/debug/pprof/heap' >"$work/http/heap.txt" 2>&1; then
        echo 'there is no such profile'
        return 1
    fi
    grep -F 'Unknown profile' "$work/http/heap.txt"
    # The text of debug=1 is a profile, too; there is something in it after a second.
    # shellcheck disable=SC2016
    PPROF_TMPDIR=$work/http python3 scripts/test/with_service.py "$axum" 127.0.0.1:0 --load -- \
        bash -c 'go tool pprof -top "$0?seconds=1" && go tool pprof -raw -symbolize=none "$0?debug=1"' \
        @/debug/pprof/mutex >"$work/http/raw.txt" 2>&1
    grep -q '^contentions/count delay/nanoseconds' "$work/http/raw.txt"
}

prometheus_scrapes() {
    local out=$work/prometheus
    rm -rf "$out"
    mkdir -p "$out"
    promtool check config docs/fleet/prometheus.yml
    example_services
    python3 scripts/test/with_service.py "$axum" 127.0.0.1:0 --load -- \
        python3 scripts/test/promtool_check.py @/metrics
    python3 scripts/test/with_service.py "$axum" 127.0.0.1:0 --load -- \
        python3 scripts/test/prometheus.py @ docs/fleet/prometheus.yml "$out"
}

# What a large profile costs, as users build.
large_profile_optimized() {
    run_tests --release -p holdup --features http --test http_many_stacks --no-capture
}
