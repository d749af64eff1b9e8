"""What must hold of holdup's own figures."""

# Of a row or a total, whichever is more: a part of the truth, or so many ms.
ROW, TOTAL, MS = 0.01, 0.005, 2.0
# Rows that were sampled may be this many standard errors off.
SIGMAS = 5
# The share of the blame that is where it belongs.
RIGHT = 0.95
# What is said to be nobody's, as a part of all waiting. Wide, because a thread
# that loses its core just when it got the lock does not know that it had it.
NOBODYS = 0.05
# Processor time of a second's wait by 16 threads. Two that spin use 2,000.
CPU_MS = 160.0
# A case in which nobody waited proves nothing.
LEAST_WAITED_MS = 50.0


def complaints(verdict):
    """What is wrong with a verdict on a tool that must be right: a list."""
    found = []
    waited = verdict.truth.waited
    if waited < LEAST_WAITED_MS:
        found.append(f"only {waited:.1f} ms were waited: no test")
    off = abs(verdict.reported - verdict.true_total)
    if off > max(TOTAL * verdict.true_total, MS):
        found.append(f"total {verdict.reported:.3f} ms, truth {verdict.true_total:.3f}")
    for name in sorted(set(verdict.truth.rows) | set(verdict.blame)):
        row, said = verdict.row(name), verdict.blame.get(name, 0.0)
        bound = max(ROW * row.most, MS, SIGMAS * verdict.sampling_error(name))
        if row.error(said) > bound:
            truth = f"{row.least:.3f} to {row.most:.3f}"
            found.append(f"{name}: {said:.3f} ms, truth {truth}, may be {bound:.3f} off")
    said, handoff = sum(verdict.nobodys.values()), verdict.truth.handoff
    if abs(said - handoff) > max(NOBODYS * waited, MS):
        found.append(f"nobody's: {said:.3f} ms, truth {handoff:.3f}")
    if verdict.right <= RIGHT:
        found.append(f"only {100 * verdict.right:.1f} % of the blame is where it belongs")
    if verdict.nobodys.get("lost"):
        found.append(f"{verdict.nobodys['lost']:.3f} ms were lost")
    if verdict.case == "sleepless" and not verdict.cpu_ms < CPU_MS:
        found.append(f"16 waiters used {verdict.cpu_ms} ms of processor time in a second")
    return [f"{verdict.tool}, {verdict.case}: {text}" for text in found]
