"""The documents of claims: rendered when a claim changes, served as they are stored.

Only the desk may read who is assigned, so a document is stored with `assignee` as null;
`add_assignee` sets it for those who may.
"""

import orjson

from service.claims.claim_views import ClaimView, build_claim
from service.domain.claims import ClaimState
from service.domain.evidence import Suggestion


def render_document(state: ClaimState, suggestion: Suggestion | None = None) -> str:
    """Render the JSON document that is stored for a claim."""
    return orjson.dumps(build_claim(state, suggestion)).decode()


def add_assignee(document: str, assignee: str | None) -> str:
    """Return the stored document with its assignee, for those who may read it."""
    if assignee is None:
        return document
    claim: ClaimView = orjson.loads(document)
    claim["assignee"] = assignee
    return orjson.dumps(claim).decode()
