#!/usr/bin/python3
"""The demo's publisher, without Redis, PostgreSQL or a network: a made-up /proc and /sys, and a manual clock."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "deploy" / "demo"))

import publisher  # noqa: E402
from bus import encode, envelope, iso_milliseconds  # noqa: E402
from host_description import default_interface, device_ids, host_state, ip6_addresses, network_interfaces  # noqa: E402
from host_description import wifi_levels  # noqa: E402
from host_metrics import CpuTimes, HostSampler, cpu_percent, read_temperature  # noqa: E402
from host_processes import ProcessSampler, parse_stat  # noqa: E402
from store import Row, Worker  # noqa: E402
from variation import PastReports, Variation  # noqa: E402

DEVICE = "11111111-2222-4333-8444-555555555555"
HOST_REPORT: dict[str, object] = {
    "cpu_usage": 12.5,
    "memory_usage": 400,
    "memory_total": 1000,
    "storage_usage": 900,
    "storage_total": 1000,
    "network_rx": 100,
    "network_tx": 50,
    "network_interfaces": [{"name": "eth0", "ip4": "192.0.2.7", "default": True}, {"name": "lo", "default": False}],
}


def stat_line(pid: int, name: str, ticks: int, started: int = 500, pages: int = 10) -> str:
    before_times = "S 1 1 1 0 -1 0 0 0 0 0"  # state to cmajflt
    return f"{pid} ({name}) {before_times} {ticks} 0 0 0 20 0 1 0 {started} 4096 {pages} 0\n"


class FakeHost(unittest.TestCase):
    """A root directory with just the files that the demo reads."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = Path(directory.name)
        self.cpu(busy=100, idle=900)
        self.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\n")
        self.traffic(received=1000, sent=500)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def cpu(self, busy: int, idle: int) -> None:
        self.write("proc/stat", f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")

    def traffic(self, received: int, sent: int) -> None:
        header = "Inter-|   Receive\n face |bytes\n"
        counters = "    lo: 777 0 0 0 0 0 0 0 777 0 0 0 0 0 0 0\n"
        self.write("proc/net/dev", f"{header}{counters}  eth0: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n")


class HostMetrics(FakeHost):
    def test_reports_what_happened_since_the_previous_sample(self) -> None:
        sampler = HostSampler(self.root)
        self.cpu(busy=175, idle=925)
        self.traffic(received=1300, sent=520)
        metrics = sampler.sample()
        self.assertEqual(metrics["cpu_usage"], 75.0)
        self.assertEqual((metrics["network_rx"], metrics["network_tx"]), (300, 20))
        self.assertEqual((sampler.sample()["network_rx"], metrics["memory_total"]), (0, 1000 * 1024))

    def test_memory_that_can_be_given_up_is_not_used(self) -> None:
        self.assertEqual(HostSampler(self.root).sample()["memory_usage"], 400 * 1024)

    def test_an_interface_that_goes_away_is_no_negative_traffic(self) -> None:
        sampler = HostSampler(self.root)
        self.traffic(received=5, sent=5)
        self.assertEqual(sampler.sample()["network_rx"], 0)

    def test_without_a_tick_the_cpu_was_idle(self) -> None:
        self.assertEqual(cpu_percent(CpuTimes(5, 10), CpuTimes(5, 10)), 0.0)

    def test_temperature_is_left_out_without_a_sensor(self) -> None:
        self.assertNotIn("cpu_temp", HostSampler(self.root).sample())
        self.write("sys/class/thermal/thermal_zone0/temp", "41250\n")
        self.write("sys/class/thermal/thermal_zone1/temp", "not available\n")
        self.assertEqual(read_temperature(self.root), 41.2)


class HostProcesses(FakeHost):
    def test_name_may_hold_parentheses_and_spaces(self) -> None:
        process = parse_stat(stat_line(7, "tmux: server) (x", 30))
        self.assertEqual((process.name, process.ticks, process.started), ("tmux: server) (x", 30, 500))

    def test_ranks_by_cpu_since_the_previous_sample(self) -> None:
        now = [100.0]
        for pid, ticks in ((1, 1000), (2, 10), (3, 5)):
            self.write(f"proc/{pid}/stat", stat_line(pid, f"p{pid}", ticks))
        sampler = ProcessSampler(self.root, clock=lambda: now[0], memory_total=4096 * 1000)
        self.write("proc/2/stat", stat_line(2, "p2", 110))
        self.write("proc/2/cmdline", "prog\0--flag\0")
        self.write("proc/3/stat", stat_line(3, "reused", 40, started=900))
        now[0] += 2.0
        top = sampler.sample(count=2)
        self.assertEqual([p["pid"] for p in top], [2, 3])
        self.assertEqual((top[0]["cpu"], top[0]["command"], top[1]["command"]), (50.0, "prog --flag", "[reused]"))
        self.assertEqual(top[0]["mem"], 1.0)
        self.assertEqual(sampler.latest(), top)


class HostDescription(FakeHost):
    def test_device_ids_are_stable_and_distinct(self) -> None:
        self.write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        ids = device_ids(3, self.root)
        self.assertEqual(ids, device_ids(3, self.root))
        self.assertEqual(len({uuid.UUID(i) for i in ids}), 3)

    def test_default_route_with_the_lowest_metric_wins(self) -> None:
        routes = "eth0 00000000 0101A8C0 0003 0 0 600 00000000\nwlan0 00000000 0101A8C0 0003 0 0 100 00000000\n"
        self.write("proc/net/route", "Iface Destination ...\n" + routes + "eth1 0001A8C0 0 1 0 0 0 00FFFFFF\n")
        self.assertEqual(default_interface(self.root), "wlan0")

    def test_global_ip6_address_is_preferred(self) -> None:
        link = "fe800000000000000000000000000001 02 40 20 80     eth0\n"
        self.write("proc/net/if_inet6", link + "fd000000000000000000000000000002 02 40 00 80     eth0\n")
        self.assertEqual(ip6_addresses(self.root), {"eth0": "fd00::2"})

    def test_wifi_level_is_read_in_dbm(self) -> None:
        self.write("proc/net/wireless", "head\nhead\n wlan9: 0000   60.  -50.  -256        0      0\n")
        self.assertEqual(wifi_levels(self.root), {"wlan9": -50})

    def test_interfaces_have_the_members_of_the_api(self) -> None:
        self.write("sys/class/net/pulse-none0/operstate", "down\n")
        self.write("sys/class/net/bonding_masters", "")
        interfaces = network_interfaces(self.root)
        self.assertEqual(len(interfaces), 1)
        expected = "name type ip4 ip6 mac operstate default virtual ssid signalLevel".split()
        self.assertEqual(list(interfaces[0]), expected)
        self.assertEqual((interfaces[0]["virtual"], interfaces[0]["ip4"]), (True, None))

    def test_state_survives_a_host_that_tells_nothing(self) -> None:
        state = host_state([], self.root)
        self.assertEqual((state["uptime"], state["ip_address"]), (0, None))


class Payload(unittest.TestCase):
    MOMENT = datetime(2026, 11, 22, 14, 5, 0, 123_900, tzinfo=timezone.utc)

    def test_timestamp_is_utc_with_milliseconds(self) -> None:
        self.assertEqual(iso_milliseconds(self.MOMENT), "2026-11-22T14:05:00.123Z")
        summer = datetime(2026, 7, 1, 2, 0, tzinfo=timezone(timedelta(hours=2)))
        self.assertEqual(iso_milliseconds(summer), "2026-07-01T00:00:00.000Z")

    def test_envelope_is_the_one_of_the_api_server(self) -> None:
        text = envelope(DEVICE, "metrics", {"cpu_usage": 12.0, "x": None}, self.MOMENT)
        body = '"metrics":{"cpu_usage":12,"x":null}'
        self.assertEqual(text, f'{{"deviceUuid":"{DEVICE}",{body},"timestamp":"2026-11-22T14:05:00.123Z"}}')

    def test_text_is_not_escaped_to_ascii(self) -> None:
        self.assertEqual(json.loads(encode({"n": ["größe", 0.5]})), {"n": ["größe", 0.5]})
        self.assertIn("größe", encode(["größe"]))


class WorkerOrder(unittest.TestCase):
    def setUp(self) -> None:
        self.inserted: list[list[str]] = []

    def worker(self, lag: float, batch: float) -> Worker:
        return Worker(lambda rows: self.inserted.append([row.device for row in rows]), lag, batch)

    def test_without_lag_rows_go_at_once(self) -> None:
        self.worker(0, 0).put(Row("device_metrics", "a", {}), now=10.0)
        self.assertEqual(self.inserted, [["a"]])

    def test_rows_wait_for_their_lag(self) -> None:
        worker = self.worker(lag=5, batch=0)
        worker.put(Row("device_metrics", "a", {}), now=10.0)
        worker.run(14.9)
        self.assertEqual((self.inserted, worker.next_due()), ([], 15.0))
        worker.run(15.0)
        self.assertEqual((self.inserted, worker.next_due()), ([["a"]], None))

    def test_batches_keep_the_order_of_the_reports(self) -> None:
        worker = self.worker(lag=0, batch=10)
        for now, device in ((11.0, "a"), (13.0, "b"), (21.0, "c")):
            worker.put(Row("device_metrics", device, {}), now)
        worker.run(30.0)
        self.assertEqual(self.inserted, [["a", "b"], ["c"]])


class Neighbours(unittest.TestCase):
    def test_same_device_varies_the_same_way(self) -> None:
        first, second = Variation(DEVICE, 2), Variation(DEVICE, 2)
        self.assertEqual([first.metrics(HOST_REPORT) for _ in range(3)], [second.metrics(HOST_REPORT) for _ in range(3)])

    def test_values_stay_plausible(self) -> None:
        variation, past = Variation(DEVICE, 2), PastReports(DEVICE)
        for _ in range(500):
            for report in (variation.metrics(HOST_REPORT), past.before(HOST_REPORT)):
                self.assertTrue(0 <= report["cpu_usage"] <= 100)
                self.assertTrue(0 < report["memory_usage"] <= 1000 and 0 < report["storage_usage"] <= 1000)
                self.assertTrue(report["network_rx"] >= 0)

    def test_the_host_report_is_left_alone(self) -> None:
        before = encode(HOST_REPORT)
        interfaces = Variation(DEVICE, 2).metrics(HOST_REPORT)["network_interfaces"]
        self.assertEqual(encode(HOST_REPORT), before)
        self.assertNotEqual(interfaces[0]["ip4"], "192.0.2.7")


class Schedule(unittest.TestCase):
    def test_missed_reports_are_left_out(self) -> None:
        self.assertEqual(publisher._following(10.0, 2.0, 10.1), 12.0)
        self.assertEqual(publisher._following(10.0, 2.0, 17.0), 18.0)

    def test_defaults_are_those_of_the_manual(self) -> None:
        options = publisher.parse_options([])
        self.assertEqual((options.interval, options.state_interval, options.database), (2.0, 30.0, "none"))

    def test_device_must_be_a_uuid(self) -> None:
        self.assertEqual(publisher.parse_options(["--device", DEVICE.upper()]).device, [DEVICE])
        with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(SystemExit):
            publisher.parse_options(["--device", "host-1"])
        self.assertIn("'host-1' is not a UUID", said.getvalue())


if __name__ == "__main__":
    unittest.main()
