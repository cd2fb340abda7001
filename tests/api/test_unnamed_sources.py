"""Sources that are not named, and dates without a day, through the API."""

from __future__ import annotations

import pytest

from tests.api.problems import require_problem
from tests.support.desk import Desk, Json, build_claim, build_quote, build_statement

REASON = "He would lose his post"
UNNAMED = {
    "attribution": "unnamed",
    "description": "a senior security official",
    "reason": REASON,
}


async def link_unnamed(desk: Desk, claim: str, stance: str, **changes: object) -> Json:
    statement = build_statement(None, **UNNAMED, basis="own_observation") | changes
    return await desk.post(f"/v1/claims/{claim}/links", {"statement": statement, "stance": stance})


@pytest.mark.parametrize("stance", ["supports", "contradicts", "requests_confirmation"])
async def test_unnamed_source_is_shown_and_counts_for_nothing(desk: Desk, stance: str) -> None:
    """It stands in the evidence, the print line and the matrix, and moves nothing."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border"))["id"]
    link = await link_unnamed(desk, claim, stance)
    after = await desk.read_claim(claim)
    assert (after["status"], after["agrees"]) == ("asserted", True)
    assert after["challenged"] is (stance == "contradicts")
    assert after["evidence"]["unnamed"] == [
        {"stance": stance, "description": "a senior security official", "party": None}
    ]
    assert all(after["evidence"][name] == [] for name in ("supports", "contradicts"))
    assert "A senior security official, not named, " in after["print_line"]
    (trace,) = (await desk.reader.get(f"/v1/claims/{claim}/suggestion")).json()["trace"]
    assert (trace["party"], trace["root"], trace["counted"]) == (None, None, False)
    assert trace["why"] == "an unnamed source does not count on its own"
    (row,) = (await desk.reader.get("/v1/stories/border/matrix")).json()["claims"]
    (cell,) = [each for each in row["cells"] if each["role"] == "unnamed"]
    assert cell["party"] is None
    assert [(each["stance"], each["counted"]) for each in cell["stances"]] == [(stance, 0)]
    (entry,) = [
        each
        for each in (await desk.reader.get("/v1/stories/border/timeline")).json()["items"]
        if each["type"] == "link.created"
    ]
    assert (entry["link"]["id"], entry["parties"]) == (link["id"], [])
    assert entry["link"]["description"] == "a senior security official"


async def test_challenge_by_an_unnamed_source_is_in_the_review_queue(desk: Desk) -> None:
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await link_unnamed(desk, claim, "contradicts")
    (review,) = (await desk.checker.get("/v1/review-queue")).json()["items"]
    assert (review["claim"]["id"], review["reasons"]) == (claim, ["challenged"])


async def test_only_editors_see_why_a_name_is_withheld(desk: Desk) -> None:
    """Of one statement, and nowhere else: neither in lists nor beside claims nor in events."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    statement = (await link_unnamed(desk, claim, "supports"))["statement"]["id"]
    url = f"/v1/statements/{statement}"
    for client, sees in (
        (desk.reader, False),
        (desk.checker, False),
        (desk.editor, True),
        (desk.admin, True),
    ):
        view = (await client.get(url)).json()
        assert (view["attribution"], view["description"], view["party"]) == (
            "unnamed",
            "a senior security official",
            None,
        )
        assert view.get("reason") == (REASON if sees else None)
        for other in (
            "/v1/statements",
            f"/v1/claims/{claim}?expand=links",
            f"/v1/claims/{claim}/links",
            f"/v1/claims/{claim}/history",
            "/v1/events",
            f"/claims/{claim}",
        ):
            answer = await client.get(other)
            assert answer.status_code in (200, 303), other
            assert REASON not in answer.text, other
    creation = await desk.editor.post("/v1/statements", json=build_statement(None, **UNNAMED))
    assert creation.json()["reason"] == REASON
    creation = await desk.checker.post("/v1/statements", json=build_statement(None, **UNNAMED))
    assert "reason" not in creation.json()


