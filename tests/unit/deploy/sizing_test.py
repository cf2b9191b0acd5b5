#!/usr/bin/python3
"""deploy/sizing against what was measured, and deploy/README.md against deploy/sizing."""

import importlib.machinery
import importlib.util
import math
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

USUAL = {"clients": 50_000, "devices": 10_000}
# Where the core is full events come in batches, and a delivery becomes cheaper than the model says.
UNSATURATED = 0.7


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


def arguments(wanted):
    """What `--name value` for each says; None: a flag alone."""
    words = [word for name, value in wanted.items() for word in (f"--{name}", value) if word is not None]
    return sizing.parse_arguments([str(word) for word in words])[1]


def size(wanted):
    return sizing.size(arguments(wanted))


def totals(need):
    """Of all replicas, and of Redis."""
    each = {name: need["replicas"] * need[name] for name in ("cores", "memory", "in", "out")}
    return {**each, **{name: need[name] for name in ("replicas", "redis_cores", "redis_out", "redis_in", "redis_connections")}}


def run(*arguments):
    return subprocess.run(["/usr/bin/python3", "-B", str(TOOL), *arguments], capture_output=True, text=True, check=False)


class Model(unittest.TestCase):
    def test_is_what_the_bench_has_measured(self):
        rows = [row for row in measured() if row[3] < UNSATURATED]
        self.assertGreaterEqual(len(rows), 7)
        for line, events, deliveries, cores in rows:
            self.assertAlmostEqual(sizing.gateway_cpu(events, deliveries) / cores, 1, delta=0.25, msg=line)

    def test_never_promises_more_than_the_bench_has_shown(self):
        for line, events, deliveries, cores in measured():
            self.assertGreater(sizing.gateway_cpu(events, deliveries) / cores, 0.75, line)

    def test_more_of_anything_never_needs_less(self):
        # A spare replica makes one of two, but four of three: so without.
        for start in ({"clients": 300, "devices": 40}, {"clients": 15_000, "devices": 90_000}, USUAL, {"clients": 900_000, "devices": 200_000}):
            start = {"rate": 0.2, "event-bytes": 900, "devices-per-client": 2, "headroom": 1.2, "spare": 0, **start}
            before = totals(size(start))
            for name in ("clients", "devices", "rate", "event-bytes", "devices-per-client", "headroom"):
                for factor in (1.01, 1.5, 2, 3.7):
                    grown = type(start[name])(math.ceil(start[name] * factor) if isinstance(start[name], int) else start[name] * factor)
                    after = totals(size({**start, name: grown}))
                    for what, less in before.items():
                        self.assertGreaterEqual(after[what], less * (1 - 1e-9), f"{what} of {start} with {name} {grown}")

    def test_more_work_of_the_same_events_costs_more(self):
        usual = size(USUAL)
        for more, what in (({"channels": "metrics,history"}, ("cores", "memory", "out")), ({"channels": "metrics,others"}, ("cores", "memory", "out")),
                           ({"compress": None}, ("cores",)), ({"spare": 3}, ("replicas", "redis_cores")), ({"rate": 1}, ("in", "redis_in"))):
            need = size({**USUAL, **more})
            for name in what:
                self.assertGreater(need[name], usual[name], f"{name} with {more}")
        self.assertLess(size({**USUAL, "compress": None})["out"], usual["out"])

    def test_replicas_are_limited_by_connections_and_by_cores(self):
        self.assertEqual(size({"clients": 40_000, "devices": 10, "rate": 0.1})["replicas"], 2 + 1)
        self.assertEqual(size({"clients": 40_001, "devices": 10, "rate": 0.1})["replicas"], 3 + 1)
        busy = {"clients": 40_000, "devices": 40_000, "rate": 2, "cores": 0.5}
        need = size(busy)
        self.assertGreater(need["replicas"], 2 + 1)
        self.assertLessEqual(need["cores"], 0.5)
        fewer = sizing.replica(arguments(busy), need["replicas"] - 2)
        self.assertGreater(fewer["cores"], 0.5, "one replica fewer would do")

    def test_history_comes_once_a_second_at_most(self):
        slow, fast = (size({**USUAL, "rate": rate, "channels": "metrics,history"}) for rate in (1, 2))
        plain = [size({**USUAL, "rate": rate}) for rate in (1, 2)]
        windows = [(need["out"] * need["replicas"] - without["out"] * without["replicas"]) for need, without in zip((slow, fast), plain)]
        self.assertAlmostEqual(windows[1] / windows[0], 1, delta=0.01)

    def test_a_sharded_cluster_divides_the_work_and_a_classic_one_does_not(self):
        one = sizing.redis_cpu(10_000, 5, stream=True)
        self.assertAlmostEqual(sizing.classic_cpu(10_000, 5, 1), one)
        self.assertGreater(sizing.classic_cpu(10_000, 5, 10), one / 10 * 2)
        many = {"clients": 1_000_000, "devices": 400_000}
        need = size(many)
        self.assertEqual(need["sharded"], math.ceil(need["redis_cores"] / sizing.FULL))
        self.assertIsNone(need["classic"], "each node hears 200 000 events a second")
        self.assertGreater(size({**many, "link": 0.5})["sharded"], need["sharded"], "the network is the limit")

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
        rows = re.findall(r"^\| (\d+) \| ([\d ]+) \| ([\d ]+) \| ([\d.]+) \|", text, re.MULTILINE)
        self.assertGreaterEqual(len(rows), 4)
        for subscribers, with_stream, without, micros in rows:
            self.assertEqual(micros, f"{sizing.redis_cpu(1e6, int(subscribers)):.1f}")
            for shown, stream in ((with_stream, True), (without, False)):
                carried = sizing.FULL / sizing.redis_cpu(1, int(subscribers), stream)
                self.assertAlmostEqual(float(shown.replace(" ", "")) / carried, 1, delta=0.01)

    def test_says_when_one_redis_is_not_enough(self):
        few, many = (["--clients", count, "--devices", count] for count in ("1000", "1000000"))
        self.assertIn("enough", run(*few).stdout)
        self.assertNotIn("not enough", run(*few).stdout)
        self.assertRegex(run(*many).stdout, r"one is +not enough\n +sharded pub/sub +\d+ masters \(--redis-sharded on\)\n +classic")

    def test_help_names_every_option_and_its_default(self):
        text = run("--help").stdout
        for name in ("clients", "devices", "rate", "devices-per-client", "event-bytes", "channels", "compress", "max-connections", "cores",
                     "spare", "headroom", "link"):
            self.assertIn(f"--{name}", text)
        self.assertEqual(text.count("default"), 10 - 1)

    def test_what_it_assumes_are_the_defaults_of_the_gateway(self):
        text = (ROOT / "deploy/pulsegate.conf").read_text(encoding="utf-8")
        defaults = dict(re.findall(r"^#([a-z-]+) = (\d+)", text, re.MULTILINE))
        for name, assumed in (("resume-events", sizing.REMEMBERED), ("resume-memory", sizing.RESUME_MEMORY / sizing.MIB), ("sql-rate", sizing.SQL_RATE),
                              ("connect-rate", sizing.CONNECT_RATE), ("ping-interval", sizing.PING_INTERVAL),
                              ("backlog-limit", sizing.BACKLOG / sizing.MIB), ("memory-soft-limit", sizing.SOFT_LIMIT * 100)):
            self.assertEqual(float(defaults[name]), assumed, name)

    def test_refuses_what_makes_no_sense(self):
        usual = ["--clients", "10", "--devices", "10"]
        for arguments, why in (([], "required"), (["--clients", "10"], "--devices"), (["--clients", "0", "--devices", "1"], "at least 1"),
                               (["--clients", "x", "--devices", "1"], "--clients: a whole number"), ([*usual, "--rate", "0"], "above 0"),
                               ([*usual, "--rate", "-1"], "--rate"), ([*usual, "--rate", "nan"], "above 0"), ([*usual, "--rate", "inf"], "up to"),
                               ([*usual, "--clients", "9" * 400], "up to"), ([*usual, "--spare", "-1"], "at least 0"),
                               ([*usual, "--headroom", "0.9"], "at least 1"), ([*usual, "--channels", "history"], "metrics"),
                               ([*usual, "--channels", "metrics,logs"], "metrics,logs"), ([*usual, "--devices-per-client", "11"], "not so many"),
                               ([*usual, "--cores", "0.01"], "--cores"), (["--clients", "1000000000", "--devices", "1"], "--max-connections"),
                               (["--clients", "1000", "--devices", "10", "--rate", "1000000"], "--cores")):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(why, done.stderr, arguments)
            self.assertIn("usage", done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
