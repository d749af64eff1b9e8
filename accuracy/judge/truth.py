"""Who held up whom, by the threads' own clocks.

Each thread notes when it asked for the lock, when it knew to have it, when it
began to release it, and when the release was over. At each moment, each waiting
thread waits for those inside, in equal shares; while nobody is inside it waits
for nobody: that is handoff.

A thread may lose its core between the moment it gets a lock and the moment it
knows, so the truth of a row is two numbers: what was waited from `got` to
`released`, and that with the uncertain stretches before and after.
"""

from bisect import bisect_right
from collections import defaultdict

ASKED, GOT, RELEASED, OVER = range(4)


class Row:
    """What others waited for the sections of one function, in ms."""

    def __init__(self):
        self.least = 0.0
        self.most = 0.0
        # What each single section was waited for, in ms.
        self.sections = []

    def error(self, said):
        """How far `said` is from the truth, in ms."""
        return max(self.least - said, said - self.most, 0.0)


class Truth:
    """What follows from the turns of a case.

    `handoff_apart` tells whether the tool has a row of its own for waits while
    nobody held the lock. One that has none may add them to the section before
    or to the one after: both count as right.
    """

    def __init__(self, turns, handoff_apart):
        self.rows = defaultdict(Row)
        self.handoff = 0.0
        self.waited = sum(turn[1 + GOT] - turn[1 + ASKED] for turn in turns) / 1e6
        waited_by = self._sweep(turns)
        self._bounds(turns, waited_by, handoff_apart)

    def _sweep(self, turns):
        """Fills the rows' least; returns for each turn and each of its four
        moments the integral, until then, of the number of waiting threads."""
        moments = sorted(
            (turn[1 + kind], kind, index) for index, turn in enumerate(turns) for kind in range(4)
        )
        waited_by = [[0] * 4 for _ in turns]
        inside, sections = set(), [0.0] * len(turns)
        waiting = waited = before = handoff = 0
        for moment, kind, index in moments:
            part = waiting * (moment - before)
            before = moment
            if part:
                waited += part
                if inside:
                    for one in inside:
                        sections[one] += part / len(inside)
                else:
                    handoff += part
            waited_by[index][kind] = waited
            if kind == ASKED:
                waiting += 1
            elif kind == GOT:
                waiting -= 1
                inside.add(index)
            elif kind == RELEASED:
                inside.discard(index)
        self.handoff = handoff / 1e6
        for turn, section in zip(turns, sections):
            row = self.rows[turn[0]]
            row.least += section / 1e6
            row.sections.append(section / 1e6)
        return waited_by

    def _bounds(self, turns, waited_by, handoff_apart):
        """Fills the rows' most: adds the stretches before and after each turn
        in which a thread may have had the lock and not known it."""
        moments = Moments(turns, waited_by)
        stretches = []
        for turn, mine in zip(turns, waited_by):
            begin = max(mine[ASKED], moments.released_before(turn))
            end, next_got = mine[OVER], moments.got_after(turn)
            if next_got is not None:
                # Its release was done when somebody else knew to have the lock.
                end = min(end, next_got)
                if not handoff_apart and not moments.shared:
                    end = next_got
            stretches.append((turn[0], min(begin, mine[GOT]), mine[GOT]))
            stretches.append((turn[0], mine[RELEASED], max(end, mine[RELEASED])))
        if moments.shared:
            # Readers share: what one is unsure of may be another's.
            slack = union(stretches) / 1e6 + (0 if handoff_apart else self.handoff)
            for row in self.rows.values():
                row.most = row.least + slack
                row.least = max(row.least - slack, 0.0)
            return
        for row in self.rows.values():
            row.most = row.least
        for name, begin, end in stretches:
            self.rows[name].most += (end - begin) / 1e6


class Moments:
    """When the lock was got and released, and what was waited until then."""

    def __init__(self, turns, waited_by):
        pairs = list(zip(turns, waited_by))
        self.shared = any(turn[5] for turn in turns)
        self._got = sorted((turn[1 + GOT], mine[GOT]) for turn, mine in pairs)
        released = [(turn[1 + RELEASED], mine[RELEASED], turn[5]) for turn, mine in pairs]
        self._released = sorted(one[:2] for one in released)
        self._released_by_writers = sorted(one[:2] for one in released if not one[2])

    def released_before(self, turn):
        """Until when somebody else certainly kept this turn from its lock."""
        all_ = self._released_by_writers if turn[5] else self._released
        place = bisect_right(all_, (turn[1 + GOT], float("inf")))
        # A section of no length released at the moment it was got is itself.
        while place and all_[place - 1][0] >= turn[1 + RELEASED]:
            place -= 1
        return all_[place - 1][1] if place else 0

    def got_after(self, turn):
        """When somebody got the lock after this turn's release; None if nobody."""
        place = bisect_right(self._got, (turn[1 + RELEASED], float("inf")))
        return self._got[place][1] if place < len(self._got) else None


def union(stretches):
    """How much is covered by stretches that may overlap."""
    covered, reached = 0, float("-inf")
    for _, begin, end in sorted(stretches, key=lambda one: one[1]):
        begin = max(begin, reached)
        if end > begin:
            covered += end - begin
            reached = end
    return covered
