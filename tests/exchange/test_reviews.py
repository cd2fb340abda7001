"""ClaimReview documents are read as publishers write them."""

from typing import Any

import orjson
import pytest

from service.domain.errors import Invalid
from service.store.engine import Database
from tests.exchange import desks
from tests.exchange.rows import Result, import_rows, list_claims

Json = dict[str, Any]
REVIEW: Json = {
    "@context": "https://schema.org",
    "@type": "ClaimReview",
    "url": "https://checker.example/2020/troops",
    "claimReviewed": "Troops are back to normal",
    "author": {"@type": "Organization", "name": "Example Fact-check"},
    "datePublished": "2020-08-26",
    "itemReviewed": {
        "@type": "Claim",
        "author": {"@type": "Organization", "name": "Belgrade"},
        "datePublished": "2020-08-25",
        "appearance": {"@type": "CreativeWork", "url": "https://paper.example/a"},
    },
    "reviewRating": {"@type": "Rating", "alternateName": "False"},
}


async def import_documents(database: Database, *documents: Any, **changes: Any) -> Result:
    """Import documents, one a line where there are several."""
    data = b"\n".join(map(orjson.dumps, documents))
    return await import_rows(database, data, "claimreview", **changes)


async def import_review(database: Database, **changes: Any) -> Json:
    """Return the claim that a review with changes becomes."""
    result = await import_documents(database, REVIEW | changes)
    assert result.refused == []
    [claim] = await list_claims(database)
    await desks.count_proved_claims(database)
    return claim


async def test_a_review_as_schema_org_defines_it_is_imported(database: Database) -> None:
    claim = await import_review(database)
    assert (claim["text"], claim["status"], claim["finding"]) == (
        "Troops are back to normal",
        "disputed",
        "refuted",
    )
    assert claim["claimant"]["name"] == "Belgrade"
    assert claim["claimed_at"] == "2020-08-25T00:00:00Z"
    assert claim["imported"] == {"by": "Example Fact-check", "label": "False"}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda review: review,
        lambda review: [review],
        lambda review: {"@context": "https://schema.org", "@graph": [{"@type": "Person"}, review]},
        lambda review: {
            "@type": "DataFeed",
            "dataFeedElement": [{"@type": "DataFeedItem", "item": [review]}],
        },
        lambda review: {"@type": "DataFeed", "dataFeedElement": {"item": review}},
        lambda review: {"@type": "WebPage", "mainEntity": review},
        lambda review: [{"@graph": [review | {"@type": ["Review", "ClaimReview"]}]}],
        lambda review: review | {"@type": "http://schema.org/ClaimReview"},
    ],
)
async def test_a_review_may_stand_in_a_list_a_graph_or_a_feed(
    database: Database, wrap: Any
) -> None:
    result = await import_documents(database, wrap(REVIEW))
    assert (result.tally.new, result.refused) == (1, [])


async def test_a_file_may_have_one_document_a_line(database: Database) -> None:
    """A line that is no JSON, or has no review, is refused alone."""
    other = REVIEW | {"claimReviewed": "Another"}
    data = b"\n".join(
        [orjson.dumps(REVIEW), b"", b"{no json", orjson.dumps([other]), b'{"@type": "Person"}']
    )
    result = await import_rows(database, data + b"\n", "claimreview")
    assert result.tally.new == 2
    assert [(line, reason.partition(":")[0]) for line, _, reason in result.refused] == [
        (3, "the line is no JSON"),
        (5, "there is no ClaimReview in the line"),
    ]


