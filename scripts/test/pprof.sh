# The steps of ./test that need Go: its pprof reads our profile, we read Go's.
# shellcheck shell=bash disable=SC2154

culprit=holdup_cli::demo::crew::prune_and_sort

pprof_reads_the_demo() {
    local out=$work/pprof
    mkdir -p "$out"
    small_demo "$out" >"$out/demo.txt"
    go tool pprof -top -nodecount=10 "$out/holdup.pb.gz" 2>&1 | tee "$out/top.txt"
    # The first row after the titles is the culprit, by its full path.
    grep -q '^Type: delay$' "$out/top.txt"
    grep -A 1 'flat%' "$out/top.txt" | tail -n 1 | grep -F " $culprit"
    go tool pprof -top -sample_index=contentions "$out/holdup.pb.gz" >"$out/count.txt" 2>&1
    grep -q '^Type: contentions$' "$out/count.txt"
    go tool pprof -raw "$out/holdup.pb.gz" >"$out/raw.txt"
    grep -q '^contentions/count delay/nanoseconds' "$out/raw.txt"
    grep -F -m 3 "$culprit" "$out/raw.txt"
    grep -q 'lock:\[index\]' "$out/raw.txt"
    grep -q 'kind:\[blame\]' "$out/raw.txt"
    # Graphs are drawn by Graphviz, which is no part of Go.
    command -v dot >/dev/null || ensure_debian graphviz ||
        echo '!!!!! LEFT OUT: the graph of pprof -http: there is no Graphviz'
    python3 scripts/test/pprof_http.py "$out/holdup.pb.gz" "$culprit"
}

report_reads_a_profile_of_go() {
    local out=$work/go
    mkdir -p "$out"
    go run scripts/test/mutex_profile.go >"$out/mutex.pb.gz"
    target/release/holdup report "$out/mutex.pb.gz" | tee "$out/report.txt"
    grep -q 'main.holdLong$' "$out/report.txt"
    # Read to the end: who writes into a closed pipe fails.
    target/release/holdup report --by line "$out/mutex.pb.gz" | grep 'mutex_profile.go:[0-9]'
    target/release/holdup report --by lock "$out/mutex.pb.gz" | grep unnamed
}

# Of two profiles merged, one of them Go's, and of that converted once more.
pprof_reads_merged_and_converted() {
    local out=$work/merged holdup=target/release/holdup name
    mkdir -p "$out"
    small_demo "$out" >"$out/demo.txt"
    go run scripts/test/mutex_profile.go >"$out/go.pb.gz"
    "$holdup" merge "$out/holdup.pb.gz" "$out/go.pb.gz" -o "$out/merged.pb.gz"
    "$holdup" convert --to pprof "$out/merged.pb.gz" -o "$out/converted.pb.gz"
    for name in merged converted; do
        go tool pprof -top "$out/$name.pb.gz" >"$out/$name.txt" 2>&1
        head -n 8 "$out/$name.txt"
        # Both programs' culprits, and names whole.
        grep -q 'main.holdLong$' "$out/$name.txt"
        grep -qF " $culprit" "$out/$name.txt"
    done
    # The same profile once more is the same text.
    diff <(tail -n +2 "$out/merged.txt") <(tail -n +2 "$out/converted.txt")
}
