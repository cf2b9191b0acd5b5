"""What is measured: how many clients on how many devices, at which rate, by which servers."""

from dataclasses import dataclass, field

from .servers import ALL, COMPRESSING, FLOOR_BATCH, FLOOR_SEND, GATEWAY, NCHAN, NODE


@dataclass(frozen=True)
class Shape:
    key: str
    title: str
    devices: int
    clients: int
    rate: float  # events per second over all devices
    servers: tuple[str, ...] = ALL
    search: bool = False
    options: dict[str, object] = field(default_factory=dict)

    def load_options(self, seconds: float) -> dict[str, object]:
        return {
            "clients": self.clients,
            "devices": self.devices,
            "rate": self.rate,
            "seconds": seconds,
            "connecting": 200,
            **self.options,
        }


# Where the search for the highest rate starts: near the end, or it takes long.
FIRST_RATES = {GATEWAY: 80_000, FLOOR_BATCH: 80_000, FLOOR_SEND: 20_000, NCHAN: 12_000, NODE: 5_000}

STEADY = Shape("steady", "100 devices × 10 clients, 2 000 events/s", 100, 1000, 2000)

FAN_OUT = (
    STEADY,
    Shape("highest", "100 devices × 10 clients, highest rate held", 100, 1000, 1, search=True),
    Shape("wide", "1 device × 1 000 clients, 200 events/s", 1, 1000, 200),
    Shape("widest", "1 device × 5 000 clients, 20 events/s", 1, 5000, 20),
    Shape("many", "1 000 devices × 1 client, 5 000 events/s", 1000, 1000, 5000),
)

# Pairs whose cost must not differ: the same number of deliveries per second, at two sizes. The floor tells how much of a
# difference is the kernel's.
SIZE = (
    Shape("size_clients_500", "1 device × 500 clients, 200 events/s", 1, 500, 200, (GATEWAY, FLOOR_SEND)),
    Shape("size_clients_5000", "1 device × 5 000 clients, 20 events/s", 1, 5000, 20, (GATEWAY, FLOOR_SEND)),
    Shape("size_devices_100", "100 devices × 1 client, 2 000 events/s", 100, 100, 2000, (GATEWAY, FLOOR_SEND)),
    Shape("size_devices_10000", "10 000 devices × 1 client, 2 000 events/s", 10_000, 10_000, 2000, (GATEWAY, FLOOR_SEND)),
)

# The same deliveries with and without compression: one compression for 500 receivers, and one for ten.
COMPRESSION = (
    Shape("compress_many", "1 device × 500 clients, 200 events/s", 1, 500, 200, (GATEWAY, COMPRESSING)),
    Shape("compress_few", "100 devices × 10 clients, 2 000 events/s", 100, 1000, 2000, (GATEWAY, COMPRESSING)),
)

MEMORY = (
    Shape("memory_connections", "10 000 idle clients of 100 devices", 100, 10_000, 0, (GATEWAY,)),
    Shape("memory_devices", "10 000 idle clients of 10 000 devices", 10_000, 10_000, 0, (GATEWAY,)),
)

STORM = Shape(
    "storm", "5 000 clients of 100 devices at once, each with its snapshot", 100, 5000, 0, (GATEWAY,),
    options={"connecting": 1000, "channel": "metrics,history", "await": "history"},
)

QUICK = (
    STEADY,
    Shape("wide", "1 device × 1 000 clients, 200 events/s", 1, 1000, 200, (GATEWAY, FLOOR_SEND, FLOOR_BATCH)),
    Shape("many", "1 000 devices × 1 client, 5 000 events/s", 1000, 1000, 5000, (GATEWAY, FLOOR_SEND, FLOOR_BATCH)),
)

FULL = (*FAN_OUT, *SIZE, *COMPRESSION, *MEMORY)
# Measured beside the shapes.
PARTS = ("storm", "shards", "micro", "history", "scale", "metrics")


@dataclass(frozen=True)
class Selection:
    """What one invocation measures: these shapes and parts, in this order."""

    shapes: tuple[Shape, ...]
    parts: tuple[str, ...]


def select(wanted: str, quick: bool) -> Selection:
    """`wanted`: keys of shapes and names of parts with commas, in any order; empty: the usual ones. Of a shape that a
    quick run measures its own way that is taken. Raises ValueError for a name that there is not."""
    usual = Selection(QUICK, ("storm",)) if quick else Selection(FULL, PARTS)
    if not wanted:
        return usual
    by_key = {shape.key: shape for shape in (*FULL, *usual.shapes)}
    names = [name.strip() for name in wanted.split(",")]
    unknown = [name for name in names if name not in by_key and name not in PARTS]
    if unknown:
        raise ValueError(f"there is no {', '.join(map(repr, unknown))}; there are {', '.join((*by_key, *PARTS))}")
    return Selection(
        tuple(shape for key, shape in by_key.items() if key in names),
        tuple(part for part in PARTS if part in names),
    )
