"""Addresses: the same page in other letters is the same, and what is no address is said."""

import pytest

from service.domain import addresses

SAME = [
    "https://example.org/a?b=1",
    "HTTPS://EXAMPLE.ORG/a?b=1",
    "https://example.org:443/a?b=1",
    "https://example.org./a?b=1",
    "https://example.org/a/?b=1",
    "https://example.org/a?b=1#top",
    "https://example.org/a?b=1#:~:text=words",
    "https://example.org/a?utm_source=mail&b=1&utm_medium=x",
    "https://example.org/a?UTM_Source=mail&b=1&fbclid=9",
    "https://example.org/%61?b=1",
]
OTHER = [
    "http://example.org/a?b=1",
    "https://example.org/A?b=1",
    "https://example.org:8443/a?b=1",
    "https://www.example.org/a?b=1",
    "https://example.org/a?b=2",
    "https://example.org/a",
    "https://example.org/a?b=1&c=utm_source",
    "https://example.org/a?b=1#!/article/5",
    "https://user@example.org/a?b=1",
]


@pytest.mark.parametrize("address", SAME)
def test_spellings_of_one_address_are_one(address: str) -> None:
    assert addresses.normalize_address(address) == SAME[0]
    assert addresses.compute_address_digest(address) == addresses.compute_address_digest(SAME[0])


def test_different_pages_have_different_normal_forms() -> None:
    assert (
        len({addresses.normalize_address(address) for address in [SAME[0], *OTHER]})
        == len(OTHER) + 1
    )


@pytest.mark.parametrize(
    ("address", "spelling"),
    [
        ("https://bücher.example/é", "https://xn--bcher-kva.example/%c3%a9"),
        ("https://BÜCHER.example/", "https://bücher.example"),
        ("http://x.example:80", "http://x.example/"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]"),
    ],
)
def test_punycode_default_ports_and_escapes_do_not_change_the_page(
    address: str, spelling: str
) -> None:
    assert addresses.normalize_address(address) == addresses.normalize_address(spelling)


@pytest.mark.parametrize("address", [*SAME, *OTHER, "https://bücher.example/é"])
def test_normalizing_an_address_twice_changes_nothing(address: str) -> None:
    canonical = addresses.normalize_address(address)
    addresses.clean_address(canonical)
    assert addresses.normalize_address(canonical) == canonical


@pytest.mark.parametrize(
    "address",
    [
        "https://.example.org/",
        "https://example..org/",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://example.org:port/",
        "https://[::1",
        "https://" + "a" * 64 + ".example/",
        "https://" + ".".join(["a" * 60] * 5) + "/",
        "https://exa_mple!.org/",
        "https://",
        "//example.org/",
        "ftp://example.org/",
        "https://exam ple.org/",
        "https://example.org/\x00",
        "https://\u200b/",
    ],
)
def test_invalid_address_is_refused_and_not_normalized(address: str) -> None:
    with pytest.raises(ValueError, match=r"URL|host|port|take it out"):
        addresses.clean_address(address)
    assert addresses.normalize_address(address) == address
