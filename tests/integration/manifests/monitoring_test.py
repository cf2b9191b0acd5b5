#!/usr/bin/python3
"""deploy/prometheus and deploy/grafana: against the metrics of a real gateway, by promtool, and in a real Prometheus."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import redis
import yaml

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "deploy/demo"))
import services  # noqa: E402

BINARY = os.environ["PULSEGATE_BINARY"]
RULES = ROOT / "deploy/prometheus/pulsegate.rules.yml"
DASHBOARD = ROOT / "deploy/grafana/pulsegate.json"
SOON = 30.0  # seconds: the end of everybody's patience here
METRIC = re.compile(r"\b((?:pulsegate|process)_[a-z_]+)\b(?:\{([^}]*)\})?")


def rules():
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard_queries():
    """(title of the panel, expression) as a browser would send them."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    for panel in panels:
        for target in panel.get("targets", []):
            yield panel["title"], (target["expr"].replace("$__rate_interval", "5s").replace("$instance", ".*").replace("$job", ".*"))


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def eventually(what, question):
    """The first answer that is not empty."""
    deadline = time.monotonic() + SOON
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {SOON:g} s: {what}")
        time.sleep(0.2)
    return answer


class World:
    """Redis, a gateway with one client and a database that is away, a publisher, and Prometheus with the rules, all on free ports.

    Time is shortened: it scrapes every second, and alerts wait for two seconds instead of minutes."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        path = Path(self.directory.name)
        self.children = services.Children(path)
        self.device = str(uuid.uuid4())
        try:
            self.redis_url = services.start_redis(self.children)
            self.bus = redis.Redis.from_url(self.redis_url)
            ports = [services.free_port() for _ in range(5)]
            listen, self.health, admin, nobody, self.web = (f"127.0.0.1:{port}" for port in ports)
            self.children.start("gateway", [BINARY, "serve", "--listen", listen, "--health", self.health, "--admin", admin,
                                            "--redis", self.redis_url, "--canary", "500ms",
                                            "--database", f"host=127.0.0.1 port={nobody.rpartition(':')[2]} connect_timeout=1"])
            eventually("the gateway is ready", lambda: self.reachable(f"http://{self.health}/readyz"))
            self.children.start("client", [BINARY, "watch", f"ws://{listen}/api/v1/devices/{self.device}/ws"])
            eventually("a client is there", lambda: re.search(r'(?m)^pulsegate_connections{shard="0"} 1$', self.metrics()))
            self.start_prometheus(path)
        except BaseException:
            self.close()
            raise

    def start_prometheus(self, path):
        config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "500ms"}
        config["scrape_configs"][0]["scrape_timeout"] = "1s"
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [self.health]
        (path / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        quick = re.sub(r"(?m)^( +for:) .+$", r"\1 2s", RULES.read_text(encoding="utf-8"))
        (path / "pulsegate.rules.yml").write_text(quick, encoding="utf-8")
        self.children.start("prometheus", ["prometheus", f"--config.file={path}/prometheus.yml", f"--storage.tsdb.path={path}/tsdb",
                                           f"--web.listen-address={self.web}", "--log.level=warn"])
        eventually("Prometheus is ready", lambda: self.reachable(f"http://{self.web}/-/ready"))

    def reachable(self, url):
        if dead := self.children.first_dead():
            raise AssertionError(dead.obituary())
        try:
            return get(url)
        except OSError:
            return None

    def metrics(self):
        return get(f"http://{self.health}/metrics")

    def publish(self):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        event = {"type": "metrics", "timestamp": now, "deviceUuid": self.device, "data": {"cpu_usage": 12.5, "recorded_at": now}}
        self.bus.publish(f"device:{self.device}:metrics", json.dumps(event))

    def query(self, expression):
        url = f"http://{self.web}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        return json.loads(get(url))["data"]["result"]

    def firing(self):
        found = self.query('ALERTS{alertstate="firing"}')
        return {one["metric"]["alertname"] for one in found}

    def close(self):
        self.children.stop_all()
        self.directory.cleanup()


def setUpModule():
    """Prometheus takes five seconds until it scrapes: meanwhile the classes run that do not need it, by their alphabetical order."""
    for attempts_left in (2, 1, 0):
        try:
            Running.world = World()
            break
        except AssertionError:  # somebody else may have taken a free port before its server did
            if attempts_left == 0:
                raise
    unittest.addModuleCleanup(Running.world.close)


class Running(unittest.TestCase):
    world: World

    def test_1_names_and_labels_are_those_of_the_gateway(self):
        families = {}
        for name, labels in re.findall(r"(?m)^(\w+)(?:{([^}]*)})? ", self.world.metrics()):
            families.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', labels)))
        used = [rule["expr"] for rule in rules()] + [expression for _, expression in dashboard_queries()]
        kubernetes = [path.read_text(encoding="utf-8") for path in (ROOT / "deploy/kubernetes").rglob("*.yaml")]
        used += re.findall(r"(?m)^ +name: (pulsegate_\w+)$", "\n".join(kubernetes))
        used += re.findall(r"(?:seriesQuery: '|matches: )(pulsegate_\w+)", "\n".join(kubernetes))
        seen = set()
        for text in used:
            # What a rule has recorded is no metric of the gateway.
            for name, selector in METRIC.findall(re.sub(r"\binstance:[\w:]+", "", text)):
                seen.add(name)
                self.assertIn(name, families, text)
                for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', selector):
                    if label in ("instance", "job"):
                        continue
                    values = {one.get(label) for one in families[name]}
                    for wanted in value.split("|"):
                        self.assertIn(wanted, values, f"{label}{operator} in {text}")
        self.assertGreater(len(seen), 50)
        for label in re.findall(r"{{(\w+)}}", DASHBOARD.read_text(encoding="utf-8")):
            self.assertTrue(label == "instance" or any(label in one for all_of in families.values() for one in all_of), label)

    def test_2_every_panel_has_data_and_only_what_is_amiss_alerts(self):
        world = self.world
        eventually("the target is up", lambda: world.query('up{job="pulsegate"} == 1'))
        missing = dict(enumerate(dashboard_queries()))

        def all_answered():
            world.publish()
            for key, (_, expression) in list(missing.items()):
                if world.query(expression):
                    del missing[key]
            return not missing

        try:
            eventually("each query of the dashboard returns series", all_answered)
        except AssertionError as error:
            raise AssertionError(f"{error}; without: {missing}") from None
        for rule in rules():
            if "record" in rule:
                eventually(rule["record"], lambda name=rule["record"]: world.query(name))
        self.assertTrue(eventually("an event was counted", lambda: world.query("sum(pulsegate_events_total) > 0")))
        # The database was never there; what fired before the first event has to end.
        eventually("the lost database alerts, and nothing else", lambda: world.firing() == {"PulsegateDatabaseDown"})

    def test_3_the_loss_of_redis_alerts(self):
        self.world.bus.shutdown(nosave=True)
        expected = {"PulsegateBusDown", "PulsegateNotReady"}
        eventually("both alerts fire", lambda: self.world.firing() & (expected | {"PulsegateDown"}) == expected)


class Rules(unittest.TestCase):
    def promtool(self, *arguments):
        result = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_promtool_accepts_rules_and_configuration(self):
        self.promtool("check", "rules", RULES)
        self.promtool("check", "config", ROOT / "deploy/prometheus/prometheus.yml")

    def test_each_alert_fires_when_it_should_and_not_before(self):
        self.promtool("test", "rules", Path(__file__).parent / "rules_test.yml")

    def test_no_alert_is_without_a_case(self):
        cases = {case["name"] for case in yaml.safe_load((Path(__file__).parent / "rules_test.yml").read_text(encoding="utf-8"))["tests"]}
        self.assertLessEqual({rule["alert"] for rule in rules() if "alert" in rule}, cases)

    def test_each_alert_says_what_to_do(self):
        source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "gateway").rglob("*.cpp"))
        flags = (ROOT / "deploy/pulsegate.conf").read_text(encoding="utf-8")
        readme = (ROOT / "deploy/README.md").read_text(encoding="utf-8")
        for rule in (rule for rule in rules() if "alert" in rule):
            with self.subTest(rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
                self.assertEqual(set(rule["annotations"]), {"summary", "runbook"})
                listed = re.search(rf"(?m)^\| `{rule['alert']}` \| (\w+) \| .+ \| (.+) \|$", readme)
                self.assertEqual(listed and listed.groups(), (rule["labels"]["severity"], rule.get("for", "at once")), "deploy/README.md")
                runbook = rule["annotations"]["runbook"]
                for event in re.findall(r"\b(?:bus|client|canary|session)\.[a-z-]+", runbook):
                    self.assertTrue(f'"{event}"' in source, event)
                for flag in re.findall(r"(?<!kubectl logs )--([a-z-]+)", runbook):
                    self.assertTrue(re.search(rf"(?m)^#{flag} =", flags), flag)

    def test_thresholds_are_those_of_the_program(self):
        defaults = (ROOT / "deploy/pulsegate.conf").read_text(encoding="utf-8")
        mebibytes = int(re.search(r"(?m)^#backlog-limit = (\d+)MiB$", defaults)[1])
        (backlog,) = [rule for rule in rules() if rule.get("alert") == "PulsegateBacklog"]
        self.assertEqual(int(backlog["expr"].rpartition(" ")[2]), mebibytes * 1024 * 1024 // 2)


class Dashboard(unittest.TestCase):
    def test_panels_have_a_place_and_a_description(self):
        board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
        panels = board["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells
            if panel["type"] != "row":
                self.assertTrue(panel["description"] and panel["targets"], panel["title"])


if __name__ == "__main__":
    unittest.main()
