"""What a program of somebody else does with the generated client: from parties to a confirmation.

`test_python_client.py` runs it in a process of its own, against a server on a socket.  It takes
the server's address and the keys of a checker and of an editor, and fails where an answer is not
what the document says.
"""

import sys
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from claimdesk_client import AuthenticatedClient
from claimdesk_client.api.claims import (
    change_status,
    create_claim,
    find_similar_claims,
    link_statement,
    list_claims,
    read_claim,
    read_suggestion,
)
from claimdesk_client.api.decisions import approve_decision
from claimdesk_client.api.events import list_events
from claimdesk_client.api.parties import create_party, list_parties
from claimdesk_client.models import (
    ApprovalIn,
    Basis,
    ClaimIn,
    ClaimPage,
    ClaimPreviewView,
    ClaimView,
    DecisionView,
    Kind,
    LinkIn,
    LinkView,
    OriginIn,
    PartyIn,
    PartyView,
    Precision,
    Problem,
    QuoteIn,
    SourceIn,
    SpeakerIn,
    Stance,
    StatementIn,
    Status,
    StatusChangeIn,
)
from claimdesk_client.types import UNSET, Response

MONDAY = datetime(2023, 10, 2, tzinfo=UTC)
SOURCE = SourceIn(url="https://example.org/2023/10/03/kosovo", publisher="Example News")


def require_answer(response: Response[Any], status: int, shape: type) -> Any:
    """The parsed answer, which has this status and shape."""
    assert response.status_code == status, (response.status_code, response.content)
    assert isinstance(response.parsed, shape), response.parsed
    return response.parsed


def quote(text: str) -> QuoteIn:
    return QuoteIn(text=text, language="en", source=SOURCE)


def claim(text: str, **fields: Any) -> ClaimIn:
    return ClaimIn(
        text=text,
        kind=Kind.EVENT,
        claimant="belgrade",
        speaker=SpeakerIn(name="Gen. Milan Mojsilović", role="chief of staff"),
        claimed_at=MONDAY,
        precision=Precision.DAY,
        origin=OriginIn(quotes=[quote(f"“{text},” he said")]),
        **fields,
    )


def link(client: AuthenticatedClient, claim_id: UUID, party: str, stance: Stance) -> LinkView:
    statement = StatementIn(
        party=party,
        said_at=MONDAY,
        basis=Basis.OWN_OBSERVATION,
        quotes=[quote("We saw it.")],
    )
    body = LinkIn(statement=statement, stance=stance)
    answer = link_statement.sync_detailed(claim_id, client=client, body=body)
    link_view: LinkView = require_answer(answer, HTTPStatus.CREATED, LinkView)
    return link_view


def record(client: AuthenticatedClient) -> ClaimView:
    """The parties and three claims; gives the first."""
    for slug, name in (("belgrade", "Belgrade"), ("washington", "Washington"), ("nato", "NATO")):
        body = PartyIn(slug=slug, name=name)
        require_answer(create_party.sync_detailed(client=client, body=body), 201, PartyView)
    second_answer = create_party.sync_detailed(
        client=client, body=PartyIn(slug="nato", name="NATO")
    )
    assert require_answer(second_answer, 409, Problem).type_ == "/problems/already-exists"
    assert len(require_answer(list_parties.sync_detailed(client=client), 200, object).items) == 3

    first = claim("Serbia has returned its units at the border to normal", tags=["troops"])
    preview = require_answer(
        create_claim.sync_detailed(client=client, body=first, dry_run=True), 200, ClaimPreviewView
    )
    assert (preview.id, preview.similar) == (None, [])
    creation = create_claim.sync_detailed(client=client, body=first)
    claim_view: ClaimView = require_answer(creation, 201, ClaimView)
    assert (claim_view.status, claim_view.claimed_at) == (Status.ASSERTED, MONDAY)
    assert creation.headers["etag"] == '"1"'
    for text in ("The army buys new helicopters", "The embassy in Yerevan is closed"):
        answer = create_claim.sync_detailed(client=client, body=claim(text, tags=["troops"]))
        assert require_answer(answer, 201, ClaimView).similar is UNSET
    return claim_view


