"""Looks at `holdup top` in a real terminal: tmux's, by capture-pane.

usage: top.py HOLDUP SERVE DIR
SERVE is the example of that name. The tmux server is one of its own, in DIR.
"""

import os
import re
import shlex
import subprocess
import sys
import time

holdup, serve, folder = map(os.path.abspath, sys.argv[1:])
socket = os.path.join(folder, "tmux")


def tmux(*arguments, check=True):
    ran = subprocess.run(
        ["tmux", "-S", socket, "-f", "/dev/null", *arguments],
        stdout=subprocess.PIPE,
        check=check,
        text=True,
    )
    return ran.stdout


def screen(*options):
    return tmux("capture-pane", "-p", *options, "-t", "top")


def wait_for(what, condition, seconds=30):
    """The screen as soon as it fulfils the condition."""
    end = time.monotonic() + seconds
    while True:
        shown = screen()
        if condition(shown):
            return shown
        if time.monotonic() > end:
            raise SystemExit(f"not seen in {seconds} s: {what}\n{shown}")
        time.sleep(0.1)


def has(*words):
    return lambda shown: all(word in shown for word in words)


def start(command, width, height):
    """A shell in the terminal, which runs the command and says how it ended."""
    tmux("new-session", "-d", "-s", "top", "-x", str(width), "-y", str(height), "sh")
    tmux("send-keys", "-t", "top", f"{command}; echo ended with $?", "Enter")


def is_restored():
    """The other screen is left, the cursor back, and keys are echoed."""
    shown = tmux("display-message", "-p", "-t", "top", "#{alternate_on} #{cursor_flag}")
    assert shown.split() == ["0", "1"], shown
    tmux("send-keys", "-t", "top", "echo it is $((1 + 1))", "Enter")
    wait_for("an echo", has("$((1 + 1))", "it is 2"))


def seconds_of(text):
    number, unit = re.search(r"([\d.]+) (ms|s)\b", text).groups()
    return float(number) * {"ms": 1e-3, "s": 1}[unit]


