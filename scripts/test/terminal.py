"""Runs `holdup report` in pseudo-terminals and looks at width and colour.

usage: terminal.py HOLDUP PROFILE
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

holdup, profile = sys.argv[1:]


def on_terminal(columns, arguments=("report", profile), **environment):
    """What the command prints on a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    run = subprocess.Popen(
        [holdup, *arguments],
        stdout=theirs,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    text = read_all(ours)
    assert run.wait() == 0
    return text


def read_all(terminal, until=None):
    """What comes until the other side is closed, or `until` came."""
    text = b""
    while until is None or until.encode() not in text:
        try:
            some = os.read(terminal, 65536)
        except OSError:  # How Linux says that the other side is closed.
            break
        if not some:
            break
        text += some
    if until is None:
        os.close(terminal)
    return text.decode()


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


# Tables fit, their columns line up, and names keep their ends.
for columns in (60, 80, 100, 200):
    for arguments in (
        ("report", profile),
        ("report", "--by", "line", profile),
        ("report", "--by", "lock", profile),
        ("diff", profile, profile),
        ("diff", "--by", "line", profile, profile),
    ):
        text = on_terminal(columns, arguments)
        assert "\x1b[1m" in text, "a terminal gets colour"
        lines = plain(text).splitlines()
        table = lines[lines.index("") + 1 :]
        widest = max(map(len, table))
        assert widest <= columns, f"{arguments}: {widest} columns on a terminal of {columns}"
        if "lock" not in arguments:
            assert any(line.endswith("prune_and_sort") for line in table), "names keep their ends"
            # The functions begin where their title does.
            place = table[0].index("function")
            for line in table[1:]:
                assert line[place - 1] == " " and line[place] != " ", f"{arguments}: {line}"
        print(f"{columns} columns: the widest line of {' '.join(arguments[:-1])} has {widest}")
for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
    assert "\x1b" not in on_terminal(80, **environment), environment
assert "\x1b" in on_terminal(80, NO_COLOR=""), "an empty NO_COLOR means nothing"
print("NO_COLOR and dumb terminals get none")

# What takes over a second says what it does, on standard error, and leaves no trace:
# here it waits for standard input, which comes when the message did.
ours, theirs = pty.openpty()
run = subprocess.Popen(
    [holdup, "report", "-"],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=theirs,
    env={**os.environ, "TERM": "xterm"},
)
os.close(theirs)
assert "reading standard input" in read_all(ours, "reading standard input")
with open(profile, "rb") as file:
    out, _ = run.communicate(file.read(), timeout=60)
assert run.returncode == 0 and b"prune_and_sort" in out
rest = read_all(ours)
assert rest.endswith("\x1b[2K") or rest.endswith("\r"), repr(rest[-40:])
print("progress is told after a second, and cleared")
