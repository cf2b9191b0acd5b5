#!/usr/bin/python3
"""A private Redis and PostgreSQL, and the API server's part, for tests in another language.

Prints one line {"redis": URL, "database": CONNECTION} when both serve. Then each line of standard input is a JSON array of
reports {"device": UUID, "cpu": number}, which are appended to the stream, published, and written as rows, in this order;
the answer is a line {"reported": how many}. The end of standard input ends all of it.
"""

import json
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "deploy" / "demo"))
from bus import Bus  # noqa: E402
from services import Children, start_postgres, start_redis  # noqa: E402
from store import Row, Store  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pulsegate-js-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # PostgreSQL runs as another user where we are root
        children = Children(directory)
        try:
            redis_url, database = start_redis(children), start_postgres(children, directory)
            bus, store = Bus(redis_url), Store(database)
            store.insert([])  # connects, and makes the tables
            print(json.dumps({"redis": redis_url, "database": database}), flush=True)
            for line in sys.stdin:
                reports = json.loads(line)
                for report in reports:
                    metrics = {"cpu_usage": report["cpu"], "memory_usage": 1 << 30, "memory_total": 1 << 32,
                               "network_rx": 0, "network_tx": 0}
                    if not bus.publish_metrics(report["device"], metrics, datetime.now(timezone.utc)):
                        raise SystemExit("servers.py: Redis took no event")
                    if not store.insert([Row("device_metrics", report["device"], metrics)]):
                        raise SystemExit("servers.py: PostgreSQL took no row")
                print(json.dumps({"reported": len(reports)}), flush=True)
        finally:
            children.stop_all()


if __name__ == "__main__":
    main()
