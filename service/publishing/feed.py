"""What a feed tells, whatever its format: one entry for each status a claim was given.

That is its first, when it was recorded, and every change.  An entry is written by the desk, about
what a claimant claims, and says what was known then: it never changes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from service.claims.webhook_bodies import claim_url
from service.domain import directions
from service.domain.claims import Cause, Status
from service.domain.labels import CAUSES, STATUSES

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a feed on which nothing stands was updated: its bytes do not depend on when it is asked."""

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A status that a claim was given, with the claim as that change left it."""

    event: str
    """The event's id."""
    claim: Data
    """As it was served from then on."""
    version: int
    moment: datetime
    status: Status
    previous: Status | None
    """None where the claim was recorded then."""
    cause: Cause | None

    @property
    def id(self) -> str:
        """The same for ever, in every feed and format (RFC 4287, 4.2.6)."""
        return f"urn:uuid:{self.event}"

    @property
    def title(self) -> str:
        return f"{STATUSES[self.status]}: {directions.isolate_text(self.claim['text'])}"

    @property
    def text(self) -> str:
        """What may be printed as it stands."""
        return f"{self._step}. {directions.isolate_words(self.claim['print_line'])}"

    @property
    def _step(self) -> str:
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
    following: str | None
    """The cursor of the next page."""
    publisher: str
    base_url: str
    entries: tuple[Entry, ...]

    def url(self, ending: str, cursor: str | None = None) -> str:
        """The address of a page of this feed in the format that `ending` names."""
        asked = [*self.query, *([("cursor", cursor)] if cursor else [])]
        return f"{self.base_url}{self.path}.{ending}{'?' if asked else ''}{urlencode(asked)}"

    def page_of(self, entry: Entry) -> str:
        return claim_url(entry.claim["id"], self.base_url)


def entry(
    *, event: str, type: str, version: int, moment: datetime, data: str, document: str
) -> Entry:
    """The entry for an event of one of STATUS_TYPES; `document` is the claim as the change left
    it."""
    changed: Data = orjson.loads(data) if type == "claim.status_changed" else {}
    imported = bool(changed) and changed["cause"] == Cause.IMPORT
    return Entry(
        event=event,
        claim=orjson.loads(document),
        version=version,
        moment=moment,
        status=Status(changed["status"]) if changed else Status.ASSERTED,
        # An imported claim comes with its status: asserted is what it was for no time at all.
        previous=Status(changed["previous_status"]) if changed and not imported else None,
        cause=Cause(changed["cause"]) if changed else None,
    )
