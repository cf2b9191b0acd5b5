#!/usr/bin/python3
"""deploy/kubernetes and deploy/helm: what Kubernetes would take, and whether the numbers are those of the program."""

import json
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True

import schema  # noqa: E402
from objects import (BINARY, CHART, CLOSING_SECONDS, DEPLOY, FLEETS, OVERLAYS, ROOT, all_yaml, chart_values, configuration,  # noqa: E402
                     gateway, helm_rendered, pod, rendered, run, seconds, settings)

MARGIN_SECONDS = 10
LABEL = {"app.kubernetes.io/name": "pulsegate"}
BOTH = [(overlay, rendered(overlay)) for overlay in OVERLAYS]


def differences(left, right, where=""):
    """Paths at which two trees of objects differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in {**left, **right}:
            yield from differences(left.get(key), right.get(key), f"{where}/{key}")
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, pair in enumerate(zip(left, right)):
            yield from differences(*pair, f"{where}/{index}")
    elif left != right:
        yield where, left, right


def port_of(address):
    return int(address.rpartition(":")[2])


class InForce(unittest.TestCase):
    """What the program makes of the manifests' files, variables and commands."""

    def in_force(self, objects):
        """The settings of a pod: its file with its secrets, and its variables, through check-config."""
        with tempfile.TemporaryDirectory() as directory:
            secrets = Path(directory)
            (secrets / "redis-url").write_text("redis://:secret@redis:6379/0\n", encoding="utf-8")
            (secrets / "database").write_text("host=postgres dbname=iot user=pulsegate\n", encoding="utf-8")
            file = secrets / "pulsegate.conf"
            file.write_text(configuration(objects).replace("/run/secrets/pulsegate", directory), encoding="utf-8")
            environment = {one["name"]: one["value"] for one in gateway(objects).get("env", [])}
            return settings("--config", str(file), **environment)

    def test_configuration_is_accepted_and_holds_what_the_manifests_stand_for(self):
        defaults = settings()
        for overlay, objects in BOTH:
            with self.subTest(overlay):
                now = self.in_force(objects)
                self.assertEqual(now["readiness"], {"sidecar": "basic", "standalone": "canary"}[overlay])
                changed = {key for key in now if now[key] != defaults.get(key)}
                self.assertLessEqual(changed - {"redis", "database", "redis-file", "database-file", "config"},
                                     {"readiness", "drain-delay", "max-connection-age", "log-format"})

    def test_commented_out_settings_exist_too(self):
        known = (DEPLOY / "pulsegate.conf").read_text(encoding="utf-8")
        for key in re.findall(r"^#?([a-z-]+) = ", configuration(BOTH[0][1]), re.M):
            self.assertRegex(known, rf"(?m)^#{key} = ?")

    def test_secrets_come_as_files_and_only_as_files(self):
        for overlay, objects in BOTH:
            with self.subTest(overlay):
                container = gateway(objects)
                mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
                volumes = {volume["name"]: volume for volume in pod(objects)["volumes"]}
                self.assertEqual(volumes["secrets"]["secret"]["secretName"], "pulsegate")
                self.assertEqual(volumes["secrets"]["secret"]["defaultMode"], 0o440)
                self.assertTrue(all(mount["readOnly"] for mount in mounts.values()))
                paths = re.findall(r"^#?(?:redis-file|database-file|jwt-key) = (.+)$", configuration(objects), re.M)
                self.assertEqual(len(paths), 3)
                for path in paths:
                    self.assertEqual(str(Path(path).parent), mounts["secrets"]["mountPath"])
                self.assertIn(f"{mounts['config']['mountPath']}/pulsegate.conf", container["command"])
                self.assertFalse([one for one in container.get("env", []) if "valueFrom" in one])

    def test_variables_and_flags_exist(self):
        serve_help = run(BINARY, "serve", "--help").stdout
        for overlay, objects in BOTH:
            container = gateway(objects)
            for one in container["env"]:
                self.assertRegex(serve_help, rf"\b{one['name']}\b", overlay)
            commands = [container["command"], container["lifecycle"]["preStop"]["exec"]["command"]]
            self.assertEqual([command[:2] for command in commands], [["pulsegate", "serve"], ["pulsegate", "drain"]])
            for command in commands:
                usage = run(BINARY, command[1], "--help").stdout
                for flag in (word for word in command if word.startswith("--")):
                    self.assertRegex(usage, rf"(?m)^ +{flag}\b", overlay)

    def test_ports_are_the_programs(self):
        for overlay, objects in BOTH:
            with self.subTest(overlay):
                now = self.in_force(objects)
                ports = {port["name"]: port["containerPort"] for port in gateway(objects)["ports"]}
                self.assertEqual(ports, {"ws": port_of(now["listen"]), "health": port_of(now["health"])})
                self.assertTrue(now["admin"].startswith("127.0.0.1:"))  # not to be reached from outside the pod
                (service_port,) = objects["Service", "pulsegate"]["spec"]["ports"]
                self.assertEqual((service_port["port"], service_port["targetPort"]), (ports["ws"], "ws"))
                (endpoint,) = objects["PodMonitor", "pulsegate"]["spec"]["podMetricsEndpoints"]
                self.assertEqual((endpoint["port"], endpoint["path"]), ("health", "/metrics"))
                clients, monitoring = objects["NetworkPolicy", "pulsegate"]["spec"]["ingress"]
                self.assertIn(ports["ws"], [port["port"] for port in clients["ports"]])
                self.assertEqual([port["port"] for port in monitoring["ports"]], [ports["health"]])

    def test_time_to_leave_is_enough(self):
        for overlay, objects in BOTH:
            with self.subTest(overlay):
                now = self.in_force(objects)
                command = gateway(objects)["lifecycle"]["preStop"]["exec"]["command"]
                wait = seconds(command[command.index("--wait") + 1])
                drain = seconds(now["drain-delay"]) + seconds(now["drain-time"]) + CLOSING_SECONDS
                self.assertGreaterEqual(seconds(now["drain-delay"]), 5, "endpoints take some seconds to propagate")
                self.assertEqual(wait, drain)
                # Where the hook has failed, SIGTERM drains.
                self.assertEqual(pod(objects)["terminationGracePeriodSeconds"], wait + drain + MARGIN_SECONDS)
                self.assertLess(pod(objects)["terminationGracePeriodSeconds"], 3600)

    def test_no_autoscaler_step_overtakes_a_drain(self):
        for _, objects in BOTH:
            (policy,) = objects["HorizontalPodAutoscaler", "pulsegate"]["spec"]["behavior"]["scaleDown"]["policies"]
            self.assertGreaterEqual(policy["periodSeconds"], 2 * pod(objects)["terminationGracePeriodSeconds"])


