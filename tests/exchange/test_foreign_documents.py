"""Documents of others are read: Google's answers, pages, microdata, references."""

from typing import Any

import orjson
import pytest

from service.domain.errors import Invalid
from service.store.engine import Database
from tests.exchange.rows import import_rows, list_claims
from tests.exchange.test_reviews import REVIEW

Json = dict[str, Any]
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
SEARCH: Json = {
    "claims": [
        {
            "text": "The dam will burst",
            "claimant": "Belgrade",
            "claimDate": "2023-10-02T00:00:00Z",
            "claimReview": [
                {
                    "publisher": {"name": "Example Check", "site": "check.example"},
                    "url": "https://check.example/dam",
                    "title": "No",
                    "reviewDate": "2023-10-03T00:00:00Z",
                    "textualRating": "False",
                    "languageCode": "en",
                },
                {
                    "publisher": {"site": "other.example"},
                    "url": "https://other.example/dam",
                    "textualRating": "Misleading",
                },
            ],
        },
        {"text": "Without a review", "claimant": "Belgrade"},
    ],
    "nextPageToken": "CAo",
}
PAGES: Json = {
    "claimReviewMarkupPages": [
        {
            "pageUrl": "https://check.example/page",
            "publishDate": "2023-10-03",
            "claimReviewAuthor": {"name": "Example Check"},
            "claimReviewMarkups": [
                {
                    "url": "https://check.example/page",
                    "claimReviewed": "The well is dry",
                    "claimDate": "2023-10-02",
                    "claimAuthor": {"name": "Belgrade"},
                    "claimFirstAppearance": "https://x.example/9",
                    "rating": {"textualRating": "True", "ratingValue": 5},
                }
            ],
        }
    ]
}


async def import_json(database: Database, document: Any, **changes: Any) -> Any:
    return await import_rows(database, orjson.dumps(document), "claimreview", **changes)


async def test_an_answer_of_claims_search_is_imported(database: Database) -> None:
    result = await import_json(database, SEARCH)
    assert (result.tally.new, result.refused) == (1, [])
    assert [line for line, _ in result.remarks] == [1, 2, 3]
    assert "also rated “Misleading” by other.example" in result.remarks[0][1]
    [claim] = await list_claims(database)
    assert (claim["claimant"]["name"], claim["claimed_at"]) == ("Belgrade", "2023-10-02T00:00:00Z")
    assert claim["imported"] == {"by": "Example Check", "label": "False"}


async def test_an_answer_of_pages_is_imported(database: Database) -> None:
    result = await import_json(database, PAGES)
    assert (result.tally.new, result.refused, result.remarks) == (1, [], [])
    [claim] = await list_claims(database)
    assert (claim["text"], claim["status"]) == ("The well is dry", "confirmed")


