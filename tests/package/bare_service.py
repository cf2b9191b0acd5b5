"""What the tests of the package and of the image share: a service in a bare root file system, as its unit or its container starts it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEVICE = "00000000-0000-4000-8000-00000000d0eb"
DEADLINE = 20  # seconds, for whatever the service is waited for


class Failed(Exception):
    pass


def check(condition, fact):
    if not condition:
        raise Failed(fact)
    print(f"ok   {fact}", flush=True)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def run(*command, **more):
    return subprocess.run(command, check=False, text=True, capture_output=True, **more)


def eventually(condition, fact):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"not within {DEADLINE} s: {fact}")
        time.sleep(0.05)
    print(f"ok   {fact}", flush=True)


def apt_sources():
    """Where this machine has its packages from: files of apt, and options that name proxies."""
    lists = [path for path in [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
             if path.suffix in (".list", ".sources") and path.is_file() and path.read_text().strip()]
    proxies = [line for line in run("apt-config", "dump").stdout.splitlines() if "::Proxy" in line]
    return list(map(str, lists)), [f"--aptopt={line}" for line in proxies]


def in_root(root, *command):
    return run("chroot", str(root), *command)


def start(root, user, command, variables, log):
    """As the unit and the container do: the user, no rights, nothing to write to. And no shell."""
    for shell in ("sh", "bash", "dash"):
        (root / "usr/bin" / shell).unlink(missing_ok=True)
    script = f"""
      mount --bind {root} {root}
      mount -t proc -o ro proc {root}/proc
      mount -o remount,bind,ro {root}
      exec chroot {root} setpriv --reuid={user} --regid={user} --clear-groups --no-new-privs --inh-caps=-all \\
        --bounding-set=-all env -i PATH=/usr/bin {' '.join(variables)} {' '.join(command)}"""
    return subprocess.Popen(["unshare", "--mount", "--propagation=private", "sh", "-ec", script], stdout=log, stderr=log,
                            start_new_session=True)


def serve(root, user, command, work):
    ports = {name: free_port() for name in ("redis", "listen", "health", "admin")}
    redis = subprocess.Popen(["redis-server", "--port", str(ports["redis"]), "--bind", "127.0.0.1", "--save", "", "--dir",
                              str(work)], stdout=subprocess.DEVNULL)
    log = (work / "log").open("w")
    variables = [f"PULSEGATE_REDIS=redis://127.0.0.1:{ports['redis']}", "PULSEGATE_DATABASE=none", "PULSEGATE_AUTH=none",
                 "PULSEGATE_DRAIN_TIME=1s", *(f"PULSEGATE_{name.upper()}=127.0.0.1:{ports[name]}"
                                              for name in ("listen", "health", "admin"))]
    service = watch = None
    try:
        health = f"http://127.0.0.1:{ports['health']}/readyz"
        service = start(root, user, command, variables, log)
        eventually(lambda: in_root(root, "/usr/bin/pulsegate", "health", health).returncode == 0,
                   "the command starts as its user and is ready, says the program's own health check")
        status = Path(f"/proc/{service.pid}/status").read_text()
        check(re.search(r"^CapBnd:\s+0+$", status, re.M) and not re.search(r"^Uid:\s+0", status, re.M),
              "it has no capability and is not root")
        target = f"ws://127.0.0.1:{ports['listen']}/api/v1/devices/{DEVICE}/ws"
        watch = subprocess.Popen(["chroot", str(root), "/usr/bin/pulsegate", "watch", target, "--channels", "metrics",
                                  "--json", "--count", "1"], stdout=subprocess.PIPE, text=True)
        event = json.dumps({"metrics": {"cpu_usage": 42}, "timestamp": "2026-11-22T14:05:00.123Z"})
        publish = ["redis-cli", "-p", str(ports["redis"]), "PUBLISH", f"device:{DEVICE}:metrics", event]
        eventually(lambda: run(*publish).stdout.strip() == "1", "a client's device is subscribed")
        messages = [json.loads(line) for line in watch.communicate(timeout=DEADLINE)[0].splitlines()]
        check(any(message["type"] == "metrics" and message["data"]["cpu_usage"] == 42 for message in messages),
              "an event from Redis reaches a client")
        service.send_signal(signal.SIGTERM)
        check(service.wait(DEADLINE) == 0, "it ends with 0 on SIGTERM")
    except (Failed, subprocess.TimeoutExpired):
        print((work / "log").read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        for process in (watch, service, redis):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
