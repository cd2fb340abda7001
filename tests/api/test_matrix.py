"""The matrix of a story: the traps of the article, components, pages, and disclosure."""

from typing import Any

from service.domain.access import SYSTEM
from service.exchange import seeds
from tests.api.problems import require_field_error, require_problem
from tests.support.desk import Desk

ARTICLE = "kosovo-border-2023"


async def read_article_matrix(desk: Desk) -> dict[str, Any]:
    """The article's matrix."""
    plan = seeds.parse_seed_file(seeds.find_default_file().read_bytes())
    await desk.database.write(seeds.load_plan, plan, actor=SYSTEM, now=desk.clock.now)
    response = await desk.reader.get(f"/v1/stories/{ARTICLE}/matrix")
    assert response.status_code == 200, response.text
    return dict(response.json())


def find_cell(matrix: dict[str, Any], words: str, party: str) -> dict[str, Any] | None:
    """Where a party stands on the claim with these words."""
    (row,) = [claim for claim in matrix["claims"] if words in claim["text"]]
    return next((cell for cell in row["cells"] if cell["party"] == party), None)


async def test_matrix_of_the_article_follows_the_rules(desk: Desk) -> None:
    """A conditional welcome is a request and no support; Serbian voices are one party; Kosovo
    Police is Pristina's and counts for nothing; a rejection stays at the claim it rejects."""
    matrix = await read_article_matrix(desk)
    assert [(party["slug"], party["claims"]) for party in matrix["parties"]] == [
        ("belgrade", 6),
        ("pristina", 3),
        ("nato", 1),
        ("washington", 0),
    ]
    miller = find_cell(matrix, "operating regime", "washington")
    assert miller is not None
    (request_stance,) = miller["stances"]
    assert (
        request_stance["stance"],
        request_stance["links"],
        request_stance["conditional"],
        request_stance["counted"],
    ) == (
        "requests_confirmation",
        1,
        1,
        1,
    )
    (statement,) = request_stance["said"]
    assert statement["party"] == "washington"
    assert statement["speaker"]["name"] == "Matthew Miller"
    assert "welcome step" in statement["quote"]
    belgrade = find_cell(matrix, "operating regime", "belgrade")
    assert belgrade is not None
    assert belgrade["role"] == "claimant"
    assert [stance["stance"] for stance in belgrade["stances"]] == ["comments"]
    police = find_cell(matrix, "annex northern Kosovo", "pristina")
    assert police is not None
    (stance_view,) = police["stances"]
    assert (police["role"], stance_view["stance"], stance_view["counted"]) == (
        "claimant",
        "supports",
        0,
    )
    assert stance_view["said"][0]["party"] == "kosovo-police"
    assert stance_view["said"][0]["why"] == "same party as the claimant"
    rejecting = [
        claim["text"]
        for claim in matrix["claims"]
        for at in claim["cells"]
        if at["party"] == "belgrade" and at["role"] is None
    ]
    assert len(rejecting) == 1
    assert "behind the armed group" in rejecting[0]
    unattributed_rows = [claim for claim in matrix["claims"] if claim["claimant"] is None]
    assert [each["cells"] for each in unattributed_rows] == [[], []]


async def test_components_stand_under_their_parents(desk: Desk) -> None:
    """Earliest claimed first; C1 and C2 come right after the claim that they are part of."""
    rows = (await read_article_matrix(desk))["claims"]
    tops = [each for each in rows if each["part_of"] is None]
    assert tops == sorted(tops, key=lambda claim: (claim["claimed_at"], claim["id"]))
    assert sum(each["part_of"] is not None for each in rows) == 3
    for position, row in enumerate(rows):
        if row["part_of"] is not None:
            above = rows[position - 1]
            assert row["part_of"] in (above["id"], above["part_of"])


