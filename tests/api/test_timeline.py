"""The timeline of a story: both orders, disclosure, and refusals."""

from typing import Any

from service.domain.access import SYSTEM
from service.exchange import seeds
from tests.api.problems import require_field_error, require_problem
from tests.support.desk import Desk, build_statement


async def record_timeline(desk: Desk, **query: str) -> dict[str, Any]:
    response = await desk.reader.get("/v1/stories/border/timeline", params=query)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_two_orders_are_never_mixed(desk: Desk) -> None:
    """What was said long ago and recorded late comes last by the desk's clock and first by the
    world's; what the desk did itself was never said, so the world's clock does not tell of it."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border"))["id"]
    early = build_statement("state-department", said_at="2023-09-20T08:00:00Z", precision="hour")
    stance = {"statement": early, "stance": "requests_confirmation", "conditional": True}
    link = await desk.post(f"/v1/claims/{claim}/links", stance)
    await desk.post(f"/v1/links/{link['id']}/retraction", {"reason": "misread"}, status=200)
    timeline = await record_timeline(desk)
    assert [(item["type"], item["said_at"]) for item in timeline["items"]] == [
        ("claim.created", "2023-10-02T00:00:00Z"),
        ("link.created", "2023-09-20T08:00:00Z"),
        ("claim.status_changed", None),
        ("link.retracted", None),
    ]
    _, link_entry, move_entry, retraction_entry = timeline["items"]
    assert (link_entry["link"]["conditional"], link_entry["precision"]) == (True, "hour")
    department = {
        "slug": "state-department",
        "name": "State Department",
        "root": "washington",
        "root_name": "Washington",
    }
    for each in (link_entry, move_entry, retraction_entry):
        assert each["parties"] == [department]
    names = ("previous_status", "status", "cause")
    assert [move_entry[name] for name in names] == ["asserted", "awaiting_confirmation", "request"]
    assert move_entry["recorded_at"] == link_entry["recorded_at"]
    said_timeline = await record_timeline(desk, clock="said")
    assert [item["type"] for item in said_timeline["items"]] == ["link.created", "claim.created"]
    (lane,) = timeline["lanes"]
    assert [interval["status"] for interval in lane["intervals"]] == [
        "asserted",
        "awaiting_confirmation",
    ]
    assert said_timeline["lanes"] == timeline["lanes"]


async def test_timeline_holds_nothing_internal(desk: Desk) -> None:
    """No assignee, no draft of a decision, nobody's name: the desk and a reader are told the
    same."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border"))["id"]
    me = (await desk.checker.get("/v1/me")).json()["id"]
    any_version = {"If-Match": "*"}
    for change in ({"assignee": me}, {"assignee": None, "tags": ["troops"]}, {"assignee": me}):
        amendment = await desk.checker.patch(
            f"/v1/claims/{claim}", json=change, headers=any_version
        )
        assert amendment.status_code == 200, amendment.text
    await desk.confirm_claim(claim)
    url = "/v1/stories/border/timeline"
    answers = [await client.get(url) for client in (desk.reader, desk.checker, desk.admin)]
    assert len({answer.text for answer in answers}) == 1
    assert me not in answers[0].text
    entries = answers[0].json()["items"]
    assert [entry["type"] for entry in entries] == [
        "claim.created",
        "claim.amended",
        "link.created",
        "claim.status_changed",
    ]
    assert entries[1]["changes"] == ["tags"]
    for name in ("checker", "editor"):
        assert f'"{name}"' not in answers[0].text