def confirm(checker: AuthenticatedClient, editor: AuthenticatedClient, claim_id: UUID) -> None:
    """Refused for want of evidence and for an old version, then proposed and approved."""
    body = StatusChangeIn(to=Status.CONFIRMED, reason="NATO saw it")
    read = read_claim.sync_detailed(claim_id, client=checker)
    etag = read.headers["etag"]
    assert etag == f'"{require_answer(read, 200, ClaimView).version}"'
    refusal = change_status.sync_detailed(claim_id, client=checker, body=body, if_match=etag)
    missing = require_answer(refusal, 409, Problem).missing
    assert missing is not UNSET
    assert missing[0].has == 0
    assert missing[0].detail.startswith("needs 1 supporting statement")

    citation = link(checker, claim_id, "nato", Stance.SUPPORTS)
    body.cites = [citation.id]
    stale = change_status.sync_detailed(claim_id, client=checker, body=body, if_match=etag)
    version = require_answer(stale, 412, Problem).version
    proposal = change_status.sync_detailed(
        claim_id, client=checker, body=body, if_match=f'"{version}"'
    )
    decision: DecisionView = require_answer(proposal, 202, DecisionView)
    own = approve_decision.sync_detailed(decision.id, client=checker, body=ApprovalIn())
    assert require_answer(own, 403, Problem).type_ == "/problems/second-person-needed"
    approval = approve_decision.sync_detailed(
        decision.id, client=editor, body=ApprovalIn(note="Seen the report.")
    )
    assert require_answer(approval, 200, DecisionView).state == "approved"


def journey(checker: AuthenticatedClient, editor: AuthenticatedClient) -> None:
    claim_view = record(checker)
    before = claim_view.updated_at
    link(checker, claim_view.id, "washington", Stance.REQUESTS_CONFIRMATION)
    waiting = require_answer(
        read_claim.sync_detailed(claim_view.id, client=checker), 200, ClaimView
    )
    assert waiting.status is Status.AWAITING_CONFIRMATION
    assert waiting.evidence.requests_confirmation == ["washington"]
    later = claim("Serbia returned its border units to normal")
    later_claim = create_claim.sync_detailed(client=checker, body=later, similar=True)
    later_claim = require_answer(later_claim, 201, ClaimView)
    assert [each.id for each in later_claim.similar] == [claim_view.id]
    similar_claims = require_answer(
        find_similar_claims.sync_detailed(claim_view.id, client=checker), 200, object
    )
    assert [(item.id, item.probably_same) for item in similar_claims.items] == [
        (later_claim.id, True)
    ]

    confirm(checker, editor, claim_view.id)
    now = require_answer(read_claim.sync_detailed(claim_view.id, client=checker), 200, ClaimView)
    earlier_view = require_answer(
        read_claim.sync_detailed(claim_view.id, client=checker, as_of=before), 200, ClaimView
    )
    assert (now.status, earlier_view.status) == (Status.CONFIRMED, Status.ASSERTED)
    assert now.print_line.endswith("Independently confirmed by NATO.")
    suggestion = require_answer(
        read_suggestion.sync_detailed(claim_view.id, client=checker), 200, object
    )
    assert [each.counted for each in suggestion.trace] == [True, True]

    pages, cursor = [], UNSET
    while cursor is not None:
        answer = list_claims.sync_detailed(client=checker, tag="troops", limit=2, cursor=cursor)
        page: ClaimPage = require_answer(answer, 200, ClaimPage)
        pages.append([item.text for item in page.items])
        cursor = page.next_cursor
    assert [len(page) for page in pages] == [2, 1]
    confirmed_page = list_claims.sync_detailed(client=checker, status=[Status.CONFIRMED])
    assert [item.id for item in require_answer(confirmed_page, 200, ClaimPage).items] == [
        claim_view.id
    ]
    kinds = [
        item.type_
        for item in require_answer(list_events.sync_detailed(client=checker), 200, object).items
    ]
    assert kinds.count("claim.status_changed") == 2
    print("the journey ended well")


if __name__ == "__main__":
    address, checker_key, editor_key = sys.argv[1:]
    with (
        AuthenticatedClient(base_url=address, token=checker_key) as checker,
        AuthenticatedClient(base_url=address, token=editor_key) as editor,
    ):
        journey(checker, editor)