async def test_claim_of_unknown_hour_stands_at_the_end_of_its_day(desk: Desk) -> None:
    """Nine dead, said that day, is no midnight news: it follows twelve, of that morning."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    later_claims = (
        ("the day after, at midnight", "2023-10-03T00:00:00Z", "second"),
        ("nine dead", "2023-10-02T00:00:00Z", "day"),
        ("seventeen dead", "2023-10-02T11:40:00Z", "minute"),
        ("about thirteen dead", "2023-10-02T11:00:00Z", "hour"),
        ("twelve dead", "2023-10-02T06:00:00Z", "minute"),
    )
    desk.clock.advance(days=2)
    for text, claimed_at, precision in later_claims:
        await desk.record_claim(
            text=text, claimed_at=claimed_at, precision=precision, story="border"
        )
    expected_rows = [
        "twelve dead",
        "seventeen dead",
        "about thirteen dead",
        "nine dead",
        later_claims[0][0],
    ]
    rows: list[str] = []
    cursor: str | None = None
    while not rows or cursor:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await desk.reader.get("/v1/stories/border/matrix", params=params)).json()
        rows += [row["text"] for row in page["claims"]]
        cursor = page["next_cursor"]
    assert rows == expected_rows
    query = {"as_of": desk.clock().isoformat()}
    await desk.record_claim(text="a later one", claimed_at="2023-10-01T00:00:00Z", story="border")
    page = (await desk.reader.get("/v1/stories/border/matrix", params=query)).json()
    assert [row["text"] for row in page["claims"]] == expected_rows


async def test_pages_together_are_the_whole_matrix(desk: Desk) -> None:
    """Page by page it is the whole; a claim that was merged between two pages loses none."""
    whole = await read_article_matrix(desk)
    rows, url = [], f"/v1/stories/{ARTICLE}/matrix?limit=1"
    link = f'<{url}>; rel="next"'
    while link:
        page = await desk.reader.get(link[1 : link.index(">")])
        assert page.json()["parties"] == whole["parties"]
        rows += page.json()["claims"]
        link = page.headers.get("Link", "")
    assert rows == whole["claims"]
    top = next(row for row in rows if row["part_of"] is None)
    second = next(row for row in rows if row["id"] != top["id"])
    page = (await desk.reader.get(url)).json()
    merge = await desk.checker.post(
        f"/v1/claims/{top['id']}/merge", json={"into": second["id"]}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200, merge.text
    params = {"limit": 200, "cursor": page["next_cursor"]}
    rest = await desk.reader.get(f"/v1/stories/{ARTICLE}/matrix", params=params)
    assert {claim["id"] for claim in rest.json()["claims"]} == {
        claim["id"] for claim in whole["claims"]
    } - {top["id"]}


async def test_component_of_a_claim_elsewhere_stands_alone(desk: Desk) -> None:
    """Whether its parent is in another story or its whole line is deeper than a stack."""
    await desk.record_parties()
    for slug in ("here", "there"):
        await desk.post("/v1/stories", {"slug": slug, "title": slug})
    parent = (await desk.record_claim(story="there"))["id"]
    claims = [(await desk.record_claim(story="here", part_of=parent))["id"]]
    for _ in range(3):
        claims.append((await desk.record_claim(story="here", part_of=claims[-1]))["id"])
    rows = (await desk.reader.get("/v1/stories/here/matrix")).json()["claims"]
    assert [row["id"] for row in rows] == claims


async def test_withdrawn_and_retracted_stances_are_marked_and_do_not_count(desk: Desk) -> None:
    """A withdrawn statement and a retracted link are shown as that and count for nothing; twenty
    links of one stance are quoted, those that stand first, and all of them counted."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border"))["id"]
    links = [await desk.link_statement(claim, "supports", "nato") for _ in range(23)]
    statement = links[-1]["statement"]["id"]
    await desk.post(f"/v1/statements/{statement}/withdrawal", {"reason": "no"}, status=200)
    await desk.post(f"/v1/links/{links[-2]['id']}/retraction", {"reason": "no"}, status=200)
    matrix = (await desk.reader.get("/v1/stories/border/matrix")).json()
    nato = find_cell(matrix, "operating regime", "nato")
    assert nato is not None
    (stance,) = nato["stances"]
    names = ("links", "counted", "withdrawn", "retracted")
    assert tuple(stance[name] for name in names) == (21, 21, 1, 1)
    assert [each["link"] for each in stance["said"]] == [link["id"] for link in links[20:0:-1]]


async def test_invalid_story_or_page_is_refused(desk: Desk) -> None:
    """Unknown stories, parameters, instants and foreign cursors are refused by name."""
    await read_article_matrix(desk)
    url = f"/v1/stories/{ARTICLE}/matrix"
    require_problem(await desk.reader.get("/v1/stories/nothing/matrix"), "not-found")
    cursor = (await desk.reader.get(url, params={"limit": 1})).json()["next_cursor"]
    for params, field in (
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": "2023-10-02T12:00:00"}, "as_of"),
        ({"party": "nato"}, "party"),
        ({"limit": "201"}, "limit"),
    ):
        require_field_error(await desk.reader.get(url, params=params), "query", field)
    other = {"cursor": cursor, "as_of": "2030-01-01T00:00:00Z"}
    require_problem(await desk.reader.get(url, params=other), "invalid-cursor")
