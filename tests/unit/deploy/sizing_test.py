#!/usr/bin/python3
"""deploy/sizing against what was measured, and deploy/README.md against deploy/sizing."""

import importlib.machinery
import importlib.util
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[3]
TOOL = ROOT / "deploy/sizing"
loader = importlib.machinery.SourceFileLoader("sizing", str(TOOL))
sizing = importlib.util.module_from_spec(importlib.util.spec_from_loader("sizing", loader))
loader.exec_module(sizing)

USUAL = {"clients": 50_000, "devices": 10_000, "rate": 0.5, "per_replica": 20_000, "message": 1200}
# Beyond this share of a core events come in batches, and a delivery becomes cheaper than the model says.
UNSATURATED = 0.3


def measured():
    """(title, events/s, deliveries/s, cores) of each row of the gateway in the table of the last bench."""
    text = (ROOT / "tests/bench/README.md").read_text(encoding="utf-8")
    title = re.compile(r"^\*\*([\d ]+) devices? × ([\d ]+) clients?, ([\d ]+) events/s\*\*$")
    rows, shape = [], None
    for line in text.splitlines():
        if line.startswith("**"):
            shape = title.match(line)
        elif shape and line.startswith("| pulsegate |"):
            cells = [cell.strip() for cell in line.split("|")]
            deliveries, per_core = (float(cell.replace(" ", "")) for cell in cells[2:4])
            rows.append((line, float(shape[3].replace(" ", "")), deliveries, deliveries / per_core))
    return rows


def run(*arguments):
    return subprocess.run(["/usr/bin/python3", "-B", str(TOOL), *arguments], capture_output=True, text=True, check=False)


class Model(unittest.TestCase):
    def test_is_what_the_bench_has_measured(self):
        rows = [row for row in measured() if row[3] < UNSATURATED]
        self.assertGreaterEqual(len(rows), 4)
        for line, events, deliveries, cores in rows:
            self.assertAlmostEqual(sizing.gateway_cpu(events, deliveries) / cores, 1, delta=0.25, msg=line)

    def test_never_promises_more_than_the_bench_has_shown(self):
        for line, events, deliveries, cores in measured():
            self.assertGreater(sizing.gateway_cpu(events, deliveries) / cores, 0.75, line)

    def test_more_of_anything_never_needs_less_in_all(self):
        def totals(need):
            return [need["replicas"] * need[name] for name in ("cores", "memory", "in", "out")] + [need["redis_cores"], need["redis_out"]]

        before = totals(sizing.size(**USUAL))
        for name in ("clients", "devices", "rate", "message"):
            after = totals(sizing.size(**{**USUAL, name: USUAL[name] * 2}))
            for less, more in zip(before, after):
                self.assertGreaterEqual(more, less * 0.999, name)

    def test_a_device_is_watched_on_no_more_replicas_than_it_has_clients(self):
        self.assertAlmostEqual(sizing.replicas_of_device(1, 50), 1)
        self.assertLess(sizing.replicas_of_device(5, 50), 5)
        self.assertAlmostEqual(sizing.replicas_of_device(10_000, 50), 50, delta=0.01)


class Tool(unittest.TestCase):
    def test_prints_what_the_readme_shows(self):
        text = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
        examples = re.findall(r"^    \$ deploy/sizing (.*)\n((?:    [^$\n].*\n)+)", text, re.MULTILINE)
        self.assertGreaterEqual(len(examples), 3)
        for arguments, shown in examples:
            printed = run(*arguments.split()).stdout
            self.assertEqual(re.sub(r"^    ", "", shown, flags=re.MULTILINE), printed, arguments)

    def test_the_limits_of_one_redis_in_the_readme(self):
        text = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (\d+) \| ([\d ]+) \|$", text, re.MULTILINE)
        self.assertGreaterEqual(len(rows), 4)
        for subscribers, events in rows:
            carried = sizing.FULL / sizing.redis_cpu(1, int(subscribers))
            self.assertAlmostEqual(float(events.replace(" ", "")) / carried, 1, delta=0.02)

    def test_says_when_one_redis_is_not_enough(self):
        few, many = (["--clients", count, "--devices", count] for count in ("1000", "1000000"))
        self.assertNotIn("not enough", run(*few).stdout)
        self.assertIn("--redis-sharded", run(*many).stdout)

    def test_refuses_what_makes_no_sense(self):
        for arguments in ([], ["--clients", "0", "--devices", "1"], ["--clients", "x", "--devices", "1"],
                          ["--clients", "1", "--devices", "1", "--rate", "-1"], ["--clients", "1", "--devices", "1", "--rate", "nan"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn("usage", done.stderr)


if __name__ == "__main__":
    unittest.main()