class Shape(unittest.TestCase):
    """What a pod may do, when it is well, and how many there are."""

    def test_sidecar_is_a_native_one_and_standalone_is_alone(self):
        sidecar, alone = pod(BOTH[0][1]), pod(BOTH[1][1])
        self.assertEqual([(c["name"], c["restartPolicy"]) for c in sidecar["initContainers"]], [("pulsegate", "Always")])
        self.assertEqual([c["name"] for c in sidecar["containers"]], ["api"])
        self.assertEqual([c["name"] for c in alone["containers"]], ["pulsegate"])
        self.assertNotIn("initContainers", alone)

    def test_probes_ask_the_health_port_and_only_readiness_is_quick(self):
        for overlay, objects in BOTH:
            with self.subTest(overlay):
                container = gateway(objects)
                paths = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
                for name, path in paths.items():
                    self.assertEqual(container[name]["httpGet"], {"path": path, "port": "health"})
                    self.assertLessEqual(container[name]["timeoutSeconds"], container[name]["periodSeconds"])
                fails_after = {name: container[name]["periodSeconds"] * container[name]["failureThreshold"] for name in paths}
                self.assertGreaterEqual(fails_after["livenessProbe"], 120)
                self.assertLessEqual(fails_after["readinessProbe"], 10)
                self.assertGreaterEqual(fails_after["startupProbe"], 30)

    def test_pods_keep_to_the_restricted_profile(self):
        for overlay, objects in BOTH:
            spec = pod(objects)
            with self.subTest(overlay):
                self.assertTrue(spec["securityContext"]["runAsNonRoot"])
                self.assertGreater(spec["securityContext"]["runAsUser"], 0)
                self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                self.assertFalse(spec["automountServiceAccountToken"])
                self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(spec))
                self.assertLessEqual({key for volume in spec["volumes"] for key in volume}, {"name", "configMap", "secret"})
                for container in spec.get("initContainers", []) + spec["containers"]:
                    self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False,
                                     "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
                    self.assertFalse([port for port in container["ports"] if "hostPort" in port])

    def test_image_is_made_for_the_same_user_and_ports(self):
        image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
        user, group = map(int, re.search(r"(?m)^USER (\d+):(\d+)$", image).groups())
        exposed = {int(port) for port in re.search(r"(?m)^EXPOSE (.+)$", image)[1].split()}
        for _, objects in BOTH:
            context = pod(objects)["securityContext"]
            self.assertEqual((context["runAsUser"], context["runAsGroup"], context["fsGroup"]), (user, group, group))
            self.assertEqual({port["containerPort"] for port in gateway(objects)["ports"]}, exposed)

    def test_resources_and_replicas_are_those_of_sizing(self):
        for overlay, objects in BOTH:
            with self.subTest(overlay):
                fleet = FLEETS[overlay]
                sized = run("/usr/bin/python3", "-B", DEPLOY / "sizing", "--rate", "0.2",
                            *(word for name, value in fleet.items() for word in (f"--{name}", value)))
                self.assertEqual(sized.returncode, 0, sized.stderr)
                cpu, memory, limit = re.search(r"requests cpu (\w+), memory (\w+); limit memory (\w+)", sized.stdout).groups()
                replicas = int(re.search(r"^replicas +(\d+)", sized.stdout, re.M)[1])
                resources = gateway(objects)["resources"]
                self.assertEqual(resources, {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}})
                scaler = objects["HorizontalPodAutoscaler", "pulsegate"]["spec"]
                self.assertEqual(scaler["minReplicas"], replicas)
                self.assertGreater(scaler["maxReplicas"], 2 * replicas)
                (metric,) = scaler["metrics"]
                self.assertEqual(metric["pods"]["metric"]["name"], "pulsegate_connections")
                self.assertEqual(int(metric["pods"]["target"]["averageValue"]) * replicas, fleet["clients"])
                self.assertEqual(scaler["behavior"]["scaleDown"], {"stabilizationWindowSeconds": 300,
                                 "policies": [{"type": "Pods", "value": 1, "periodSeconds": 120}]})
                self.assertNotIn("replicas", objects["Deployment", "pulsegate"]["spec"])

    def test_everything_selects_the_same_pods(self):
        for _, objects in BOTH:
            deployment = objects["Deployment", "pulsegate"]["spec"]
            self.assertEqual(deployment["template"]["metadata"]["labels"], LABEL)
            for selector in (deployment["selector"]["matchLabels"], objects["Service", "pulsegate"]["spec"]["selector"],
                             objects["PodDisruptionBudget", "pulsegate"]["spec"]["selector"]["matchLabels"],
                             objects["NetworkPolicy", "pulsegate"]["spec"]["podSelector"]["matchLabels"],
                             objects["PodMonitor", "pulsegate"]["spec"]["selector"]["matchLabels"],
                             *(one["labelSelector"]["matchLabels"] for one in pod(objects)["topologySpreadConstraints"])):
                self.assertEqual(selector, LABEL)
            self.assertEqual(deployment["strategy"]["rollingUpdate"], {"maxSurge": 1, "maxUnavailable": 0})
            self.assertEqual(deployment["minReadySeconds"], 30)
            self.assertEqual(objects["PodDisruptionBudget", "pulsegate"]["spec"]["maxUnavailable"], 1)
            config = next(volume["configMap"]["name"] for volume in pod(objects)["volumes"] if "configMap" in volume)
            self.assertEqual(config, objects["ConfigMap", "pulsegate"]["metadata"]["name"])

    def test_only_the_standalone_policy_restricts_what_goes_out(self):
        sidecar, alone = (objects["NetworkPolicy", "pulsegate"]["spec"] for _, objects in BOTH)
        self.assertEqual((sidecar["policyTypes"], alone["policyTypes"]), (["Ingress"], ["Ingress", "Egress"]))
        self.assertEqual({port["port"] for rule in alone["egress"] for port in rule["ports"]}, {53, 6379, 5432})
        api = {port["containerPort"] for port in pod(BOTH[0][1])["containers"][0]["ports"]}
        self.assertLess(api, {port["port"] for port in sidecar["ingress"][0]["ports"]})


