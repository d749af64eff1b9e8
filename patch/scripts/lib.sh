# What ./their-suites and ./verify have in common. Sourced in patch/.
# shellcheck shell=bash

top=$(cd .. && pwd)
# Everything that is fetched or built is under here.
work=$top/target/patch
mkdir -p "$work"
# One folder for all builds: what several programs use is built once.
export CARGO_TARGET_DIR=$work/build CARGO_TERM_COLOR=never
unset HOLDUP_PROFILE HOLDUP_PERIOD RUSTFLAGS

# The version that stands in for 0.12 or 0.13, the same in every file.
stand_in() { sed -n 's/^version = "\(.*\)"$/\1/p' "parking_lot-$1/Cargo.toml" | head -n 1; }

# fetch DIR: everything that the package in DIR depends on. What is there
# already is not asked for again; after this all is done offline.
fetch() {
    (cd "$1" && { cargo fetch --quiet --offline 2>/dev/null || cargo fetch --quiet; }) && return 0
    echo '!!!!! LEFT OUT: the registry cannot be reached, and what is needed is not here'
    exit 0
}

# source_of DIR NAME VERSION: where cargo has the sources of a package that the
# package in DIR depends on.
source_of() {
    (cd "$1" && cargo metadata --offline --format-version 1) | python3 -c '
import json, os, sys
name, version = sys.argv[1:]
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == name and package["version"] == version:
        print(os.path.dirname(package["manifest_path"]))
        break
else:
    sys.exit(f"no {name} {version}")
' "$2" "$3"
}
