"""Objects against the API's types as Debian's python3-kubernetes has them (Kubernetes 1.22): unknown fields, missing ones, wrong
types. It knows neither custom resources nor what came later; the latter is listed here, field by field."""

import inspect
import re

from kubernetes.client import models

MODELS = {
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "Service"): "V1Service",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
    ("networking.k8s.io/v1", "Ingress"): "V1Ingress",
    # autoscaling/v2 came with 1.23, with the fields of its last beta.
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "V2beta2HorizontalPodAutoscaler",
}
CUSTOM = ("monitoring.coreos.com/", "gateway.networking.k8s.io/", "gateway.envoyproxy.io/", "kustomize.config.k8s.io/")
LATER = {("V1Container", "restartPolicy"): "Always"}  # native sidecars: 1.28
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object}


def known(item):
    """Whether there are types for it; fails for what is neither known nor custom."""
    if item["apiVersion"].startswith(CUSTOM):
        return False
    if (item["apiVersion"], item["kind"]) not in MODELS:
        raise AssertionError(f"unexpected {item['apiVersion']} {item['kind']}")
    return True


def faults(item):
    """What is wrong with an object, as sentences."""
    found = []
    check(item, MODELS[item["apiVersion"], item["kind"]], item["kind"], found)
    return found


def check(value, kind, where, found):
    if listed := re.fullmatch(r"list\[(.+)\]", kind):
        if not isinstance(value, list):
            found.append(f"{where}: a list is expected")
            return
        for index, element in enumerate(value):
            check(element, listed[1], f"{where}[{index}]", found)
    elif mapped := re.fullmatch(r"dict\(str, (.+)\)", kind):
        if not isinstance(value, dict):
            found.append(f"{where}: an object is expected")
            return
        for key, element in value.items():
            if not isinstance(key, str):
                found.append(f"{where}: the key {key!r} is no text")
            # Quantities are text; Kubernetes takes numbers for them, but not for labels.
            check(element, mapped[1], f"{where}.{key}", found)
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (kind == "int" and isinstance(value, bool)):
            found.append(f"{where}: {value!r} is no {kind}")
    else:
        check_model(value, kind, where, found)


def check_model(value, kind, where, found):
    model = getattr(models, kind)
    if not isinstance(value, dict):
        found.append(f"{where}: an object ({kind}) is expected")
        return
    python_names = {json_name: name for name, json_name in model.attribute_map.items()}
    for key, element in value.items():
        if LATER.get((kind, key)) == element and element is not None:
            continue
        if key not in python_names:
            found.append(f"{where}: {kind} has no {key!r}")
        else:
            check(element, model.openapi_types[python_names[key]], f"{where}.{key}", found)
    for key in required(model):
        if key not in value:
            found.append(f"{where}: {kind} needs {key!r}")


def required(model):
    """The generator makes the setters of required fields refuse None."""
    for name, json_name in model.attribute_map.items():
        setter = getattr(model, name).fset
        if f"Invalid value for `{name}`, must not be `None`" in inspect.getsource(setter):
            yield json_name
