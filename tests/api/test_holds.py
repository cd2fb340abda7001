"""Holds, through the API: nobody is to use a claim while the desk checks it."""

import asyncio
from datetime import timedelta

import pytest

from service.claims import deadline_keeper, deadlines
from service.domain.claims import format_instant
from service.domain.print_line import HOLD_LINE
from service.publishing.badge import VOID_LOOK
from tests.api.problems import nothing_changes, require_field_error, require_problem
from tests.api.test_reversals import require_sound_record
from tests.support.desk import Desk, Json

WHY = "The ministry has announced a correction"


async def hold_claim(desk: Desk, claim: str, **body: str | None) -> Json:
    """Hold a claim at its present version, as a checker."""
    version = (await desk.read_claim(claim))["version"]
    answer = await desk.checker.put(
        f"/v1/claims/{claim}/hold",
        json={"reason": WHY, **body},
        headers={"If-Match": f'"{version}"'},
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"] == f'"{version + 1}"'
    view: Json = answer.json()
    return view


async def list_types(desk: Desk, claim: str) -> list[str]:
    history = (await desk.checker.get(f"/v1/claims/{claim}/history")).json()
    return [event["type"] for event in history["items"]]


async def test_claim_on_hold_says_so_everywhere_and_keeps_its_status(desk: Desk) -> None:
    """Print line, list, search, board, page, badge, feed and the answers of before and after."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    before = await desk.read_claim(claim)
    assert before["hold"] is None
    moment = desk.clock.now.isoformat()
    held_claim = await hold_claim(desk, claim)
    assert held_claim["hold"] == {"reason": WHY, "since": held_claim["updated_at"], "until": None}
    assert held_claim["print_line"] == f"{HOLD_LINE} {before['print_line']}"
    assert held_claim["status"] == before["status"]
    assert await desk.read_claim(claim) == held_claim
    for query in ({}, {"q": "Serbia"}):
        items = (await desk.reader.get("/v1/claims", params=query)).json()["items"]
        assert [(item["hold"], item["print_line"]) for item in items] == [
            (held_claim["hold"], held_claim["print_line"])
        ]
    for page in ("/", f"/claims/{claim}", "/search?q=Serbia"):
        assert "hold: do not use" in (await desk.reader.get(page)).text
    badge = (await desk.reader.get(f"/v1/claims/{claim}/badge.svg")).text
    assert "Hold" in badge
    assert VOID_LOOK.style in badge
    feed = (await desk.reader.get("/feeds/claims.json")).json()["items"]
    assert feed[0]["title"].startswith("Hold (asserted): ")
    assert feed[0]["content_text"].startswith("On hold: do not use while the desk checks (“")
    assert await desk.read_claim(claim, as_of=moment) == before
    items = (await desk.reader.get("/v1/claims", params={"as_of": moment})).json()["items"]
    assert items == [before]
    version = held_claim["version"]
    release = await desk.checker.delete(
        f"/v1/claims/{claim}/hold", headers={"If-Match": f'"{version}"'}
    )
    assert (release.status_code, release.json()["hold"]) == (200, None)
    assert release.json()["print_line"] == before["print_line"]
    assert await list_types(desk, claim) == ["claim.created", "hold.placed", "hold.ended"]
    await require_sound_record(desk)


async def test_hold_ends_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its end it is not served, whether the event is there yet or not; then the event comes
    by rule, and instants before are answered as they were."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    line = (await desk.read_claim(claim))["print_line"]
    until = desk.clock.now + timedelta(hours=1)
    held_claim = await hold_claim(desk, claim, until=until.isoformat())
    assert held_claim["hold"]["until"] == format_instant(until)
    tag = {"If-None-Match": f'"{held_claim["version"]}"'}
    path = f"/v1/claims/{claim}"
    assert (await desk.reader.get(path, headers=tag)).status_code == 304
    monkeypatch.setattr(deadline_keeper, "LOOK_SECONDS", 0.02)
    await asyncio.sleep(2.1)  # the worker's first look, at the pace of before, finds nothing due
    assert await list_types(desk, claim) == ["claim.created", "hold.placed"]
    during = (until - timedelta(minutes=1)).isoformat()
    assert (await desk.read_claim(claim, as_of=during))["hold"] == held_claim["hold"]
    desk.clock.advance(hours=2)
    for _ in range(200):
        if len(await list_types(desk, claim)) > 2:
            break
        await asyncio.sleep(0.02)
    history = (await desk.checker.get(f"{path}/history")).json()["items"]
    assert (history[-1]["type"], history[-1]["actor"]) == ("hold.ended", {"rule": "hold_until"})
    after = await desk.read_claim(claim)
    assert (after["hold"], after["print_line"], after["version"]) == (None, line, 3)
    assert (await desk.read_claim(claim, as_of=during))["hold"] == held_claim["hold"]
    instant = (until + timedelta(minutes=1)).isoformat()
    earlier_view = await desk.read_claim(claim, as_of=instant)
    assert (earlier_view["hold"], earlier_view["print_line"]) == (None, line)
    await require_sound_record(desk)


async def test_ended_hold_is_not_served_before_its_event(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no server to record the end, claim, list, badge and page are served without the hold,
    and a caller who has the version of before is not told that it is unchanged."""
    monkeypatch.setattr(deadlines, "find_next_deadline", lambda _: None)
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    line = (await desk.read_claim(claim))["print_line"]
    until = desk.clock.now + timedelta(minutes=5)
    held_claim = await hold_claim(desk, claim, until=until.isoformat())
    desk.clock.advance(minutes=6)
    tag = {"If-None-Match": f'"{held_claim["version"]}"'}
    answer = await desk.reader.get(f"/v1/claims/{claim}", headers=tag)
    assert (answer.status_code, answer.json()["hold"]) == (200, None)
    assert answer.json()["print_line"] == line
    for query in ({}, {"q": "Serbia"}, {"as_of": desk.clock.now.isoformat()}):
        [item] = (await desk.reader.get("/v1/claims", params=query)).json()["items"]
        assert (item["hold"], item["print_line"]) == (None, line)
    for page in ("/", f"/claims/{claim}", f"/v1/claims/{claim}/badge.svg"):
        assert "do not use" not in (await desk.reader.get(page)).text.lower().replace(
            "not to be used", ""
        )
    assert await list_types(desk, claim) == ["claim.created", "hold.placed"]
    async with nothing_changes(desk):
        late = await desk.checker.delete(f"/v1/claims/{claim}/hold", headers={"If-Match": "*"})
        require_problem(late, "already-settled")
    await desk.link_statement(claim, "comments", "nato")
    assert (await list_types(desk, claim))[2:] == ["hold.ended", "link.created"]
    await require_sound_record(desk)


async def test_hold_goes_on_for_another_reason_since_it_began(desk: Desk) -> None:
    """A second hold replaces reason and end; a change meanwhile keeps it."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    first = await hold_claim(desk, claim)
    until = format_instant(desk.clock.now + timedelta(days=1))
    second = await hold_claim(desk, claim, reason="Still checking", until=until)
    assert second["hold"] == {
        "reason": "Still checking",
        "since": first["hold"]["since"],
        "until": until,
    }
    await desk.link_statement(claim, "requests_confirmation", "washington")
    claim_view = await desk.read_claim(claim)
    assert (claim_view["status"], claim_view["hold"]) == ("awaiting_confirmation", second["hold"])
    assert claim_view["print_line"].startswith(f"{HOLD_LINE} Claimed by")
    await require_sound_record(desk)


async def test_hold_needs_no_if_match(desk: Desk) -> None:
    """Caution waits for nobody who has not read the newest version."""
    await desk.record_parties()
    path = f"/v1/claims/{(await desk.record_claim())['id']}/hold"
    hold = await desk.checker.put(path, json={"reason": WHY})
    assert hold.json()["hold"]["reason"] == WHY
    assert (await desk.checker.delete(path)).json()["hold"] is None


async def test_refused_holds_change_nothing(desk: Desk) -> None:
    """Another version, an end that has passed, unknown fields, a reader, a claim that
    is closed, or none to end."""
    await desk.record_parties()
    claim = (await desk.record_claim())["id"]
    path, match = f"/v1/claims/{claim}/hold", {"If-Match": '"1"'}
    async with nothing_changes(desk):
        put_hold = desk.checker.put
        late = await put_hold(path, json={"reason": WHY}, headers={"If-Match": '"7"'})
        require_problem(late, "version-conflict")
        past = {"reason": WHY, "until": "2023-10-01T00:00:00Z"}
        require_field_error(await put_hold(path, json=past, headers=match), "body", "until")
        for body in ({"reason": WHY, "x": 1}, {}, {"reason": WHY, "until": "2030-10-01T00:00:00"}):
            assert (await put_hold(path, json=body, headers=match)).status_code == 422
        refusal = await desk.reader.put(path, json={"reason": WHY}, headers=match)
        assert refusal.status_code == 403
        require_problem(await desk.checker.delete(path, headers=match), "already-settled")
        unknown = path.replace(claim, "01970000-0000-7000-8000-000000000000")
        require_problem(await put_hold(unknown, json={"reason": WHY}, headers=match), "not-found")
    await desk.checker.post(f"/v1/claims/{claim}/void", json={"reason": "a parody"})
    async with nothing_changes(desk):
        void = await desk.checker.put(path, json={"reason": WHY}, headers={"If-Match": '"2"'})
        require_problem(void, "claim-void")
