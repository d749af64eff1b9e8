"""Starts `go tool pprof -http` on a free loopback port, looks at its pages, stops it.

usage: pprof_http.py PROFILE CULPRIT
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
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

    def fetch(url):
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert answer.status == 200, answer.status
            return answer.url, answer.read().decode()

    # It says so before it listens. The guard ends a wait that is in vain.
    port = int(address.rsplit(":", 1)[1])
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.05)

    # pprof's pages have moved from / to /ui/, which / leads to.
    base, first = fetch(address + "/")
    pages = {"/": first}
    for name in ["top", "flamegraph", "peek"]:
        url, pages[name] = fetch(urllib.parse.urljoin(base, name))
        assert url.endswith("/" + name), f"{name} leads to {url}"
    # The graph is drawn by Graphviz; without it, its page is an error.
    if shutil.which("dot"):
        _, pages["graph"] = fetch(urllib.parse.urljoin(base, "graph"))
    for name, page in pages.items():
        # Long names are broken or cut in some pages; the function's own is whole.
        assert culprit.rsplit("::", 1)[1] in page, f"{name} does not name the culprit"
        print(f"{name}: {len(page)} characters, names {culprit}")
finally:
    guard.cancel()
    stop()
    server.wait()
