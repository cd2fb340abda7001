"""sources are known again by the canonical form of their address

Fingerprints of older rows were made of addresses as they were written.  Where two rows are one
page, the older one keeps the mark by which it is found again; both stay.
"""

import re
from hashlib import sha256
from urllib.parse import quote, urlsplit, urlunsplit

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BATCH = 1_000
DEFAULT_PORTS = {"http": 80, "https": 443}
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
PREFIXES = ("utm_", "pk_", "mtm_", "hsa_")
SPACE_OR_CONTROL = re.compile(r"[\s\x00-\x20\x7f]")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def upgrade() -> None:
    # With a default, no table is written anew for it.
    op.add_column(
        "sources",
        sa.Column("address_digest", sa.String(length=64), nullable=False, server_default=""),
    )
    connection = op.get_bind()
    sources = sa.table(
        "sources",
        *(sa.column(name) for name in ("id", "url", "sha256", "fingerprint", "address_digest")),
    )
    rows = connection.execute(
        sa.select(sources.c.id, sources.c.url, sources.c.sha256).order_by(sources.c.id)
    ).all()
    marks = []
    taken = set()
    for row in rows:
        address = canonical(row.url)
        mark = sha256(f"{row.sha256 or ''} {address}".encode()).hexdigest()
        if mark in taken:
            mark = sha256(str(row.id).encode()).hexdigest()
        taken.add(mark)
        digest = sha256(address.encode()).hexdigest()
        marks.append({"row": row.id, "mark": mark, "digest": digest})
    # Out of each other's way first: a mark may be another row's old one.
    connection.execute(
        sa.update(sources).values(fingerprint="moved " + sa.cast(sources.c.id, sa.String(36)))
    )
    change = (
        sa.update(sources)
        .where(sources.c.id == sa.bindparam("row"))
        .values(fingerprint=sa.bindparam("mark"), address_digest=sa.bindparam("digest"))
    )
    for start in range(0, len(marks), BATCH):
        connection.execute(change, marks[start : start + BATCH])
    op.create_index("ix_sources_address_digest", "sources", ["address_digest"])


def downgrade() -> None:
    op.drop_index("ix_sources_address_digest", table_name="sources")
    op.drop_column("sources", "address_digest")


def canonical(address: str) -> str:
    """The canonical form of an address as it was when this was written."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return address
    if parts.scheme not in DEFAULT_PORTS or not host or SPACE_OR_CONTROL.search(address):
        return address
    if ":" in host:
        name: str | None = f"[{host}]"
    else:
        name = _name(host)
    if name is None or port == 0:
        return address
    if port is not None and port != DEFAULT_PORTS[parts.scheme]:
        name = f"{name}:{port}"
    user, at, _ = parts.netloc.rpartition("@")
    kept = [
        part
        for part in parts.query.split("&")
        if part and not _is_tracking(part.partition("=")[0].lower())
    ]
    fragment = _escapes(parts.fragment) if parts.fragment.startswith(("!", "/")) else ""
    path = _escapes(parts.path).rstrip("/")
    return urlunsplit((parts.scheme, f"{user}{at}{name}", path, _escapes("&".join(kept)), fragment))


def _name(host: str) -> str | None:
    host = host.removesuffix(".")
    try:
        name = host.lower() if host.isascii() else host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    if len(name) > 253:
        return None
    labels = name.split(".")
    return name if all(len(label) <= 63 and LABEL.fullmatch(label) for label in labels) else None


def _is_tracking(name: str) -> bool:
    return name in TRACKING or name.startswith(PREFIXES)


def _escapes(text: str) -> str:
    def rewrite(match: re.Match[str]) -> str:
        letter = chr(int(match[1], 16))
        return letter if letter in UNRESERVED else match[0].upper()

    return quote(ESCAPE.sub(rewrite, text), safe="%/?:@!$&'()*+,;=-._~")