async def test_unnamed_source_may_belong_to_a_party(desk: Desk) -> None:
    """It is no voice of that party, and follows its name."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    official = {"party": "pristina", "description": "an official"}
    await link_unnamed(desk, claim, "contradicts", **official)
    after = await desk.read_claim(claim)
    assert (after["status"], after["evidence"]["contradicts"]) == ("asserted", [])
    assert after["evidence"]["unnamed"][0]["party"] == "pristina"
    assert "An official of Pristina, not named, denies it." in after["print_line"]
    await desk.editor.patch("/v1/parties/pristina", json={"name": "Prishtina"})
    claim_view = await desk.read_claim(claim)
    assert "An official of Prishtina, not named, denies it." in claim_view["print_line"]


async def test_claim_may_come_from_an_unnamed_source(desk: Desk) -> None:
    """It is unattributed; merged into another, its words are a link there."""
    await desk.record_parties()
    origin = {**UNNAMED, "quotes": [build_quote()]}
    unattributed_claim = await desk.record_claim(claimant=None, speaker=None, origin=origin)
    assert unattributed_claim["claimant"] is None
    assert unattributed_claim["print_line"].startswith("Unattributed claim")
    attribution_answer = await desk.checker.post("/v1/claims", json=build_claim(origin=origin))
    assert "claimant is null" in str(require_problem(attribution_answer, "invalid-request"))
    survivor = (await desk.record_claim(text="The same, by Belgrade"))["id"]
    merge = await desk.checker.post(
        f"/v1/claims/{unattributed_claim['id']}/merge",
        json={"into": survivor},
        headers={"If-Match": "*"},
    )
    assert merge.status_code == 200, merge.text
    assert [
        each["stance"] for each in (await desk.read_claim(survivor))["evidence"]["unnamed"]
    ] == ["supports"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"description": None}, "needs a description"),
        ({"reason": None}, "the reason why the name is withheld"),
        ({"attribution": "named"}, "are of a source that is not named"),
        ({"party": "belgrade", "speaker": {"name": "Somebody"}}, "has no speaker"),
        ({"party": "atlantis"}, "atlantis"),
        ({"attribution": "anonymous"}, "attribution"),
    ],
)
async def test_half_an_unnamed_source_is_refused(
    desk: Desk, changes: dict[str, object], words: str
) -> None:
    await desk.record_parties()
    body = build_statement(None, **UNNAMED) | changes
    refusal = await desk.checker.post("/v1/statements", json=body)
    assert words in str(require_problem(refusal, "invalid-request"))


async def test_month_and_year_are_printed_and_sorted_as_such(desk: Desk) -> None:
    """Never as their first day: what is of a month comes where the month ends."""
    await desk.record_parties()
    claims_by_precision = {}
    for precision, claimed_at in (
        ("month", "2020-08-17T10:00:00+02:00"),
        ("year", "2020-05-01T00:00:00Z"),
        ("day", "2020-08-20T00:00:00Z"),
    ):
        claim = await desk.record_claim(claimed_at=claimed_at, precision=precision, text=precision)
        claims_by_precision[precision] = claim
    assert claims_by_precision["month"]["claimed_at"] == "2020-08-01T00:00:00Z"
    assert "(Gen. Milan Mojsilović, August 2020)" in claims_by_precision["month"]["print_line"]
    assert claims_by_precision["year"]["claimed_at"] == "2020-01-01T00:00:00Z"
    assert "(Gen. Milan Mojsilović, 2020)" in claims_by_precision["year"]["print_line"]
    items = (await desk.reader.get("/v1/claims?sort=claimed")).json()["items"]
    assert [claim["precision"] for claim in items] == ["year", "month", "day"]
    query = {"claimed_until": "2020-08-10T00:00:00Z"}
    items = (await desk.reader.get("/v1/claims", params=query)).json()["items"]
    assert {claim["precision"] for claim in items} == {"year", "month"}
    for precision, date in (("month", "2020-08"), ("year", "2020"), ("day", "2020-08-20")):
        url = f"/v1/claims/{claims_by_precision[precision]['id']}/claimreview"
        assert (await desk.reader.get(url)).json()["datePublished"] == date
    statement = await desk.post(
        "/v1/statements",
        build_statement("nato", said_at="2020-08-09T00:00:00Z", precision="month"),
    )
    assert (statement["said_at"], statement["precision"]) == ("2020-08-01T00:00:00Z", "month")
    until = {"until": "2020-08-10T00:00:00Z"}
    statement_items = (await desk.reader.get("/v1/statements", params=until)).json()["items"]
    assert statement["id"] in [each["id"] for each in statement_items]
