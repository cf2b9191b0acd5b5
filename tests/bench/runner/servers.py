"""The servers under test, each started afresh for a measurement, on a core of its own where the machine has two."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent.parent
sys.path.insert(0, str(ROOT / "deploy/demo"))

from services import Child, Children, StartupError, free_port, wait_until  # noqa: E402

GATEWAY, FLOOR_SEND, FLOOR_BATCH, NODE, NCHAN = "pulsegate", "floor_send", "floor_batch", "node", "nchan"
COMPRESSING = "compressing"  # the gateway with --compress on
ALL = (GATEWAY, FLOOR_SEND, FLOOR_BATCH, NODE, NCHAN)
SERVER_CORE, OTHERS_CORE = 0, 1


def pin_this_process() -> str:
    """The runner and whatever it starts stay off the server's core. Returns a sentence for the table."""
    if (os.cpu_count() or 1) < 2:
        return "one core for everything"
    os.sched_setaffinity(0, {OTHERS_CORE})
    return f"the server on core {SERVER_CORE}, generator and Redis on core {OTHERS_CORE}"


def on_server_core(command: list[str]) -> list[str]:
    return ["taskset", "-c", str(SERVER_CORE), *command] if (os.cpu_count() or 1) >= 2 else command


@dataclass
class Server:
    name: str
    child: Child
    port: int
    ready: str  # how a client knows that it counts, see load/options.hpp
    publish_port: int
    form: str = "redis"
    health_port: int = 0
    pids: list[int] = field(default_factory=list)

    def load_options(self) -> list[str]:
        options = ["--port", str(self.port), "--publish-port", str(self.publish_port)]
        options += ["--ready", self.ready, "--form", self.form]
        options += ["--compress", "yes"] if self.name == COMPRESSING else []
        return options + [word for pid in self.pids for word in ("--server-pid", str(pid))]

    def metric(self, name: str, labels: str = "") -> float:
        """The sum of a metric's samples whose labels hold the given text; the gateway only."""
        url = f"http://127.0.0.1:{self.health_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as response:
            lines = response.read().decode().splitlines()
        samples = [line for line in lines if line.startswith((name + " ", name + "{")) and labels in line]
        return sum(float(line.rsplit(" ", 1)[1]) for line in samples)


class Stand:
    """Starts servers. Owner: the run. Everything it starts dies with it."""

    def __init__(self, build: Path, directory: Path, children: Children, redis_port: int) -> None:
        self._build, self._directory, self._children, self.redis_port = build, directory, children, redis_port
        self.missing: dict[str, str] = {}
        self._node = build / "tests/bench/node"

    def prepare(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Installs what the peers need. Returns those that can run; `missing` says why the others cannot."""
        if NODE in names:
            self._prepare_node()
        if NCHAN in names and not Path("/usr/lib/nginx/modules/ngx_nchan_module.so").exists():
            self.missing[NCHAN] = "the Debian packages nginx and libnginx-mod-nchan are not installed"
        return tuple(name for name in names if name not in self.missing)

    def _prepare_node(self) -> None:
        if shutil.which("node") is None or shutil.which("npm") is None:
            self.missing[NODE] = "node or npm is not installed"
            return
        shutil.copytree(BENCH / "peers/node", self._node, dirs_exist_ok=True)
        install = [str(ROOT / "deploy/install-modules"), str(self._node)]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.missing[NODE] = "npm could not install its modules"

    def redis_sent_bytes(self) -> int:
        """All that Redis has written to its clients so far."""
        with socket.create_connection(("127.0.0.1", self.redis_port), timeout=10) as redis:
            redis.sendall(b"INFO stats\r\n")
            answer = b""
            while b"total_net_output_bytes:" not in answer or not answer.endswith(b"\r\n"):
                answer += redis.recv(65536)
        return int(answer.split(b"total_net_output_bytes:")[1].split(b"\r\n")[0])

    def start(self, name: str, options: list[str] | None = None, pinned: bool = True) -> Server:
        """`pinned`: on the server's core, as far as there are two."""
        for attempts_left in (2, 1, 0):
            try:
                return self._start(name, options or [], pinned)
            except StartupError:
                # Somebody may have taken the port; the next try finds another.
                if attempts_left == 0:
                    raise
        raise AssertionError("unreachable")

    def _start(self, name: str, options: list[str], pinned: bool) -> Server:
        port, health, admin = free_port(), free_port(), free_port()
        ready, form, publish_port = "open", "redis", self.redis_port
        if name in (GATEWAY, COMPRESSING):
            command = [str(self._build / "pulsegate"), "serve", "--listen", f"127.0.0.1:{port}"]
            command += ["--health", f"127.0.0.1:{health}", "--admin", f"127.0.0.1:{admin}", "--drain-time", "0s"]
            command += ["--redis", f"redis://127.0.0.1:{self.redis_port}/0", "--auth", "none"]
            command += options if "--database" in options else ["--database", "none", *options]
            command += ["--compress", "on"] if name == COMPRESSING else []
            ready = "subscribed"
        elif name == NODE:
            variables = [f"PORT={port}", f"REDIS_PORT={self.redis_port}", "NODE_ENV=production"]
            command = ["env", *variables, "node", str(self._node / "server.js")]
            ready = "pong"
        elif name == NCHAN:
            command = ["/usr/sbin/nginx", "-e", str(self._directory / "error.log"), "-c", str(self._nchan(port))]
            form, publish_port = "message", port
        else:
            command = [str(self._build / "tests/bench" / name), "--port", str(port)]
            command += ["--redis-port", str(self.redis_port)]
        child = self._children.start(name, on_server_core(command) if pinned else _on_every_core(command))
        try:
            wait_until(lambda: _accepts(port), child)
        except StartupError:
            self._children.stop(child)
            raise
        time.sleep(0.3)  # a floor's Redis subscription
        pids = _workers(child.process.pid) if name == NCHAN else [child.process.pid]
        return Server(name, child, port, ready, publish_port, form, health, pids)

    def _nchan(self, port: int) -> Path:
        text = (BENCH / "peers/nchan/nginx.conf").read_text(encoding="utf-8")
        configuration = self._directory / "nginx.conf"
        text = text.replace("@PORT@", str(port)).replace("@DIRECTORY@", str(self._directory))
        configuration.write_text(text, encoding="utf-8")
        return configuration

    def stop(self, server: Server) -> None:
        self._children.stop(server.child)


def _on_every_core(command: list[str]) -> list[str]:
    return ["taskset", "-c", f"0-{(os.cpu_count() or 1) - 1}", *command]


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _workers(master: int) -> list[int]:
    """The process that does the work is a child of nginx's master."""
    text = Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii")
    return [int(pid) for pid in text.split()]
