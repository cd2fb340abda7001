"""A body of each kind of notice, in the sentences that people read, and of mails to contacts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from service.domain.access import Audience
from service.domain.notices import NoticeKind
from service.domain.uses import UseClass
from service.notices import notice_sentences
from service.notices.notice_sentences import ClaimEvent
from service.uses import contact_mails
from service.webhooks import bodies

AT = datetime(2023, 10, 2, 12, tzinfo=UTC)
TEXT = "Serbia has returned the operating regime of its units to normal"
DESK = "https://desk.example"
URL = f"{DESK}/claims/claim-1"
PROPOSAL = {"kind": "status", "to": "confirmed", "proposed_by_name": "Ana Petrović"}
CLAIM = {
    "id": "claim-1",
    "text": TEXT,
    "claimant": {"party": "belgrade", "name": "Belgrade", "speaker": None},
    "url": URL,
}
LINE = "Claimed by Belgrade (2 October 2023). No independent party has confirmed it."
CONFIRMED = "Claimed by Belgrade (2 October 2023). Independently confirmed by NATO."


def describe_change() -> str:
    event = ClaimEvent(
        1,
        "claim-1",
        1,
        "claim.status_changed",
        AT,
        {"id": "ana", "name": "Ana Petrović"},
        {"previous_status": "asserted", "status": "disputed"},
    )
    summary = notice_sentences.summarize_changes([event], TEXT, Audience.DESK, omitted_actor=None)
    assert summary is not None
    return summary


SUMMARIES = {
    NoticeKind.APPROVAL: notice_sentences.describe_approval(PROPOSAL, TEXT),
    NoticeKind.DECISION: notice_sentences.describe_settlement(
        "decision.rejected",
        {"comment": "The report is of the week before"},
        "Ben Marku",
        PROPOSAL,
        TEXT,
    ),
    NoticeKind.ASSIGNMENT: notice_sentences.describe_assignment("Ben Marku", TEXT),
    NoticeKind.MENTION: notice_sentences.describe_mention(
        "Ben Marku", "@Ana Petrović please call the ministry"
    ),
    NoticeKind.CHANGE: describe_change(),
    NoticeKind.USE: notice_sentences.describe_use("https://paper.example/1", "kill", TEXT),
    NoticeKind.DUE: notice_sentences.describe_overdue(TEXT),
    NoticeKind.WEBHOOK: notice_sentences.describe_endpoint(
        "CMS of the paper", "was disabled", "it answered 500"
    ),
}


def _build_notice(kind: NoticeKind) -> Mapping[str, Any]:
    way_out = {"unsubscribe": f"{DESK}/unsubscribe/ana.{kind}.signature"}
    if kind is NoticeKind.WEBHOOK:
        return {"summary": SUMMARIES[kind], "url": f"{DESK}/"} | way_out
    quoted = f": {notice_sentences.quote_text(TEXT)}"
    summary = SUMMARIES[kind].replace(quoted, "")
    return {"summary": summary, "claim": CLAIM, "print_line": LINE, "url": URL} | way_out


def _build_digest() -> Mapping[str, Any]:
    items = [{"summary": summary, "url": URL} for summary in SUMMARIES.values()]
    summary = f"{len(items)} notices, and something waits for you"
    way_out = {"unsubscribe": f"{DESK}/unsubscribe/ana.all.signature"}
    return {"summary": summary, "items": items, "url": f"{DESK}/"} | way_out


def _build_question() -> Mapping[str, Any]:
    return {
        "summary": contact_mails.QUESTION,
        "explanation": contact_mails.EXPLANATION.format(DESK),
        "url": f"{DESK}/contact/address.confirm.signature",
        "unsubscribe": f"{DESK}/contact/address.stop.signature",
    }


def _build_outdated() -> Mapping[str, Any]:
    return {
        "summary": contact_mails.HEADINGS[UseClass.KILL],
        "claim": CLAIM,
        "printed_now": LINE,
        "printed_then": CONFIRMED,
        "uses": [{"title": "Units are back", "where": None, "url": "https://paper.example/1"}],
        "url": URL,
        "unsubscribe": f"{DESK}/contact/address.stop.signature",
    }


NOTICES: Mapping[str, bytes] = {
    **{
        f"notice.{kind}": bodies.render_body(f"notice.{kind}", AT, _build_notice(kind))
        for kind in NoticeKind
    },
    "notice.digest": bodies.render_body("notice.digest", AT, _build_digest()),
}
CONTACT_MAILS: Mapping[str, bytes] = {
    "contact.question": bodies.render_body("contact.question", AT, _build_question()),
    "contact.outdated": bodies.render_body("contact.outdated", AT, _build_outdated()),
}
