# The step of ./test that looks at `holdup top` in a real terminal, tmux's.
# shellcheck shell=bash disable=SC2154

top_on_a_terminal() {
    local command=${HOLDUP:-target/release/holdup} serve=${SERVE:-target/debug/examples/serve}
    [[ -e $serve ]] || cargo build -p holdup --all-features --example serve --quiet
    mkdir -p "$work/top"
    python3 scripts/test/top.py "$command" "$serve" "$work/top"
}
