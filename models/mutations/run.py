#!/usr/bin/env python3
"""Breaks the protocols on purpose, and sees that a check notices.

    models/mutations/run.py [--table FILE] [NAME...]

Each file *.mutation here is one mistake: what it is, in which file, and the
lines to replace, written like a diff without line numbers ("-" the lines that
stand there, exactly once; "+" those that take their place; "@@" between two
places). Each is made in a copy of the sources under target/mutations, which is
checked with the cheapest checks first:

    loom      all schedules of few threads        models/tests/loom
    shuttle   thousands of random schedules       models/tests/shuttle
    stress    real threads with the verifier      crates/holdup-core/tests

Fails if a mistake goes unnoticed by all of them, if one cannot be made any
more, or if the sources fail a check as they are. --table also puts the result
between the marks in FILE.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "mutations"
COPY = WORK / "copy"
# What the copy is restored from: the sources may go on changing meanwhile.
PRISTINE = WORK / "pristine"
MODELS = ["cargo", "test", "--manifest-path", "models/Cargo.toml", "--no-fail-fast"]
CORE = ["cargo", "test", "-p", "holdup-core", "--no-fail-fast"]
# Name, flags of the compiler, command, seconds at most.
CHECKS = [
    ("loom", "--cfg loom", [*MODELS, "--test", "loom"], 300),
    ("shuttle", "--cfg shuttle", [*MODELS, "--test", "shuttle"], 300),
    ("stress", "--cfg holdup_verify", [*CORE, "--test", "stress", "--test", "conservation"], 300),
]


class Stale(Exception):
    """A mutation that cannot be made."""


def read(path):
    """What a mutation is, and its places: file, old text, new text."""
    what, file, old, new, places = None, None, [], [], []

    def close():
        if old or new:
            places.append((file, "".join(old), "".join(new)))
        old.clear()
        new.clear()

    for line in path.read_text().splitlines(keepends=True):
        if line.startswith("what: "):
            what = line[6:].strip()
        elif line.startswith("file: "):
            close()
            file = line[6:].strip()
        elif line.startswith("@@"):
            close()
        elif line.startswith("-"):
            old.append(line[1:])
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            raise Stale(f"{path.name}: what is this? {line!r}")
    close()
    return what, places


def apply(places):
    for file, old, new in places:
        path = COPY / file
        lines = path.read_text().splitlines()
        # However they are indented.
        wanted = [line.strip() for line in old.splitlines()]
        starts = [
            at
            for at in range(len(lines) - len(wanted) + 1)
            if [line.strip() for line in lines[at : at + len(wanted)]] == wanted
        ]
        if len(starts) != 1:
            raise Stale(f"{file}: the lines to replace stand there {len(starts)} times")
        lines[starts[0] : starts[0] + len(wanted)] = new.splitlines()
        path.write_text("\n".join(lines) + "\n")


def restore(places):
    for file, _, _ in places:
        shutil.copyfile(PRISTINE / file, COPY / file)


def copy_sources():
    if COPY.exists():
        shutil.rmtree(COPY)
    COPY.mkdir(parents=True)
    for name in ("Cargo.toml", "Cargo.lock", "crates", "benches", "models"):
        source = ROOT / name
        if source.is_dir():
            # With new times: else what was built of a mutation would pass for it.
            shutil.copytree(
                source,
                COPY / name,
                ignore=shutil.ignore_patterns("target"),
                copy_function=shutil.copyfile,
            )
        else:
            shutil.copyfile(source, COPY / name)
    # Members of the workspace that the checks do not need, whatever they are.
    text = (COPY / "Cargo.toml").read_text()
    text = re.sub(r"(?m)^(default-)?members = \[[^\]]*\]", r'\1members = ["crates/holdup-core"]', text)
    (COPY / "Cargo.toml").write_text(text)
    shutil.rmtree(PRISTINE, ignore_errors=True)
    shutil.copytree(COPY, PRISTINE)


def check(name, flags, command, seconds):
    """The first test that failed; None if all passed. Raises if it does not build."""
    environment = dict(
        os.environ,
        RUSTFLAGS=flags,
        CARGO_TARGET_DIR=str(WORK / name),
        RUST_BACKTRACE="0",
        SHUTTLE_SILENCE_WARNINGS="1",
        HOLDUP_SECONDS="20",
    )
    build = subprocess.run(
        [*command, "--no-run"], cwd=COPY, env=environment, text=True, capture_output=True
    )
    if build.returncode != 0:
        raise Stale(f"does not build for {name}:\n{build.stderr[-2000:]}")
    # Nothing more is asked of it once a test has failed.
    run = subprocess.Popen(
        [*command, "--", "--test-threads", "2"],
        cwd=COPY,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    late = threading.Timer(seconds, os.killpg, (run.pid, signal.SIGKILL))
    late.start()
    failed, said = None, None
    for line in run.stdout:
        if match := re.match(r"test (\S+) \.\.\. FAILED", line):
            failed = match[1]
            break
        if match := re.match(r"holdup: (.*)", line):
            said = match[1]
    in_time = late.is_alive()
    late.cancel()
    if failed:
        os.killpg(run.pid, signal.SIGKILL)
    run.stdout.close()
    code = run.wait()
    if failed or code == 0:
        return failed
    if not in_time:
        return "(hangs)"
    # The verifier ends the program.
    return f"(aborts: {said})" if said else "(crashes)"


def main():
    arguments = sys.argv[1:]
    table = None
    if "--table" in arguments:
        at = arguments.index("--table")
        table = Path(arguments[at + 1])
        del arguments[at : at + 2]
    files = sorted(HERE.glob("*.mutation"))
    if arguments:
        files = [file for file in files if file.stem in arguments]
    copy_sources()
    for name, flags, command, seconds in CHECKS:
        failed = check(name, flags, command, seconds)
        if failed:
            print(f"{name} fails without a mutation: {failed}")
            return 1
    wrong, rows = 0, []
    for file in files:
        began = time.monotonic()
        try:
            what, places = read(file)
        except Stale as why:
            print(f"STALE     {why}", flush=True)
            wrong += 1
            continue
        caught = None
        try:
            apply(places)
            for name, flags, command, seconds in CHECKS:
                failed = check(name, flags, command, seconds)
                if failed:
                    caught = (name, failed)
                    break
        except Stale as why:
            print(f"STALE     {file.stem}: {why}", flush=True)
            wrong += 1
            continue
        finally:
            restore(places)
        took = f"{time.monotonic() - began:.0f} s"
        if caught:
            name, failed = caught
            print(f"caught    {file.stem}: {name}: {failed} ({took})", flush=True)
            first = failed.replace("::", ": ", 1).replace("_", " ")
            rows.append(f"| {what} | {name} | {first} |")
        else:
            print(f"SURVIVED  {file.stem}: {what} ({took})", flush=True)
            wrong += 1
    if table and not wrong:
        text = table.read_text()
        head, rest = text.split("<!-- mutations -->\n", 1)
        _, tail = rest.split("<!-- end -->", 1)
        rows = ["| mistake | caught by | a test that fails |", "|---|---|---|", *rows]
        table.write_text(head + "<!-- mutations -->\n" + "\n".join(rows) + "\n<!-- end -->" + tail)
    print(f"{len(files) - wrong} of {len(files)} mutations caught")
    return 1 if wrong else 0


sys.exit(main())
