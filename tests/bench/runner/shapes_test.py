#!/usr/bin/python3
"""What `tests/bench/run` measures when it is told; no server is started."""

import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
BENCH = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCH))

from runner import redis_cost, shapes  # noqa: E402


def keys(wanted: str, quick: bool) -> list[str]:
    return [shape.key for shape in shapes.select(wanted, quick).shapes]


class SelectionTest(unittest.TestCase):
    def test_nothing_said_is_the_usual(self) -> None:
        self.assertEqual(shapes.select("", quick=False), shapes.Selection(shapes.FULL, shapes.PARTS))
        self.assertEqual(shapes.select("", quick=True), shapes.Selection(shapes.QUICK, ("storm",)))

    def test_only_what_was_asked_for_is_measured_quickly_too(self) -> None:
        for quick in (False, True):
            self.assertEqual(keys("many, steady", quick), ["steady", "many"])
            self.assertEqual(shapes.select("many,steady", quick).parts, ())
            self.assertEqual(shapes.select("history,micro,storm", quick), shapes.Selection((), ("storm", "micro", "history")))
            self.assertEqual(keys("widest", quick), ["widest"])

    def test_a_quick_run_measures_its_own_servers(self) -> None:
        wide = {quick: shapes.select("wide", quick).shapes[0] for quick in (False, True)}
        self.assertIn(wide[True], shapes.QUICK)
        self.assertIn(wide[False], shapes.FAN_OUT)

    def test_what_there_is_not_is_said_before_anything_starts(self) -> None:
        with self.assertRaisesRegex(ValueError, "'wid'"):
            shapes.select("wide,wid", quick=True)
        done = subprocess.run([BENCH / "run", "--quick", "--shapes", "stor"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no 'stor'", done.stderr)

class ConstantsTest(unittest.TestCase):
    def test_a_line_is_fitted_by_its_relative_errors(self) -> None:
        event, subscriber = redis_cost.line_through([(1.0, 15.2), (4.0, 18.8), (50.0, 74.0)])
        self.assertAlmostEqual(event, 14)
        self.assertAlmostEqual(subscriber, 1.2)
        # Off by half at one end moves the small end less than the large one.
        event, _ = redis_cost.line_through([(1.0, 10.0), (2.0, 11.0), (50.0, 300.0)])
        self.assertLess(event, 10)
        self.assertGreater(event, 0)

    def test_a_part_that_there_is_not_is_said_before_anything_starts(self) -> None:
        done = subprocess.run([BENCH / "constants", "redis", "rediss"], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("there is no rediss", done.stderr)


if __name__ == "__main__":
    unittest.main()