LIBERTIES: list[tuple[Any, Any]] = [
    ({"author": "Checker"}, {"imported": {"by": "Checker", "label": "False"}}),
    ({"author": ["Checker", "x"]}, {"imported": {"by": "Checker", "label": "False"}}),
    (
        {"author": {"url": "https://www.checker.example"}},
        {"imported": {"by": "checker.example", "label": "False"}},
    ),
    (
        {"author": None, "publisher": {"name": "P &amp; Q"}},
        {"imported": {"by": "P & Q", "label": "False"}},
    ),
    ({"author": None}, {"imported": {"by": "Example Fact-check", "label": "False"}}),
    ({"itemReviewed": None}, {"claimant": None, "claimed_at": "2020-08-26T00:00:00Z"}),
    ({"itemReviewed": "https://paper.example/b"}, {"claimant": None}),
    ({"itemReviewed": [REVIEW["itemReviewed"]]}, {"claimed_at": "2020-08-25T00:00:00Z"}),
    ({"claimReviewed": ["It&#039;s &amp;quot;so&amp;quot;"]}, {"text": 'It\'s "so"'}),
    ({"claimReviewed": {"@value": "Wrapped"}}, {"text": "Wrapped"}),
    (
        {"claimReviewed": "", "itemReviewed": {"text": "From the item"}},
        {"text": "From the item"},
    ),
    ({"reviewRating": None}, {"status": "asserted", "agrees": True}),
    ({"reviewRating": "Mostly false"}, {"status": "disputed", "finding": None}),
    ({"reviewRating": [{"alternateName": ["True"]}]}, {"status": "confirmed"}),
    ({"reviewRating": {"ratingValue": "1", "bestRating": "5"}}, {"finding": "refuted"}),
    ({"reviewRating": {"ratingValue": 10, "bestRating": 10}}, {"status": "confirmed"}),
    ({"reviewRating": {"ratingValue": 3}}, {"finding": "conflicting"}),
    ({"reviewRating": {"ratingValue": 7}}, {"status": "asserted"}),
    ({"reviewRating": {"ratingValue": "x", "bestRating": True}}, {"status": "asserted"}),
    ({"reviewRating": 5}, {"status": "asserted"}),
    ({"reviewRating": {"ratingValue": 1, "alternateName": "True"}}, {"status": "confirmed"}),
    ({"url": "//checker.example/x"}, {"status": "disputed"}),
    ({"url": ["checker.example/y"]}, {"status": "disputed"}),
    ({"inLanguage": {"@type": "Language"}}, {"status": "disputed"}),
    ({"inLanguage": "sr-Latn"}, {"status": "disputed"}),
]


async def test_reviews_are_read_in_the_forms_that_publishers_write(database: Database) -> None:
    # Each at an address of its own: the same review twice is one claim.
    documents = [
        {**REVIEW, "url": f"https://checker.example/{n}", **changes}
        for n, (changes, _) in enumerate(LIBERTIES)
    ]
    result = await import_documents(database, *documents)
    assert result.refused == []
    for (changes, expected), claim in zip(LIBERTIES, await list_claims(database), strict=True):
        assert {name: claim[name] for name in expected} == expected, changes
    await desks.count_proved_claims(database)


AUTHORS: list[tuple[Any, Any]] = [
    ({"@type": "Person", "name": "A. Person"}, ("A. Person", None)),
    (
        {
            "@type": "Person",
            "name": "A. Person",
            "jobTitle": ["Minister"],
            "affiliation": {"name": "Belgrade"},
        },
        ("Belgrade", "A. Person"),
    ),
    ({"@type": ["Person"], "name": "A", "worksFor": ["Belgrade"]}, ("Belgrade", "A")),
    ("Belgrade", ("Belgrade", None)),
    ([{"name": ["Belgrade"]}], ("Belgrade", None)),
    ({"@type": "Person"}, None),
]


async def test_the_claimant_is_read_from_the_author(database: Database) -> None:
    documents = [
        REVIEW | {"claimReviewed": f"Claim {n}", "itemReviewed": {"author": author}}
        for n, (author, _) in enumerate(AUTHORS)
    ]
    await import_documents(database, *documents)
    for (author, claimant), claim in zip(AUTHORS, await list_claims(database), strict=True):
        claimant_view = claim["claimant"]
        names = claimant_view and (
            claimant_view["name"],
            (claimant_view["speaker"] or {}).get("name"),
        )
        assert names == claimant, author


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"claimReviewed": None}, "claimReviewed", "there is no claim"),
        ({"claimReviewed": "x" * 2001}, "text", "at most 2000 are allowed"),
        ({"claimReviewed": "a\u0000b"}, "text", "it holds a NUL"),
        (
            {"datePublished": None, "itemReviewed": {}},
            "datePublished",
            "there is no date, and the mapping has no default",
        ),
        (
            {"datePublished": "yesterday", "itemReviewed": {}},
            "datePublished",
            "no date or hour that is written like one of",
        ),
        ({"url": "ftp://x"}, "url", "this is no http(s) address"),
        (
            {"itemReviewed": {"appearance": {"url": "javascript:alert(1)"}}},
            "appearance",
            "this is no http(s) address",
        ),
    ],
)
async def test_a_review_that_cannot_be_a_claim_is_refused(
    database: Database, changes: Json, field: str, reason: str
) -> None:
    result = await import_documents(database, REVIEW | changes, REVIEW)
    assert result.tally.new == 1
    [(line, at, why)] = result.refused
    assert (line, at) == (1, field)
    assert reason in why


