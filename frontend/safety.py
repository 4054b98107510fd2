"""Settings that would let others in, refused before the start unless `accepted_risks` names them."""

import re
import socket
import stat
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import parse_qs

from frontend.errors import StartRefused
from frontend.settings import Settings
from frontend.triton_addresses import parse_addresses

LOOPBACK_NAMES = {"localhost", "ip6-localhost"}


def refuse_insecure(settings: Settings) -> None:
    """Raise StartRefused for the first insecure setting that the operator has not accepted by its name."""
    for risk, find in _CHECKS.items():
        if not settings.accepts(risk) and (problem := find(settings)):
            raise StartRefused(f"insecure setting: {problem}; or accept it with LIVENESS_ACCEPTED_RISKS={risk}")


def _plain_http(settings: Settings) -> str | None:
    """`hash_id` and pictures would cross a network that others listen on."""
    if _is_loopback(settings.host):
        return None
    return (
        f"LIVENESS_HOST={settings.host} is not a loopback address, and this service speaks no TLS: "
        "listen on 127.0.0.1 behind a proxy that does"
    )


def _plain_keys(settings: Settings) -> str | None:
    """The database's password and the keys' digests would cross it."""
    scheme, _, address = settings.keys_url.partition("://")
    if scheme not in {"mongodb", "mongodb+srv"}:
        return None
    authority, _, options_text = address.partition("?")
    parsed = parse_qs(options_text.replace(";", "&"))  # pymongo takes either between options
    options = {name.lower(): values[-1].lower() for name, values in parsed.items()}
    by_default = "true" if scheme == "mongodb+srv" else "false"
    hosts = authority.partition("/")[0].rpartition("@")[2].split(",")
    without_ports = [re.sub(r":[^:\]]*$", "", host) for host in hosts]
    if options.get("tls", options.get("ssl", by_default)) == "true" or all(map(_is_loopback, without_ports)):
        return None
    return "LIVENESS_KEYS_URL names a MongoDB on another machine without tls=true"


def _public_triton(settings: Settings) -> str | None:
    """Crops of faces would leave the premises, in the clear, for Triton's HTTP knows no TLS."""
    hosts = {host for host, _ in parse_addresses(settings.triton_url)} if settings.triton_url else set()
    public = sorted(address for host in hosts for address in _addresses_of(host) if ip_address(address).is_global)
    return f"LIVENESS_TRITON_URL leads to the public address {public[0]}" if public else None


def _addresses_of(host: str) -> set[str]:
    try:
        return {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return set()  # it may come later; what has no address yet cannot be sent to


def _readable_data(settings: Settings) -> str | None:
    """Others on this machine would read the demo key, the keys' digests and who was judged."""
    if not settings.data_dir.is_dir():
        return None
    others = stat.S_IMODE(settings.data_dir.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    return f"LIVENESS_DATA_DIR={settings.data_dir} is open to others: chmod 700 it" if others else None


def _is_loopback(host: str) -> bool:
    host = host.strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOOPBACK_NAMES


_CHECKS: dict[str, Callable[[Settings], str | None]] = {
    "plain-http": _plain_http,
    "plain-keys": _plain_keys,
    "public-triton": _public_triton,
    "readable-data": _readable_data,
}
