"""What this host's kernel says about CPU, memory, storage, temperature and network traffic.

Everything is read below a root directory, so that a test can lay out its own /proc and /sys. Processes are in
host_processes.py, network interfaces and the slow-changing description of the host in host_description.py.
"""

import os
from dataclasses import dataclass
from pathlib import Path

Number = int | float


@dataclass(frozen=True)
class CpuTimes:
    """Ticks since boot, summed over all cores."""

    busy: int
    total: int


@dataclass(frozen=True)
class Traffic:
    """Bytes since boot, summed over all interfaces but the loopback."""

    received: int
    sent: int


def read_cpu_times(root: Path) -> CpuTimes:
    """The first line of /proc/stat: user nice system idle iowait irq softirq steal (guest is part of user)."""
    with open(root / "proc/stat", encoding="ascii") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    idle = sum(ticks[3:5])
    return CpuTimes(busy=sum(ticks) - idle, total=sum(ticks))


def cpu_percent(before: CpuTimes, after: CpuTimes) -> float:
    """Share of all cores that was busy, 0–100. Without a tick in between, 0: the kernel has nothing to say."""
    elapsed = after.total - before.total
    if elapsed <= 0:
        return 0.0
    return round(min(100.0, max(0.0, 100.0 * (after.busy - before.busy) / elapsed)), 2)


def read_memory(root: Path) -> dict[str, int]:
    """Bytes. Used is what is not available to a new program: caches that can be given up do not count as used."""
    kib: dict[str, int] = {}
    with open(root / "proc/meminfo", encoding="ascii") as meminfo:
        for line in meminfo:
            name, _, rest = line.partition(":")
            kib[name] = int(rest.split()[0])
    available = kib.get("MemAvailable", kib["MemFree"])
    return {"memory_usage": (kib["MemTotal"] - available) * 1024, "memory_total": kib["MemTotal"] * 1024}


def read_storage(root: Path) -> dict[str, int]:
    """Bytes of the file system that holds `root`, counted as df does: the reserve for root is not used space."""
    volume = os.statvfs(root)
    return {
        "storage_usage": (volume.f_blocks - volume.f_bfree) * volume.f_frsize,
        "storage_total": volume.f_blocks * volume.f_frsize,
    }


def read_temperature(root: Path) -> float | None:
    """The hottest thermal zone in °C; None on hosts without one, which is usual for virtual machines."""
    hottest: float | None = None
    for zone in (root / "sys/class/thermal").glob("thermal_zone*/temp"):
        try:
            celsius = int(zone.read_text(encoding="ascii")) / 1000.0
        except (OSError, ValueError):
            continue  # a zone whose sensor is switched off cannot be read
        hottest = celsius if hottest is None else max(hottest, celsius)
    return None if hottest is None else round(hottest, 1)


def read_traffic(root: Path) -> Traffic:
    received = sent = 0
    with open(root / "proc/net/dev", encoding="ascii") as devices:
        for line in list(devices)[2:]:
            name, _, counters = line.partition(":")
            fields = counters.split()
            if name.strip() != "lo" and len(fields) > 8:
                received += int(fields[0])
                sent += int(fields[8])
    return Traffic(received, sent)


class HostSampler:
    """Turns the kernel's ever-growing counters into what happened since the previous sample.

    `network_rx` and `network_tx` are the bytes of the interval, not since boot: the dashboards draw them as they are,
    and a counter that only grows makes a chart that only grows.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._cpu = read_cpu_times(root)
        self._traffic = read_traffic(root)

    def sample(self) -> dict[str, Number]:
        """The scalar part of a metrics report. `cpu_temp` is left out where the host has no sensor."""
        cpu, traffic = read_cpu_times(self._root), read_traffic(self._root)
        metrics: dict[str, Number] = {"cpu_usage": cpu_percent(self._cpu, cpu)}
        temperature = read_temperature(self._root)
        if temperature is not None:
            metrics["cpu_temp"] = temperature
        metrics.update(read_memory(self._root))
        metrics.update(read_storage(self._root))
        # An interface that has gone takes its counters with it, so a sum can shrink.
        metrics["network_rx"] = max(0, traffic.received - self._traffic.received)
        metrics["network_tx"] = max(0, traffic.sent - self._traffic.sent)
        self._cpu, self._traffic = cpu, traffic
        return metrics
