"""The PostgreSQL side: the rows that the API server, or its background worker, writes for a report.

A row is stamped by the database when it is inserted, not when the report was made. Rows that cannot be written are lost.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
from psycopg2.extras import Json

from bus import encode
from outage import Outage

SCHEMA = Path(__file__).with_name("schema.sql")
RETRY_SECONDS = 1.0  # at most one attempt to connect in this time
PARTITION_SECONDS = 600.0  # how often the partitions of the coming day are looked after
QUEUE_LIMIT = 10_000  # rows that wait for the worker; the oldest are lost first
_SCHEMA_LOCK = 7_019_400  # advisory: IF NOT EXISTS alone does not stop two publishers from colliding

_COLUMNS = {
    "device_metrics": (
        "cpu_usage cpu_temp memory_usage memory_total storage_usage storage_total network_rx network_tx top_processes"
    ).split(),
    "device_state_records": (
        "os_version architecture uptime hostname ip_address mac_address top_processes network_interfaces"
    ).split(),
}


@dataclass(frozen=True)
class Row:
    table: str
    device: str
    values: dict[str, object] = field(repr=False)
    age: float = 0.0  # seconds before now at which it pretends to have been inserted


class Store:
    """Owner: the publisher's only thread."""

    def __init__(self, conninfo: str, days_back: int = 0) -> None:
        self._conninfo = conninfo
        self._days_back = days_back
        self._connection: "psycopg2.extensions.connection | None" = None
        self._next_attempt = -math.inf
        self._next_partitions = -math.inf
        self._outage = Outage("PostgreSQL", "rows")

    def insert(self, rows: list[Row]) -> bool:
        """Each row in its own statement and at its own time, in order. False when rows were lost."""
        written = 0
        try:
            with self._connected().cursor() as cursor:
                for row in rows:
                    columns = _COLUMNS[row.table]
                    values = [_adapt(row.values.get(column)) for column in columns]
                    cursor.execute(
                        f"INSERT INTO {row.table} (device_uuid, {', '.join(columns)}, recorded_at) VALUES (%s, "
                        + "%s, " * len(columns)
                        + "(clock_timestamp() - %s * INTERVAL '1 second') AT TIME ZONE 'utc')",
                        [row.device, *values, row.age],
                    )
                    written += 1
        except (psycopg2.Error, OSError) as error:
            self.close()
            self._outage.failed(error, dropped=len(rows) - written)
            return False
        self._outage.succeeded()
        return True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> "psycopg2.extensions.connection":
        now = time.monotonic()
        if self._connection is None:
            if now < self._next_attempt:
                raise ConnectionError("waiting before the next attempt")
            self._next_attempt = now + RETRY_SECONDS
            connection = psycopg2.connect(self._conninfo, connect_timeout=2, application_name="pulsegate-demo")
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '5s'")
            self._connection, self._next_partitions = connection, -math.inf
        if now >= self._next_partitions:
            self._prepare(self._connection)
            self._next_partitions = now + PARTITION_SECONDS
        return self._connection

    def _prepare(self, connection: "psycopg2.extensions.connection") -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_SCHEMA_LOCK])
            try:
                # No parameters: with them psycopg2 would take the percent signs of the file for placeholders.
                cursor.execute(SCHEMA.read_text(encoding="utf-8"))
                cursor.execute("SELECT demo_create_partitions(%s)", [self._days_back])
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_SCHEMA_LOCK])


def _adapt(value: object) -> object:
    return Json(value, dumps=encode) if isinstance(value, (dict, list)) else value


class Worker:
    """Rows on their way to the database. With neither lag nor batch they go at once, as from the API server itself; else as
    from its background worker: a row is due `lag` seconds after its report, and rows that are due wait for the next full
    `batch` seconds. The order is always that of the reports."""

    def __init__(self, insert: Callable[[list[Row]], object], lag: float = 0.0, batch: float = 0.0) -> None:
        self._insert = insert
        self._lag = lag
        self._batch = batch
        self._rows: deque[tuple[float, Row]] = deque(maxlen=QUEUE_LIMIT)

    def put(self, row: Row, now: float) -> None:
        due = now + self._lag
        if self._batch > 0:
            due = math.ceil(due / self._batch) * self._batch
        self._rows.append((due, row))
        self.run(now)

    def next_due(self) -> float | None:
        return self._rows[0][0] if self._rows else None

    def run(self, now: float) -> None:
        ready: list[Row] = []
        while self._rows and self._rows[0][0] <= now:
            ready.append(self._rows.popleft()[1])
        if ready:
            self._insert(ready)
