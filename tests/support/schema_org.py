"""As much of schema.org as ClaimReview takes, written from its vocabulary: nothing is fetched.

`CONTEXT` is the JSON-LD context of the terms; `TYPES` says which properties each type has, its
parents' included.
"""

from typing import Any

from pyld import jsonld

S = "http://schema.org/"
ADDRESSES = ("archivedAt", "sameAs", "url")
DATES = ("dateModified", "datePublished")
LISTS = ("appearance", "sameAs")
OTHERS = (
    *("Claim", "ClaimReview", "CreativeWork", "Organization", "Person", "Rating"),
    *("affiliation", "alternateName", "appearance", "author", "bestRating", "claimReviewed"),
    *("creativeWorkStatus", "description", "firstAppearance", "headline", "inLanguage"),
    *("itemReviewed", "jobTitle", "name", "publisher", "ratingValue", "reviewBody"),
    *("reviewRating", "text", "worstRating"),
)
CONTEXT: dict[str, Any] = {
    "@context": {name: {"@id": S + name} for name in OTHERS}
    | {name: {"@id": S + name, "@type": "@id"} for name in ADDRESSES}
    | {name: {"@id": S + name, "@type": f"{S}Date"} for name in DATES}
}
# So that a list of one stays a list when it is written back.
for name in LISTS:
    CONTEXT["@context"][name]["@container"] = "@set"
THING = {"alternateName", "description", "name", "sameAs", "url"}
WORK = THING | {
    "archivedAt",
    "author",
    "creativeWorkStatus",
    "dateModified",
    "datePublished",
    "headline",
    "inLanguage",
    "publisher",
    "text",
}
TYPES = {
    "Claim": WORK | {"appearance", "firstAppearance"},
    "ClaimReview": WORK | {"claimReviewed", "itemReviewed", "reviewBody", "reviewRating"},
    "CreativeWork": WORK,
    "Organization": THING,
    "Person": THING | {"affiliation", "jobTitle"},
    "Rating": THING | {"bestRating", "ratingValue", "worstRating"},
}


def check(document: dict[str, Any]) -> None:
    """Fail unless a JSON-LD processor finds every value, and every property belongs to its type."""
    assert document["@context"] == "https://schema.org"

    def load(url: str, _options: Any) -> dict[str, Any]:
        assert url == "https://schema.org"
        return {
            "contextUrl": None,
            "documentUrl": url,
            "contentType": "application/ld+json",
            "document": CONTEXT,
        }

    triples = jsonld.expand(document, {"documentLoader": load})
    # What is no term of the context would be dropped here.
    document_again = jsonld.compact(triples, document["@context"], {"documentLoader": load})
    assert document_again == document
    assert len(triples) == 1
    _check(triples[0])


def _check(node: dict[str, Any]) -> None:
    if "@value" in node or node.keys() == {"@id"}:
        return
    (kind,) = node["@type"]
    properties = {name.removeprefix(S) for name in node if not name.startswith("@")}
    assert properties <= TYPES[kind.removeprefix(S)], kind
    for name in properties:
        for value in node[S + name]:
            _check(value)
