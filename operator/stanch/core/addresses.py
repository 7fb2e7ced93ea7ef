"""
Where the operator may connect to for somebody: never link-local, and inside only where the cluster's policy names it.

A name is judged by what it stands for, at the very connection: an answer that was good a moment ago may be another by now.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

# An IPv4 address inside of an IPv6 one, which a gateway takes it out of (RFC 6052).
_NAT64: Final = IPv6Network("64:ff9b::/96")


def why_not(address: str, inside: bool) -> str:
    """Why nothing is sent to this IP address; empty when it may be. ``inside``: the policy names it. Raises ValueError."""
    known = meant(address)
    if (
        known.is_link_local
        or known.is_multicast
        or known.is_unspecified
        or (known.is_reserved and not known.is_loopback)
    ):
        return "it is a link-local, multicast or reserved address, where nothing is ever sent"
    if known.is_global or inside:
        return ""
    return "it is a private address, and no privateHost of the channel in the cluster's ResponsePolicy names its host"


def meant(text: str) -> IPv4Address | IPv6Address:
    """The address, or the IPv4 one that is written as an IPv6 one. Raises ValueError for a name."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv4Address):
        return address
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def wrong_url(url: str, private_host: str | None) -> str:
    """Why nothing is sent to this URL, as far as its text says; empty when it may be. What a name stands for is looked at later."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "it is no http or https URL with a host"
    if parts.username is not None or parts.password is not None:
        return "it carries a user or password; they have keys of their own in the Secret"
    if parts.scheme == "http" and host != private_host:
        return "it is not https; only a privateHost may be plain http"
    return wrong_host(host, private_host)


def wrong_host(host: str, private_host: str | None) -> str:
    """The same for a host."""
    try:
        return why_not(host, host == private_host)
    except ValueError:
        return ""
