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
    grep -F "$culprit" "$out/raw.txt" | head -n 3
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
    target/release/holdup report --by line "$out/mutex.pb.gz" | grep -q 'mutex_profile.go:[0-9]'
    target/release/holdup report --by lock "$out/mutex.pb.gz" | grep -q unnamed
}
