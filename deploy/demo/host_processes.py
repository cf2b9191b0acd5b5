"""The processes of this host that use most CPU, from /proc/<pid>/stat."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MAX_COMMAND = 200  # characters of a command line that a report carries


@dataclass(frozen=True)
class ProcessTimes:
    """One process at one moment. A pid can be used again, so the start time is part of its identity."""

    pid: int
    name: str
    ticks: int  # user and system time
    started: int  # ticks after boot
    resident_pages: int


def parse_stat(text: str) -> ProcessTimes:
    """A line of /proc/<pid>/stat. The name is in parentheses and may itself hold parentheses and spaces."""
    opening, closing = text.index("("), text.rindex(")")
    fields = text[closing + 2 :].split()  # from field 3 of proc(5), the state
    return ProcessTimes(
        pid=int(text[:opening]),
        name=text[opening + 1 : closing],
        ticks=int(fields[11]) + int(fields[12]),
        started=int(fields[19]),
        resident_pages=int(fields[21]),
    )


def read_processes(root: Path) -> dict[int, ProcessTimes]:
    processes: dict[int, ProcessTimes] = {}
    for entry in os.listdir(root / "proc"):
        if not entry.isdigit():
            continue
        try:
            text = (root / "proc" / entry / "stat").read_text(encoding="utf-8", errors="replace")
            processes[int(entry)] = parse_stat(text)
        except (OSError, ValueError, IndexError):
            continue  # it ended while we were looking
    return processes


def read_command(root: Path, pid: int, name: str) -> str:
    """The command line, shortened; kernel threads have none and are shown as ps does: [name]."""
    try:
        raw = (root / "proc" / str(pid) / "cmdline").read_bytes()
    except OSError:
        raw = b""
    command = raw.replace(b"\0", b" ").decode("utf-8", errors="replace").strip()
    return command[:MAX_COMMAND] if command else "[" + name + "]"


class ProcessSampler:
    """Ranks processes by what they did since the previous sample, as top does: 100 is one core fully used."""

    def __init__(
        self,
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
        memory_total: int | None = None,
    ) -> None:
        self._root = root
        self._clock = clock
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._memory_total = memory_total or self._page * os.sysconf("SC_PHYS_PAGES")
        self._before = read_processes(root)
        self._when = clock()
        self._latest: list[dict[str, object]] = []

    def sample(self, count: int = 10) -> list[dict[str, object]]:
        after, now = read_processes(self._root), self._clock()
        elapsed_ticks = max(now - self._when, 0.001) * self._ticks_per_second
        used = {pid: self._used(process) for pid, process in after.items()}
        # Among idle processes the larger one is the more interesting; the pid makes the order stable.
        ranked = sorted(after.values(), key=lambda p: (-used[p.pid], -p.resident_pages, p.pid))[:count]
        self._before, self._when = after, now
        self._latest = [
            {
                "pid": process.pid,
                "name": process.name,
                "cpu": round(100.0 * used[process.pid] / elapsed_ticks, 1),
                "mem": round(100.0 * process.resident_pages * self._page / self._memory_total, 1),
                "command": read_command(self._root, process.pid, process.name),
            }
            for process in ranked
        ]
        return self._latest

    def latest(self) -> list[dict[str, object]]:
        """The previous sample once more, or the first."""
        return self._latest or self.sample()

    def _used(self, process: ProcessTimes) -> int:
        """Ticks since the previous sample; a process that is new since then has used all its ticks since then."""
        before = self._before.get(process.pid)
        if before is None or before.started != process.started:
            return process.ticks
        return max(0, process.ticks - before.ticks)
