"""What pub/sub costs Redis: CPU time per PUBLISH as the subscribers' connections grow in number, alone and in a cluster.

CPU time is that of the process as the kernel's scheduler counts it, so it says the same on a busy machine, within the caches.
"""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from .servers import Child, Children, free_port, wait_until

TOPIC = "device:00000000-0000-4000-8000-000000000000:metrics"
PAYLOAD = b"x" * 1200  # bytes of one report
SUBSCRIBERS = (1, 4, 16, 32, 50)
# Reads and throws away, in a process of its own: {port} {connections} {command} {topic}. Says "ready" and ends with its stdin.
_DRAIN = """
import selectors, socket, sys
port, count, command, topic = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
ready = selectors.DefaultSelector()
ready.register(sys.stdin, selectors.EVENT_READ)
for _ in range(count):
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(f"{command} {topic}\\r\\n".encode())
    one.recv(4096)
    ready.register(one, selectors.EVENT_READ)
print("ready", flush=True)
buffer = bytearray(1 << 18)
while True:
    for key, _ in ready.select():
        if key.fileobj is sys.stdin:
            sys.exit(0)
        key.fileobj.recv_into(buffer)
"""


def cpu_seconds(pid: int) -> float:
    """Of all threads of a process, living or not; see clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def publish(port: int, command: str, rate: float, seconds: float, at_once: int) -> int:
    """So many messages a second, `at_once` of them at a time, each on a connection of its own. Returns how many."""
    message = f"*3\r\n${len(command)}\r\n{command}\r\n${len(TOPIC)}\r\n{TOPIC}\r\n${len(PAYLOAD)}\r\n".encode() + PAYLOAD + b"\r\n"
    publishers = [socket.create_connection(("127.0.0.1", port)) for _ in range(at_once)]
    try:
        begin, sent = time.monotonic(), 0
        while (passed := time.monotonic() - begin) < seconds:
            if sent > passed * rate:
                time.sleep(sent / rate - passed)
            for redis in publishers:
                redis.sendall(message)
            for redis in publishers:
                answer = redis.recv(4096)
                if not answer.startswith(b":"):
                    raise RuntimeError(f"Redis says {answer!r}")
            sent += at_once
        return sent
    finally:
        for redis in publishers:
            redis.close()


def per_publish(port: int, pids: list[int], subscribers: int, shard: str, rate: float, seconds: float, at_once: int) -> list[float]:
    """CPU-seconds of each of the processes per message; subscribers are at `port`, where it is published too."""
    words = [sys.executable, "-c", _DRAIN, str(port), str(subscribers), shard + "SUBSCRIBE", TOPIC]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as drain:
        assert drain.stdout is not None
        drain.stdout.readline()
        publish(port, shard + "PUBLISH", rate, 0.3, at_once)
        before = [cpu_seconds(pid) for pid in pids]
        begin = time.monotonic()
        count = publish(port, shard + "PUBLISH", rate, seconds, at_once)
        spent = [cpu_seconds(pid) - earlier for pid, earlier in zip(pids, before, strict=True)]
        spent_s = time.monotonic() - begin
        assert drain.stdin is not None
        drain.stdin.close()
    idle = [idle_share(pid) for pid in pids] if len(pids) > 1 else [0.0]
    return [(each - nothing * spent_s) / count for each, nothing in zip(spent, idle, strict=True)]


def flat_out(port: int, pid: int, subscribers: int, in_flight: int, words: list[str]) -> tuple[float, float, float]:
    """As many commands as it takes, from that many connections: commands a second, CPU-seconds of one, cores that Redis was busy."""
    reader = [sys.executable, "-c", _DRAIN, str(port), str(subscribers), "SUBSCRIBE", TOPIC]
    with subprocess.Popen(reader, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as drain:
        assert drain.stdin is not None and drain.stdout is not None
        drain.stdout.readline()
        before, begin, count = cpu_seconds(pid), time.monotonic(), 60_000
        command = ["redis-benchmark", "-p", str(port), "-c", str(in_flight), "-n", str(count), "-q", "-r", "1000", *words]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        spent, took = cpu_seconds(pid) - before, time.monotonic() - begin
        if not _says(port, f"PUBSUB NUMSUB {TOPIC}", f":{subscribers}\r".encode()):
            raise RuntimeError("Redis has dropped subscribers: these figures are of fewer")
        drain.stdin.close()
    return count / took, spent / count, spent / took


def idle_share(pid: int) -> float:
    """Cores that a process uses when nothing happens: nodes of a cluster gossip."""
    before = cpu_seconds(pid)
    time.sleep(1)
    return cpu_seconds(pid) - before


def line_through(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Least squares of the relative error: (y at 0, slope)."""
    weights = [(x, y, 1 / y**2) for x, y in points]
    total = sum(w for _, _, w in weights)
    mean_x = sum(w * x for x, _, w in weights) / total
    mean_y = sum(w * y for _, y, w in weights) / total
    slope = sum(w * (x - mean_x) * (y - mean_y) for x, y, w in weights) / sum(w * (x - mean_x) ** 2 for x, _, w in weights)
    return mean_y - slope * mean_x, slope


def start_cluster(children: Children, directory: Path, nodes: int) -> tuple[list[int], list[int]]:
    """Masters without replicas, joined. Returns ports and pids."""
    binary = shutil.which("redis-server") or "/usr/bin/redis-server"
    started: list[tuple[int, Child]] = []
    for number in range(nodes):
        port, bus, home = free_port(), free_port(), directory / f"cluster-{nodes}-{number}"
        home.mkdir()
        settings = {"bind": "127.0.0.1", "port": str(port), "cluster-port": str(bus), "cluster-enabled": "yes", "save": "",
                    "appendonly": "no", "dir": str(home)}
        words = [binary, *(word for key, value in settings.items() for word in ("--" + key, value))]
        child = children.start(f"redis-{nodes}-{number}", words)
        wait_until(lambda port=port: _says(port, "PING", b"+PONG"), child)
        started.append((port, child))
    addresses = [f"127.0.0.1:{port}" for port, _ in started]
    subprocess.run(["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"], check=True, capture_output=True, timeout=60)
    for port, child in started:
        wait_until(lambda port=port: _says(port, "CLUSTER INFO", b"cluster_state:ok"), child)
    time.sleep(2)  # until gossip has calmed down
    return [port for port, _ in started], [child.process.pid for _, child in started]


def holder(ports: list[int]) -> int:
    """Which of the nodes holds the topic's slot: it takes an SSUBSCRIBE, the others say MOVED."""
    return next(index for index, port in enumerate(ports) if _says(port, f"SSUBSCRIBE {TOPIC}", b"ssubscribe"))


def _says(port: int, command: str, wanted: bytes) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as redis:
            redis.sendall(command.encode() + b"\r\n")
            return wanted in redis.recv(65536)
    except OSError:
        return False
