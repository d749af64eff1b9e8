# The steps of ./test that look at the page with a browser.
# shellcheck shell=bash disable=SC2154

# What the tests of the page need of npm. Nothing of it is part of holdup.
node_modules=target/browser
npm_packages='playwright-core@1.65.1 axe-core@4.14.1'

# page_in_chromium: the tests of the script, then those in the browser; among them the
# demo's profile by the command that users start, and a program that is stuck.
page_in_chromium() {
    local code=0 tests=crates/holdup-page/tests passed failed
    if [[ ! -e $node_modules/node_modules/playwright-core || ! -e $node_modules/node_modules/axe-core ]]; then
        echo "installing $npm_packages from npm into $node_modules"
        # shellcheck disable=SC2086
        npm install --silent --no-audit --no-fund --no-save --prefix "$node_modules" $npm_packages
    fi
    cargo build --quiet -p holdup-page --example page
    # A program that is stuck, to look at.
    cargo build --quiet -p holdup --all-features --example serve
    small_demo "$work/page" >/dev/null
    HOLDUP_NODE_MODULES=$PWD/$node_modules HOLDUP_CHROMIUM=$chromium \
        HOLDUP_PAGE=$PWD/target/debug/examples/page HOLDUP_COMMAND=$PWD/target/release/holdup \
        HOLDUP_SERVE=$PWD/target/debug/examples/serve \
        HOLDUP_DEMO=$PWD/$work/page/holdup.pb.gz HOLDUP_PICTURES=$PWD/$work/page \
        node --test --test-concurrency 2 --test-timeout 120000 --test-reporter tap \
        "$tests"/script/*.test.js "$tests"/browser/*.test.js >"$work/page/log" 2>&1 || code=$?
    # One line for each test, and all of what went wrong.
    awk '/^ok|^# [0-9a-z ]+: [0-9]+ drawn/ { print; all = 0 } /^not ok/ { all = 1 } all' "$work/page/log"
    read -r passed failed < <(awk '/^# pass/ { p = $3 } /^# (fail|cancelled)/ { f += $3 } END { print p + 0, f + 0 }' "$work/page/log")
    echo "test result: node. $passed passed; $failed failed"
    ((passed > 0 && code == 0))
}
