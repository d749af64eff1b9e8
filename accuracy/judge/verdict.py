"""What a tool said of a case, beside the truth."""

import json
import math

from .truth import Row, Truth

# Rows that are no section's.
NOBODYS = ("handoff", "spun", "lost")


class Verdict:
    """One case by one tool."""

    def __init__(self, case, tool, turns, said, exact_total=None, period_ns=0, cpu_ms=None):
        self.case, self.tool = case, tool
        self.truth = Truth(turns, handoff_apart=any(row in said for row in NOBODYS))
        self.blame = {row: ms for row, ms in said.items() if row not in NOBODYS}
        self.nobodys = {row: ms for row, ms in said.items() if row in NOBODYS}
        self.reported = sum(said.values()) if exact_total is None else exact_total
        self.period_ms = period_ns / 1e6
        self.cpu_ms = cpu_ms
        self.turns = len(turns)

    @property
    def disturbed(self):
        """The part of all waiting during which nobody had the lock."""
        return self.truth.handoff / self.truth.waited if self.truth.waited else 1.0

    @property
    def true_total(self):
        """What was waited, in ms. A tool without a row for handoff may leave
        any part of that out: then the total nearest to what it said."""
        waited = self.truth.waited
        if self.nobodys:
            return waited
        return min(max(self.reported, waited - self.truth.handoff), waited)

    @property
    def total(self):
        """Reported over true total."""
        return self.reported / self.true_total

    @property
    def right_ms(self):
        """Blame that is where it belongs."""
        right = sum(min(ms, self.row(row).most) for row, ms in self.blame.items())
        # The same handoff is not both the section's before and the one's after.
        return min(right, self.truth.waited)

    @property
    def wrong_ms(self):
        """Blame on those who did not do it."""
        return sum(self.blame.values()) - self.right_ms

    @property
    def right(self):
        """The share of the blame that is where it belongs."""
        blame = sum(self.blame.values())
        return self.right_ms / blame if blame else 0.0

    @property
    def agreement(self):
        """What is both said and true, as a part of all that is said or true,
        whichever is more."""
        said = sum(self.blame.values()) + sum(self.nobodys.values())
        nobodys = min(sum(self.nobodys.values()), self.truth.handoff)
        return (self.right_ms + nobodys) / max(said, self.true_total)

    @property
    def worst(self):
        """Row, what was said, least and most truth, error in ms: the worst."""
        names = sorted(set(self.truth.rows) | set(self.blame))
        return max((self._judged(name) for name in names), key=lambda judged: judged[4])

    def row(self, name):
        """The truth of a row; nothing, if no such section was run."""
        return self.truth.rows.get(name) or Row()

    def _judged(self, name):
        row, said = self.row(name), self.blame.get(name, 0.0)
        return name, said, row.least, row.most, row.error(said)

    def sampling_error(self, name):
        """The standard error in ms that sampling one section in each period of
        delay adds to a row: a section shorter than the period is kept with
        probability d/R, as R. Zero where every section is kept."""
        period = self.period_ms
        sections = self.row(name).sections
        return math.sqrt(sum(d * (period - d) for d in sections if 0 < d < period))

    def lines(self):
        """For each row of the case: what was said and the truth."""
        for name in sorted(set(self.truth.rows) | set(self.blame)):
            _, said, least, most, _ = self._judged(name)
            yield {
                "case": self.case,
                "tool": self.tool,
                "row": name,
                "truth_ms": round(least, 3),
                "truth_most_ms": round(most, 3),
                "reported_ms": round(said, 3),
            }
        yield {
            "case": self.case,
            "tool": self.tool,
            "row": "(all waiting)",
            "truth_ms": round(self.true_total, 3),
            "reported_ms": round(self.reported, 3),
        }


class Output:
    """What a tool's program printed, case by case."""

    def __init__(self, tool, lines):
        self.version = ""
        self.verdicts = {}
        # Cases that the tool cannot have, and why.
        self.none = {}
        cases = {}
        for line in lines:
            item = json.loads(line)
            if "version" in item:
                self.version = item["version"]
                continue
            case = cases.setdefault(item["case"], {"turns": [], "said": {}})
            if "turn" in item:
                case["turns"].append(item["turn"])
            elif "said" in item:
                row, ms = item["said"]
                case["said"][row] = case["said"].get(row, 0.0) + ms
            elif "none" in item:
                self.none[item["case"]] = item["none"]
            elif "cpu_ms" in item:
                case["cpu_ms"] = item["cpu_ms"]
            else:
                case["exact_total"] = item["total_ms"]
                case["period_ns"] = item["period_ns"]
        for name, case in cases.items():
            if name not in self.none:
                self.verdicts[name] = Verdict(name, tool, **case)
