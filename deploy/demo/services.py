"""Private servers and other children of the demo: started with what they need, stopped by pid, never left behind."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import redis

STARTUP_SECONDS = 30.0
STOP_SECONDS = 8.0  # then SIGKILL; longer than the gateway's drain time in the demo
DATABASE_USER = "pulsegate"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class StartupError(Exception):
    """A sentence for the user."""


@dataclass
class Child:
    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    stop_signal: signal.Signals

    def is_running(self) -> bool:
        return self.process.poll() is None

    def last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join("    " + line for line in lines[-count:]) or "    (it has logged nothing)"

    def obituary(self) -> str:
        code = self.process.returncode
        how = f"exited with code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
        return f"{self.name} {how}. Its last log lines:\n{self.last_lines()}"


class Children:
    """Owner: the runner. Invariant: every child dies with the runner, however the runner ends."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._children: list[Child] = []

    def start(
        self,
        name: str,
        command: list[str],
        user: str | None = None,
        cwd: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """A session of its own keeps the terminal's Ctrl-C away from it: the runner decides who ends when."""
        parent = os.getpid()

        def die_with_parent() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

        log = self._directory / f"{name}.log"
        with open(log, "ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
                cwd=cwd or self._directory,
                **as_user(user),
            )
        child = Child(name, process, log, stop_signal)
        self._children.append(child)
        return child

    def first_dead(self) -> Child | None:
        return next((child for child in self._children if not child.is_running()), None)

    def stop(self, child: Child) -> None:
        """Idempotent."""
        if child.is_running():
            child.process.send_signal(child.stop_signal)
            try:
                child.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._children.remove(child)

    def stop_all(self) -> None:
        """The last started first: nobody sees a server that it needs go away."""
        for child in reversed(list(self._children)):
            self.stop(child)


def as_user(user: str | None) -> dict[str, object]:
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def database_user() -> str | None:
    """PostgreSQL refuses to run as root; its Debian package brings a user for it."""
    return "postgres" if os.geteuid() == 0 else None


def free_port() -> int:
    """Somebody else may take it before its server does; then the server ends, and the next try finds another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_ready: Callable[[], bool], child: Child, seconds: float = STARTUP_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_ready():
        if not child.is_running():
            raise StartupError(child.obituary())
        if time.monotonic() > deadline:
            raise StartupError(f"{child.name} is not ready after {seconds:g} s. Its last log lines:\n{child.last_lines()}")
        time.sleep(0.05)


def _try_ports(start: Callable[[int], None]) -> int:
    for attempts_left in (2, 1, 0):
        port = free_port()
        try:
            start(port)
            return port
        except StartupError:
            if attempts_left == 0:
                raise
    raise AssertionError("unreachable")


def start_redis(children: Children) -> str:
    """Returns its URL. It keeps nothing on disk."""
    binary = shutil.which("redis-server") or "/usr/bin/redis-server"

    def start(port: int) -> None:
        # redis-server takes each setting as words of its own, and an empty string for "never save".
        settings = {"bind": "127.0.0.1", "port": str(port), "save": "", "appendonly": "no"}
        command = [binary, *(word for key, value in settings.items() for word in ("--" + key, value))]
        child = children.start("redis", command)

        def is_ready() -> bool:
            try:
                with redis.Redis(port=port, socket_timeout=1) as client:
                    return client.info("server")["process_id"] == child.process.pid
            except (redis.RedisError, OSError):
                return False

        _wait_or_stop(children, child, is_ready)

    return f"redis://127.0.0.1:{_try_ports(start)}/0"


def start_postgres(children: Children, directory: Path) -> str:
    """Returns its connection string. Reachable from this host only, and as careless with disks as a demo may be.

    TCP only: the path of a Unix socket is limited to 107 bytes, which a deep clone exceeds.
    """
    binaries = _postgres_binaries()
    user, data = database_user(), directory / "postgres"
    data.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(data, user)
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", DATABASE_USER, "--auth=trust", "--no-sync"]
    made = subprocess.run(
        [*initdb, "--encoding=UTF8", "--locale=C"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=data,
        **as_user(user),
    )
    if made.returncode != 0:
        raise StartupError("initdb failed:\n" + made.stderr.strip())

    def start(port: int) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "16MB",
            "max_connections": "50",
            "jit": "off",
        }
        command = [str(binaries / "postgres"), "-D", str(data)]
        command += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        # SIGINT is its fast shutdown; SIGTERM would wait for its clients.
        child = children.start("postgres", command, user=user, cwd=data, stop_signal=signal.SIGINT)
        _wait_or_stop(children, child, lambda: _create_database(port, data))

    return _conninfo(_try_ports(start), DATABASE_USER)


def _conninfo(port: int, database: str) -> str:
    return f"host=127.0.0.1 port={port} dbname={database} user={DATABASE_USER}"


def _create_database(port: int, data: Path) -> bool:
    """False until the server answers. A server with other data has taken the port before ours, which ends then."""
    try:
        connection = psycopg2.connect(_conninfo(port, "postgres"), connect_timeout=2)
    except psycopg2.OperationalError:
        return False
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            if Path(cursor.fetchone()[0]) != data:
                return False
            cursor.execute(f"CREATE DATABASE {DATABASE_USER}")
    finally:
        connection.close()
    return True


def _wait_or_stop(children: Children, child: Child, is_ready: Callable[[], bool]) -> None:
    try:
        wait_until(is_ready, child)
    except StartupError:
        children.stop(child)
        raise


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        raise StartupError("PostgreSQL is not installed. Install it with: deploy/install-packages run")
    return found[-1].parent