DIRT = [
    ('"claimReviewed": "half \\ud83d"', "it holds bytes that are no characters"),
    ('"claimReviewed": "caf\udce9"', "it holds bytes that are no characters"),
    ('"reviewRating": {"ratingValue": NaN}', None),
    ('"reviewRating": {"ratingValue": -Infinity}', None),
    (f'"reviewRating": {{"ratingValue": {"9" * 5_000}}}', None),
    ('"author": {"url": "http://[broken"}, "url": ""', None),
    (f'"itemReviewed": {"[" * 900}{"]" * 900}', None),
    ('"claimReviewed": "with\ta tab"', None),
]


@pytest.mark.parametrize("shape", ["{}\n{}", "[{},{}]", "[{},\n{}]"])
async def test_invalid_json_that_can_be_read_does_not_stop_the_import(
    database: Database, shape: str
) -> None:
    """Other reviews are imported, and so is the review itself where the fault does not matter."""
    clean = orjson.dumps(REVIEW).decode()
    before, separator, after = shape.split("{}")
    dirty = []
    for n, (dirt, _) in enumerate(DIRT):
        # Each in the place of what the review says there, and at an address of its own.
        review = REVIEW | {"url": f"https://checker.example/{n}"}
        values = {name: value for name, value in review.items() if f'"{name}": ' not in dirt}
        dirty.append(f"{orjson.dumps(values).decode()[:-1]}, {dirt}}}")
    text = f"{before}{separator.join([*dirty, clean])}{after}"
    result = await import_rows(database, text.encode("utf-8", "surrogateescape"), "claimreview")
    expected = [
        (place, reason) for place, (_, reason) in enumerate(DIRT, start=1) if reason is not None
    ]
    assert result.tally.new == len(DIRT) + 1 - len(expected)
    refusals = [(place, reason.partition(" in the file")[0]) for place, _, reason in result.refused]
    assert refusals == expected


@pytest.mark.parametrize("deep", [40, 900, 3_000])
async def test_a_document_that_is_nested_too_deeply_is_refused(
    database: Database, deep: int
) -> None:
    """Other lines are imported."""
    line = b"[" * deep + orjson.dumps(REVIEW) + b"]" * deep
    other = REVIEW | {"claimReviewed": "Another"}
    data = b"\n".join([orjson.dumps(REVIEW), line, orjson.dumps(other)])
    result = await import_rows(database, data, "claimreview")
    assert (result.tally.new, [number for number, _, _ in result.refused]) == (2, [2])


async def test_the_same_reviews_again_add_nothing(database: Database) -> None:
    """One page may review several claims; a new rating of the same claim is not a new claim."""
    feed = [REVIEW, REVIEW | {"claimReviewed": "Another"}]
    assert (await import_documents(database, feed)).tally.new == 2
    changed_reviews = [{**review, "reviewRating": "True"} for review in feed]
    second_result = await import_documents(database, changed_reviews)
    assert (second_result.tally.new, second_result.tally.known) == (0, 2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is no JSON"),
        (b"<html>", "the file is no JSON"),
        (b"[]", "there is no ClaimReview in the file"),
        (b'{"@type": "Review"}', "there is no ClaimReview in the file"),
        (b"[" * 5000, "the file is no JSON"),
    ],
)
async def test_a_file_without_reviews_is_refused(
    database: Database, data: bytes, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        await import_rows(database, data, "claimreview")
