#!/usr/bin/python3
"""What `make run` calls: a private Redis and PostgreSQL, the demo publisher and the gateway, until Ctrl-C.

Everything lives in a directory of its own below build/run and goes away with it. From the environment: DEVICES (3), LISTEN
(host:port of the page and the WebSockets), RUN_SECONDS (ends by itself after so long), GATEWAY (build/pulsegate).
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from host_description import device_ids
from services import Children, StartupError, as_user, database_user, start_postgres, start_redis, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
RUNS = REPOSITORY / "build" / "run"
BACKFILL = 30  # points of a chart, as many as the gateway's history window holds


class Interrupted(Exception):
    """The user or the system asked us to end."""


def on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(signal.Signals(number).name)


class RunDirectory:
    """Exists as long as the run. Its lock tells other runs that it is in use; without a holder it is swept away."""

    def __init__(self) -> None:
        RUNS.mkdir(parents=True, exist_ok=True)
        settling_in = lock(RUNS)  # one run at a time
        try:
            sweep_abandoned_runs()
            # PostgreSQL runs as another user when we are root, who may be unable to enter root's home.
            parent = RUNS if _can_enter(RUNS) else Path(tempfile.gettempdir())
            prefix = time.strftime("%Y%m%d-%H%M%S-") if parent == RUNS else "pulsegate-run-"
            self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            self._lock = lock(self.path)
        finally:
            os.close(settling_in)
        self.path.chmod(0o711)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def lock(directory: Path, wait: bool = True) -> int:
    """Returns a descriptor that holds the lock. Raises BlockingIOError when somebody else does and we are not to wait."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def sweep_abandoned_runs() -> None:
    """What a run left that was killed with SIGKILL, or by the power switch."""
    for directory in RUNS.iterdir():
        try:
            descriptor = lock(directory, wait=False)
        except OSError:
            continue  # in use, or not a directory
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)


def _can_enter(directory: Path) -> bool:
    user = database_user()
    if user is None:
        return True
    return subprocess.run(["/usr/bin/test", "-x", str(directory)], cwd="/", **as_user(user)).returncode == 0


def preferred(host: str, port: int) -> str:
    """host:port when it is free, else host:0, with which the gateway finds a free one itself."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return f"{host}:0"
    return f"{host}:{port}"


def read_serving(log: Path) -> dict[str, str] | None:
    """The gateway's log line that tells where it listens; None when it is not there yet."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("event") == "serving":
            return entry
    return None


def start_gateway(children: Children, binary: Path, redis_url: str, database: str) -> dict[str, str]:
    """Tries the usual ports first; when somebody takes one just before us, free ones."""
    listen = os.environ.get("LISTEN") or ""
    usual = [listen or preferred("127.0.0.1", 8080), preferred("127.0.0.1", 9091), preferred("127.0.0.1", 9090)]
    free = [listen or "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"]
    for addresses in (usual, free):
        command = [str(binary), "serve", "--listen", addresses[0], "--health", addresses[1], "--admin", addresses[2]]
        # Nobody but this host is here, so the page may replay, too.
        command += ["--redis", redis_url, "--database", database, "--auth", "none", "--replay", "all"]
        command += ["--log-format", "json", "--drain-time", "1s"]
        gateway = children.start("gateway", command)
        try:
            wait_until(lambda: read_serving(gateway.log) is not None, gateway)
            return read_serving(gateway.log) or {}
        except StartupError:
            children.stop(gateway)
            if addresses == free or usual == free:
                raise
            gateway.log.unlink()
    raise AssertionError("unreachable")


def start_all(children: Children, directory: Path) -> None:
    binary = Path(os.environ.get("GATEWAY") or REPOSITORY / "build" / "pulsegate")
    if not os.access(binary, os.X_OK):
        raise StartupError(f"There is no {binary}. Build it with: make build")
    devices = device_ids(max(1, int(os.environ.get("DEVICES") or 3)))
    redis_url = start_redis(children)
    database = start_postgres(children, directory)
    publisher = [sys.executable, "-B", str(Path(__file__).with_name("publisher.py")), "--redis", redis_url]
    publisher += ["--database", database, "--backfill", str(BACKFILL)]
    publisher += [word for device in devices for word in ("--device", device)]
    child = children.start("publisher", publisher)
    wait_until(lambda: "publishing" in child.log.read_text(encoding="utf-8"), child)
    serving = start_gateway(children, binary, redis_url, database)
    print(_greeting(serving, devices, binary, redis_url, database), flush=True)


def _greeting(serving: dict[str, str], devices: list[str], binary: Path, redis_url: str, database: str) -> str:
    listen, health = serving["listen"], serving["health"]
    url = f"ws://{listen}/api/v1/devices/{devices[0]}/ws"
    page = f"http://{listen}/?devices={','.join(devices)}"
    command = os.path.relpath(binary) if binary.is_relative_to(Path.cwd()) else str(binary)
    neighbours = "".join(f"\n               ws://{listen}/api/v1/devices/{device}/ws" for device in devices[1:])
    return f"""
Pulsegate is serving this host's metrics. Ctrl-C ends it and everything that was started with it.

  Open this   {page}

  WebSocket    {url}{neighbours and "   (this host)"}{neighbours}
  Redis        {redis_url}
  PostgreSQL   {database}

Watch it from another terminal:

  {command} watch {url} --channels metrics,history

Ask how it is:

  curl http://{health}/healthz
  curl http://{health}/metrics

Or paste this into the console of a browser:

  const ws = new WebSocket('{url}');
  ws.onopen = () => ws.send(JSON.stringify({{
    type: 'subscribe',
    channels: ['metrics', 'processes', 'system-info', 'history', 'network-interfaces']
  }}));
  ws.onmessage = (event) => console.log('Received:', JSON.parse(event.data));
"""


def watch_over(children: Children) -> int:
    limit = float(os.environ.get("RUN_SECONDS") or 0)
    deadline = time.monotonic() + limit if limit > 0 else float("inf")
    while time.monotonic() < deadline:
        dead = children.first_dead()
        if dead is not None:
            print(dead.obituary(), file=sys.stderr)
            return 1
        time.sleep(0.2)
    return 0


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    directory: RunDirectory | None = None
    children: Children | None = None
    code = 0
    try:
        print("Starting a private Redis and PostgreSQL ...", flush=True)
        directory = RunDirectory()
        children = Children(directory.path)
        start_all(children, directory.path)
        code = watch_over(children)
    except Interrupted as reason:
        code = 0 if str(reason) == "SIGINT" else 128 + signal.Signals[str(reason)].value
    except StartupError as error:
        print(error, file=sys.stderr)
        code = 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads what we print: nobody wants us any more
    finally:
        # An impatient second Ctrl-C must not leave half of it behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if children is not None:
            children.stop_all()
        if directory is not None:
            directory.remove()
    return code


if __name__ == "__main__":
    sys.exit(main())
