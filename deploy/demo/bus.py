"""The Redis side: what the API server appends and publishes for a report, in its payload form.

Like the API server, it does not keep what it cannot publish: when Redis is away, the event is gone.
"""

import json
from datetime import datetime, timezone

import redis

from outage import Outage

STREAM_LENGTH = 1000  # entries kept per device, approximately
TIMEOUT = 2.0  # seconds; a Redis that does not answer must not stop the reports


def iso_milliseconds(moment: datetime) -> str:
    """JavaScript's Date.toISOString(): UTC, three decimals, Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def encode(value: object) -> str:
    """JavaScript's JSON.stringify(), which writes a whole number without decimals even where it was a float."""
    return json.dumps(_whole_numbers(value), separators=(",", ":"), ensure_ascii=False)


def _whole_numbers(value: object) -> object:
    if isinstance(value, dict):
        return {key: _whole_numbers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def envelope(device: str, kind: str, body: dict[str, object], moment: datetime) -> str:
    return encode({"deviceUuid": device, kind: body, "timestamp": iso_milliseconds(moment)})


class Bus:
    """Connects when first needed, and again after a failure: redis-py opens a new connection by itself."""

    def __init__(self, url: str, topic_prefix: str = "") -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
        self._prefix = topic_prefix
        self._outage = Outage("Redis", "events")

    def publish_metrics(self, device: str, metrics: dict[str, object], moment: datetime, append: bool = True) -> bool:
        """Stream entry first, then the event; `append` is False when a report is published a second time."""
        batch = self._redis.pipeline(transaction=False)
        if append:
            entry = {"timestamp": iso_milliseconds(moment), "data": encode(metrics)}
            batch.xadd(f"metrics:{device}", entry, maxlen=STREAM_LENGTH, approximate=True)
        batch.publish(self._topic(device, "metrics"), envelope(device, "metrics", metrics, moment))
        return self._execute(batch)

    def publish_state(self, device: str, state: dict[str, object], moment: datetime) -> bool:
        batch = self._redis.pipeline(transaction=False)
        batch.publish(self._topic(device, "state"), envelope(device, "state", state, moment))
        return self._execute(batch)

    def close(self) -> None:
        self._redis.close()

    def _topic(self, device: str, kind: str) -> str:
        return f"{self._prefix}device:{device}:{kind}"

    def _execute(self, batch: redis.client.Pipeline) -> bool:
        try:
            batch.execute()
        except (redis.RedisError, OSError) as error:
            self._outage.failed(error, dropped=1)
            return False
        self._outage.succeeded()
        return True
