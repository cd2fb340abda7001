"""Which URLs and addresses the guard lets through, and how it says no."""

import asyncio
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.webhooks import address_guard
from service.webhooks.address_guard import AddressGuard, AddressRefused
from tests.webhooks.senders import PUBLIC, build_resolver


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/path?query=1",
        "HTTPS://Hooks.Example:8443",
        "https://under_score.hooks.example./",
        "https://münchen.example/ü",
        "https://xn--mnchen-3ya.example/",
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:444/",
        "https://3com.example/",
        "https://hooks.example/" + "x" * (2048 - 22),
    ],
)
def test_valid_urls_are_accepted(url: str) -> None:
    """Names, international ones too, and literal addresses over https pass the syntax rules."""
    assert AddressGuard().check_url(url).scheme == "https"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example/", "CLAIMDESK_WEBHOOK_ALLOW_HTTP"),
        ("ftp://hooks.example/", "begin with https://"),
        ("file:///etc/passwd", "begin with https://"),
        ("hooks.example/", "begin with https://"),
        ("https:hooks.example", "begin with https://"),
        ("//hooks.example/", "begin with https://"),
        ("", "begin with https://"),
        ("https://", "neither a name"),
        ("https:///path", "neither a name"),
        ("https://:443/", "neither a name"),
        ("https://user@hooks.example/", "user name"),
        ("https://user:secret@hooks.example/", "user name"),
        ("https://@hooks.example/", "user name"),
        ("https://hooks.example/#part", "fragment"),
        ("https://hooks.example/#", "fragment"),
        ("https://hooks.example/" + "x" * (2048 - 21), "2,048"),
        ("https://hooks.example/a b", "space"),
        ("https://hooks.example/\r\nHost: other", "space"),
        ("https://hooks.example/\x00", "space"),
        ("https://hooks.example/\x85", "space"),
        ("https://hooks.example\u3000/", "space"),
        ("https://hooks.example\\@10.0.0.1/", "backslash"),
        ("https://hooks.example:0/", "between 1 and 65535"),
        ("https://hooks.example:+443/", "not valid"),
        ("https://hooks.example:4_43/", "not valid"),
        ("https://hooks.example:４４３/", "not valid"),
        ("https://[2606:4700::1111]:4_43/", "not valid"),
        ("https://hooks.example:65536/", "not valid|65535"),
        ("https://hooks.example:99999999999/", "not valid|65535"),
        ("https://hooks.example:-1/", "not valid|65535"),
        ("https://hooks.example:https/", "not valid"),
        ("https://hooks.example:" + "9" * 1900 + "/", "not valid|65535"),
        ("https://hooks..example/", "neither a name"),
        ("https://" + "a" * 64 + ".example/", "neither a name"),
        ("https://" + "a." * 127 + "example/", "neither a name"),
        ("https://hooks%2eexample/", "neither a name"),
        ("https://hooks!example/", "neither a name"),
        ("https://☃☃.example/", "not valid"),
        ("https://\u0300hooks.example/", "not valid"),
        ("https://" + "ü" * 300 + ".example/", "not valid"),
        ("https://xn--a.example/", "not valid"),
        ("https://xn--.example/", "not valid"),
        ("https://１２７.0.0.1/", "not valid"),
        ("https://\ud800.example/", "not valid"),
        ("https://hooks.example/\ud800", "not valid"),
        ("https://2130706433/", "neither a name"),
        ("https://0x7f000001/", "neither a name"),
        ("https://0x7f.1/", "neither a name"),
        ("https://017700000001/", "neither a name"),
        ("https://127.1/", "neither a name"),
        ("https://127.0.0.1./", "neither a name"),
        ("https://0177.0.0.1/", "not valid"),
        ("https://300.0.0.1/", "not valid"),
        ("https://1.2.3.0x/", "neither a name"),
        ("https://[fe80::1%25eth0]/", "not valid|neither a name"),
        ("https://[fe80::1%eth0]/", "not valid|neither a name"),
        ("https://[::1/", "not valid"),
        ("https://[v1.x]/", "not valid"),
    ],
)
def test_invalid_urls_are_refused_with_a_sentence(url: str, words: str) -> None:
    """Each is refused in a sentence: nothing else is ever raised."""
    with pytest.raises(AddressRefused, match=words) as refusal:
        AddressGuard().check_url(url)
    assert str(refusal.value).endswith(".")


