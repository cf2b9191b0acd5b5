"""Measurements that are not a plain fan-out: beyond the highest rate, the connection storm, the soak."""

import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from .measure import Result, load
from .servers import GATEWAY, ROOT, Server, Stand
from .shapes import STEADY, STORM

POINTS = 30  # rows per device: a full window
METRICS_CLIENTS, METRICS_DELIVERIES, METRICS_SCRAPES = 10_000, 5_000, 100  # deliveries: a second


def overload(stand: Stand, generator: Path, rate: float, seconds: float) -> Result:
    """At twice the highest rate: latency grows and clients conflate, but nobody may be disconnected, nor may we by Redis."""
    server = stand.start(GATEWAY)
    try:
        options = {"clients": 1000, "devices": 100, "rate": round(2 * rate), "seconds": seconds, "drain": 5}
        result = load(generator, server, options)
        result["bus_disconnects"] = server.metric("pulsegate_bus_disconnects_total")
        result["conflated"] = server.metric("pulsegate_conflated_frames_total")
        return result
    finally:
        stand.stop(server)


def fill_database(database: str, devices: int) -> None:
    """A window of rows for each of the generator's devices."""
    schema = (ROOT / "deploy/demo/schema.sql").read_text(encoding="utf-8")
    uuid = "(lpad(to_hex(d), 8, '0') || '-0000-4000-8000-000000000000')::uuid"
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(schema)
        cursor.execute("SELECT demo_create_partitions(2)")
        cursor.execute(
            "INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage, memory_usage, memory_total,"
            f" network_rx, network_tx) SELECT {uuid}, (now() AT TIME ZONE 'utc') - make_interval(mins => p),"
            " 10 + (d + p) % 80, 3221225472, 8589934592, 1000 * p, 500 * p"
            f" FROM generate_series(0, {devices - 1}) d, generate_series(1, {POINTS}) p"
        )
        cursor.execute(
            "INSERT INTO device_state_records (device_uuid, os_version, architecture, uptime, hostname, ip_address)"
            f" SELECT {uuid}, 'Debian 12', 'arm64', 86400, 'device-' || d, '192.168.10.24'"
            f" FROM generate_series(0, {devices - 1}) d"
        )
    connection.close()


def storm(stand: Stand, generator: Path, database: str, clients: int) -> Result:
    """Everybody connects at once and wants a snapshot."""
    server = stand.start(GATEWAY, ["--database", database])
    try:
        before = _tcp_counters()
        options = {**STORM.load_options(0.1), "clients": clients, "warm_up": 0, "rate": 0}
        result = load(generator, server, options)
        after = _tcp_counters()
        # First reads only: second looks have their own reason and come later.
        result["snapshot_reads"] = server.metric("pulsegate_snapshot_reads_total", 'reason="first"')
        result["tcp"] = {name: after[name] - before[name] for name in after}
        return result
    finally:
        stand.stop(server)


def shards(stand: Stand, generator: Path, count: int, seconds: float) -> Result:
    """The steady shape over several shards; what Redis sends must not grow, since a device lives on one shard only."""
    server = stand.start(GATEWAY, ["--shards", str(count)], pinned=False)
    try:
        sent_before = stand.redis_sent_bytes()
        result = load(generator, server, STEADY.load_options(seconds))
        result["redis_sent"] = stand.redis_sent_bytes() - sent_before
        return result
    finally:
        stand.stop(server)


@dataclass
class Scraper:
    """Asks for /metrics as Prometheus would, every so many seconds, while the clients are there; a thread of its own."""

    server: Server
    every: float
    clients: int
    seconds: list[float] = field(default_factory=list)  # that answers took
    size: int = 0  # bytes of one

    def __enter__(self) -> "Scraper":
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        url = f"http://127.0.0.1:{self.server.health_port}/metrics"
        while not self._over.wait(self.every):
            begin = time.perf_counter()
            with urllib.request.urlopen(url, timeout=10) as response:
                page = response.read()
            taken = time.perf_counter() - begin
            if f'pulsegate_connections{{shard="0"}} {self.clients}\n'.encode() in page:
                self.seconds.append(taken)
                self.size = len(page)


