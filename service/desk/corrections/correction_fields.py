"""Tells which fields of a correction form its sender changed.

A form holds what is recorded.  It carries a short digest of each field as it was shown, so that
only what was changed on it is sent: what somebody else corrected meanwhile stays as they left it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256

from service.desk.layout.forms import Form
from service.domain.claims import Precision, parse_instant
from service.web import time_zones

Fields = Mapping[str, str]
"""The texts of a form's fields, by name."""
SHOWN = "shown"
"""The field that holds the digests."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form holds, and the fields that its sender changed."""

    fields: Fields
    touched: Collection[str]

    def has_touched(self, *names: str) -> bool:
        return any(name in self.touched for name in names)

    def catch_up(self, record: Fields) -> dict[str, str]:
        """Return the fields as they are recorded, but for those that the sender changed."""
        return {
            name: self.fields[name] if name in self.touched else value
            for name, value in record.items()
        }


def build_digests(fields: Fields) -> str:
    """Build what the form carries of its fields as they are shown."""
    return " ".join(f"{name}:{_compute_digest(text)}" for name, text in fields.items())


def read_typed(form: Form, names: Collection[str]) -> Typed:
    """Read what was typed into the fields `names`."""
    fields = form.keep(names)
    digests = dict(
        part.split(":", 1) for part in (form.get_text(SHOWN) or "").split() if ":" in part
    )
    touched_names = {
        name for name, text in fields.items() if digests.get(name) != _compute_digest(text)
    }
    return Typed(fields, touched_names)


def split_moment(instant: str, precision: str) -> tuple[str, str, str]:
    """Split an instant into a day, an hour of it where that is known, or else a month or a year, as
    `statement_fields.read_instant` reads them."""
    moment = parse_instant(instant)
    if Precision(precision) in time_zones.HOURLY:
        moment = time_zones.localize(moment)
    match Precision(precision):
        case Precision.YEAR:
            return "", "", f"{moment:%Y}"
        case Precision.MONTH:
            return "", "", f"{moment:%Y-%m}"
        case Precision.DAY:
            return f"{moment:%Y-%m-%d}", "", ""
        case Precision.SECOND:
            return f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}", ""
        case _:
            return f"{moment:%Y-%m-%d}", f"{moment:%H:%M}", ""


def _compute_digest(text: str) -> str:
    """Digest a text as a browser sends it."""
    plain_text = text.replace("\r\n", "\n").replace("\r", "\n")
    return sha256((plain_text if plain_text.strip() else "").encode()).hexdigest()[:8]
