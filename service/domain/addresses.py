"""Web addresses: which ones are sound, and which are the same in other letters.

An address is kept and shown as it was given.  Two are compared in their canonical form: the case
of the host, a default port, Punycode, a fragment or a campaign's parameters do not make another
page of it.
"""

import re
from functools import lru_cache
from hashlib import sha256
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

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
"""Parameters that say by which way a reader came, and nothing about the page."""
TRACKING_PREFIXES = ("utm_", "pk_", "mtm_", "hsa_")
SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x20\x7f]")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def find_address_fault(address: str) -> str | None:
    """Say what is wrong with an http(s) address; None where nothing is."""
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


def _check_host(host: str) -> str | None:
    name = _to_ascii(host.removesuffix("."))
    if name is None or len(name) > LONGEST_HOST:
        return f"{host!r} is no name of a host"
    for label in name.split("."):
        if len(label) > LONGEST_LABEL or not LABEL.fullmatch(label):
            return f"{host!r} is no name of a host"
    return None


def _to_ascii(host: str) -> str | None:
    """A host's name in lower case and Punycode; None where it has none."""
    if host.isascii():
        return host.lower()
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None


@lru_cache(maxsize=4096)
def normalize_address(address: str) -> str:
    """The form in which addresses are compared.  What is no sound address stays as it is."""
    if find_address_fault(address) is not None:
        return address
    parts = urlsplit(address)
    return urlunsplit(
        (
            parts.scheme,
            _canonical_host(parts),
            _canonical_path(parts.path),
            _canonical_query(parts.query),
            _canonical_fragment(parts.fragment),
        )
    )


def compute_address_digest(address: str) -> str:
    """What the spellings of one address have in common, as an index of a database takes it."""
    return sha256(normalize_address(address).encode("utf-8", "surrogatepass")).hexdigest()


def _canonical_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else _to_ascii(host.removesuffix(".")) or host
    port = parts.port
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    user, at, _ = parts.netloc.rpartition("@")
    return f"{user}{at}{host}"


def _canonical_path(path: str) -> str:
    return _canonical_escapes(path).rstrip("/")


def _canonical_query(query: str) -> str:
    kept = [
        part
        for part in query.split("&")
        if part and not _is_tracking(part.partition("=")[0].lower())
    ]
    return _canonical_escapes("&".join(kept))


def _is_tracking(name: str) -> bool:
    return name in TRACKING or name.startswith(TRACKING_PREFIXES)


def _canonical_fragment(fragment: str) -> str:
    """A fragment leads to a place in a page; only where scripts route by it, to another page."""
    return _canonical_escapes(fragment) if fragment.startswith(("!", "/")) else ""


def _canonical_escapes(text: str) -> str:
    """Escape what must be, and nothing that need not be: `é` is `%C3%A9`, `%7e` is `~`."""

    def rewrite(match: re.Match[str]) -> str:
        letter = chr(int(match[1], 16))
        return letter if letter in UNRESERVED else match[0].upper()

    return quote(ESCAPE.sub(rewrite, text), safe="%/?:@!$&'()*+,;=-._~")


def lower_scheme_and_host(address: str) -> str:
    """An address with scheme and host in lower case, and all else as it is."""
    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}{host.lower()}"))