def metrics(stand: Stand, generator: Path, devices: int, seconds: float, rounds: int) -> Result:
    """10 000 clients with live traffic: what an answer of /metrics takes, and what the clients feel of a scrape every second.
    The same gateway with and without scraping in turn, so that both see the same machine."""
    rate = METRICS_DELIVERIES * devices // METRICS_CLIENTS
    options = {"clients": METRICS_CLIENTS, "devices": devices, "rate": rate, "seconds": seconds, "connecting": 500}
    without, scraped, answers, size = [], [], [], 0
    server = stand.start(GATEWAY)
    try:
        for _ in range(rounds):
            without.append(load(generator, server, options))
            with Scraper(server, 1.0, METRICS_CLIENTS):
                scraped.append(load(generator, server, options))
        held = _shard_seconds_per_scrape(server, generator, options)
        while len(answers) < METRICS_SCRAPES:
            with Scraper(server, 0.02, METRICS_CLIENTS) as often:
                one = load(generator, server, options)
            if not one["ready"] or not often.seconds:
                return {**one, "ready": 0, "failure": one["failure"] or "no answer while all clients were there"}
            answers, size = answers + often.seconds, often.size
    finally:
        stand.stop(server)
    for one in (*without, *scraped):
        if not one["ready"]:
            return one
    answers = sorted(answers[:METRICS_SCRAPES])
    return {
        "ready": 1,
        "devices": devices,
        "bytes": size,
        "held_us": held * 1e6,
        "p50_ms": statistics.median(answers) * 1000,
        "p99_ms": answers[len(answers) * 99 // 100 - 1] * 1000,
        "max_ms": answers[-1] * 1000,
        "without": _latency(without),
        "scraped": _latency(scraped),
    }


def _shard_seconds_per_scrape(server: Server, generator: Path, options: dict[str, object]) -> float:
    """CPU time of the shard's thread that one scrape costs while the clients are there and say nothing: so long it does
    nothing else. Does not depend on how busy the machine is."""
    words = [word for name, value in {**options, "rate": 0, "seconds": 30}.items() for word in (f"--{name}", str(value))]
    idle = subprocess.Popen([str(generator), *server.load_options(), *words], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while server.metric("pulsegate_connections") < METRICS_CLIENTS:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{METRICS_CLIENTS} clients are not connected after a minute")
            time.sleep(0.2)
        time.sleep(3)

        def spent(work: Callable[[], object]) -> tuple[float, float]:
            """CPU seconds, and seconds."""
            before, begin = _shard_seconds(server), time.monotonic()
            work()
            return _shard_seconds(server) - before, time.monotonic() - begin

        # The tick of so many connections is no part of it. One scrape right after the other, or it would be most of it.
        used, seconds = spent(lambda: time.sleep(3))
        scraping, took = spent(lambda: [server.metric("pulsegate_ready") for _ in range(300)])
        return max(0.0, scraping - used / seconds * took) / 300
    finally:
        idle.kill()
        idle.wait()


def _shard_seconds(server: Server) -> float:
    """CPU seconds of all threads but the main one, which renders the page."""
    tasks = Path(f"/proc/{server.pids[0]}/task")
    others = [task for task in tasks.iterdir() if task.name != str(server.pids[0])]
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in others) / 1e9


def _latency(results: list[Result]) -> dict[str, float]:
    """The median over the rounds, and what was lost in any of them."""
    names = ("p50_ms", "p99_ms", "p999_ms")
    found = {name: statistics.median(one["latency"][name] for one in results) for name in names}
    return {**found, "lost": sum(one["missing"] + one["closed"] for one in results)}


def soak(stand: Stand, generator: Path, seconds: float) -> Result:
    """Dashboards come and go while events flow; the memory must stay flat."""
    server = stand.start(GATEWAY, ["--linger", "5s"])
    try:
        options = {"clients": 1000, "devices": 200, "rate": 500, "seconds": seconds, "churn": 50, "drain": 1}
        result = load(generator, server, {**options, "report_every": max(1, seconds / 60)})
        result["bus_disconnects"] = server.metric("pulsegate_bus_disconnects_total")
        return result
    finally:
        stand.stop(server)


def growth(memory: list[dict[str, float]]) -> float:
    """The last fifth against the second fifth of a soak: the first is for filling caches and windows."""
    fifth = max(1, len(memory) // 5)
    early, late = memory[fifth : 2 * fifth], memory[-fifth:]
    mean = [sum(reading["rss_kib"] for reading in part) / max(1, len(part)) for part in (early, late)]
    return mean[1] / max(1.0, mean[0]) - 1


def _tcp_counters() -> dict[str, int]:
    """Of the whole machine: what shows when a listen backlog was too short."""
    lines = Path("/proc/net/netstat").read_text(encoding="ascii").splitlines()
    values = dict(zip(lines[0].split()[1:], map(int, lines[1].split()[1:]), strict=True))
    return {name: values[name] for name in ("ListenOverflows", "ListenDrops", "TCPSynRetrans")}
