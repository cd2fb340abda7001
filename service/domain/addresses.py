"""Checks web addresses, and normalizes them for comparison.

An address is stored and shown as it came.  Two are compared in their normal form, which ignores the
case of the host, a default port, Punycode, a fragment and the parameters of campaigns.
"""

import re
from functools import lru_cache
from hashlib import sha256
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from service.domain import texts

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_HOST, LONGEST_LABEL = 253, 63
TRACKING = frozenset(
    (
        "fbclid",
        "gclid",
        "gclsrc",
        "dclid",
        "gbraid",
        "wbraid",
        "msclkid",
        "yclid",
        "twclid",
        "ttclid",
        "igshid",
        "igsh",
        "mc_cid",
        "mc_eid",
        "mkt_tok",
        "_ga",
        "_gl",
        "_hsenc",
        "_hsmi",
        "vero_id",
        "oly_anon_id",
        "oly_enc_id",
        "wickedid",
    )
)
"""Parameters that say how a reader came to the page, and nothing about the page."""
TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "hsa_")
SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x20\x7f]")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _find_fault(address: str) -> str | None:
    """Say what is wrong with an http(s) address; None if nothing is."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        if "port" in str(error).lower():
            return "a port is a number from 1 to 65535"
        return "this is no URL"
    if parts.scheme not in DEFAULT_PORTS or not host or SPACE_OR_CONTROL.search(address):
        return "a URL begins with http:// or https:// and names a host"
    if port == 0:
        return "a port is a number from 1 to 65535"
    if ":" in host:
        return None  # An IPv6 address: urlsplit has read it.
    return _check_host(host)


def clean_address(address: str) -> str:
    """Check a web address, and return it with its scheme in lower case and the rest as it is.

    Raises ValueError that says what is wrong.
    """
    fault = _find_fault(texts.check_address(address))
    if fault is not None:
        raise ValueError(fault)
    scheme, colon, rest = address.partition(":")
    return f"{scheme.lower()}{colon}{rest}"


def _check_host(host: str) -> str | None:
    name = _to_ascii(host.removesuffix("."))
    if name is None or len(name) > LONGEST_HOST:
        return f"{host!r} is no name of a host"
    for label in name.split("."):
        if len(label) > LONGEST_LABEL or not LABEL.fullmatch(label):
            return f"{host!r} is no name of a host"
    return None


def _to_ascii(host: str) -> str | None:
    """Return a host's name in lower case and Punycode; None if it has none."""
    if host.isascii():
        return host.lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None


@lru_cache(maxsize=4096)
def normalize_address(address: str) -> str:
    """Return the form in which addresses are compared.  An invalid address stays as it is."""
    if _find_fault(address) is not None:
        return address
    parts = urlsplit(address)
    return urlunsplit(
        (
            parts.scheme,
            _normalize_host(parts),
            _normalize_path(parts.path),
            _normalize_query(parts.query),
            _normalize_fragment(parts.fragment),
        )
    )


def compute_address_digest(address: str) -> str:
    """Return the SHA-256 of the normal form, for the index of a database."""
    return sha256(normalize_address(address).encode("utf-8", "surrogatepass")).hexdigest()


def _normalize_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else _to_ascii(host.removesuffix(".")) or host
    port = parts.port
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    user, at, _ = parts.netloc.rpartition("@")
    return f"{user}{at}{host}"


def _normalize_path(path: str) -> str:
    return _normalize_escapes(path).rstrip("/")


def _normalize_query(query: str) -> str:
    kept_parts = [
        part
        for part in query.split("&")
        if part and not _is_tracking(part.partition("=")[0].lower())
    ]
    return _normalize_escapes("&".join(kept_parts))


def _is_tracking(name: str) -> bool:
    return name in TRACKING or name.startswith(TRACKING_PREFIXES)


def _normalize_fragment(fragment: str) -> str:
    """Keep a fragment by which scripts route; others only name a place in the page."""
    return _normalize_escapes(fragment) if fragment.startswith(("!", "/")) else ""


def _normalize_escapes(text: str) -> str:
    """Escape what has to be escaped, and nothing else: `é` is `%C3%A9`, `%7e` is `~`."""

    def rewrite(match: re.Match[str]) -> str:
        letter = chr(int(match[1], 16))
        return letter if letter in UNRESERVED else match[0].upper()

    return quote(ESCAPE.sub(rewrite, text), safe="%/?:@!$&'()*+,;=-._~")


def lower_scheme_and_host(address: str) -> str:
    """Return an address with scheme and host in lower case, and the rest as it is."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host.lower()}"))
