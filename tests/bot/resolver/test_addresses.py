from __future__ import annotations

import ipaddress
import socket
import threading

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import ConfigError, ResolveError, ResolveFailure
from bot.resolver.addresses import AddressGuard, is_public, system_lookup
from bot.resolver.exchange import parse_url
from bot.resolver.limits import FetchLimits
from tests.bot.resolver.conftest import failure, no_lookup, reason

NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
    "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000::1",
    "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1",
    "5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%1", "fec0::1", "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1", "198.17.0.1",
          "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2003::1"]  # fmt: skip


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_address_that_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    assert reason(lambda: AddressGuard().check_host(text)) is ResolveFailure.BLOCKED_ADDRESS
    guard = AddressGuard(lookup=lambda host, port: ["8.8.8.8", text])
    error = failure(lambda: guard.addresses("example.com", 80, 1))
    assert error.reason is ResolveFailure.BLOCKED_ADDRESS
    assert not error.passing


@pytest.mark.parametrize("text", PUBLIC)
def test_address_that_is_public(text: str) -> None:
    guard = AddressGuard(lookup=lambda host, port: [text])
    assert guard.check_host(text) == text
    assert guard.addresses("example.com", 80, 1) == (text,)


@pytest.mark.parametrize(
    "host",
    [
        "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "127.1", "127.0.1", "1",
        "0", "0x", "8.8.8.010", "08.8.8.8", "8.8.8.8.8", "1.2.3", "256.1.1.1", "999999999999", "127.0.0.1.",
        "foo.0x7f", "foo.1", "4294967296", "0x8.0x8.0x8.0x8", "134744072",
        "localhost", "LOCALHOST", "localhost.", "foo.localhost", "printer", "printer.local", "nas.lan",
        "metadata.google.internal", "metadata.google.internal.", "router.home.arpa", "db.corp",
        "localhost.localdomain", "[::1]", "[::ffff:7f00:1]", "[64:ff9b::1]", "[fe80::1]",
    ],
)  # fmt: skip
def test_disguised_and_local_hosts(host: str) -> None:
    guard = AddressGuard(lookup=no_lookup)

    def ask() -> None:
        place = parse_url(f"http://{host}/", FetchLimits())
        guard.check_host(place.raw_host.decode())

    assert reason(ask) in {ResolveFailure.BLOCKED_ADDRESS, ResolveFailure.UNSUPPORTED}


@pytest.mark.parametrize(
    "url",
    [
        "http://ｌｏｃａｌｈｏｓｔ/", "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", "http://local\u00adhost/", "http://localhost。/",
        "http://１２７.0.0.1/", "http://127。0。0。1/", "http://127｡1/", "http://①②⑦.⓪.⓪.①/", "http://lo\u200dcalhost/",
        "http://[::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[::ffff:127.0.0.1]/", "http://[::]/",
        "http://[v1.x]/", "http://[::1/", "http://::1/", "http://%6c%6f%63%61%6c%68%6f%73%74/", "http://127.0.0.1%2f.example.com/",
        "http://example.com\\@127.0.0.1/", "http://127.0.0.1\\.example.com/", "http://a b.example/", "http://-.example/",
        "http:///x", "http://", "http:/127.0.0.1/", "//127.0.0.1/", "", "x", "http://.", "http://..", "http://a..b/",
    ],
)  # fmt: skip
def test_urls_that_name_no_public_host(url: str) -> None:
    guard = AddressGuard(lookup=no_lookup)

    def ask() -> None:
        guard.check_host(parse_url(url, FetchLimits()).raw_host.decode())

    assert reason(ask) in {ResolveFailure.BLOCKED_ADDRESS, ResolveFailure.UNSUPPORTED}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://example.com/", ResolveFailure.UNSUPPORTED),
        ("file:///etc/passwd", ResolveFailure.UNSUPPORTED),
        ("gopher://example.com/", ResolveFailure.UNSUPPORTED),
        ("javascript:alert(1)", ResolveFailure.UNSUPPORTED),
        ("http://user@example.com/", ResolveFailure.BLOCKED_ADDRESS),
        ("http://user:secret@example.com/", ResolveFailure.BLOCKED_ADDRESS),
        ("http://8.8.8.8@127.0.0.1/", ResolveFailure.BLOCKED_ADDRESS),
        ("http://example.com:22/", ResolveFailure.BLOCKED_ADDRESS),
        ("https://example.com:8443/?secret", ResolveFailure.BLOCKED_ADDRESS),
        ("http://example.com:99999/", ResolveFailure.BLOCKED_ADDRESS),
        ("http://example.com:-80/", ResolveFailure.BLOCKED_ADDRESS),
        ("http://example.com:x/", ResolveFailure.UNSUPPORTED),
        ("http://example.com/\r\nHost: evil", ResolveFailure.UNSUPPORTED),
        ("http://example.com/" + "x" * 9000, ResolveFailure.UNSUPPORTED),
    ],
)
def test_urls_that_are_not_asked_for(url: str, expected: ResolveFailure) -> None:
    assert reason(lambda: parse_url(url, FetchLimits())) is expected


