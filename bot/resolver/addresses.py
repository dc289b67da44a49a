"""Which hosts may be asked: only names and addresses on the public internet.

The special-purpose ranges are those of the IANA registries (RFC 6890 and its updates), written out because
`ipaddress.is_global` differs between Python's patch releases, plus the metadata services of clouds that sit
on public-looking addresses. IPv6 is allow-listed: nothing outside global unicast 2000::/3 is public, which
leaves out every way to wrap an IPv4 address (mapped, compatible, NAT64) but 6to4 and Teredo, named below.
"""

from __future__ import annotations

import ipaddress
import queue
import re
import socket
import threading
from collections.abc import Callable, Sequence

from bot.errors import ConfigError, ResolveError, ResolveFailure

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Lookup = Callable[[str, int], Sequence[str]]
"""Host name and port to addresses in text; raises `OSError` where the name has none."""

GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches the own machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; also Alibaba's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent
        "169.254.0.0/16",  # link-local; metadata services
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; also Oracle's metadata service
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo, ORCHID, benchmarks and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",  # documentation
    )
)
LOCAL_SUFFIXES = frozenset(
    {
        "localhost",
        "localdomain",
        "local",
        "internal",
        "intranet",
        "lan",
        "private",
        "corp",
        "home",
        "home.arpa",
    }
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER_LAST = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")


def is_public(address: Address) -> bool:
    """Whether an address is one that any stranger may name."""
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address not in GLOBAL_UNICAST):
        return False
    return not any(address in network for network in NOT_PUBLIC if network.version == address.version)


def system_lookup(host: str, port: int) -> Sequence[str]:
    """All addresses of a host as this machine sees them, in the system's order of preference."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


class AddressGuard:
    """Turns a host into addresses that may be connected to, or refuses it.

    ``allow_networks`` are an operator's own networks, in CIDR form, that may be fetched from although they
    are not public. Where there are any, local *names* may be asked for too: their addresses still decide.

    Raises:
        ConfigError: a network that is none.
    """

    def __init__(self, allow_networks: Sequence[str] = (), lookup: Lookup = system_lookup) -> None:
        try:
            self._allowed = tuple(ipaddress.ip_network(network) for network in allow_networks)
        except ValueError as error:
            raise ConfigError(f"allow_networks needs networks like 10.1.0.0/16: {error}") from None
        self._lookup = lookup

    def permits(self, address: Address) -> bool:
        """Whether this address is public or one of the operator's own."""
        own = any(address in network for network in self._allowed if network.version == address.version)
        return own or is_public(address)

    def check_host(self, host: str) -> str:
        """The host in its one plain form: a lower-case ASCII name, or an address without brackets.

        Raises:
            ResolveError: BLOCKED_ADDRESS for local names, non-public addresses, and addresses written in
                a form (octal, hexadecimal, short, one number) that only serves to get past a check;
                UNSUPPORTED for what is no host at all.
        """
        plain = host.lower().removesuffix(".")
        if ":" in plain or _NUMBER_LAST.fullmatch(plain):
            self._check_address(plain, plain)
            return plain
        if len(plain) > 253 or not _NAME.fullmatch(plain):
            raise ResolveError(ResolveFailure.UNSUPPORTED, "the link has no usable host name")
        labels = plain.split(".")
        local = len(labels) == 1 or not LOCAL_SUFFIXES.isdisjoint({labels[-1], ".".join(labels[-2:])})
        if local and not self._allowed:
            raise _blocked(f"{plain} is a local name")
        return plain

    def addresses(self, host: str, port: int, timeout: float) -> tuple[str, ...]:
        """The addresses of a host that `check_host` has passed; asks the lookup once, at most ``timeout`` s.

        Raises:
            ResolveError: BLOCKED_ADDRESS if *any* of them may not be asked, NETWORK if there is none.
        """
        if ":" in host or _NUMBER_LAST.fullmatch(host):
            return (self._check_address(host, host),)
        found = self._ask(host, port, timeout)
        if not found:
            raise ResolveError(ResolveFailure.NETWORK, f"{host} has no address")
        return tuple(self._check_address(address, host) for address in found)

    def _check_address(self, text: str, host: str) -> str:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise _blocked(f"{host[:80]} is not a plain address") from None
        if not self.permits(address):
            raise _blocked(f"{host} leads to {address}, which is not public")
        return str(address)

    def _ask(self, host: str, port: int, timeout: float) -> Sequence[str]:
        """The lookup, given up after ``timeout``: the system's own can hang far longer."""
        answer: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answer.put(self._lookup(host, port))
            except OSError as error:
                answer.put(error)
            except UnicodeError as error:  # what the socket module says to a name it cannot encode
                answer.put(OSError(str(error)))

        threading.Thread(target=ask, name="lookup", daemon=True).start()
        try:
            found = answer.get(timeout=timeout)
        except queue.Empty:
            raise ResolveError(
                ResolveFailure.NETWORK, f"looking up {host} took over {timeout:.0f} s"
            ) from None
        if isinstance(found, OSError):
            raise ResolveError(
                ResolveFailure.NETWORK, f"{host} cannot be looked up: {found.strerror or found}"
            )
        return found


def _blocked(detail: str) -> ResolveError:
    mend = "only public addresses are fetched; the operator's own go into allow_networks"
    return ResolveError(ResolveFailure.BLOCKED_ADDRESS, f"{detail}: {mend}")
