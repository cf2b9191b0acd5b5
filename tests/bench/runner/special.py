"""Measurements that are not a plain fan-out: beyond the highest rate, the connection storm, the soak."""

from pathlib import Path

import psycopg2

from .measure import Result, load
from .servers import GATEWAY, ROOT, Stand
from .shapes import STEADY, STORM

POINTS = 30  # rows per device: a full window


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
