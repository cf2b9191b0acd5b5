"""The manifests of deploy/ as objects: overlays rendered by kubectl, the chart by helm where there is one, and what the program
says of itself. Deliberately judges nothing."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm/pulsegate"
OVERLAYS = ("sidecar", "standalone")
BINARY = os.environ["PULSEGATE_BINARY"]
# The longest time that the gateway gives clients for their half of the closing handshake ("A deploy" in deploy/README.md).
CLOSING_SECONDS = 5
# What `deploy/sizing` is asked for, by overlay.
FLEETS = {"sidecar": {"clients": 1_000, "devices": 1_000}, "standalone": {"clients": 50_000, "devices": 10_000}}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=60, **options)


@functools.lru_cache(maxsize=None)
def rendered(overlay):
    """{(kind, name): object} of an overlay. A ConfigMap's name is that before its hash."""
    result = run("kubectl", "kustomize", DEPLOY / "kubernetes/overlays" / overlay)
    if result.returncode != 0:
        raise AssertionError(f"kubectl kustomize of {overlay}: {result.stderr}")
    return by_name(result.stdout)


def by_name(text):
    found = {}
    for item in yaml.safe_load_all(text):
        if item is None:
            continue
        name = item["metadata"]["name"]
        key = (item["kind"], re.sub(r"-[a-z0-9]{10}$", "", name) if item["kind"] == "ConfigMap" else name)
        if key in found:
            raise AssertionError(f"{key} is there twice")
        found[key] = item
    return found


def pod(objects):
    return objects["Deployment", "pulsegate"]["spec"]["template"]["spec"]


def gateway(objects):
    """The gateway's container, wherever it stands."""
    spec = pod(objects)
    (container,) = [c for c in spec.get("initContainers", []) + spec["containers"] if c["name"] == "pulsegate"]
    return container


def configuration(objects):
    """The text of pulsegate.conf."""
    return objects["ConfigMap", "pulsegate"]["data"]["pulsegate.conf"]


def merged(under, over):
    """As helm lays one values file over another: tables are joined, everything else is replaced."""
    if isinstance(under, dict) and isinstance(over, dict):
        return {key: merged(under[key], over[key]) if key in under and key in over else over.get(key, under.get(key))
                for key in {**under, **over}}
    return over


def chart_values(overlay):
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    if overlay == "sidecar":
        values = merged(values, yaml.safe_load((CHART / "values-sidecar.yaml").read_text(encoding="utf-8")))
    return values


def helm_rendered(overlay):
    """As `rendered`, or None where there is no helm."""
    if not shutil.which("helm"):
        return None
    more = ["-f", CHART / "values-sidecar.yaml"] if overlay == "sidecar" else []
    result = run("helm", "template", "pulsegate", CHART, *more)
    if result.returncode != 0:
        raise AssertionError(f"helm template for {overlay}: {result.stderr}")
    return by_name(result.stdout)


def seconds(text):
    """Of a duration as the program writes it: 500ms, 5s, 5m, 1h; 0."""
    found = re.fullmatch(r"(\d+)(ms|s|m|h)?", text)
    if not found:
        raise AssertionError(f"no duration: {text!r}")
    return int(found[1]) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}[found[2]]


def settings(*arguments, **environment):
    """{key: value} as `check-config` prints what would be in force."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PULSEGATE_")}
    result = run(BINARY, "check-config", *arguments, env={**clean, **environment})
    if result.returncode != 0:
        raise AssertionError(f"check-config {arguments} {environment}: {result.stderr}{result.stdout}")
    return {words[0]: words[1] for words in map(str.split, result.stdout.splitlines()) if len(words) >= 2}


def all_yaml():
    """(path, objects) of every file with manifests, those that no overlay holds included."""
    for path in sorted((DEPLOY / "kubernetes").rglob("*.yaml")):
        yield path, [item for item in yaml.safe_load_all(path.read_text(encoding="utf-8")) if item is not None]
