"""Lets promtool check what is at an address, in the form that it reads.

usage: promtool_check.py URL
"""

import subprocess
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=60) as answer:
    metrics = answer.read()
assert b"\nholdup_blamed_seconds_total{" in metrics, metrics
subprocess.run(["promtool", "check", "metrics"], input=metrics, check=True)
