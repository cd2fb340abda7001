"""ClaimReview where little is known; the rest is in tests/api/test_publication.py."""

from typing import Any

import orjson
import pytest

from service.claims.documents import render_document
from service.domain.claims import ClaimState, Speaker, Voice
from service.publishing import claim_review
from service.publishing.claim_review import ReviewSources
from tests.domain.builders import BELGRADE, build_claim
from tests.support import schema_org

EARLY = {
    "url": "https://example.org/early",
    "title": None,
    "publisher": "Example News",
    "published_at": "2023-10-01T00:00:00Z",
    "language": None,
    "archive_url": None,
}


def build_review(state: ClaimState, *sources: Any) -> dict[str, Any]:
    review = claim_review.build_claim_review(
        orjson.loads(render_document(state)),
        ReviewSources(sources, ()),
        publisher="The Daily",
        base_url="https://desk.example",
    )
    schema_org.check(review)
    return review


@pytest.mark.parametrize(
    ("claimant", "author"),
    [
        (None, None),
        (
            BELGRADE,
            {
                "@type": "Person",
                "name": "Gen. Milan Mojsilović",
                "affiliation": {"@type": "Organization", "name": "Belgrade"},
            },
        ),
        (
            Voice("nato", "NATO", "nato", "NATO", Speaker("s", "Oana Lungescu", "spokeswoman")),
            {
                "@type": "Person",
                "name": "Oana Lungescu",
                "affiliation": {"@type": "Organization", "name": "NATO"},
                "jobTitle": "spokeswoman",
            },
        ),
        (Voice("nato", "NATO", "nato", "NATO"), {"@type": "Organization", "name": "NATO"}),
    ],
    ids=["unattributed", "no role known", "in a role", "a party"],
)
def test_claimant_is_the_author(claimant: Voice | None, author: dict[str, Any] | None) -> None:
    """A person in a role for a party, a party, or nobody in particular."""
    assert build_review(build_claim(claimant=claimant)).get("author") == author


def test_unknown_fields_of_a_source_are_left_out() -> None:
    """No property is null; a source without a date is no first appearance where another has one;
    as of an instant at which none was known there is no appearance."""
    undated_source = EARLY | {"url": "https://example.org/undated", "published_at": None}
    review = build_review(build_claim(), undated_source, EARLY, undated_source)
    assert review["appearance"][0] == {"@type": "CreativeWork", "url": undated_source["url"]} | {
        "publisher": {"@type": "Organization", "name": "Example News"}
    }
    assert review["firstAppearance"]["url"] == EARLY["url"]
    assert (
        build_review(build_claim(), undated_source, undated_source)["firstAppearance"]["url"]
        == undated_source["url"]
    )
    assert not {"appearance", "firstAppearance"} & build_review(build_claim()).keys()
