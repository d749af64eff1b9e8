"""Starts `go tool pprof -http` on a free loopback port, looks at its pages, stops it.

usage: pprof_http.py PROFILE CULPRIT
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request

profile, culprit = sys.argv[1:]
# An empty port means a free one, which pprof prints. The server is a child of
# `go`, so both get a process group of their own, to be ended together.
server = subprocess.Popen(
    ["go", "tool", "pprof", "-no_browser", "-http=127.0.0.1:", profile],
    stdin=subprocess.DEVNULL,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
    start_new_session=True,
)


def stop():
    os.killpg(server.pid, signal.SIGTERM)


# Should it never say its address, reading it ends all the same.
guard = threading.Timer(120, stop)
guard.start()
try:
    address = None
    for line in server.stderr:
        print(line, end="")
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            address = found.group()
            break
    assert address, "pprof did not say where it serves"

    def fetch(path):
        with urllib.request.urlopen(address + path, timeout=60) as answer:
            assert answer.status == 200, answer.status
            return answer.read().decode()

    # Without Graphviz the first page is an error.
    for path in ["/"] * bool(shutil.which("dot")) + ["/top", "/flamegraph"]:
        page = fetch(path)
        # Long names are broken or cut in some pages; the function's own is whole.
        assert culprit.rsplit("::", 1)[1] in page, f"{path} does not name the culprit"
        print(f"{path}: {len(page)} characters, names {culprit}")
finally:
    guard.cancel()
    stop()
    server.wait()