def test_names_are_brought_into_one_form() -> None:
    guard = AddressGuard(lookup=no_lookup)
    assert guard.check_host("EXAMPLE.com.") == "example.com"
    assert guard.check_host("a_b.example.com") == "a_b.example.com"
    assert parse_url("http://Bücher.example/", FetchLimits()).raw_host == b"xn--bcher-kva.example"
    assert parse_url("https://xn--bcher-kva.example:443/a?b#c", FetchLimits()) == httpx.URL(
        "https://xn--bcher-kva.example/a?b"
    )


def test_operators_networks_pass_and_nothing_else_does() -> None:
    guard = AddressGuard(["10.1.0.0/16", "fd00:1::/32"], lookup=lambda host, port: ["10.1.2.3"])
    assert guard.addresses(guard.check_host("media.internal"), 80, 1) == ("10.1.2.3",)
    assert guard.check_host("fd00:1::5") == "fd00:1::5"
    for host in ("10.2.0.1", "::ffff:10.1.2.3", "127.0.0.1", "fd00:2::1", "0x0a010203"):
        assert reason(lambda host=host: guard.check_host(host)) is ResolveFailure.BLOCKED_ADDRESS
    with pytest.raises(ConfigError, match=r"allow_networks.*host bits"):
        AddressGuard(["10.1.0.5/16"])


def test_the_systems_lookup() -> None:
    assert system_lookup("127.0.0.1", 80) == ["127.0.0.1"]
    with pytest.raises(OSError):
        system_lookup("no-such-name.invalid", 80)


def test_lookups_that_fail() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = failure(lambda: AddressGuard(lookup=unknown).addresses("gone.example", 80, 1))
    assert error.reason is ResolveFailure.NETWORK
    assert "gone.example" in str(error)
    nothing = AddressGuard(lookup=lambda host, port: [])
    assert reason(lambda: nothing.addresses("empty.example", 80, 1)) is ResolveFailure.NETWORK
    rubbish = AddressGuard(lookup=lambda host, port: ["not an address"])
    assert reason(lambda: rubbish.addresses("rubbish.example", 80, 1)) is ResolveFailure.BLOCKED_ADDRESS


def test_lookup_that_hangs_is_given_up() -> None:
    release = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        release.wait(10)
        return ["8.8.8.8"]

    guard = AddressGuard(lookup=hang)
    assert reason(lambda: guard.addresses("slow.example", 80, 0.05)) is ResolveFailure.NETWORK
    release.set()


@given(st.integers(0, 2**32 - 1))
def test_no_ipv4_address_passes_that_python_holds_for_special(number: int) -> None:
    address = ipaddress.IPv4Address(number)
    assert not is_public(address) or (address.is_global and not address.is_multicast)


@given(st.integers(0, 2**128 - 1) | st.integers(0, 2**32 - 1).map(lambda low: (0xFFFF << 32) | low))
@example(0x20020A00_00010000_00000000_00000000)
def test_no_ipv6_address_passes_that_wraps_or_is_special(number: int) -> None:
    address = ipaddress.IPv6Address(number)
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert address.ipv4_mapped is None
        assert address.sixtofour is None
        assert address.teredo is None


PIECES = ["127", "0", "1", "0x7f", "0177", "localhost", "８", "。", ".", "xn--", "a"]
HOSTS = (
    st.text(max_size=30)
    | st.from_regex(r"[0-9a-fx.:\[\]%]{1,20}", fullmatch=True)
    | st.lists(st.sampled_from(PIECES), max_size=7).map(".".join)
    | st.integers(0, 2**33).map(str)
    | st.ip_addresses().map(lambda address: f"[{address}]" if address.version == 6 else str(address))
)  # fmt: skip


@given(
    HOSTS,
    st.sampled_from(
        ["http://{}/", "https://{}:443", "http://{}", "http://a.example@{}/", "http://{}\\@b.example/"]
    ),
)
def test_whatever_the_url_only_public_literals_or_names_are_left(host: str, form: str) -> None:
    guard = AddressGuard(lookup=no_lookup)
    try:
        plain = guard.check_host(parse_url(form.format(host), FetchLimits()).raw_host.decode())
    except ResolveError:
        return
    try:
        # What the system itself would take for an address without asking anybody.
        found = socket.getaddrinfo(plain, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        assert "." in plain
        assert not plain.endswith(("localhost", ".local", ".internal"))
    else:
        assert all(is_public(ipaddress.ip_address(entry[4][0])) for entry in found)
