"""Taking out of views what their audience may not read, before anything is rendered.

The table of what is internal is the rulebook's (`domain/disclosure.py`). API, pages, feeds and
streams all apply it here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from service.claims.inquiry_views import InquiryView
from service.claims.statement_views import LinkView
from service.domain import disclosure
from service.domain.access import Audience
from service.domain.disclosure import INTERNAL
from service.record import canonical

Data = dict[str, Any]
V = TypeVar("V", bound=Mapping[str, Any])
WITHOUT_HASH: Data = {"previous_hash": None, "hash": None, "commitments": {}, "salts": {}}


def redact_record(events: Iterable[Data], audience: Audience) -> list[Data]:
    """A claim's record as `audience` may read it: each event keeps its place in the chain, also
    where nothing but that may be told of it.

    `commitments` stand for what is withheld and `salts` belong to what is not, so that the hash can
    be checked all the same (record/canonical.py).
    """
    redacted_events = []
    for event in events:
        redacted_event, _ = disclosure.withhold_event(event, audience)
        places = disclosure.list_committed_places(event["type"], event["actor"], event["data"])
        withheld_places = [
            place for place, lowest in places.items() if not audience.may_read(lowest)
        ]
        redacted_events.append(
            redacted_event | canonical.build_proof(event, event["salts"], withheld_places)
        )
    return redacted_events


def seal(events: Iterable[Data], sealed_from: int | None) -> list[Data]:
    """A claim's redacted record without the hashes that cover what is withheld and was recorded
    without a commitment: that of the event `sealed_from` and of all after it, for each covers the
    one before.

    A hash of what is left out would tell it to whoever tries all that it may have been.
    """
    if sealed_from is None:
        return list(events)
    return [
        event
        | ({"hash": None} if event["seq"] >= sealed_from else {})
        | ({"previous_hash": None} if event["seq"] > sealed_from else {})
        for event in events
    ]


def redact_events(events: Iterable[Data], audience: Audience) -> list[Data]:
    """Return events as news: those of which `audience` may read nothing are left out, and so are
    the hashes, which cover them. (A claim's own record has every event.)"""
    news = [event for event in redact_record(events, audience) if event["type"] != INTERNAL]
    if audience is Audience.DESK:
        return news
    return [event | WITHOUT_HASH for event in news]


def redact_links(links: Iterable[LinkView], audience: Audience) -> list[LinkView]:
    """Return links with their statements as `audience` may read them."""
    fields = disclosure.LINK_FIELDS
    return [_withhold_fields(link, fields, audience) for link in links]


def redact_inquiries(inquiries: Iterable[InquiryView], audience: Audience) -> list[InquiryView]:
    """Return requests for comment as `audience` may read them."""
    fields = disclosure.INQUIRY_FIELDS
    return [_withhold_fields(inquiry, fields, audience) for inquiry in inquiries]


def redact_status_change(change: V, audience: Audience) -> V:
    """Return a change of status as `audience` may read it."""
    return _withhold_fields(change, disclosure.STATUS_CHANGE_FIELDS, audience)


def _withhold_fields(view: V, fields: Mapping[str, Audience], audience: Audience) -> V:
    return cast(V, disclosure.withhold_fields(cast(Data, view), fields, audience))