class Ingress(unittest.TestCase):
    def setUp(self):
        self.files = {path.stem: {item["kind"]: item for item in items} for path, items in all_yaml() if path.parent.name == "ingress"}
        self.patience = 2 * seconds(settings()["ping-interval"])

    def test_all_time_outs_are_far_above_the_ping(self):
        nginx = self.files["nginx"]["Ingress"]["metadata"]["annotations"]
        for name in ("proxy-read-timeout", "proxy-send-timeout"):
            self.assertGreaterEqual(int(nginx[f"nginx.ingress.kubernetes.io/{name}"]), 3600)
        alb = self.files["alb"]["Ingress"]["metadata"]["annotations"]
        idle = int(re.search(r"idle_timeout.timeout_seconds=(\d+)", alb["alb.ingress.kubernetes.io/load-balancer-attributes"])[1])
        self.assertTrue(self.patience < 3600 <= idle <= 4000)  # AWS allows no more
        envoy = self.files["gateway-api"]
        self.assertEqual(set(envoy["HTTPRoute"]["spec"]["rules"][0]["timeouts"].values()), {"0s"})
        self.assertEqual(envoy["ClientTrafficPolicy"]["spec"]["timeout"]["http"]["streamIdleTimeout"], "0s")
        breaker = envoy["BackendTrafficPolicy"]["spec"]["circuitBreaker"]
        self.assertTrue(all(value >= FLEETS["standalone"]["clients"] for value in breaker.values()), breaker)

    def test_balancer_waits_for_a_drain_and_asks_the_health_port(self):
        alb = {key.rpartition("/")[2]: value for key, value in self.files["alb"]["Ingress"]["metadata"]["annotations"].items()}
        delay = int(re.search(r"deregistration_delay.timeout_seconds=(\d+)", alb["target-group-attributes"])[1])
        self.assertGreaterEqual(delay, 15 + seconds(settings()["drain-time"]) + CLOSING_SECONDS)
        self.assertEqual(int(alb["healthcheck-port"]), port_of(settings()["health"]))
        self.assertEqual((alb["healthcheck-path"], alb["success-codes"]), ("/readyz", "200"))

    def test_backends_are_the_service(self):
        for name in ("nginx", "alb"):
            (rule,) = self.files[name]["Ingress"]["spec"]["rules"]
            self.assertEqual(rule["http"]["paths"][0]["backend"]["service"], {"name": "pulsegate", "port": {"name": "ws"}})
        (backend,) = self.files["gateway-api"]["HTTPRoute"]["spec"]["rules"][0]["backendRefs"]
        self.assertEqual(backend, {"name": "pulsegate", "port": port_of(settings()["listen"])})