def test_allow_http_accepts_http_only() -> None:
    """`allow_http` opens http, and no other scheme."""
    assert AddressGuard(allow_http=True).check_url("http://hooks.example/").scheme == "http"
    with pytest.raises(AddressRefused, match="https://"):
        AddressGuard(allow_http=True).check_url("gopher://hooks.example/")


@given(
    st.one_of(
        st.text(),
        st.builds("https://{}{}".format, st.text(), st.text()),
        st.builds("https://xn--{}.example".format, st.text("abcxyz0189-", max_size=20)),
        st.builds("https://[{}]:{}/".format, st.text("0123456789abcdef:.%"), st.text("0123456789")),
    )
)
def test_any_text_is_a_url_or_refused(text: str) -> None:
    """Whatever the text, the answer is a URL with a usable host, or Refused."""
    try:
        url = AddressGuard().check_url(text)
    except AddressRefused:
        return
    assert url.host
    assert url.raw_host.isascii()
    assert url.scheme == "https"


DENIED = (
    "0.0.0.0 0.255.255.255 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 "
    "127.255.255.254 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 "
    "192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 "
    "239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 "
    "::ffff:169.254.169.254 ::ffff:a9fe:a9fe ::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::a9fe:a9fe "
    "64:ff9b::8.8.8.8 64:ff9b:1::1 100::1 fe80::1 fe80::1%eth0 2606:4700::1%eth0 fec0::1 "
    "fc00::1 fd00:ec2::254 ff02::1 ff0e::1 2001::1 2001:0:a9fe:a9fe::1 2001:10::1 2001:20::1 "
    "2001:1ff::1 2001:db8::1 2002:a9fe:a9fe:: 2002:7f00:1:: 3fff::1 3fff:fff::1 4000::1 5f00::1 "
    "1fff::1 127.1 2130706433 0x7f000001 0177.0.0.1 017700000001 1 localhost 10.0.0.1/32 "
    "10.0.0.1. "
)
ALLOWED = (
    "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 "
    "128.0.0.0 169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 "
    "198.17.255.255 198.20.0.0 223.255.255.255 ::ffff:8.8.8.8 2000::1 2001:200::1 "
    "2001:4860:4860::8888 2003::1 2606:4700::1111 3ffe:ffff::1 2a00::1 3ffe::1 3fff:1000::1 "
)


@pytest.mark.parametrize("address", ["", *DENIED.split()])
def test_special_addresses_are_not_public(address: str) -> None:
    """Special ranges, their mapped, NAT64, 6to4 and Teredo forms, and what is no plain address."""
    assert not AddressGuard().is_permitted(address)


@pytest.mark.parametrize("address", ALLOWED.split())
def test_neighbours_of_special_ranges_are_public(address: str) -> None:
    """The neighbours of the special ranges are open."""
    assert AddressGuard().is_permitted(address)


