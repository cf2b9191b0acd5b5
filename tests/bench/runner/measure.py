"""Runs the generator against one server: at a given rate, or looking for the highest rate that is held."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from .servers import Server

Result = dict[str, Any]
P99_BOUND_MS = 100.0
STEP = 1.25  # of the rate, between trials; the result is then refined once, to within 12 %
MOST_TRIALS = 14
LOAD_TIMEOUT_SECONDS = 1000
QUIET_CORES = 0.3  # others may keep so much of the machine busy


def busy_cores(seconds: float) -> float:
    """Cores' worth of work on this machine just now, when nothing of ours runs."""

    def ticks() -> tuple[int, int]:
        fields = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    cores = Path("/proc/stat").read_text(encoding="ascii").count("\ncpu")
    before, idle_before = ticks()
    time.sleep(seconds)
    after, idle_after = ticks()
    return cores * (1 - (idle_after - idle_before) / max(1, after - before))


class Patience:
    """Waits for a quiet machine, so many seconds in a whole run at most; after that it measures whatever the others do."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def wait(self) -> float:
        """Returns how many cores the others keep busy now."""
        while (busy := busy_cores(0.25)) > QUIET_CORES and self._left > 0:
            time.sleep(2)
            self._left -= 2.25
        return busy


patience = Patience(0)


def load(generator: Path, server: Server, options: dict[str, object]) -> Result:
    """One run of the generator. `failure` is set when it could not measure."""
    words = [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), str(value))]
    others = patience.wait()
    command = [str(generator), *server.load_options(), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_TIMEOUT_SECONDS, check=False)
    if not done.stdout.startswith("{"):
        return {"ready": 0, "failure": done.stderr.strip() or f"exit code {done.returncode}", "others_busy": others}
    result: Result = json.loads(done.stdout)
    result["others_busy"] = others
    return result


def is_held(result: Result) -> bool:
    """No loss, p99 in bounds, and the generator really offered what it was asked to."""
    if not result["ready"]:
        return False
    wrong = ("missing", "duplicates", "reordered", "closed", "publish_errors")
    lossless = all(result[name] == 0 for name in wrong) and result["delivered"] == result["expected"]
    return lossless and result["latency"]["p99_ms"] < P99_BOUND_MS and result["rate_reached"] >= 0.98 * result["rate"]


def highest_rate(run_at: Any, first_rate: float) -> Result:
    """`run_at(rate)` measures. Returns the result of the highest rate that was held, with the rates tried."""
    tried: dict[float, Result] = {}

    def held(rate: float) -> bool:
        tried[rate] = run_at(rate)
        return is_held(tried[rate])

    rate = first_rate
    if held(rate):
        while len(tried) < MOST_TRIALS and held(rate * STEP):
            rate *= STEP
    else:
        while len(tried) < MOST_TRIALS:
            rate /= STEP
            if held(rate):
                break
    held(rate * STEP**0.5)
    good = [result for result in tried.values() if is_held(result)]
    if not good:
        return {"ready": 0, "failure": f"no rate was held, down to {rate:.0f}/s", "others_busy": 0.0}
    best = max(good, key=lambda result: result["rate"])
    return {**best, "tried": [[round(each), is_held(result)] for each, result in sorted(tried.items())]}
