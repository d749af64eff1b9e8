"""Lets a real Prometheus scrape the example, and compares what it says of the load
with what the load's own threads noted.

usage: prometheus.py SERVICE CONFIG DIRECTORY

SERVICE is http://ADDRESS, CONFIG the file that docs/fleet.md shows, which is used
with another target and interval.
"""

import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

service, config, directory = sys.argv[1:]
directory = pathlib.Path(directory)
# How many seconds of the load are compared.
SPAN = 12


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


text = pathlib.Path(config).read_text()
text, targets = re.subn(r'targets: \[".*"\]', f'targets: ["{service.removeprefix("http://")}"]', text)
text, intervals = re.subn(r"scrape_interval: \S+", "scrape_interval: 1s", text)
assert (targets, intervals) == (1, 1), "the file in docs/ looks otherwise than expected"
(directory / "prometheus.yml").write_text(text)

port = free_port()
log = open(directory / "prometheus.log", "w")
prometheus = subprocess.Popen(
    [
        "prometheus",
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ],
    stdout=log,
    stderr=log,
)


def ask(query):
    """The values of a query, by their lock; None when it cannot be asked yet."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            answer = json.load(answer)
    except (urllib.error.URLError, ConnectionError):
        return None
    assert answer["status"] == "success", answer
    return {
        one["metric"].get("lock", ""): float(one["value"][1]) for one in answer["data"]["result"]
    }


def wait_for(what, condition):
    """Until it holds; fails when Prometheus ends, or after two minutes."""
    end = time.monotonic() + 120
    while not (found := condition()):
        assert prometheus.poll() is None, "Prometheus has ended: see prometheus.log"
        assert time.monotonic() < end, f"{what}: not within two minutes"
        time.sleep(0.25)
    return found


try:
    wait_for("up", lambda: (ask('up{job="locks"}') or {}).get("") == 1)
    print("up == 1")
    scrapes = f"count_over_time(example_waited_seconds_total[{SPAN}s])"
    wait_for("scrapes", lambda: (ask(scrapes) or {}).get("", 0) >= SPAN - 1)

    def rate(metric):
        return f"rate({metric}[{SPAN}s])"

    # Both of the same scrapes, so that what Prometheus makes of them is alike.
    truth = ask(rate("example_held_up_seconds_total"))[""]
    most = ask(rate("example_waited_seconds_total"))[""]
    index = '{lock="index"}'
    blamed = ask(rate("holdup_blamed_seconds_total" + index))["index"]
    waited = ask(rate("holdup_waited_seconds_total" + index))["index"]
    handoff = ask(rate("holdup_handoff_seconds_total" + index))["index"]
    print(f"held up, by the threads' clocks: {truth:.3f} to {most:.3f} threads at any time")
    print(f"holdup: waited {waited:.3f} = blamed {blamed:.3f} + handoff {handoff:.3f}")
    assert truth > 0.5, "the load does not load"
    # A thread that loses its core while it has the lock is rightly blamed: the
    # truth lies between the two.
    assert truth * 0.95 <= blamed <= most * 1.05, "blamed is not within 5 % of the truth"
    assert abs(waited - blamed - handoff) <= 0.05 * waited, "the books do not balance"
    # Waits that were not over when a scrape came are in neither.
    named = ask("holdup_blamed_seconds_total")
    assert named.get("orders") == 0, f"a lock nobody waited for is there with zero: {named}"
finally:
    prometheus.terminate()
    prometheus.wait()
    log.close()
