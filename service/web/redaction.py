"""Takes out of what was read whatever its audience may not read, before anything is rendered.

The table is the rulebook's (`domain/disclosure.py`); here it is applied to what queries return, in
one place for API, pages, feeds and streams.
"""

from collections.abc import Iterable
from typing import Any

from service.domain import disclosure
from service.domain.disclosure import INTERNAL, Audience

Data = dict[str, Any]


def redact_record(events: Iterable[Data], audience: Audience) -> list[Data]:
    """A claim's record as `audience` may read it: each event keeps its place in the chain, also
    where nothing but that may be told of it."""
    return [disclosure.withhold_event(event, audience)[0] for event in events]


def redact_events(events: Iterable[Data], audience: Audience) -> list[Data]:
    """Events as news: those of which `audience` may be told nothing are left out."""
    return [event for event in redact_record(events, audience) if event["type"] != INTERNAL]


def redact_links(links: Iterable[Data], audience: Audience) -> list[Data]:
    """Links with their statements as `audience` may read them."""
    fields = disclosure.LINK_FIELDS
    return [disclosure.withhold_fields(link, fields, audience) for link in links]


def redact_status_change(change: Data, audience: Audience) -> Data:
    return disclosure.withhold_fields(change, disclosure.STATUS_CHANGE_FIELDS, audience)
