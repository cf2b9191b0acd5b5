"""Neighbours of this host that do not exist: its own reports, varied plausibly and reproducibly.

A made-up device keeps its character (how loaded it is, how much it talks) for as long as it lives, and wanders around it a
little from report to report. The same device id gives the same character in every run.
"""

import random
import uuid

Report = dict[str, object]

_SIZES = ("memory_usage", "storage_usage")


class Variation:
    """Owner: the publisher, one for each made-up device, called once for each of its reports."""

    def __init__(self, device: str, number: int, seed: int | None = None) -> None:
        self._number = number
        self._random = random.Random(uuid.UUID(device).int if seed is None else seed)
        self._load = self._random.uniform(8, 60)  # percent of CPU around which the device wanders
        self._drift = 0.0
        self._size = self._random.uniform(0.5, 1.1)
        self._traffic = self._random.uniform(0.3, 4.0)

    def metrics(self, host: Report) -> Report:
        """A metrics report of this device at the moment of `host`'s."""
        self._drift = 0.8 * self._drift + self._random.gauss(0, 4)
        report = dict(host)
        report["cpu_usage"] = _percent(0.7 * self._load + 0.3 * _number(host, "cpu_usage") + self._drift)
        report["cpu_temp"] = round(38 + 0.35 * float(str(report["cpu_usage"])) + self._random.uniform(-0.5, 0.5), 1)
        for key in _SIZES:
            total = _number(host, key.replace("usage", "total"))
            size = _number(host, key) * self._size + total * self._random.uniform(0, 0.004)
            report[key] = int(min(total, size))
        for key in ("network_rx", "network_tx"):
            base = _number(host, key) + self._random.uniform(500, 6000)
            report[key] = int(base * self._traffic * self._random.uniform(0.7, 1.3))
        report["network_interfaces"] = self._interfaces(host)
        return report

    def state(self, host: Report) -> Report:
        """A state report of this device at the moment of `host`'s."""
        report = dict(host)
        report["hostname"] = f"{host['hostname']}-{self._number}"
        report["ip_address"] = f"198.51.100.{self._number % 250 + 1}"
        report["mac_address"] = self._mac()
        report["network_interfaces"] = self._interfaces(host)
        return report

    def _interfaces(self, host: Report) -> list[dict[str, object]]:
        found = host.get("network_interfaces")
        interfaces = [dict(i) for i in found] if isinstance(found, list) else []
        for interface in interfaces:
            if interface.get("default"):
                # A documentation network (RFC 5737): nobody takes the address for a real one.
                interface.update(ip4=f"198.51.100.{self._number % 250 + 1}", ip6=None, mac=self._mac())
        return interfaces

    def _mac(self) -> str:
        """A locally administered address."""
        return "02:00:00:00:{:02x}:{:02x}".format(self._number // 256 % 256, self._number % 256)


class PastReports:
    """Reports that a host might have sent before we came, for a chart that has a history at once."""

    def __init__(self, device: str) -> None:
        self._wander = Variation(device, 1, seed=uuid.UUID(device).int + 1)

    def before(self, now: Report) -> Report:
        wandered = self._wander.metrics(now)
        past = dict(now)
        past["cpu_usage"] = _percent(0.6 * _number(now, "cpu_usage") + 0.4 * _number(wandered, "cpu_usage"))
        past["memory_usage"] = int(0.9 * _number(now, "memory_usage") + 0.1 * _number(wandered, "memory_usage"))
        for key in ("network_rx", "network_tx"):
            past[key] = int(_number(wandered, key))
        return past


def _number(report: Report, key: str) -> float:
    value = report.get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _percent(value: float) -> float:
    return round(min(99.5, max(0.5, value)), 2)
