"""Starts a service, runs a command that asks it something, stops it.

usage: with_service.py PROGRAM [ARGUMENT...] -- COMMAND [ARGUMENT...]

The service prints its address in its first line, as http://ADDRESS/...; in the
command's arguments, @ stands for http://ADDRESS.
"""

import re
import subprocess
import sys

split = sys.argv.index("--")
service, command = sys.argv[1:split], sys.argv[split + 1 :]
program = subprocess.Popen(service, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
try:
    line = program.stdout.readline()
    found = re.match(r"http://127\.0\.0\.1:\d+", line)
    assert found, f"{service[0]} did not say where it serves, but {line!r}"
    command = [argument.replace("@", found.group()) for argument in command]
    code = subprocess.run(command, timeout=300).returncode
    assert program.poll() is None, "the service has ended meanwhile"
finally:
    program.kill()
    program.wait()
sys.exit(code)
