#!/usr/bin/python3
"""Plays the API server for a demo: publishes this host's real metrics and state, and those of made-up neighbours.

For each report it appends to the Redis Stream, publishes the event, and inserts the row, as the API server does. It outlives
Redis and PostgreSQL going away. `publisher.py --help` lists the options; deploy/README.md explains them.
"""

import argparse
import logging
import random
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone

from bus import Bus
from host_description import device_ids, host_state, network_interfaces
from host_metrics import HostSampler
from host_processes import ProcessSampler
from store import Row, Store, Worker
from variation import PastReports, Variation

log = logging.getLogger("publisher")

WARM_UP_SECONDS = 0.25  # before the first report: rates need two looks at the counters
Report = dict[str, object]


class Publisher:
    """Thread: one. Sleeps until a report, a state report or a waiting row is due."""

    def __init__(self, options: argparse.Namespace, stop: threading.Event) -> None:
        self._options = options
        self._stop = stop
        self._devices: list[str] = options.device or device_ids(options.devices)
        self._variations = {d: Variation(d, n) for n, d in enumerate(self._devices[1:], start=2)}
        self._bus = Bus(options.redis, options.topic_prefix)
        self._store: Store | None = None
        if options.database != "none":
            days_back = int(options.backfill * options.interval // 86_400) + 1
            self._store = Store(options.database, days_back)
        self._worker = Worker(self._store.insert if self._store else _discard, options.insert_lag, options.batch)
        self._host = HostSampler()
        self._processes = ProcessSampler()

    def run(self) -> None:
        self._stop.wait(WARM_UP_SECONDS)
        if self._store and self._store.insert([]) and self._options.backfill:  # the schema, even before the first row
            self._backfill(self._store)
            self._stop.wait(WARM_UP_SECONDS)
        if self._stop.is_set():
            return
        interval, host = self._options.interval, self._devices[0]
        log.info("publishing %d devices every %g s, this host is %s", len(self._devices), interval, host)
        reports = 0
        next_report = next_state = time.monotonic()
        while not self._stop.is_set():
            now = time.monotonic()
            if now >= next_report and not self._is_done(reports):
                self._report_metrics()
                reports += 1
                next_report = _following(next_report, interval, now)
            if now >= next_state:
                self._report_state()
                next_state = _following(next_state, self._options.state_interval, now)
            self._worker.run(time.monotonic())
            if self._is_done(reports) and self._worker.next_due() is None:
                break
            self._sleep_until(next_report, next_state)

    def close(self) -> None:
        self._bus.close()
        if self._store:
            self._store.close()

    def _is_done(self, reports: int) -> bool:
        return bool(self._options.count) and reports >= self._options.count

    def _sleep_until(self, next_report: float, next_state: float) -> None:
        due = self._worker.next_due()
        earliest = min(next_report, next_state, due if due is not None else next_report)
        self._stop.wait(max(0.01, earliest - time.monotonic()))

    def _host_metrics(self) -> Report:
        report: Report = dict(self._host.sample())
        report["top_processes"] = self._processes.sample()
        report["network_interfaces"] = network_interfaces()
        return report

    def _report_metrics(self) -> None:
        host = self._host_metrics()
        for device in self._devices:
            variation = self._variations.get(device)
            metrics = variation.metrics(host) if variation else host
            moment = datetime.now(timezone.utc)
            self._bus.publish_metrics(device, metrics, moment)
            if random.uniform(0, 100) < self._options.double_percent:
                # As from the API server: the same values, in the stream once, with the time of the second publication.
                self._bus.publish_metrics(device, metrics, datetime.now(timezone.utc), append=False)
            self._worker.put(Row("device_metrics", device, metrics), time.monotonic())

    def _report_state(self) -> None:
        host = host_state(network_interfaces())
        host["top_processes"] = self._processes.latest()
        for device in self._devices:
            variation = self._variations.get(device)
            state = variation.state(host) if variation else host
            self._bus.publish_state(device, state, datetime.now(timezone.utc))
            self._worker.put(Row("device_state_records", device, state), time.monotonic())

    def _backfill(self, store: Store) -> None:
        """Rows of the past for each device, oldest first, so that a chart has a history at once."""
        host = self._host_metrics()
        for device in self._devices:
            past = PastReports(device)
            variation = self._variations.get(device)
            rows = [
                Row("device_metrics", device, variation.metrics(host) if variation else past.before(host), age)
                for age in (self._options.interval * n for n in range(self._options.backfill, 0, -1))
            ]
            if not store.insert(rows):
                return


def _discard(rows: list[Row]) -> None:
    """`--database none`."""


def _following(planned: float, interval: float, now: float) -> float:
    """The next time of a regular series; what was missed, for instance while the host slept, is left out."""
    return planned + interval * max(1, int((now - planned) / interval) + 1)


def _device_uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a UUID") from None


def _number(low: float, high: float) -> Callable[[str], float]:
    def convert(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text} is not between {low:g} and {high:g}")
        return value

    convert.__name__ = "number"
    return convert


def _count(text: str) -> int:
    return int(_number(0, 1_000_000)(text))


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Plays the API server with this host's real metrics.")
    add, seconds = parser.add_argument, _number(0, 86_400)
    add("--redis", metavar="URL", default="redis://127.0.0.1:6379/0", help="default: %(default)s")
    add("--database", metavar="CONNINFO", default="none", help="libpq connection string, or none (default)")
    add("--device", metavar="UUID", type=_device_uuid, action="append", help="repeatable; the first is this host")
    add("--devices", metavar="N", type=_count, default=1, help="without --device: this host and N-1 neighbours")
    add("--interval", metavar="SECONDS", type=_number(0.01, 86_400), default=2.0, help="metrics (default: 2)")
    add("--state-interval", metavar="SECONDS", type=_number(0.01, 86_400), default=30.0, help="state (default: 30)")
    add("--insert-lag", metavar="SECONDS", type=seconds, default=0.0, help="rows come so long after their events")
    add("--batch", metavar="SECONDS", type=seconds, default=0.0, help="rows come together, once in so many seconds")
    add("--double-percent", metavar="P", type=_number(0, 100), default=0.0, help="reports that are published twice")
    add("--count", metavar="N", type=_count, default=0, help="end after N reports of each device")
    add("--backfill", metavar="N", type=_count, default=0, help="first write N rows of the past for each device")
    add("--topic-prefix", metavar="TEXT", default="", help="put before device:<uuid>:<kind>")
    options = parser.parse_args(arguments)
    if not options.device and options.devices < 1:
        parser.error("argument --devices: at least 1")
    return options


def main() -> int:
    options = parse_options(sys.argv[1:])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s publisher %(message)s", datefmt="%H:%M:%S")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    publisher = Publisher(options, stop)
    try:
        publisher.run()
    finally:
        publisher.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