async def test_merges_and_withdrawals_are_on_the_timeline(desk: Desk) -> None:
    """Both claims tell of a merge, each naming the other; a statement taken back names whose it
    was."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    loser, into = [(await desk.record_claim(story="border"))["id"] for _ in range(2)]
    link = await desk.link_statement(loser, "supports", "nato")
    merge = await desk.checker.post(
        f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
    )
    assert merge.status_code == 200
    statement = link["statement"]["id"]
    await desk.post(f"/v1/statements/{statement}/withdrawal", {"reason": "no"}, status=200)
    entries = (await record_timeline(desk))["items"][3:]
    assert [(entry["type"], entry["claim"]["id"]) for entry in entries[:2]] == [
        ("claim.merged", loser),
        ("claim.absorbed", into),
    ]
    assert (entries[0]["into"], entries[1]["merged"]) == (into, loser)
    assert {entry["type"] for entry in entries[2:]} == {"statement.withdrawn"}
    # The merged claim's own statement came along: a merge keeps every voice.
    assert [party["slug"] for party in entries[1]["parties"]] == ["nato", "belgrade"]
    for entry in entries[2:]:
        assert [party["slug"] for party in entry["parties"]] == ["nato"]


async def test_timeline_of_the_article_is_complete_page_by_page(desk: Desk) -> None:
    """Its whole timeline is there page by page, and each claim has its lane on the page that tells
    of it."""
    plan = seeds.parse_seed_file(seeds.find_default_file().read_bytes())
    await desk.database.write(seeds.load_plan, plan, actor=SYSTEM, now=desk.clock.now)
    url, lanes, entries = "/v1/stories/kosovo-border-2023/timeline?limit=5&clock=said", set(), []
    link = f'<{url}>; rel="next"'
    while link:
        page = await desk.reader.get(link[1 : link.index(">")])
        body = page.json()
        assert {lane["claim"] for lane in body["lanes"]} == {
            item["claim"]["id"] for item in body["items"]
        }
        lanes |= {lane["claim"] for lane in body["lanes"]}
        entries += body["items"]
        link = page.headers.get("Link", "")
    assert len(lanes) == 12
    assert len(entries) == 12 + 6
    assert [entry["said_at"] for entry in entries] == sorted(entry["said_at"] for entry in entries)


async def test_invalid_timeline_requests_are_refused(desk: Desk) -> None:
    """Unknown stories, clocks and parameters, and cursors of another order, are refused."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    empty = await record_timeline(desk)
    assert (empty["items"], empty["lanes"], empty["next_cursor"]) == ([], [], None)
    for _ in range(2):
        await desk.record_claim(story="border")
    url = "/v1/stories/border/timeline"
    require_problem(await desk.reader.get("/v1/stories/nothing/timeline"), "not-found")
    for params, field in (
        ({"clock": "sun"}, "clock"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"types": "claim.created"}, "types"),
    ):
        require_field_error(await desk.reader.get(url, params=params), "query", field)
    cursor = (await desk.reader.get(url, params={"limit": 1})).json()["next_cursor"]
    other = {"cursor": cursor, "clock": "said"}
    require_problem(await desk.reader.get(url, params=other), "invalid-cursor")


async def correct(desk: Desk, path: str, **changes: Any) -> None:
    await desk.post(f"{path}/corrections", {"reason": "taken down wrongly", **changes})


