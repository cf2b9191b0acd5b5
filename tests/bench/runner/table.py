"""From results to Markdown: medians, ratios, and which figure was reached."""

import os
import platform
import statistics
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .measure import Result
from .servers import COMPRESSING, FLOOR_BATCH, FLOOR_SEND, GATEWAY, NODE

Results = dict[str, dict[str, list[Result]]]  # by shape, then server: one per round
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def median(results: list[Result], *path: str) -> float:
    """Over the rounds that could be measured; NaN when there is none."""
    values = []
    for result in results:
        value: Any = result
        if not result["ready"]:
            continue
        for name in path:
            value = value[name]
        values.append(float(value))
    return statistics.median(values) if values else float("nan")


def number(value: float) -> str:
    if value != value:
        return "–"
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def rows(table: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([lines[0], "|" + "---|" * len(table[0]), *lines[1:]])


def fan_out(title: str, servers: dict[str, list[Result]]) -> str:
    header = ["server", "deliveries/s", "per CPU-second", "of floor_send", "of floor_batch", "p50 ms", "p99 ms"]
    table = [[*header, "p99.9 ms", "lost", "server busy", "generator busy"]]
    for name, results in servers.items():
        per_cpu = median(results, "deliveries_per_cpu_s")
        if per_cpu != per_cpu:
            table.append([name, results[0]["failure"] or "not measured", *[""] * 9])
            continue
        ratios = [per_cpu / median(servers.get(floor, []), "deliveries_per_cpu_s") for floor in (FLOOR_SEND, FLOOR_BATCH)]
        latency = [number(median(results, "latency", name)) for name in ("p50_ms", "p99_ms", "p999_ms")]
        lost = median(results, "missing") / max(1.0, median(results, "expected"))
        cells = [name, number(median(results, "deliveries_per_s")), number(per_cpu), *map(number, ratios), *latency]
        busy = [f"{median(results, key):.0%}" for key in ("server_busy", "generator_busy")]
        table.append([*cells, f"{lost:.2%}" if lost else "0", *busy])
    return f"**{title}**\n\n{rows(table)}"


def targets(results: Results) -> list[tuple[str, float, str, float]]:
    """(what, found, "≥" or "≤", wanted)"""
    found: list[tuple[str, float, str, float]] = []

    def per_cpu(shape: str, server: str) -> float:
        return median(results.get(shape, {}).get(server, []), "deliveries_per_cpu_s")

    def add(what: str, value: float, sign: str, wanted: float) -> None:
        if value == value:
            found.append((what, value, sign, wanted))

    add("steady: per CPU-second, of floor_send", per_cpu("steady", GATEWAY) / per_cpu("steady", FLOOR_SEND), "≥", 0.8)
    add("steady: per CPU-second, of the Node peer", per_cpu("steady", GATEWAY) / per_cpu("steady", NODE), "≥", 4)
    p99 = {name: median(each, "latency", "p99_ms") for name, each in results.get("steady", {}).items()}
    nan = float("nan")
    add("steady: p99, of floor_send", p99.get(GATEWAY, nan) / p99.get(FLOOR_SEND, nan), "≤", 1.25)
    highest = {name: median(each, "deliveries_per_s") for name, each in results.get("highest", {}).items()}
    ours, batch = highest.get(GATEWAY, nan), highest.get(FLOOR_BATCH, nan)
    add("highest: deliveries/s (or 0.7 of floor_batch)", ours, "≥", min(400_000.0, 0.7 * batch))
    add("highest: deliveries/s, of floor_send", ours / highest.get(FLOOR_SEND, nan), "≥", 4)
    add("highest: per CPU-second, of floor_batch", per_cpu("highest", GATEWAY) / per_cpu("highest", FLOOR_BATCH), "≥", 0.7)
    add("wide: per CPU-second, of floor_batch", per_cpu("wide", GATEWAY) / per_cpu("wide", FLOOR_BATCH), "≥", 0.8)
    add("widest: per CPU-second, of floor_send", per_cpu("widest", GATEWAY) / per_cpu("widest", FLOOR_SEND), "≥", 0.8)
    add("many: per CPU-second, of floor_send", per_cpu("many", GATEWAY) / per_cpu("many", FLOOR_SEND), "≥", 0.7)
    for what, small, large in (("clients: 5 000, of 500", "500", "5000"), ("devices: 10 000, of 100", "100", "10000")):
        kind = "clients" if what.startswith("clients") else "devices"
        growth = {
            name: per_cpu(f"size_{kind}_{small}", name) / per_cpu(f"size_{kind}_{large}", name)
            for name in (GATEWAY, FLOOR_SEND)
        }
        floor = f" (floor_send: {number(growth[FLOOR_SEND])})"
        add(f"CPU per delivery with more {what}{floor}", growth[GATEWAY], "≤", 1.2)
    compression = per_cpu("compress_many", GATEWAY) / per_cpu("compress_many", COMPRESSING)
    add("CPU per delivery with compression, of one without", compression, "≤", 1.15)
    return found + memory_targets(results)


def memory_targets(results: Results) -> list[tuple[str, float, str, float]]:
    kib: dict[str, float] = {}
    for shape in ("memory_connections", "memory_devices"):
        measured = results.get(shape, {}).get(GATEWAY, [])
        kib[shape] = (median(measured, "rss_ready_kib") - median(measured, "rss_before_kib")) / median(measured, "clients")
    found: list[tuple[str, float, str, float]] = []
    if kib["memory_connections"] == kib["memory_connections"]:
        found.append(("memory: KiB per idle connection", kib["memory_connections"], "≤", 7))
    if kib["memory_devices"] == kib["memory_devices"]:
        # The same connections, on 10 000 devices instead of 100.
        per_device = (kib["memory_devices"] - kib["memory_connections"]) * 10_000 / 9_900
        found.append(("memory: KiB per subscribed device", per_device, "≤", 1))
    return found


def target_table(found: list[tuple[str, float, str, float]]) -> str:
    table = [["figure", "found", "wanted", ""]]
    for what, value, sign, wanted in found:
        met = value >= wanted if sign == "≥" else value <= wanted
        table.append([what, number(value), f"{sign} {number(wanted)}", "yes" if met else "**no**"])
    return rows(table)


def conditions(command: str, pinning: str, rounds: int, busy: list[float]) -> str:
    cpu = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines()
         if line.startswith("model name")),
        platform.machine(),
    )
    load = f"{statistics.median(busy):.2f} of them at the median and {max(busy):.2f} at most" if busy else "unknown"
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC · Linux {platform.release()} · {os.cpu_count()} × {cpu} · "
        f"`{command}` · median of {rounds} rounds, servers alternating · {pinning}. "
        f"Cores that others kept busy just before the measurements: {load}."
    )


def write(readme: Path, text: str) -> None:
    old = readme.read_text(encoding="utf-8")
    head, rest = old.split(BEGIN, 1)
    readme.write_text(head + BEGIN + "\n\n" + text + "\n\n" + END + rest.split(END, 1)[1], encoding="utf-8")