def test_configured_networks_are_permitted() -> None:
    """A CIDR opens its range, mapped forms too, and nothing beside it; scopes stay refused."""
    guard = AddressGuard(
        allow_cidrs=[*map(ipaddress.ip_network, ("10.0.0.0/24", "fe80::/10", "::1"))]
    )
    for address in ("10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "::1", "8.8.8.8"):
        assert guard.is_permitted(address), address
    for address in ("10.0.1.1", "::ffff:10.0.1.1", "::ffff:127.0.0.1", "fe80::1%eth0", "::"):
        assert not guard.is_permitted(address), address


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (["10.0.0.5"], "hooks.example is at 10.0.0.5, .* add 10.0.0.5/32 to CLAIMDESK_WEBHOOK_AL"),
        (["::ffff:10.0.0.5"], "add 10.0.0.5/32 to"),
        (["fd00::5"], "add fd00::5/128 to CLAIMDESK_WEBHOOK_ALLOW_CIDRS"),
        ([PUBLIC, "127.0.0.1"], "127.0.0.1"),
        (["127.0.0.1", PUBLIC], "127.0.0.1"),
        (["fe80::1%eth0"], "hooks.example is at fe80::1%eth0, which is no address"),
        ([], "hooks.example has no address"),
        (socket.gaierror(-2, "Name or service not known"), "hooks.example cannot be looked up"),
        (TimeoutError(), "cannot be looked up"),
        (UnicodeError("label too long"), "cannot be looked up"),
    ],
)
async def test_name_with_a_private_address_is_refused(
    answer: list[str] | Exception, words: str
) -> None:
    """One address that is not public refuses all; the sentence names the setting that opens it."""
    with pytest.raises(AddressRefused, match=words):
        await AddressGuard(resolve=build_resolver(answer)).check_address("https://hooks.example/")


async def test_literal_addresses_are_vetted_unresolved() -> None:
    """A literal address goes to no resolver; its refusal speaks of the address alone."""
    guard = AddressGuard(resolve=build_resolver(AssertionError("asked")))
    await guard.check_address(f"https://{PUBLIC}/")
    with pytest.raises(
        AddressRefused, match=r"^169.254.169.254 is private or reserved. If it is yours"
    ):
        await guard.check_address("https://169.254.169.254/latest/meta-data/")
    with pytest.raises(AddressRefused, match=r"^::ffff:10.0.0.5 is .* 10.0.0.5/32"):
        await guard.check_address("https://[::ffff:10.0.0.5]/")


async def test_lookup_has_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registration does not wait for a name server that does not answer."""
    # A bound on the resolver, the same for every guard of a process.
    monkeypatch.setattr(address_guard, "RESOLVE_SECONDS", 0.05)

    async def hang(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        raise AssertionError("unreachable")

    with pytest.raises(AddressRefused, match=r"within 0\.05 s"):
        await AddressGuard(resolve=hang).check_address("https://hooks.example/")


async def test_system_resolver_is_used() -> None:
    """localhost is looked up by the system and refused; a name that cannot be, too."""
    with pytest.raises(AddressRefused, match=r"localhost is at (127.0.0.1|::1), which is private"):
        await AddressGuard().check_address("https://localhost/")
    with pytest.raises(AddressRefused, match="cannot be looked up"):
        await AddressGuard().check_address("https://nowhere.invalid/")
    assert set(await address_guard.resolve_with_system("127.1", 80)) == {"127.0.0.1"}


async def test_abandoned_lookup_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that comes after the deadline, or after the loop, disturbs nothing."""
    late = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look_up_slowly(*_: object, **__: object) -> list[object]:
        future = asyncio.run_coroutine_threadsafe(late.wait(), loop)
        future.result(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up_slowly)
    lookup = asyncio.create_task(address_guard.resolve_with_system("hooks.example", 443))
    await asyncio.sleep(0.02)
    lookup.cancel()
    late.set()
    with pytest.raises(asyncio.CancelledError):
        await lookup
    await asyncio.sleep(0.05)


def test_lookups_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred names whose servers do not answer hold up no other, nor the end of the loop."""
    import threading

    release = threading.Event()

    def hang(host: str, *_: object, **__: object) -> list[object]:
        if host != "good.example":
            release.wait(10)
        return [(None, None, None, None, (PUBLIC, 443))]

    async def scenario() -> list[str]:
        stuck_tasks = [
            asyncio.create_task(address_guard.resolve_with_system(f"{number}.example", 443))
            for number in range(100)
        ]
        await asyncio.sleep(0)
        async with asyncio.timeout(2):
            addresses = await address_guard.resolve_with_system("good.example", 443)
        for task in stuck_tasks:
            task.cancel()
        return addresses

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    assert asyncio.run(scenario()) == [PUBLIC]
    release.set()
    for thread in threading.enumerate():
        if thread.name == "claimdesk-resolve":
            thread.join(5)