async def test_a_page_is_imported_by_its_json_ld(database: Database) -> None:
    """Its scripts belong together; a broken script is refused with its line."""
    review = REVIEW | {"author": {"@id": "#house"}}
    house = {"@type": "Organization", "@id": "#house", "name": "The House"}
    page = (
        '<!DOCTYPE html>\n<html><script type="application/ld+json">{broken</script>\n'
        f'<script type="application/ld+json">\n//<![CDATA[\n{orjson.dumps(review).decode()}\n//]]>'
        '</script><script type="application/ld+json">'
        f"{orjson.dumps(house).decode()}</script></html>"
    )
    result = await import_rows(database, page.encode(), "claimreview")
    assert [(line, "no JSON" in reason) for line, _, reason in result.refused] == [(2, True)]
    [claim] = await list_claims(database)
    assert claim["imported"]["by"] == "The House"


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("<html></html>", "there is no JSON-LD in it"),
        ('<div itemtype="https://schema.org/ClaimReview">', "microdata"),
    ],
)
async def test_a_page_without_json_ld_is_refused(
    database: Database, page: str, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        await import_rows(database, page.encode(), "claimreview")


def build_microdata(value: Any) -> Any:
    if isinstance(value, dict):
        properties = {name: build_microdata(item) for name, item in value.items() if name[0] != "@"}
        return {
            "type": f"http://schema.org/{value.get('@type', 'Thing')}",
            "properties": properties,
        }
    return value


def add_prefix(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {
            name if name[0] == "@" else prefix + name: add_prefix(item, prefix)
            if name != "@type"
            else prefix + item
            for name, item in value.items()
            if name != "@context"
        }
    return value


@pytest.mark.parametrize(
    "document",
    [
        {"microdata": [build_microdata(REVIEW)], "json-ld": [], "rdfa": []},
        add_prefix(REVIEW, "schema:"),
        add_prefix(REVIEW, "http://schema.org/"),
        {"@context": {"s": "https://schema.org/"}, **add_prefix(REVIEW, "s:")},
        {
            "@context": {"type": "@type", "says": "https://schema.org/claimReviewed"},
            **{name: item for name, item in REVIEW.items() if name[0] != "@"},
            "type": "ClaimReview",
            "says": REVIEW["claimReviewed"],
            "claimReviewed": [],
        },
    ],
)
async def test_names_of_schema_org_are_understood_in_every_spelling(
    database: Database, document: Json
) -> None:
    result = await import_json(database, document)
    assert (result.tally.new, result.refused, result.remarks) == (1, [], [])
    [claim] = await list_claims(database)
    assert (claim["text"], claim["claimant"]["name"]) == ("Troops are back to normal", "Belgrade")
    assert (claim["claimed_at"], claim["status"]) == ("2020-08-25T00:00:00Z", "disputed")


@pytest.mark.parametrize(
    ("item", "remark"),
    [
        ({"author": {"@id": "#nobody"}}, "its author refers to #nobody, which is not there"),
        ({"author": {"@id": "#a", "author": {"@id": "#a"}}}, "its claimant has no name"),
        ({"author": True}, "its author is True, which says nothing"),
        ([{"name": "x"}, {"name": "y"}], "another itemReviewed is left out: y"),
    ],
)
async def test_a_reference_that_leads_nowhere_is_a_remark(
    database: Database, item: Any, remark: str
) -> None:
    result = await import_json(database, REVIEW | {"itemReviewed": item})
    assert result.tally.new == 1
    assert remark in [text for _, text in result.remarks]


async def test_a_review_in_another_language_is_the_same_claim(database: Database) -> None:
    other = REVIEW | {"claimReviewed": "Trupe su se vratile", "inLanguage": "sr"}
    result = await import_json(database, [REVIEW | {"inLanguage": "en-GB"}, other])
    assert (result.tally.new, result.tally.known) == (1, 1)
    assert "in another language (sr): “Trupe su se vratile”" in result.remarks[0][1]


async def test_a_mapping_may_know_a_person_by_an_address(database: Database) -> None:
    """`refuse` refuses a person whom neither the mapping nor the desk knows."""
    person = {"@type": "schema:Person", "name": "P. Q.", "sameAs": "https://X.example/pq/"}
    review = REVIEW | {"itemReviewed": {"author": person}}
    refusal = await import_json(database, review, claimants={"unknown": "refuse"})
    assert refusal.refused == [(1, "claimant", "there is no party of this name")]
    await import_json(database, REVIEW)
    claimants = {"unknown": "refuse", "known": {"https://x.example/pq": "belgrade"}}
    result = await import_json(database, review | {"claimReviewed": "More"}, claimants=claimants)
    assert (result.tally.new, result.refused) == (1, [])


async def test_a_name_that_stands_twice_is_refused(database: Database) -> None:
    text = orjson.dumps(REVIEW).decode()[:-1] + ', "claimReviewed": "Something else"}'
    result = await import_rows(database, text.encode(), "claimreview")
    assert [(field, "twice" in reason) for _, field, reason in result.refused] == [
        ("claimReviewed", True)
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("form", ["document", "lines", "page"])
async def test_documents_in_utf_16_and_utf_32_are_read(
    database: Database, encoding: str, form: str
) -> None:
    """As sheets are, by their mark or by where their zeros stand."""
    first, second = (
        orjson.dumps(
            REVIEW | {"claimReviewed": text, "url": f"https://c.example/{number}"}
        ).decode()
        for text, number in (("Čuvari mosta", 1), ("Ђурђевдан", 2))
    )
    text = {
        "document": f"[{first},\n{second}]",
        "lines": f"{first}\n{second}\n",
        "page": f'<html><script type="application/ld+json">[{first},{second}]</script></html>',
    }[form]
    result = await import_rows(database, text.encode(encoding), "claimreview")
    assert (result.refused, result.remarks) == ([], [])
    assert {claim["text"] for claim in await list_claims(database)} == {"Čuvari mosta", "Ђурђевдан"}


async def test_a_page_in_an_unknown_encoding_gets_a_remark(database: Database) -> None:
    script = f'<script type="application/ld+json">{orjson.dumps(REVIEW).decode()}</script>'
    page = f"<html>{script}<p>ćuprija</p></html>"
    result = await import_rows(database, page.encode("cp1250"), "claimreview")
    assert result.tally.new == 1
    [(_, remark)] = result.remarks
    assert "Windows-1252" in remark
    page_with_charset = page.replace("<html>", '<html><meta charset="windows-1250">')
    assert (
        await import_rows(database, page_with_charset.encode("cp1250"), "claimreview")
    ).remarks == []


async def test_an_empty_script_is_ignored_and_an_unclosed_one_is_refused(
    database: Database,
) -> None:
    kind = 'type="application/ld+json"'
    review = orjson.dumps(REVIEW).decode()
    page = f"<html><script {kind}></script>\n<script {kind}>{review}</script>"
    assert (await import_rows(database, page.encode(), "claimreview")).refused == []
    unclosed_page = f"{page}\n<script {kind}>{review}</html>"
    result = await import_rows(database, unclosed_page.encode(), "claimreview")
    assert [(line, "not closed" in reason) for line, _, reason in result.refused] == [(3, True)]


async def test_the_second_of_two_dates_is_a_remark(database: Database) -> None:
    item = {"@type": "Claim", "datePublished": ["2023-10-02", "2023-10-03", "2023-10-02"]}
    result = await import_json(database, REVIEW | {"itemReviewed": item})
    assert (result.tally.new, result.remarks) == (1, [(1, "dated 2023-10-03 too")])
