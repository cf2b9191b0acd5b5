#!/usr/bin/python3
"""What `make run` starts, as a user meets it: two at a time, real values on every channel, and nothing left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
BINARY = os.environ["PULSEGATE_BINARY"]
RUNS = REPOSITORY / "build" / "run"
CHANNELS = {"metrics", "processes", "system-info", "history", "network-interfaces"}


class Demo:
    """One run of the demo, in a process group of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", str(REPOSITORY / "deploy/demo/run.py")],
            env={**os.environ, "GATEWAY": BINARY, "LISTEN": "127.0.0.1:0", "DEVICES": "1", "RUN_SECONDS": "60"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.output = ""

    def url(self) -> str:
        """The WebSocket URL that the user is shown."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if found := re.search(r"WebSocket\s+(ws://\S+)", self.output):
                return found.group(1)
        raise AssertionError(f"no URL in:\n{self.output}")

    def page(self) -> str:
        """The page's URL, which comes before all others."""
        found = re.search(r"\w+://\S+", self.output)
        assert found is not None, self.output
        return found.group(0)

    def family(self) -> set[int]:
        """Every process that this run has started."""
        family = {self.process.pid}
        while True:
            found = {pid for pid, parent in parents().items() if parent in family} | family
            if found == family:
                return family
            family = found

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        assert self.process.stdout is not None
        self.output += self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(timeout=60)


def parents() -> dict[int, int]:
    result = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            result[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            pass  # it has ended meanwhile
    return result


def directories() -> set[str]:
    return {entry.name for entry in RUNS.iterdir()} if RUNS.exists() else set()


class MakeRun(unittest.TestCase):
    def test_two_at_a_time_show_this_hosts_values_and_leave_nothing_behind(self) -> None:
        before = directories()
        demos = [Demo(), Demo()]
        try:
            urls = [demo.url() for demo in demos]
            self.assertNotEqual(urls[0], urls[1])
            for url in urls:
                self.check_channels(url)
            for demo, url in zip(demos, urls):
                self.check_page(demo.page(), url)
            family = demos[0].family() | demos[1].family()
            self.assertGreaterEqual(len(family), 2 * 5)  # runner, Redis, PostgreSQL, publisher, gateway
        finally:
            codes = [demo.stop() for demo in demos]
        self.assertEqual(codes, [0, 0], demos[0].output + demos[1].output)
        deadline = time.monotonic() + 10
        while family & parents().keys() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(family & parents().keys(), set())
        self.assertEqual(directories() - before, set())

    def check_page(self, page: str, url: str) -> None:
        host, device = re.fullmatch(r"ws://([^/]+)/api/v1/devices/([^/]+)/ws", url).groups()
        self.assertEqual(page, f"http://{host}/?devices={device}")
        with urllib.request.urlopen(page, timeout=10) as response:
            self.assertEqual(response.headers["Content-Type"], "text/html; charset=utf-8")
            text = response.read().decode()
        for file in re.findall(r'(?:src|href)="(\./[^"]+)"', text):
            with urllib.request.urlopen(urllib.parse.urljoin(page, file), timeout=10) as response:
                self.assertGreater(len(response.read()), 0, file)

    def check_channels(self, url: str) -> None:
        watch = subprocess.run(
            [BINARY, "watch", url, "--channels", ",".join(sorted(CHANNELS)), "--json", "--count", "12"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual(watch.returncode, 0, watch.stderr)
        messages = {}
        for line in watch.stdout.splitlines():
            message = json.loads(line)
            messages[message["type"]] = message
        self.assertLessEqual(CHANNELS, messages.keys())
        self.assertGreater(messages["metrics"]["data"]["memory_total"], 0)
        self.assertGreaterEqual(len(messages["history"]["data"]["cpu"]), 30)
        self.assertTrue(messages["processes"]["data"]["top_processes"])
        self.assertEqual(messages["system-info"]["data"]["hostname"], os.uname().nodename)
        self.assertTrue(messages["network-interfaces"]["data"]["interfaces"])


if __name__ == "__main__":
    sys.exit(unittest.main())
