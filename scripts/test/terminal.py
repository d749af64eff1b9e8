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


def on_terminal(columns, **environment):
    """What the command prints on a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    run = subprocess.Popen(
        [holdup, "report", profile],
        stdout=theirs,
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # How Linux says that the other side is closed.
            break
        if not some:
            break
        text += some
    os.close(ours)
    assert run.wait() == 0
    return text.decode()


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


for columns in (80, 100, 160):
    text = on_terminal(columns)
    assert "\x1b[1m" in text, "a terminal gets colour"
    table = plain(text).splitlines()[1:]
    widest = max(map(len, table))
    assert widest <= columns, f"{widest} columns on a terminal of {columns}"
    assert any(line.endswith("prune_and_sort") for line in table), "names keep their ends"
    print(f"{columns} columns: the widest line has {widest}")
for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
    assert "\x1b" not in on_terminal(80, **environment), environment
assert "\x1b" in on_terminal(80, NO_COLOR=""), "an empty NO_COLOR means nothing"
print("NO_COLOR and dumb terminals get none")
