"""The tables, for the terminal and for RESULTS.md."""

import datetime
import os
import platform
from pathlib import Path

from .tools import CASES, DETERMINED

ABOUT = {
    "ladder": "five holders in line, 100 to 500 ms",
    "innocent": "one slow holder, 16 with empty sections",
    "hog-1": "a hog of 4 ms, 1 victim of 2 us",
    "hog-2": "the same, 2 victims",
    "hog-4": "the same, 4 victims",
    "hog-8": "the same, 8 victims",
    "rate-1": "8 busy threads, all contentions kept",
    "rate-2": "the same, 1 of 2 kept",
    "rate-5": "the same, 1 of 5 kept",
    "rate-10": "the same, 1 of 10 kept",
    "rate-50": "the same, 1 of 50 kept",
    "pending-writer": "slow reader, idle writer, 5 readers behind it",
    "overlapping-readers": "a writer waits for 3 readers",
    "sleepless": "16 threads wait for a second",
}


def _total(verdict):
    return f"{verdict.total:.3f}"


def _right(verdict):
    return f"{100 * verdict.right:.1f} %"


def _worst(verdict):
    name, said, least, most, error = verdict.worst
    if error < 1:
        return f"{error:.2f} ms"
    truth = least if said < least else most
    return f"{error:,.0f} ms: {name} {said:,.0f} for {truth:,.0f}"


def _processor(verdict):
    return "" if verdict.cpu_ms is None else f"{verdict.cpu_ms:.1f} ms"


def table(results, cell, cases):
    """A table in Markdown: a line for each case, a column for each tool."""
    lines = [["case"] + [tool.title for tool, _, _ in results]]
    for case in cases:
        line = [case]
        for tool, output, _ in results:
            if output is None:
                line.append("missing")
            elif case in output.verdicts:
                line.append(cell(output.verdicts[case]))
            else:
                # What a tool does not have, or was not asked.
                line.append("n/a" if case in output.none else "-")
        lines.append(line)
    return align(lines)


def align(lines):
    """Cells to a Markdown table whose columns also line up as text."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    pad = [[cell.ljust(width) for cell, width in zip(line, widths)] for line in lines]
    pad.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(line) + " |" for line in pad)


def tables(results):
    """All that is found, as Markdown."""
    parts = [
        "## Total: reported / true",
        "1 is right. Handoff (nobody held the lock) may be in it or not.",
        table(results, _total, CASES),
        "## Blame where it belongs",
        "Of what was reported, the part that is charged to sections that did hold "
        "others up by that much.",
        table(results, _right, CASES),
        "## The worst row",
        "How far off, and what was said for how much in truth, in ms.",
        table(results, _worst, CASES),
        "## Processor time of 16 threads that wait for a second",
        "Of the whole process, while the holder sleeps.",
        table(results, _processor, ["sleepless"]),
        "## What was compared",
        _compared(results),
        _sampling(results),
    ]
    return "\n\n".join(part for part in parts if part)


def _compared(results):
    lines = [["tool", "version", "setting"]]
    for tool, output, why in results:
        version = output.version if output else f"missing: {why}"
        lines.append([tool.title, version, tool.setting])
    return align(lines) + "\n\n" + _not_had(results)


def _not_had(results):
    reasons = {}
    for tool, output, _ in results:
        for case, why in (output.none if output else {}).items():
            reasons.setdefault((tool.title, why), []).append(case)
    lines = [f"- n/a, {title}: {why} ({', '.join(cases)})"
             for (title, why), cases in reasons.items()]
    left = [tool.title for tool, output, _ in results
            if output and set(tool.cases) == set(DETERMINED)]
    lines += [f"- `-`, {title}: the cases of rates set periods of their own" for title in left]
    return "\n".join(lines)


def _sampling(results):
    """How far off sampling alone may bring holdup's rows."""
    lines = [["case", "period", "row", "said, ms", "truth, ms", "standard error, ms"]]
    for _, output, _ in results[:1]:
        for case in CASES:
            verdict = output.verdicts.get(case) if case.startswith("rate") else None
            for name in sorted(verdict.blame) if verdict else []:
                row, said = verdict.row(name), verdict.blame[name]
                lines.append([case, f"{1000 * verdict.period_ms:,.3f} us", name, f"{said:,.1f}",
                              f"{row.least:,.1f} to {row.most:,.1f}",
                              f"{verdict.sampling_error(name):,.1f}"])
    if len(lines) == 1:
        return ""
    return ("## holdup's sampled rows\n\nTotals are exact at every period; rows are "
            "sampled by delay, and so have the standard error that follows from the "
            "period and the lengths of the sections. \"1 of n\" is a period of n times the "
            "mean contention.\n\n" + align(lines))


def machine():
    """The machine, in a line."""
    name = platform.machine()
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    source = _read("/sys/devices/system/clocksource/clocksource0/current_clocksource").strip()
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    cores = len(os.sched_getaffinity(0))
    nice = f", niceness {os.nice(0)}" if os.nice(0) else ""
    return (f"{name}, {cores} cores, {platform.system()} {platform.release()}, "
            f"clock {source or 'unknown'}, load average {load}{nice}")


def _read(path):
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def document(results, described, rounds):
    """RESULTS.md."""
    date = datetime.date.today().isoformat()
    cases = align([["case", "what happens"]] + [[case, ABOUT[case]] for case in CASES])
    return (f"# Who is right?\n\nMade by `accuracy/run` on {date}. {described} "
            f"(at the start).\nOf {rounds} rounds, each case is from the one in which the threads' "
            "notes show the least handoff; what the tools said plays no part in the choice.\n"
            "The method: [docs/accuracy.md](../docs/accuracy.md).\n\n"
            "![Chart: what each tool reports of what was waited](accuracy.svg)\n\n"
            f"{tables(results)}\n\n## The cases\n\n{cases}\n")
