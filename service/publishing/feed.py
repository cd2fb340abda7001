"""What a feed holds, whatever its format, and the entries of feeds of claims.

There is one for each status that a claim was given, that is its first, when it was recorded, and
every change; and one for each void, each hold, each correction and each way back. An entry says
what was known then, and never changes. Those of a claim that is void are left out, but for the one
that says so.  The entries of the corrections log are in `corrections`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

import orjson

from service.claims.claim_views import ClaimView
from service.claims.webhook_bodies import build_claim_url
from service.domain import directions
from service.domain.claims import Cause, Lifecycle, Status
from service.domain.history import (
    CORRECTION_TYPES,
    HOLD_TYPES,
    LIFECYCLE_TYPES,
    STATUS_TYPES,
)
from service.domain.labels import CAUSES, STATUSES
from service.views import JsonObject

ENTRY_TYPES = (*STATUS_TYPES, *LIFECYCLE_TYPES, *HOLD_TYPES, *CORRECTION_TYPES)
"""The events that feeds have an entry for."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When an empty feed was updated: its bytes do not depend on when they are asked for."""


class Category(NamedTuple):
    """A word that an entry is filed under."""

    term: str
    place: str | None = None
    """Where the service explains such words; None for the desk's own tags."""
    label: str | None = None


class FeedEntry(Protocol):
    """What stands in a feed, whatever its format and whatever happened."""

    @property
    def id(self) -> str: ...

    @property
    def moment(self) -> datetime: ...

    @property
    def title(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def claim_id(self) -> str: ...

    @property
    def tags(self) -> Sequence[str]:
        """The words for people."""

    def list_categories(self) -> Iterator[Category]:
        """Yield the words, each with where it is explained."""

    def describe_for_programs(self) -> JsonObject:
        """Return the names and values of the API."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A status that a claim was given, with the claim as that change left it."""

    event: str
    """The event's id."""
    claim: ClaimView
    """As it was served from then on."""
    version: int
    moment: datetime
    status: Status
    previous: Status | None
    """None where the claim was recorded then."""
    cause: Cause | None
    note: str | None = None
    """What happened, where no status was given, and why."""

    @property
    def id(self) -> str:
        """The same for ever, in every feed and format (RFC 4287, 4.2.6)."""
        return f"urn:uuid:{self.event}"

    @property
    def title(self) -> str:
        """The status and the claim's text."""
        is_void = self.claim["lifecycle"] == Lifecycle.VOID
        status = "Void" if is_void else STATUSES[self.status]
        if self.claim.get("hold") is not None and not is_void:
            status = f"Hold ({status.lower()})"
        return f"{status}: {directions.isolate_text(self.claim['text'])}"

    @property
    def text(self) -> str:
        """What happened, and what may be printed as it stands."""
        return f"{self._change}. {directions.isolate_words(self.claim['print_line'])}"

    @property
    def claim_id(self) -> str:
        return self.claim["id"]

    @property
    def tags(self) -> Sequence[str]:
        """The status, and the claim's tags."""
        return [STATUSES[self.status], *self.claim["tags"]]

    def list_categories(self) -> Iterator[Category]:
        """Yield the status, the claimant, the story and the tags."""
        claim = self.claim
        yield Category(self.status, "/docs", STATUSES[self.status])
        claimant = claim["claimant"]
        if claimant is not None:
            yield Category(claimant["party"], "/v1/parties", claimant["name"])
        if claim["story"] is not None:
            yield Category(claim["story"], "/v1/stories")
        yield from (Category(tag) for tag in claim["tags"])

    def describe_for_programs(self) -> JsonObject:
        """Return the claim as that change left it, by the names of the API."""
        claim = self.claim
        return {
            "claim": claim["id"],
            "version": self.version,
            "status": self.status,
            "previous_status": self.previous,
            "cause": self.cause,
            "override": claim["override"],
            "print_line": claim["print_line"],
            "claimant": claim["claimant"],
            "story": claim["story"],
        }

    @property
    def _change(self) -> str:
        if self.note is not None:
            return self.note
        now = STATUSES[self.status].lower()
        if self.cause is Cause.IMPORT:
            return f"Newly recorded: {now}, as rated elsewhere"
        if self.previous is None or self.cause is None:
            return f"Newly recorded: {now}"
        return f"From {STATUSES[self.previous].lower()} to {now}: {CAUSES[self.cause]}"


@dataclass(frozen=True, slots=True)
class Feed:
    """One page of a feed."""

    title: str
    updated: datetime
    home: str
    """The page for people, below `base_url`."""
    path: str
    """Where it is served, without the ending that names a format."""
    query: tuple[tuple[str, str], ...]
    """What else was asked for, the cursor left out."""
    cursor: str | None
    """Where this page begins, if it is not the first."""
    next_cursor: str | None
    publisher: str
    base_url: str
    entries: Sequence[FeedEntry]

    def build_url(self, ending: str, cursor: str | None = None) -> str:
        """Return the address of a page of this feed in the format that `ending` names."""
        query = [*self.query, *([("cursor", cursor)] if cursor else [])]
        return f"{self.base_url}{self.path}.{ending}{'?' if query else ''}{urlencode(query)}"

    def build_page_url(self, entry: FeedEntry) -> str:
        """Return the address of the page for people about an entry's claim."""
        return build_claim_url(entry.claim_id, self.base_url)


def build_entry(
    *, event: str, type: str, version: int, moment: datetime, data: str, document: str
) -> Entry:
    """Return the entry for an event of one of ENTRY_TYPES.

    `document` is the claim as the change left it.
    """
    claim: ClaimView = orjson.loads(document)
    if type not in STATUS_TYPES:
        return Entry(
            event=event,
            claim=claim,
            version=version,
            moment=moment,
            status=Status(claim["status"]),
            previous=None,
            cause=None,
            note=NOTES.get(type, _describe_lifecycle)(orjson.loads(data)),
        )
    change: JsonObject = orjson.loads(data) if type == "claim.status_changed" else {}
    is_imported = bool(change) and change["cause"] == Cause.IMPORT
    return Entry(
        event=event,
        claim=claim,
        version=version,
        moment=moment,
        status=Status(change["status"]) if change else Status.ASSERTED,
        # An imported claim comes with its status: asserted is what it was for no time at all.
        previous=Status(change["previous_status"]) if change and not is_imported else None,
        cause=Cause(change["cause"]) if change else None,
    )


def _describe_lifecycle(data: JsonObject) -> str:
    before = Lifecycle(data["before"]["lifecycle"])
    if data["after"]["lifecycle"] == Lifecycle.VOID:
        what = "Void: recorded by mistake"
    elif before is Lifecycle.MERGED:
        what = "Separated from the claim that it was merged into"
    elif before is Lifecycle.WITHDRAWN:
        what = "In force again: the claimant did not take it back"
    else:
        what = "Restored: it was no mistake"
    return f"{what} (“{directions.isolate_text(data['reason'])}”)"


def _describe_hold(data: JsonObject) -> str:
    return (
        f"On hold: do not use while the desk checks (“{directions.isolate_text(data['reason'])}”)"
    )


def _describe_hold_end(_data: JsonObject) -> str:
    return "No longer on hold"


def _describe_correction(data: JsonObject) -> str:
    names = ", ".join(name.replace("_", " ") for name in data["after"])
    return f"Corrected: {names} (“{directions.isolate_text(data['reason'])}”)"


NOTES = {
    **dict.fromkeys(CORRECTION_TYPES, _describe_correction),
    "hold.placed": _describe_hold,
    "hold.ended": _describe_hold_end,
}
"""What happened, in words, where it is no status and no void."""