class Types(unittest.TestCase):
    def test_every_object_has_the_fields_that_the_api_knows(self):
        checked = 0
        ingresses = [item for path, items in all_yaml() if path.parent.name == "ingress" for item in items]
        for item in [item for _, objects in BOTH for item in objects.values()] + ingresses:
            if schema.known(item):
                checked += 1
                self.assertEqual(schema.faults(item), [])
        self.assertEqual(checked, 2 * 7 + 2)

    def test_the_check_sees_typing_errors(self):
        broken = json.loads(json.dumps(BOTH[0][1]["Deployment", "pulsegate"]))
        container = broken["spec"]["template"]["spec"]["initContainers"][0]
        container["restartpolicy"] = container.pop("restartPolicy")
        container["ports"][0]["containerPort"] = "8080"
        container["env"][0]["value"] = 1
        del container["volumeMounts"][0]["mountPath"]
        self.assertEqual(len(schema.faults(broken)), 4)


class Helm(unittest.TestCase):
    """The chart beside the overlays. Without helm nothing is rendered: values and templates are looked at as they are."""

    def test_rendered_chart_is_the_overlay(self):
        for overlay, objects in BOTH:
            chart = helm_rendered(overlay)
            if chart is None:
                print("manifests_test: there is no helm here; the chart's values and templates are compared, not rendered", file=sys.stderr)
                return
            self.assertEqual(set(chart), set(objects))
            ignored = re.compile(r"/(imagePullPolicy|annotations|configMap/name|metadata/name|pulsegate.conf)(/|$)")
            found = [one for key in chart for one in differences(chart[key], objects[key]) if not ignored.search(one[0])]
            self.assertEqual([one for one in found if one[0] != "/metadata/labels" or one[1] != LABEL], [])

    def test_values_are_the_numbers_of_the_overlays(self):
        for overlay, objects in BOTH:
            with self.subTest(overlay):
                values, container, spec = chart_values(overlay), gateway(objects), pod(objects)
                self.assertEqual(values["mode"], overlay)
                for name in ("env", "resources", "lifecycle", "startupProbe", "livenessProbe", "readinessProbe", "securityContext"):
                    self.assertEqual(values[name], container[name], name)
                deployment = objects["Deployment", "pulsegate"]["spec"]
                self.assertEqual({name: values[name] for name in ("minReadySeconds", "strategy")},
                                 {name: deployment[name] for name in ("minReadySeconds", "strategy")})
                self.assertEqual(values["podSecurityContext"], spec["securityContext"])
                self.assertEqual(values["terminationGracePeriodSeconds"], spec["terminationGracePeriodSeconds"])
                self.assertEqual(values["ports"], {port["name"]: port["containerPort"] for port in container["ports"]})
                self.assertEqual(values["topologyKeys"], [one["topologyKey"] for one in spec["topologySpreadConstraints"]])
                self.assertEqual(values["disruptionBudget"],
                                 {"maxUnavailable": objects["PodDisruptionBudget", "pulsegate"]["spec"]["maxUnavailable"]})
                scaler = objects["HorizontalPodAutoscaler", "pulsegate"]["spec"]
                wanted = {"enabled": True, "minReplicas": scaler["minReplicas"], "maxReplicas": scaler["maxReplicas"],
                          "connections": scaler["metrics"][0]["pods"]["target"]["averageValue"], "behavior": scaler["behavior"]}
                self.assertEqual(values["autoscaling"], wanted)
                self.assertEqual(values["replicas"], scaler["minReplicas"])
                policy = objects["NetworkPolicy", "pulsegate"]["spec"]
                self.assertEqual(values["networkPolicy"]["egress"], policy.get("egress", []))
                self.assertEqual(values["networkPolicy"]["clientPorts"], [port["port"] for port in policy["ingress"][0]["ports"]])
                (endpoint,) = objects["PodMonitor", "pulsegate"]["spec"]["podMetricsEndpoints"]
                for name in ("interval", "scrapeTimeout"):
                    self.assertEqual(values["podMonitor"][name], endpoint[name])
                lines = re.findall(r"^([a-z-]+) = (.+)$", configuration(objects), re.M)
                self.assertEqual(values["config"], dict(lines))
                self.assertEqual(values["apiContainers"], spec["containers"] if overlay == "sidecar" else [])

    def test_templates_and_values_name_each_other(self):
        text = "".join(path.read_text(encoding="utf-8") for path in sorted((CHART / "templates").iterdir()))
        used = set(re.findall(r"\.Values\.([\w.]+)", text))
        values = chart_values("standalone")
        for path in used:
            node = values
            for name in path.split("."):
                self.assertIn(name, node, f".Values.{path}")
                node = node[name]
        for key, value in values.items():
            names = [f"{key}.{name}" for name in value] if isinstance(value, dict) and key not in used else [key]
            for name in names:
                self.assertIn(name, used, "a value that no template uses")
        opened = re.findall(r"{{-? *(if|range|with|define)\b", text)
        self.assertEqual(len(opened), len(re.findall(r"{{-? *end\b", text)))
        self.assertLessEqual(set(re.findall(r'include "([^"]+)"', text)), set(re.findall(r'define "([^"]+)"', text)))

    def test_versions_are_the_projects(self):
        version = re.search(r"project\(pulsegate VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
        chart = (CHART / "Chart.yaml").read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"(?m)^(?:version|appVersion): (.+)$", chart), [version, version])
        for _, objects in BOTH:
            self.assertEqual(gateway(objects)["image"], f"pulsegate:{version}")


if __name__ == "__main__":
    unittest.main()
