"""Whether the books of a profile (JSON) balance, and what is in them.

usage: books.py PROFILE LEAST-WAITS [SLACK-NS]
"""

import json
import sys


def main():
    profile = json.load(open(sys.argv[1], encoding="utf-8"))
    slack = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    waits = waited = charged = 0
    for lock in profile["locks"]:
        waits += lock["waits"]
        waited += lock["waited_ns"]
        charged += lock["blamed_ns"] + lock["handoff_ns"]
    print(f"   {len(profile['locks'])} locks, {waits} waits, {waited / 1e6:.3f} ms waited, "
          f"{len(profile['samples'])} samples")
    if waits < int(sys.argv[2]):
        raise SystemExit(f"   only {waits} waits")
    if abs(waited - charged) > slack:
        raise SystemExit(f"   waited {waited} ns, charged {charged} ns")


if __name__ == "__main__":
    main()
