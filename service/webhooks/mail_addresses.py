"""Reads the addresses of mail: whom an endpoint writes to, and the server that carries it.

mailto:desk@example.org
smtp://user:password@mail.example.org:587        STARTTLS, which the server must offer
smtps://user:password@mail.example.org:465       TLS from the start
smtp://127.0.0.1:25?starttls=off                 neither: on this machine
"""

import re
from dataclasses import dataclass
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

SCHEME = "mailto:"
PORTS = {"smtp": 587, "smtps": 465}
PART = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(rf"{PART}(?:\.{PART})*@{LABEL}(?:\.{LABEL})*")
LOCAL_LENGTH, LENGTH = 64, 254


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes mails from this desk, as the operator set it, and from whom."""

    host: str
    port: int
    is_encrypted: bool
    """From the first byte; otherwise by STARTTLS, unless `is_open`."""
    is_open: bool
    user: str | None
    password: str | None
    mail_from: str
    """The header `From`: an address, or a name and an address."""

    @property
    def sender(self) -> str:
        """The address to which the server returns what cannot be delivered."""
        return parseaddr(self.mail_from)[1]


def is_mail(url: str) -> bool:
    return url[: len(SCHEME)].lower() == SCHEME


def build_url(address: str) -> str:
    """Build the mailto: URL of an address, of which a percent sign may be a part."""
    return SCHEME + address.replace("%", "%25")


def parse_recipient(url: str) -> str:
    """Return the one address of a mailto: URL.  Raises ValueError with a sentence for people."""
    address = unquote(url[len(SCHEME) :])
    if not is_address(address):
        raise ValueError(
            "The address of a mail is mailto: and one address, as mailto:desk@example.org."
        )
    return address


def is_address(text: str) -> bool:
    """Whether a text is one address, in ASCII, as every mail server takes it.

    An encoded word (RFC 2047) is none: who reads mail would see another address.
    """
    local = text.rpartition("@")[0]
    is_short = len(text) <= LENGTH and len(local) <= LOCAL_LENGTH
    return is_short and "=?" not in text and ADDRESS.fullmatch(text) is not None


def parse_server(url: str, mail_from: str) -> MailServer:
    """Parse the operator's settings.  Raises ValueError with a sentence for people."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in PORTS or not parts.hostname or port == 0 or parts.path.strip("/"):
        raise ValueError(
            "must be smtp://user:password@host:port, or smtps:// for TLS from the start"
        )
    if parts.query not in ("", "starttls=off") or (parts.query and parts.scheme == "smtps"):
        raise ValueError("takes ?starttls=off after smtp:// alone")
    if not is_address(parseaddr(mail_from)[1]):
        raise ValueError("needs CLAIMDESK_MAIL_FROM, an address such as desk@example.org")
    return MailServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        is_encrypted=parts.scheme == "smtps",
        is_open=bool(parts.query),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or "") if parts.username else None,
        mail_from=mail_from,
    )