program = subprocess.Popen([serve, "127.0.0.1:0", "--stuck"], stdout=subprocess.PIPE, text=True)
try:
    url = program.stdout.readline().split("/debug/")[0]
    # Sessions come and go: the server ends with its last one.
    tmux("new-session", "-d", "-s", "keep", "sh")
    top = f"{shlex.quote(holdup)} top {url}"

    # Culprit, holder and waiters.
    start(f"NO_COLOR= {top}", 110, 34)
    seen = wait_for(
        "the culprit, the holder and who waits",
        has("end_the_archiving", "3 wait, held by flusher", "writer-3 ("),
    )
    culprits = seen.split("-- 1 culprits")[1].splitlines()[2]
    assert "end_the_archiving" in culprits, f"the first: {culprits}\n{seen}"
    assert "orders" in culprits, culprits
    for writer in (1, 2, 3):
        assert re.search(rf"writer-{writer} \(\d+\) in serve::wait_for_the_journal", seen), seen
    with open(os.path.join(folder, "screen.txt"), "w") as file:
        file.write(seen)
    assert "\x1b[" in screen("-e"), "a terminal gets colour"
    print(seen)

    # It is anew each second: who is stuck waits longer and longer.
    line = next(line for line in seen.splitlines() if "writer-1" in line)
    later = seconds_of(line) + 2
    def waits_longer(shown):
        lines = [line for line in shown.splitlines() if "writer-1" in line]
        return any(seconds_of(line) >= later for line in lines)
    wait_for("a longer wait", waits_longer)

    # A small screen, and a large one again.
    tmux("resize-window", "-t", "top", "-x", "40", "-y", "10")
    small = wait_for("the culprit on 40 x 10", has("culprits", "end_the_archiving", "q quits"))
    assert "waiting now" not in small, small
    tmux("send-keys", "-t", "top", "3")
    wait_for("the stuck lock on 40 x 10", has("-- 3 waiting now: ", "journal: 3 wait"))
    tmux("resize-window", "-t", "top", "-x", "120", "-y", "40")
    wait_for("all tables", has("-- 1 culprits", "-- 4 longest", "held by flusher"))

    # Keys.
    tmux("send-keys", "-t", "top", "Enter")
    wait_for("what is behind the lock", has("the lock journal at 0x", "has waited", "(mutex)"))
    tmux("send-keys", "-t", "top", "Escape")
    wait_for("the tables again", has("-- 1 culprits"))
    tmux("send-keys", "-t", "top", "?")
    wait_for("the help", has("q, Ctrl-C"))
    tmux("send-keys", "-t", "top", "?")

    # A vanished program: the last picture stays.
    program.kill()
    program.wait()
    gone = wait_for("that it is gone", has("NO ANSWER", "trying again", "refused"))
    assert has("end_the_archiving", "held by flusher")(gone), gone
    # It is tried again: the same address answers again.
    address = url.removeprefix("http://")
    program = subprocess.Popen([serve, address], stdout=subprocess.PIPE, text=True)
    program.stdout.readline()
    wait_for("that it is back", lambda shown: "NO ANSWER" not in shown and "nobody waits" not in shown)
    tmux("send-keys", "-t", "top", "q")
    wait_for("the end", has("ended with 0"))
    is_restored()
    tmux("kill-session", "-t", "top")

    # By a signal: the terminal is restored, and the exit is the signal's.
    start(f"sh -c 'echo $$ >{shlex.quote(folder)}/pid; exec {top}'", 100, 30)
    wait_for("the culprit", has("end_the_archiving"))
    with open(os.path.join(folder, "pid")) as file:
        os.kill(int(file.read()), 15)
    wait_for("the end by a signal", has("ended with 143"))
    is_restored()
    tmux("kill-session", "-t", "top")

    # No colours, and by the number of the process.
    start(f"NO_COLOR=1 {shlex.quote(holdup)} top {program.pid}", 100, 30)
    wait_for("the culprit without colours", has("end_the_archiving"))
    assert "\x1b[" not in screen("-e"), repr(screen("-e"))
    tmux("send-keys", "-t", "top", "C-c")
    wait_for("the end by Ctrl-C", has("ended with 0"))
    is_restored()
    tmux("kill-session", "-t", "top")

    # A terminal that goes away, where no signal says so.
    ours, its = os.openpty()
    ran = subprocess.Popen(
        [holdup, "top", url], stdin=its, stdout=its, stderr=subprocess.PIPE, start_new_session=True
    )
    os.close(its)
    os.read(ours, 1)
    os.close(ours)
    said = ran.communicate(timeout=30)[1]
    # Found by the look, or by what was just drawn.
    assert ran.returncode == 1 and said.count(b"\n") == 1, (ran.returncode, said)
    assert b"cannot draw on the terminal: " in said, said

    # Processes that are not there, or serve nothing.
    for number, why in ((2**31 - 1, "there is no process"), (os.getpid(), "listens at no address")):
        start(f"{shlex.quote(holdup)} top {number}", 150, 30)
        wait_for(why, has(why, "ended with 1"))
        tmux("kill-session", "-t", "top")

    # A terminal that can nothing, and none: one line each.
    start(f"TERM=dumb {top}", 100, 30)
    dumb = wait_for("the line for dumb terminals", has("ended with 2"))
    assert "can move its cursor" in dumb, dumb
    ran = subprocess.run([holdup, "top", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (ran.returncode, ran.stdout) == (2, b""), ran
    assert ran.stderr.count(b"\n") == 1 and b"needs a terminal" in ran.stderr, ran
finally:
    program.kill()
    tmux("kill-server", check=False)
print("holdup top: culprit, holder, waiters; resized, vanished and back, signals, no colours")
