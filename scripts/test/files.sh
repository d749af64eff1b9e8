# The step of ./test that opens the files that the command writes in programs of
# npm, which share no code with ours.
# shellcheck shell=bash disable=SC2154

# What of npm: speedscope, a browser's page without a browser, a pprof decoder.
files_modules=target/npm
files_packages='speedscope@1.25.0 pprof-format@2.3.2 jsdom@26.1.0'

# ensure_npm: a Node that can run them, and the packages.
ensure_npm() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        ensure_debian nodejs && ensure_debian npm || return 1
    fi
    if [[ ! -e $files_modules/done ]]; then
        echo "installing $files_packages from npm into $files_modules"
        # shellcheck disable=SC2086
        timeout 180 npm install --silent --ignore-scripts --no-audit --no-fund --no-save \
            --prefix "$files_modules" $files_packages || return 1
        touch "$files_modules/done"
    fi
}

files_in_other_programs() {
    local holdup=target/release/holdup out=$work/files modules=$files_modules/node_modules
    local function=holdup_cli::demo::crew::prune_and_sort whose pprofs=()
    ensure_npm || { leave_out 'speedscope, pprof-format: npm cannot install them'; return 0; }
    rm -rf "$out"
    mkdir -p "$out"
    small_demo "$out" >"$out/demo.txt"
    "$holdup" merge "$out/holdup.pb.gz" "$out/holdup.pb.gz" -o "$out/merged.pb.gz"
    "$holdup" convert "$out/merged.pb.gz" --to pprof -o "$out/converted.pb.gz"
    pprofs=("$out"/{holdup,merged,converted}.pb.gz)
    for whose in blame victims pairs; do
        "$holdup" convert "$out/merged.pb.gz" --to pprof --stacks "$whose" -o "$out/$whose.pb.gz"
        pprofs+=("$out/$whose.pb.gz")
    done
    # Written by a program's end, if that step ran.
    [[ ! -e $work/environment/e.pb.gz ]] || pprofs+=("$work/environment/e.pb.gz")
    node scripts/test/npm/pprof_format.js "$modules" "$holdup" "$function" "${pprofs[@]}"
    for whose in blame pairs; do
        "$holdup" convert "$out/merged.pb.gz" --to speedscope --stacks "$whose" \
            -o "$out/$whose.speedscope.json"
        node scripts/test/npm/speedscope.js "$modules" "$out/$whose.speedscope.json" "$function"
    done
}