async def read_entries(desk: Desk, slug: str, **query: str | int) -> list[dict[str, Any]]:
    """Read a timeline page by page."""
    entries: list[dict[str, Any]] = []
    path = f"/v1/stories/{slug}/timeline"
    params: dict[str, str | int] = {**query}
    while True:
        answer = await desk.reader.get(path, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        entries += page["items"]
        if page["next_cursor"] is None:
            return entries
        params["cursor"] = page["next_cursor"]


async def test_entries_follow_their_claim_into_another_story(desk: Desk) -> None:
    """What happened to it before is in the story where it belongs, by either clock and however
    short the pages; as of an instant before, in the story where it was believed to belong."""
    await desk.record_parties()
    for slug in ("border", "kosovo", "border-2"):
        await desk.post("/v1/stories", {"slug": slug, "title": slug})
    claim = (await desk.record_claim(story="border", text="Two battalions left"))["id"]
    link = await desk.link_statement(claim, "requests_confirmation", "nato")
    other_claim = (await desk.record_claim(story="border", text="The bridge is closed"))["id"]
    resident = (await desk.record_claim(story="kosovo", text="The market is open"))["id"]
    before = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    await correct(desk, f"/v1/claims/{claim}", story="kosovo")
    instant = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    await desk.post(f"/v1/links/{link['id']}/retraction", {"reason": "misread"}, status=200)
    history = ["claim.created", "link.created", "claim.status_changed"]
    types = [*history, "claim.corrected", "link.retracted"]

    async def read_types(slug: str, claim: str, **query: str | int) -> list[str]:
        entries = await read_entries(desk, slug, **query)
        assert [entry["seq"] for entry in entries] == sorted({entry["seq"] for entry in entries})
        return [entry["type"] for entry in entries if entry["claim"]["id"] == claim]

    for limit in (1, 2, 50):
        assert await read_types("border", claim, limit=limit) == []
        assert await read_types("border", other_claim, limit=limit) == ["claim.created"]
        assert await read_types("kosovo", claim, limit=limit) == types
        assert await read_types("kosovo", resident, limit=limit) == ["claim.created"]
        assert await read_types("border", claim, limit=limit, as_of=before) == history
        assert await read_types("kosovo", claim, limit=limit, as_of=before) == []
        assert await read_types("border", claim, limit=limit, as_of=instant) == []
    assert await read_types("kosovo", claim, as_of=instant) == types[:-1]
    assert await read_entries(desk, "border-2") == []
    said_entries = await read_entries(desk, "kosovo", clock="said", limit=1)
    assert [entry["type"] for entry in said_entries if entry["claim"]["id"] == claim] == history[:2]
    retraction_entry = (await read_entries(desk, "kosovo"))[-1]
    assert [party["slug"] for party in retraction_entry["parties"]] == ["nato"]
    desk.clock.advance(minutes=5)
    await correct(desk, f"/v1/claims/{claim}", story="border")
    assert await read_types("kosovo", claim, limit=2) == []
    assert await read_types("border", claim, limit=2) == [*types, "claim.corrected"]
    await correct(desk, f"/v1/claims/{claim}", story=None)
    assert await read_types("border", claim) == []


async def test_corrected_hour_sorts_an_entry(desk: Desk) -> None:
    """By the world's clock an entry stands where it was said in truth, however short the
    pages; as of an instant before the correction, where the desk believed it to be."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border", claimed_at="2023-10-02T00:00:00Z"))["id"]
    statements = []
    for hour in (8, 9, 10):
        statement = build_statement(
            "nato", said_at=f"2023-10-03T{hour:02}:00:00Z", precision="hour"
        )
        link = {"statement": statement, "stance": "comments"}
        link_view = await desk.post(f"/v1/claims/{claim}/links", link)
        statements.append(link_view["statement"]["id"])
    before = desk.clock.now.isoformat()
    desk.clock.advance(minutes=5)
    first, second, third = statements
    await correct(
        desk, f"/v1/statements/{first}", said_at="2023-10-03T09:30:00Z", precision="minute"
    )
    await correct(desk, f"/v1/claims/{claim}", claimed_at="2023-10-03T09:00:00Z", precision="hour")

    async def read_order(**query: str | int) -> list[tuple[str | None, str]]:
        return [
            (entry["link"] and entry["link"]["statement"], entry["said_at"][11:16])
            for entry in await read_entries(desk, "border", clock="said", **query)
        ]

    right = [(first, "09:30"), (None, "09:00"), (second, "09:00"), (third, "10:00")]
    earlier_order = [(None, "00:00"), (first, "08:00"), (second, "09:00"), (third, "10:00")]
    for limit in (1, 2, 3, 50):
        assert await read_order(limit=limit) == right
        assert await read_order(limit=limit, as_of=before) == earlier_order
    creation_entry, *link_entries = await read_entries(desk, "border")
    assert creation_entry["said_at"] == "2023-10-03T09:00:00Z"
    assert (link_entries[0]["precision"], link_entries[0]["link"]["precision"]) == (
        "minute",
        "minute",
    )


async def test_story_page_has_what_was_said_at_corrected_hours(desk: Desk) -> None:
    """The page of the desk tells the latest first, also of what was corrected."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border"))["id"]
    statements = {}
    for hour, party in ((8, "nato"), (9, "pristina"), (10, "washington")):
        statement = build_statement(party, said_at=f"2023-10-03T{hour:02}:00:00Z", precision="hour")
        link = {"statement": statement, "stance": "comments"}
        link_view = await desk.post(f"/v1/claims/{claim}/links", link)
        statements[party] = link_view["statement"]["id"]

    async def read_parties() -> list[str]:
        page = (await desk.reader.get("/stories/border", params={"clock": "said"})).text
        _, section = page.split('<section id="happened"')
        names = ("NATO", "Pristina", "Washington")
        return sorted(names, key=lambda name: section.index(name))

    assert await read_parties() == ["Washington", "Pristina", "NATO"]
    await correct(desk, f"/v1/statements/{statements['nato']}", said_at="2023-10-03T11:00:00Z")
    assert await read_parties() == ["NATO", "Washington", "Pristina"]
