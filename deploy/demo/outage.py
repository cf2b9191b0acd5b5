"""Says once that a server is away and once that it is back, however often it is asked for in between."""

import logging

log = logging.getLogger("publisher")


class Outage:
    def __init__(self, server: str, lost: str) -> None:
        self._server = server
        self._lost = lost  # what is dropped meanwhile, in the plural
        self._count = 0

    def failed(self, error: Exception, dropped: int) -> None:
        if self._count == 0:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            log.warning("%s is away, %s are dropped until it is back: %s", self._server, self._lost, reason[0])
        self._count += dropped

    def succeeded(self) -> None:
        if self._count:
            log.info("%s is back, %d %s were dropped", self._server, self._count, self._lost)
            self._count = 0
