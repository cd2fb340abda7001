"""Voids and ways back, through the API: a mistake costs nothing but a line in the record."""

from typing import Any

import httpx
import pytest

from service.store.engine import Connection
from service.verification import verification
from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.support.desk import Desk, Json, build_claim, build_statement

WHY = {"reason": "Recorded from a parody account."}
PASSING = ("version", "updated_at")
"""What a void and its restoration leave another: they are in the record."""


async def act(desk: Desk, path: str, *, client: httpx.AsyncClient | None = None) -> Json:
    """Void or take back, as a checker, and expect it to happen."""
    answer = await (client or desk.checker).post(path, json=WHY)
    assert answer.status_code == 200, answer.text
    view: Json = answer.json()
    return view


async def approve(desk: Desk, waiting: httpx.Response) -> None:
    """Have a second person approve what waits."""
    assert waiting.status_code == 202, waiting.text
    path = f"/v1/decisions/{waiting.json()['id']}/approval"
    approval = await desk.editor.post(path)
    assert approval.status_code == 200, approval.text


def drop_passing(claim: Json) -> Json:
    return {name: value for name, value in claim.items() if name not in PASSING}


async def list_ids(desk: Desk, path: str, key: str = "id", **params: str) -> list[Any]:
    answer = await desk.checker.get(path, params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [item[key] for item in body.get("items", body.get("claims"))]


async def require_sound_record(desk: Desk) -> None:
    """Replay the record, and compare all that is derived from it."""

    def check(connection: Connection) -> list[str]:
        return [str(fault) for fault in verification.verify(connection).breaks]

    assert await desk.database.read(check) == []


async def test_void_claim_is_nowhere_unless_it_is_asked_for(desk: Desk) -> None:
    """Out of lists, search, counts, board, story, similar claims; its page and print line say so;
    `lifecycle=void` lists it, and an instant before shows it as it was."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    kept_claim = (await desk.record_claim(story="border", tags=["army"]))["id"]
    claim = (await desk.record_claim(story="border", tags=["army"]))["id"]
    before = desk.clock.now.isoformat()
    lists: tuple[tuple[str, dict[str, str]], ...] = (
        ("/v1/claims", {}),
        ("/v1/claims", {"tag": "army"}),
        ("/v1/claims", {"story": "border", "sort": "claimed"}),
        ("/v1/claims", {"q": "regime"}),
        ("/v1/claims", {"q": "regime", "sort": "changed"}),
        ("/v1/stories/border/matrix", {}),
    )
    for path, params in lists:
        assert claim in await list_ids(desk, path, **params), (path, params)
    void = await act(desk, f"/v1/claims/{claim}/void")
    assert void["lifecycle"] == "void"
    assert void["print_line"] == "Do not use: the desk recorded this claim by mistake."
    assert (await desk.read_claim(claim))["lifecycle"] == "void"
    for path, params in lists:
        assert await list_ids(desk, path, **params) == [kept_claim], (path, params)
        ids_before = await list_ids(desk, path, **params, as_of=before)
        assert set(ids_before) == {kept_claim, claim}, (path, params)
        now = await list_ids(desk, path, **params, as_of=desk.clock().isoformat())
        assert now == [kept_claim], (path, params)
    assert await list_ids(desk, "/v1/claims", lifecycle="void") == [claim]
    assert await list_ids(desk, "/v1/claims", lifecycle="void", q="regime") == [claim]
    assert await list_ids(desk, f"/v1/claims/{kept_claim}/similar") == []
    search_page = (
        await desk.checker.get("/v1/claims", params={"q": "regime", "facets": "true"})
    ).json()
    assert [value["count"] for value in search_page["facets"]["status"]] == [1]
    assert claim not in (await desk.checker.get("/")).text
    assert "Do not use" in (await desk.checker.get(f"/claims/{claim}")).text
    assert "Void" in (await desk.reader.get(f"/v1/claims/{claim}/badge.svg")).text
    review = (await desk.reader.get(f"/v1/claims/{claim}/claimreview")).json()
    assert (review["@type"], review["creativeWorkStatus"]) == ("Claim", "Void")
    await require_sound_record(desk)


@pytest.mark.parametrize("withdrawn", [False, True])
async def test_void_and_restoration_leave_nothing_but_the_record(
    desk: Desk, withdrawn: bool
) -> None:
    """All that is served is as before: the claim, its links, its place as a part of another, lists;
    and the record says what happened, by whom and why."""
    await desk.record_parties()
    whole = (await desk.record_claim())["id"]
    claim = (await desk.record_claim(part_of=whole, tags=["army"], text="a part of it"))["id"]
    part = (await desk.record_claim(part_of=claim, text="a part of that"))["id"]
    await desk.link_statement(claim, "requests_confirmation", "washington")
    await desk.link_statement(claim, "contradicts", "pristina")
    if withdrawn:
        await act(desk, f"/v1/claims/{claim}/withdrawal")
    paths = (
        f"/v1/claims/{claim}",
        f"/v1/claims/{claim}/links",
        f"/v1/claims/{claim}/suggestion",
        f"/v1/claims/{part}",
        f"/v1/claims/{whole}",
        "/v1/claims?sort=claimed",
    )
    before = [(await desk.checker.get(path)).json() for path in paths]
    await act(desk, f"/v1/claims/{claim}/void")
    assert (await desk.read_claim(whole))["components"] == []
    claim_view = await act(desk, f"/v1/claims/{claim}/restoration")
    assert claim_view["lifecycle"] == ("withdrawn" if withdrawn else "active")
    for path, earlier in zip(paths, before, strict=True):
        now = (await desk.checker.get(path)).json()
        if "items" in now:
            now["items"] = [drop_passing(item) for item in now["items"]]
            earlier["items"] = [drop_passing(item) for item in earlier["items"]]
        assert drop_passing(now) == drop_passing(earlier), path
    history = (await desk.reader.get(f"/v1/claims/{claim}/history")).json()["items"][-2:]
    assert [(event["type"], event["data"]["reason"]) for event in history] == [
        ("claim.voided", WHY["reason"]),
        ("claim.restored", WHY["reason"]),
    ]
    await require_sound_record(desk)


async def test_what_two_people_agreed_to_prints_again_by_two_people(desk: Desk) -> None:
    """One checker voids a confirmed claim; its restoration waits for a second person, and then it
    is confirmed as before."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim)
    confirmed_claim = await desk.read_claim(claim)
    await act(desk, f"/v1/claims/{claim}/void")
    waiting = await desk.checker.post(f"/v1/claims/{claim}/restoration", json=WHY)
    assert (await desk.read_claim(claim))["lifecycle"] == "void"
    await approve(desk, waiting)
    assert drop_passing(await desk.read_claim(claim)) == drop_passing(confirmed_claim)
    claim_view = await act(desk, f"/v1/claims/{claim}/withdrawal")
    assert claim_view["lifecycle"] == "withdrawn"
    await approve(desk, await desk.checker.post(f"/v1/claims/{claim}/reinstatement", json=WHY))
    assert drop_passing(await desk.read_claim(claim)) == drop_passing(confirmed_claim)
    await require_sound_record(desk)


async def test_link_of_what_has_become_the_origin_stays_retracted(desk: Desk) -> None:
    """Else a claim would be confirmed by the very words that it was made of."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "supports", "nato")
    await act(desk, f"/v1/links/{link['id']}/retraction")
    body = {"origin_statement": link["statement"]["id"], **WHY}
    correction = await desk.checker.post(f"/v1/claims/{claim}/corrections", json=body)
    assert correction.status_code == 201, correction.text
    async with nothing_changes(desk):
        refusal = await desk.checker.post(f"/v1/links/{link['id']}/restoration", json=WHY)
        require_problem(refusal, "conflict")


@pytest.mark.parametrize("voided", ["links", "statements"])
async def test_claim_that_rested_on_a_mistake_falls_with_it(desk: Desk, voided: str) -> None:
    """By rule, and because of the mistake: nobody withdrew anything."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.confirm_claim(claim)
    link_view = (await desk.reader.get(f"/v1/claims/{claim}/links")).json()["items"][0]
    subject = link if voided == "links" else link_view["statement"]["id"]
    await act(desk, f"/v1/{voided}/{subject}/void")
    changes = (await desk.reader.get(f"/v1/claims/{claim}/status-changes")).json()["items"]
    assert (changes[-1]["status"], changes[-1]["cause"]) == ("awaiting_confirmation", "correction")
    assert changes[-1]["decided_by"] is None
    await act(desk, f"/v1/{voided}/{subject}/restoration")
    assert (await desk.read_claim(claim))["status"] == "awaiting_confirmation"
    await require_sound_record(desk)


@pytest.mark.parametrize("closing", [("void", "restoration"), ("withdrawal", "reinstatement")])
async def test_way_back_never_confirms(desk: Desk, closing: tuple[str, str]) -> None:
    """A claim whose support went while it was closed falls when it opens again, by rule, and stays
    fallen; as-of answers before are what they were."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.confirm_claim(claim)
    moment = desk.clock.now.isoformat()
    confirmed_claim = await desk.read_claim(claim, as_of=moment)
    close, reopen = closing
    await act(desk, f"/v1/claims/{claim}/{close}")
    await act(desk, f"/v1/links/{link}/retraction")
    claim_view = await act(desk, f"/v1/claims/{claim}/{reopen}")
    assert (claim_view["lifecycle"], claim_view["status"]) == ("active", "awaiting_confirmation")
    changes = (await desk.reader.get(f"/v1/claims/{claim}/status-changes")).json()["items"]
    assert (changes[-1]["cause"], changes[-1]["decided_by"]) == ("support_withdrawn", None)
    await act(desk, f"/v1/claims/{claim}/{close}")
    view_again = await act(desk, f"/v1/claims/{claim}/{reopen}")
    assert view_again["status"] == "awaiting_confirmation"
    assert await desk.read_claim(claim, as_of=moment) == confirmed_claim
    await require_sound_record(desk)


async def test_nothing_changes_on_a_void_claim_but_back(desk: Desk) -> None:
    """What is refused says why: a change of it, a part of it, a merge with it, a second void."""
    await desk.record_parties()
    claim, other = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    async with nothing_changes(desk):
        for way in ("restoration", "reinstatement"):
            path = f"/v1/claims/{other}/{way}"
            require_problem(await desk.checker.post(path, json=WHY), "already-settled")
    void = await act(desk, f"/v1/claims/{claim}/void")
    match = {"If-Match": f'"{void["version"]}"'}
    async with nothing_changes(desk):
        amendment = await desk.checker.patch(
            f"/v1/claims/{claim}", json={"tags": ["x"]}, headers=match
        )
        require_problem(amendment, "claim-void")
        merge = await desk.checker.post(
            f"/v1/claims/{claim}/merge", json={"into": other}, headers=match
        )
        require_problem(merge, "claim-void")
        into = await desk.checker.post(
            f"/v1/claims/{other}/merge",
            json={"into": claim},
            headers={"If-Match": f'"{(await desk.read_claim(other))["version"]}"'},
        )
        require_problem(into, "merge-cycle")
        require_problem(
            await desk.checker.post(f"/v1/claims/{claim}/reinstatement", json=WHY), "claim-void"
        )
        second_void = await desk.checker.post(f"/v1/claims/{claim}/void", json=WHY)
        require_problem(second_void, "already-settled")
        part = await desk.checker.post("/v1/claims", json=build_claim(part_of=claim))
        require_field_error(part, "body", "part_of")


async def test_void_honours_the_version_and_the_key(desk: Desk) -> None:
    """If-Match of another version is refused; a key's second request answers as the first did;
    unknown fields and a missing reason are refused."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    path = f"/v1/claims/{claim}/void"
    async with nothing_changes(desk):
        late = await desk.checker.post(path, json=WHY, headers={"If-Match": '"7"'})
        require_problem(late, "version-conflict")
        assert (await desk.checker.post(path, json={**WHY, "x": 1})).status_code == 422
        assert (await desk.checker.post(path, json={})).status_code == 422
        assert (await desk.reader.post(path, json=WHY)).status_code == 403
        unknown = path.replace(claim, "01970000-0000-7000-8000-000000000000")
        require_problem(await desk.checker.post(unknown, json=WHY), "not-found")
    headers = {"If-Match": '"1"', "Idempotency-Key": "void-1"}
    first = await desk.checker.post(path, json=WHY, headers=headers)
    second = await desk.checker.post(path, json=WHY, headers=headers)
    assert (first.status_code, first.content) == (200, second.content)
    assert first.headers["ETag"] == '"2"'


async def test_feeds_tell_of_a_void_and_drop_the_rest(desk: Desk) -> None:
    """Whoever follows a feed reads that the claim is void, and nothing else of it; restored, all of
    it is there again."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.link_statement(claim, "requests_confirmation", "washington")

    async def read_titles() -> list[str]:
        items = (await desk.reader.get("/feeds/claims.json")).json()["items"]
        return [item["title"].partition(":")[0] for item in items]

    before = await read_titles()
    assert before == ["Awaiting confirmation", "Asserted"]
    moment = desk.clock.now.isoformat()
    await act(desk, f"/v1/claims/{claim}/void")
    assert await read_titles() == ["Void"]
    feed = (await desk.reader.get("/feeds/claims.json")).json()
    assert feed["items"][0]["content_text"].startswith("Void: recorded by mistake (“")
    earlier = (await desk.reader.get("/feeds/claims.json", params={"as_of": moment})).json()
    assert len(earlier["items"]) == 2
    await act(desk, f"/v1/claims/{claim}/restoration")
    assert await read_titles() == ["Awaiting confirmation", "Void", *before]


async def read_links(desk: Desk, claim: str, **params: str) -> list[Json]:
    links: list[Json] = (await desk.checker.get(f"/v1/claims/{claim}/links", params=params)).json()[
        "items"
    ]
    return links


@pytest.mark.parametrize("thing", ["links", "statements"])
async def test_void_link_or_statement_counts_for_nothing(desk: Desk, thing: str) -> None:
    """A confirmed claim whose support is void falls by itself; lists, the search, the story and the
    suggestion know nothing of it; restored, everything but the confirmation is as before."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    claim = (await desk.record_claim(story="border"))["id"]
    link = await desk.confirm_claim(claim)
    statement = (await read_links(desk, claim))[0]["statement"]["id"]
    path = f"/v1/{thing}/{link if thing == 'links' else statement}"
    before, confirmed_claim = desk.clock.now.isoformat(), await desk.read_claim(claim)
    links = await read_links(desk, claim)
    await act(desk, f"{path}/void")
    fallen_claim = await desk.read_claim(claim)
    assert (fallen_claim["status"], fallen_claim["evidence"]["supports"]) == (
        "awaiting_confirmation",
        [],
    )
    assert "NATO" not in fallen_claim["print_line"]
    during = desk.clock().isoformat()
    lists: tuple[tuple[str, dict[str, str]], ...] = (
        ("/v1/claims", {"party": "nato"}),
        ("/v1/claims", {"stance": "supports"}),
        ("/v1/claims", {"q": "waiting"}),
        ("/v1/claims", {"q": "nato"}),
    )
    for list_path, params in lists:
        assert await list_ids(desk, list_path, **params) == [], params
        assert await list_ids(desk, list_path, **params, as_of=before) == [claim], params
    parties = (await desk.checker.get("/v1/stories/border")).json()["parties"]
    assert [party["slug"] for party in parties] == ["belgrade"]
    matrix = (await desk.checker.get("/v1/stories/border/matrix")).json()
    assert [cell["party"] for cell in matrix["claims"][0]["cells"]] == ["belgrade"]
    [void] = await read_links(desk, claim)
    void_view = void if thing == "links" else void["statement"]
    assert (void_view["void_reason"], void_view["voided_at"] is not None) == (WHY["reason"], True)
    statement_ids = await list_ids(desk, "/v1/statements", party="nato")
    assert (statement in statement_ids) is (thing == "links")
    search_ids = await list_ids(desk, "/v1/statements", q="waiting")
    assert (statement in search_ids) is (thing == "links")
    second_void = await desk.checker.post(f"{path}/void", json=WHY)
    require_problem(second_void, "already-settled")
    if thing == "statements":
        body = {"statement": statement, "stance": "comments"}
        second_link = await desk.checker.post(f"/v1/claims/{claim}/links", json=body)
        require_problem(second_link, "statement-void")
    await act(desk, f"{path}/restoration")
    restored_claim = await desk.read_claim(claim)
    assert restored_claim["status"] == "awaiting_confirmation"
    assert restored_claim["suggested_status"] == "confirmed"
    assert await read_links(desk, claim) == links
    for list_path, params in lists:
        assert await list_ids(desk, list_path, **params) == [claim], params
        then_listed = await list_ids(desk, list_path, **params, as_of=during)
        assert then_listed == [], params
    assert await desk.read_claim(claim, as_of=before) == confirmed_claim
    [link_then] = await read_links(desk, claim, as_of=during)
    told_then = link_then if thing == "links" else link_then["statement"]
    assert "voided_at" in told_then
    timeline = (await desk.checker.get("/v1/stories/border/timeline")).json()["items"]
    kind = thing.removesuffix("s")
    assert [entry["parties"][0]["slug"] for entry in timeline if kind in entry["type"]][-2:] == [
        "nato"
    ] * 2
    require_problem(await desk.checker.post(f"{path}/restoration", json=WHY), "already-settled")
    await require_sound_record(desk)


@pytest.mark.parametrize("thing", ["links", "statements"])
async def test_void_denial_of_a_confirmed_claim_takes_two_people(desk: Desk, thing: str) -> None:
    """Until a second person agrees, the claim prints the denial; and it is a confirmed claim that
    prints more cautiously at once when the denial is restored."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim)
    denial = await desk.link_statement(claim, "contradicts", "pristina", basis="unstated")
    path = f"/v1/{thing}/" + (denial["id"] if thing == "links" else denial["statement"]["id"])
    waiting = await desk.checker.post(f"{path}/void", json=WHY)
    assert "Pristina denies it" in (await desk.read_claim(claim))["print_line"]
    if thing == "statements":
        [decision] = waiting.json()["decisions"]
        assert (await desk.editor.post(f"/v1/decisions/{decision}/approval")).status_code == 200
    else:
        await approve(desk, waiting)
    assert "Pristina" not in (await desk.read_claim(claim))["print_line"]
    await act(desk, f"{path}/restoration")
    restored_claim = await desk.read_claim(claim)
    assert (restored_claim["status"], "Pristina denies it" in restored_claim["print_line"]) == (
        "confirmed",
        True,
    )
    await require_sound_record(desk)


async def test_proposed_void_ends_with_a_restoration(desk: Desk) -> None:
    """What waited for a second person rests on what is no longer so: it cannot be approved."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    await desk.confirm_claim(claim)
    denial = await desk.link_statement(claim, "contradicts", "pristina", basis="unstated")
    path = f"/v1/statements/{denial['statement']['id']}"
    [decision] = (await desk.checker.post(f"{path}/void", json=WHY)).json()["decisions"]
    await act(desk, f"{path}/restoration")
    late = await desk.editor.post(f"/v1/decisions/{decision}/approval")
    require_problem(late, "decision-outdated")
    [decision] = [
        item["id"]
        for item in (await desk.checker.get("/v1/decisions", params={"state": "pending"})).json()[
            "items"
        ]
    ]
    await desk.editor.post(f"/v1/decisions/{decision}/rejection", json={"comment": "no"})
    [withdrawal] = (await desk.checker.post(f"{path}/withdrawal", json=WHY)).json()["decisions"]
    await act(desk, f"{path}/reinstatement")
    require_problem(
        await desk.editor.post(f"/v1/decisions/{withdrawal}/approval"), "decision-outdated"
    )
    assert "Pristina denies it" in (await desk.read_claim(claim))["print_line"]
    await require_sound_record(desk)


async def test_origin_of_a_claim_in_force_is_not_void(desk: Desk) -> None:
    """The refusal says what to do: void the claim first. Then the claim comes back only after its
    statement."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    [statement] = await list_ids(desk, "/v1/statements")
    async with nothing_changes(desk):
        refusal = await desk.checker.post(f"/v1/statements/{statement}/void", json=WHY)
        problem = require_problem(refusal, "conflict")
        assert problem["claims"] == [claim]
        assert "void the claim first" in problem["detail"]
    await act(desk, f"/v1/claims/{claim}/void")
    await act(desk, f"/v1/statements/{statement}/void")
    async with nothing_changes(desk):
        early = await desk.checker.post(f"/v1/claims/{claim}/restoration", json=WHY)
        assert "restore that first" in require_problem(early, "conflict")["detail"]
    await act(desk, f"/v1/statements/{statement}/restoration")
    assert (await act(desk, f"/v1/claims/{claim}/restoration"))["lifecycle"] == "active"
    history = (await desk.reader.get(f"/v1/claims/{claim}/history")).json()["items"]
    assert [event["type"] for event in history[1:]] == [
        "claim.voided",
        "statement.voided",
        "statement.restored",
        "claim.restored",
    ]
    await require_sound_record(desk)


async def test_reinstated_statement_brings_its_claims_back(desk: Desk) -> None:
    """A withdrawal that was none: the links count again, and the claim that was withdrawn with its
    origin is in force; one that its claimant withdrew otherwise stays withdrawn."""
    await desk.record_parties()
    claim = await desk.record_claim()
    [statement] = await list_ids(desk, "/v1/statements")
    other = (await desk.record_claim(text="another matter"))["id"]
    own = await desk.post(
        "/v1/claims", {**build_claim(text="a third"), "origin": None, "origin_statement": statement}
    )
    body = {"statement": statement, "stance": "supports"}
    await desk.post(f"/v1/claims/{other}/links", body)
    await act(desk, f"/v1/claims/{own['id']}/withdrawal")
    links = await read_links(desk, other)
    await act(desk, f"/v1/statements/{statement}/withdrawal")
    claim_view = await desk.read_claim(claim["id"])
    assert claim_view["lifecycle"] == "withdrawn"
    refusal = await desk.checker.post(f"/v1/claims/{claim['id']}/reinstatement", json=WHY)
    assert "reinstate that" in require_problem(refusal, "conflict")["detail"]
    statement_view = await act(desk, f"/v1/statements/{statement}/reinstatement")
    assert (statement_view["withdrawn_at"], statement_view["decisions"]) == (None, [])
    assert drop_passing(await desk.read_claim(claim["id"])) == drop_passing(claim)
    assert (await desk.read_claim(own["id"]))["lifecycle"] == "withdrawn"
    assert await read_links(desk, other) == links
    await require_sound_record(desk)


async def test_retraction_is_taken_back(desk: Desk) -> None:
    """The link counts again, unless its statement was linked again meanwhile."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    link = await desk.link_statement(claim, "requests_confirmation", "washington")
    before = await desk.read_claim(claim)
    await act(desk, f"/v1/links/{link['id']}/retraction")
    body = {"statement": link["statement"]["id"], "stance": "comments"}
    second_link = await desk.post(f"/v1/claims/{claim}/links", body)
    refusal = await desk.checker.post(f"/v1/links/{link['id']}/restoration", json=WHY)
    assert require_problem(refusal, "conflict")["link"] == second_link["id"]
    await act(desk, f"/v1/links/{second_link['id']}/void")
    await act(desk, f"/v1/links/{link['id']}/restoration")
    assert drop_passing(await desk.read_claim(claim)) == drop_passing(before)
    await require_sound_record(desk)


async def merge(desk: Desk, loser: str, into: str) -> httpx.Response:
    return await desk.checker.post(
        f"/v1/claims/{loser}/merge", json={"into": into}, headers={"If-Match": "*"}
    )


async def list_active(desk: Desk, claim: str) -> list[tuple[str, str, bool]]:
    """Which statements are linked to a claim, with which stance, and whether that is in doubt."""
    return [
        (link["statement"]["id"], link["stance"], link["conflicting"])
        for link in await read_links(desk, claim)
        if link["retracted_at"] is None
    ]


async def test_separated_claims_are_as_before_the_merge(desk: Desk) -> None:
    """Links that came leave, one that the merge retracted comes back, one that it put in doubt
    counts again, components return; and an instant between still shows the merged claim."""
    await desk.record_parties()
    survivor = (await desk.record_claim())["id"]
    loser = (await desk.record_claim(claimant="pristina", speaker=None, text="another"))["id"]
    part = (await desk.record_claim(part_of=loser, text="a part of it"))["id"]
    statements = [
        (await desk.post("/v1/statements", build_statement(party)))["id"]
        for party in ("nato", "washington", "washington")
    ]
    for claim, statement, stance in (
        (survivor, statements[0], "supports"),
        (loser, statements[0], "contradicts"),
        (survivor, statements[1], "requests_confirmation"),
        (loser, statements[1], "comments"),
        (loser, statements[2], "comments"),
    ):
        body = {"statement": statement, "stance": stance}
        await desk.post(f"/v1/claims/{claim}/links", body)
    paths = [f"/v1/claims/{claim}" for claim in (survivor, loser, part)]
    before = [(await desk.checker.get(path)).json() for path in paths]
    links = [await list_active(desk, claim) for claim in (survivor, loser)]
    assert (await merge(desk, loser, survivor)).status_code == 200
    merged_at = desk.clock().isoformat()
    assert len(await list_active(desk, survivor)) == 4
    claim_view = await act(desk, f"/v1/claims/{loser}/separation")
    assert (claim_view["id"], claim_view["lifecycle"], claim_view["merged_into"]) == (
        loser,
        "active",
        None,
    )
    for path, claim in zip(paths, before, strict=True):
        now = drop_passing((await desk.checker.get(path)).json())
        # The contradiction disputed the survivor by itself: a way back changes no status.
        passing = ("status", "status_since", "print_line", "agrees")
        lasting_fields = {name: value for name, value in claim.items() if name not in passing}
        assert {name: now[name] for name in drop_passing(lasting_fields)} == drop_passing(
            lasting_fields
        ), path
    assert [await list_active(desk, claim) for claim in (survivor, loser)] == links
    assert (await desk.read_claim(survivor))["status"] == "disputed"
    earlier_answer = await desk.reader.get(f"/v1/claims/{loser}", params={"as_of": merged_at})
    assert earlier_answer.status_code == 308
    assert survivor in earlier_answer.headers["Location"]
    ids = await list_ids(desk, "/v1/claims", as_of=merged_at)
    assert set(ids) == {survivor, part}
    require_problem(
        await desk.checker.post(f"/v1/claims/{loser}/separation", json=WHY), "already-settled"
    )
    assert (await merge(desk, loser, survivor)).status_code == 200
    await act(desk, f"/v1/claims/{loser}/separation")
    assert [await list_active(desk, claim) for claim in (survivor, loser)] == links
    await require_sound_record(desk)


async def test_what_was_decided_since_a_merge_stays(desk: Desk) -> None:
    """A link on which the survivor was confirmed stays with it, and a part that was merged on; the
    other links leave."""
    await desk.record_parties()
    survivor, loser = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    part = (await desk.record_claim(part_of=loser, text="a part of it"))["id"]
    await desk.link_statement(loser, "supports", "nato")
    await desk.link_statement(loser, "comments", "pristina")
    assert (await merge(desk, loser, survivor)).status_code == 200
    support = next(
        link for link in await read_links(desk, survivor) if link["stance"] == "supports"
    )
    proposal = await desk.change_status(survivor, "confirmed", cites=[support["id"]])
    await approve(desk, proposal)
    await merge(desk, part, survivor)
    await act(desk, f"/v1/claims/{loser}/separation")
    claim_view = await desk.read_claim(survivor)
    assert (claim_view["status"], claim_view["evidence"]["supports"]) == ("confirmed", ["nato"])
    active = await list_active(desk, survivor)
    assert support["statement"]["id"] in [statement for statement, _, _ in active]
    assert "comments" not in [stance for _, stance, _ in active]
    assert (await desk.read_claim(loser))["components"] == []
    history = (await desk.reader.get(f"/v1/claims/{survivor}/history")).json()["items"]
    [release] = [event["data"] for event in history if event["type"] == "claim.released"]
    assert support["id"] not in release["links"]
    await require_sound_record(desk)


async def test_separation_that_prints_more_boldly_takes_two_people(desk: Desk) -> None:
    """A confirmed duplicate prints as confirmed again, and only once a second person agrees; if its
    support went while it was merged, it falls by itself."""
    await desk.record_parties()
    survivor, loser = (await desk.record_claim())["id"], (await desk.record_claim())["id"]
    link = await desk.confirm_claim(loser)
    confirmed_claim = await desk.read_claim(loser)
    await merge(desk, loser, survivor)
    waiting = await desk.checker.post(f"/v1/claims/{loser}/separation", json=WHY)
    assert waiting.json()["claim"] == survivor
    await approve(desk, waiting)
    assert drop_passing(await desk.read_claim(loser)) == drop_passing(confirmed_claim)
    assert (await desk.read_claim(survivor))["evidence"]["supports"] == []
    await merge(desk, loser, survivor)
    assert (await desk.checker.post(f"/v1/links/{link}/retraction", json=WHY)).status_code == 200
    await act(desk, f"/v1/claims/{loser}/separation")
    assert (await desk.read_claim(loser))["status"] == "awaiting_confirmation"
    await require_sound_record(desk)


async def test_claims_are_separated_in_the_order_of_their_merges(desk: Desk) -> None:
    """Last merged, first separated: the refusal names what stands between."""
    await desk.record_parties()
    first, second, third = [(await desk.record_claim())["id"] for _ in range(3)]
    await merge(desk, first, second)
    await merge(desk, second, third)
    async with nothing_changes(desk):
        early = await desk.checker.post(f"/v1/claims/{first}/separation", json=WHY)
        assert require_problem(early, "conflict")["merged_into"] == third
        await desk.checker.post(f"/v1/claims/{third}/void")
    for claim in (second, first):
        assert (await act(desk, f"/v1/claims/{claim}/separation"))["lifecycle"] == "active"
    assert set(await list_ids(desk, "/v1/claims")) == {first, second, third}
    await require_sound_record(desk)


async def test_void_claim_supersedes_nothing(desk: Desk) -> None:
    """The former figure stands again; once another supersedes it, the void one does not come
    back beside that."""
    await desk.record_parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    figure = {"kind": "figure", "story": "border"}
    older = (await desk.record_claim(text="12 dead", **figure))["id"]
    newer = (await desk.record_claim(text="17 dead", supersedes=older, **figure))["id"]
    assert (await desk.read_claim(older))["superseded_by"] == newer
    await act(desk, f"/v1/claims/{newer}/void")
    assert "superseded_by" not in await desk.read_claim(older)
    await act(desk, f"/v1/claims/{newer}/restoration")
    assert (await desk.read_claim(older))["superseded_by"] == newer
    await act(desk, f"/v1/claims/{newer}/void")
    other = (await desk.record_claim(text="9 dead", supersedes=older, **figure))["id"]
    refusal = await desk.checker.post(f"/v1/claims/{newer}/restoration", json=WHY)
    assert require_problem(refusal, "conflict")["claim"] == other
    await require_sound_record(desk)
