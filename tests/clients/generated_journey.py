"""A claim is recorded, linked, proposed and confirmed with openapi-generator's Python client.

`test_openapi_generator.py` runs it in a process of its own, against a server on a socket.  It takes
the server's address and the keys of a checker and of an editor.
"""

import sys
from datetime import UTC, datetime
from uuid import UUID

import pytest
from openapi_client import (
    ApiClient,
    ClaimsApi,
    Configuration,
    DecisionsApi,
    PartiesApi,
    WebhooksApi,
)
from openapi_client.exceptions import ConflictException
from openapi_client.models import (
    ApprovalIn,
    ClaimIn,
    ClaimView,
    DecisionView,
    LinkIn,
    PartyIn,
    StatusChangeIn,
)

MONDAY = datetime(2023, 10, 2, tzinfo=UTC)
QUOTE = {"text": "Back to normal", "language": "en", "source": {"url": "https://example.org/a"}}


def connect(address: str, key: str) -> ApiClient:
    return ApiClient(Configuration(host=address, access_token=key))


def build_claim() -> ClaimIn:
    claim = ClaimIn.from_dict(
        {
            "text": "Serbia has returned its units at the border to normal",
            "kind": "event",
            "claimant": "belgrade",
            "claimed_at": MONDAY.isoformat(),
            "origin": {"quotes": [QUOTE]},
        }
    )
    assert claim is not None
    return claim


def build_support() -> LinkIn:
    statement = {
        "party": "nato",
        "said_at": MONDAY.isoformat(),
        "basis": "own_observation",
        "quotes": [QUOTE],
    }
    link = LinkIn.from_dict({"statement": statement, "stance": "supports"})
    assert link is not None
    return link


def confirm_claim(checker: ApiClient, editor: ApiClient, claim_id: UUID) -> None:
    """Refused without support; then proposed by one person and approved by another."""
    claims = ClaimsApi(checker)
    change = StatusChangeIn(to="confirmed", reason="NATO saw it")
    with pytest.raises(ConflictException) as refusal:
        claims.change_status(claim_id, '"1"', change)
    assert refusal.value.data.type == "/problems/transition-refused"
    citation = claims.link_statement(claim_id, build_support())
    change.cites = [citation.id]
    version = claims.read_claim(claim_id).version
    proposal = claims.change_status_with_http_info(claim_id, f'"{version}"', change)
    assert proposal.status_code == 202
    decision = proposal.data
    assert isinstance(decision, DecisionView)
    approval = DecisionsApi(editor).approve_decision(
        decision.id, approval_in=ApprovalIn(note="Seen.")
    )
    assert approval.state == "approved"


def run_journey(checker: ApiClient, editor: ApiClient) -> None:
    for slug, name in (("belgrade", "Belgrade"), ("nato", "NATO")):
        PartiesApi(checker).create_party(PartyIn(slug=slug, name=name))
    claims = ClaimsApi(checker)
    preview = claims.create_claim_with_http_info(build_claim(), dry_run=True)
    assert (preview.status_code, preview.data.id) == (200, None)
    claim: ClaimView = claims.create_claim(build_claim())
    assert isinstance(claim, ClaimView)
    assert isinstance(claim.id, UUID)
    confirm_claim(checker, editor, claim.id)
    claim_view = claims.read_claim(claim.id)
    assert claim_view.status == "confirmed"
    assert claim_view.print_line.endswith("Independently confirmed by NATO.")
    page = claims.list_claims(status=["confirmed"])
    assert [item.id for item in page.items] == [claim.id]
    history = claims.read_history(claim.id)
    assert history.items[0].type == "claim.created"
    # The resource of this name, not the bodies that webhooks bring.
    assert hasattr(WebhooksApi, "create_webhook")
    print("the journey ended well")


if __name__ == "__main__":
    address, checker_key, editor_key = sys.argv[1:]
    with connect(address, checker_key) as checker, connect(address, editor_key) as editor:
        run_journey(checker, editor)
