"""What this host is: its identity, system, and network interfaces. Changes rarely; read anew for each report."""

import array
import fcntl
import ipaddress
import os
import platform
import socket
import struct
import uuid
from pathlib import Path

AGENT_VERSION = "demo-1.0.0"

# Device ids of the demo are derived from the machine's, so that they stay the same from run to run.
_NAMESPACE = uuid.UUID("6f2c1c54-2f0f-5d4e-9b1a-7a2f5f0c9d11")

# From <linux/sockios.h> and <linux/wireless.h>: the kernel tells these by ioctl only (or by netlink, at ten times the code).
_SIOCGIFADDR = 0x8915
_SIOCGIWESSID = 0x8B1B
_ARPHRD_LOOPBACK = "772"


def device_ids(count: int, root: Path = Path("/")) -> list[str]:
    """The first is this host, the others are its made-up neighbours."""
    host = uuid.uuid5(_NAMESPACE, _read(root / "etc/machine-id") or socket.gethostname())
    return [str(host)] + [str(uuid.uuid5(host, f"device-{number}")) for number in range(2, count + 1)]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None


def default_interface(root: Path) -> str | None:
    """The interface of the IPv4 default route with the lowest metric."""
    best: str | None = None
    best_metric = 0
    for line in (_read(root / "proc/net/route") or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[1] != "00000000" or fields[7] != "00000000":
            continue
        metric = int(fields[6])
        if best is None or metric < best_metric:
            best, best_metric = fields[0], metric
    return best


def ip4_address(interface: str) -> str | None:
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            return socket.inet_ntoa(fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)[20:24])
        except OSError:
            return None  # no address


def ip6_addresses(root: Path) -> dict[str, str]:
    """One address per interface: a global one where there is one, else the link's own."""
    chosen: dict[str, str] = {}
    scopes: dict[str, int] = {}
    for line in (_read(root / "proc/net/if_inet6") or "").splitlines():
        address, _, _, scope, _, interface = line.split()
        if interface not in chosen or int(scope, 16) < scopes[interface]:  # 00 is global, 20 the link
            chosen[interface], scopes[interface] = str(ipaddress.IPv6Address(bytes.fromhex(address))), int(scope, 16)
    return chosen


def wifi_name(interface: str) -> str | None:
    name = array.array("B", bytes(33))
    request = struct.pack("16sPHH", interface.encode()[:15], name.buffer_info()[0], len(name), 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            fcntl.ioctl(probe.fileno(), _SIOCGIWESSID, request)
        except OSError:
            return None
    return name.tobytes().rstrip(b"\0").decode("utf-8", errors="replace") or None


def wifi_levels(root: Path) -> dict[str, int]:
    """Signal in dBm by interface, from the fourth column of /proc/net/wireless."""
    levels: dict[str, int] = {}
    for line in (_read(root / "proc/net/wireless") or "").splitlines()[2:]:
        name, _, rest = line.partition(":")
        fields = rest.split()
        if len(fields) > 2:
            levels[name.strip()] = int(float(fields[2]))
    return levels


def network_interfaces(root: Path = Path("/")) -> list[dict[str, object]]:
    """As the API server's agents report them. Addresses by ioctl are always this host's, whatever `root` is."""
    default, ip6, levels = default_interface(root), ip6_addresses(root), wifi_levels(root)
    interfaces: list[dict[str, object]] = []
    for link in sorted((root / "sys/class/net").glob("*")):
        if not (link / "operstate").exists():
            continue  # bonding_masters and the like are not interfaces
        wireless = (link / "wireless").exists() or (link / "phy80211").exists()
        loopback = _read(link / "type") == _ARPHRD_LOOPBACK
        interfaces.append(
            {
                "name": link.name,
                "type": "loopback" if loopback else "wireless" if wireless else "wired",
                "ip4": ip4_address(link.name),
                "ip6": ip6.get(link.name),
                "mac": _read(link / "address"),
                "operstate": _read(link / "operstate"),
                "default": link.name == default,
                # Only what is driven by hardware, real or emulated, has a device behind it.
                "virtual": not (link / "device").exists(),
                "ssid": wifi_name(link.name) if wireless else None,
                "signalLevel": levels.get(link.name),
            }
        )
    return interfaces


def os_version(root: Path) -> str:
    for line in (_read(root / "etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip("\"'")
    return platform.system()


def uptime_seconds(root: Path) -> int:
    return int(float((_read(root / "proc/uptime") or "0").split()[0]))


def host_state(interfaces: list[dict[str, object]], root: Path = Path("/")) -> dict[str, object]:
    """The `state` object of a state report."""
    main: dict[str, object] = next((i for i in interfaces if i["default"]), {})
    return {
        "apps": {},
        "config": {},
        "ip_address": main.get("ip4"),
        "mac_address": main.get("mac"),
        "os_version": os_version(root),
        "architecture": os.uname().machine,
        "hostname": socket.gethostname(),
        "agent_version": AGENT_VERSION,
        "uptime": uptime_seconds(root),
        "version": 1,
        "network_interfaces": interfaces,
    }
