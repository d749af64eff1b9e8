"""Tests of the judge itself, on turns whose truth is known by hand.

    python3 -m unittest discover -s accuracy -t accuracy
"""

import json
import unittest

from .check import complaints
from .truth import Truth
from .verdict import Output, Verdict

MS = 1_000_000


def turn(row, asked, got, released, over=None, shared=0):
    """A turn, its moments in ms."""
    moments = (asked, got, released, released if over is None else over)
    return [row, *(round(moment * MS) for moment in moments), shared]


# a holds for 100 ms while b and c wait, b for 200 while c waits.
LINE = [turn("a", 0, 0, 100), turn("b", 0, 100, 300), turn("c", 0, 300, 600)]
TRUE = {"a": 200.0, "b": 200.0, "c": 0.0}


def verdict(said, turns=None, case="ladder", **more):
    """What a tool that tells handoff apart said."""
    return Verdict(case, "tool", turns or LINE, {"handoff": 0.0, **said}, **more)


class TheTruth(unittest.TestCase):
    def test_a_holder_is_charged_for_all_behind_it(self):
        truth = Truth(LINE, True)
        self.assertEqual({name: row.least for name, row in truth.rows.items()}, TRUE)
        self.assertEqual({name: row.most for name, row in truth.rows.items()}, TRUE)
        self.assertEqual((truth.waited, truth.handoff), (400.0, 0.0))

    def test_readers_are_charged_equal_shares_of_each_moment(self):
        truth = Truth(
            [
                turn("x", 0, 0, 60, shared=1),
                turn("y", 0, 0, 100, shared=1),
                turn("writer", 10, 100, 101),
            ],
            True,
        )
        # Both until 60, y alone until 100.
        self.assertAlmostEqual(truth.rows["x"].least, 25.0)
        self.assertAlmostEqual(truth.rows["y"].least, 25.0 + 40.0)
        self.assertAlmostEqual(truth.rows["y"].most, 65.0)

    def test_a_writer_that_waits_is_no_culprit(self):
        truth = Truth(
            [
                turn("reader", 0, 0, 200, shared=1),
                turn("writer", 0, 200.1, 200.2),
                *[turn("behind", 0, 200.3, 201, shared=1)] * 5,
            ],
            False,
        )
        self.assertAlmostEqual(truth.rows["reader"].most, 1200.0, delta=3.0)
        self.assertAlmostEqual(truth.rows["writer"].most, 0.0, delta=3.0)

    def test_handoff_may_be_charged_to_a_neighbour_by_who_has_no_row_for_it(self):
        turns = [turn("a", 0, 0, 100), turn("b", 0, 110, 120)]
        self.assertEqual(Truth(turns, False).rows["a"].most, 110.0)
        self.assertEqual(Truth(turns, True).rows["a"].most, 100.0)
        self.assertEqual(Truth(turns, True).rows["b"].most, 10.0)
        self.assertEqual(Truth(turns, True).handoff, 10.0)

    def test_a_late_end_of_a_release_is_cut_where_the_next_knows_to_have_the_lock(self):
        turns = [turn("a", 0, 0, 100, 250), turn("b", 0, 101, 300), turn("c", 0, 300, 301)]
        self.assertEqual(Truth(turns, True).rows["a"].most, 202.0)


class TheVerdict(unittest.TestCase):
    def test_blame_on_another_is_not_right(self):
        wrong = verdict({"a": 100.0, "b": 200.0, "c": 100.0})
        self.assertEqual((wrong.total, wrong.right), (1.0, 0.75))
        self.assertEqual(wrong.worst[4], 100.0)

    def test_what_is_not_reported_is_missing_from_the_agreement(self):
        self.assertEqual(verdict({"a": 200.0}).agreement, 0.5)
        self.assertEqual(verdict({"a": 200.0}).right, 1.0)
        self.assertEqual(verdict({**TRUE, "c": 400.0}).agreement, 0.5)
        self.assertEqual(verdict(TRUE).agreement, 1.0)

    def test_a_row_that_no_section_had_is_wrong(self):
        self.assertEqual(verdict({**TRUE, "stranger": 400.0}).right, 0.5)

    def test_lines_of_a_program_add_up(self):
        lines = [{"version": "1"}, *({"case": "ladder", "turn": one} for one in LINE)]
        lines += [{"case": "ladder", "said": ["a", 150]}, {"case": "ladder", "said": ["a", 50]}]
        lines += [{"case": "rate-2", "none": "does not sample"}]
        output = Output("tool", map(json.dumps, lines))
        self.assertEqual(output.verdicts["ladder"].blame, {"a": 200.0})
        self.assertEqual(list(output.none), ["rate-2"])
        self.assertEqual(len(output.verdicts), 1)


class TheCheck(unittest.TestCase):
    def test_the_truth_passes(self):
        self.assertEqual(complaints(verdict(TRUE)), [])

    def test_each_kind_of_error_is_found(self):
        for said, more, found in [
            ({**TRUE, "a": 205.0}, {}, "a: 205"),
            ({**TRUE, "c": 3.0}, {}, "c: 3"),
            (TRUE, {"exact_total": 403.0}, "total 403"),
            ({**TRUE, "stranger": 30.0}, {}, "only 93.0 %"),
            ({**TRUE, "lost": 1.0}, {}, "were lost"),
            ({**TRUE, "spun": 30.0}, {}, "nobody's: 30"),
            (TRUE, {"case": "sleepless", "cpu_ms": 2000.0}, "processor time"),
        ]:
            with self.subTest(found):
                self.assertIn(found, "\n".join(complaints(verdict(said, **more))))

    def test_a_case_without_waiting_is_no_test(self):
        idle = verdict({}, turns=[turn("a", 0, 0, 1), turn("b", 2, 2, 3)])
        self.assertIn("no test", "\n".join(complaints(idle)))

    def test_sampling_may_be_off_by_what_its_period_explains(self):
        # 4,000 sections of 0.1 ms, one kept of 100: sqrt(4000 x 0.1 x 9.9) = 63 ms.
        turns = [turn("a", index, index, index + 0.1) for index in range(4000)]
        turns += [turn("b", index, index + 0.1, index + 0.1) for index in range(4000)]
        for said, right in [(480.0, True), (800.0, False)]:
            sampled = verdict({"a": said}, turns, period_ns=10 * MS, exact_total=400.0)
            self.assertAlmostEqual(sampled.sampling_error("a"), 62.9, places=1)
            self.assertEqual(not any("a: " in text for text in complaints(sampled)), right)


if __name__ == "__main__":
    unittest.main()
