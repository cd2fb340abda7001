"""What the desk knew at an instant, against the record folded up to it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from service.domain import evidence, history
from service.domain.claims import ClaimState, Lifecycle
from service.domain.history import Event
from service.queries.history import event
from service.store.tables import events
from tests.api.problems import problem
from tests.support.desk import Desk, statement_body

Records = dict[str, list[Event]]
MICROSECOND = timedelta(microseconds=1)
ROOTS = {"kosovo-police": "pristina", "state-department": "washington"}


async def records(desk: Desk) -> Records:
    """Every claim's record."""

    def read(connection: Connection) -> Records:
        found: Records = {}
        for row in connection.execute(select(events).order_by(events.c.number)).all():
            found.setdefault(row.claim, []).append(event(row))
        return found

    return await desk.database.read(read)


def under(party: str | None, top: str) -> bool:
    return party is not None and top in (party, ROOTS.get(party))


def stands(state: ClaimState, party: str | None, stance: str | None) -> bool:
    return any(
        one.active
        and (party is None or under(one.voice.party, party))
        and stance in (None, one.stance)
        for one in state.links
    )


def drifts(state: ClaimState) -> bool:
    return evidence.suggest(state).status is not state.status


async def a_busy_week(desk: Desk) -> tuple[str, datetime]:
    """Five claims through every kind of change; an assignee's id, and an instant within."""
    await desk.parties()
    await desk.post("/v1/stories", {"slug": "border", "title": "The border"})
    me = str((await desk.checker.get("/v1/me")).json()["id"])

    async def act(method: str, path: str, body: Any) -> dict[str, Any]:
        desk.clock.advance(minutes=7, microseconds=333_333)
        response = await desk.checker.request(method, path, json=body, headers={"If-Match": "*"})
        assert response.is_success, response.text
        return dict(response.json())

    a = (await desk.claim(story="border", tags=["north"]))["id"]
    b = (await desk.claim(claimant="kosovo-police", speaker=None, kind="figure"))["id"]
    c = (await desk.claim(claimant=None, speaker=None, part_of=a))["id"]
    d = (await desk.claim(claimed_at="2023-09-24T00:00:00Z", tags=["north", "south"]))["id"]
    e = (await desk.claim(claimant="pristina", speaker=None))["id"]
    denied = await desk.post("/v1/statements", statement_body("washington", basis="documents"))
    asked = await act(
        "POST",
        f"/v1/claims/{a}/links",
        {"statement": statement_body("state-department"), "stance": "requests_confirmation"},
    )
    await act("POST", f"/v1/claims/{b}/links", {"statement": denied["id"], "stance": "contradicts"})
    await act("POST", f"/v1/claims/{d}/links", {"statement": denied["id"], "stance": "supports"})
    await act("PATCH", f"/v1/claims/{d}", {"tags": ["south"], "assignee": me})
    await act("POST", f"/v1/claims/{b}/status-changes", {"to": "disputed", "reason": "denied"})
    desk.clock.advance(minutes=1)
    await desk.confirm(e)
    within = desk.clock.now
    await act("PATCH", f"/v1/claims/{e}", {"text": "Something else", "material": True})
    await act("POST", f"/v1/statements/{denied['id']}/withdrawal", {"reason": "a mistake"})
    await act("PATCH", f"/v1/claims/{d}", {"tags": ["north"], "assignee": None})
    await act("POST", f"/v1/claims/{d}/merge", {"into": a})
    await act("POST", f"/v1/links/{asked['id']}/retraction", {"reason": "misread"})
    await act("POST", f"/v1/claims/{c}/withdrawal", {"reason": "not theirs"})
    return me, within


async def test_lists_as_of_are_the_record_folded_at_every_instant(desk: Desk) -> None:
    """At every instant at which anything was recorded, a microsecond before and one after, each
    filter lists exactly the claims whose folded record fits, as they were, in order."""
    me, within = await a_busy_week(desk)
    told = await records(desk)
    instants = sorted({one.recorded_at for record in told.values() for one in record})
    assert len(instants) > 15
    since = within.isoformat()
    filters: list[tuple[dict[str, Any], Callable[[ClaimState], bool]]] = [
        ({}, lambda _: True),
        ({"status": "asserted"}, lambda one: one.status == "asserted"),
        (
            {"status": ["confirmed", "disputed"]},
            lambda one: one.status in ("confirmed", "disputed"),
        ),
        ({"tag": "north"}, lambda one: "north" in one.tags),
        ({"assignee": "me"}, lambda one: one.assignee == me),
        ({"drift": "true"}, drifts),
        ({"stance": "supports"}, lambda one: stands(one, None, "supports")),
        (
            {"party": "washington", "stance": "contradicts"},
            lambda one: stands(one, "washington", "contradicts"),
        ),
        ({"party": "state-department"}, lambda one: stands(one, "state-department", None)),
        (
            {"claimant": "pristina"},
            lambda one: one.claimant is not None and under(one.claimant.party, "pristina"),
        ),
        ({"changed_since": since}, lambda one: one.updated_at >= within),
        ({"changed_until": since}, lambda one: one.updated_at <= within),
        (
            {"tag": "south", "stance": "supports", "drift": "true"},
            lambda one: "south" in one.tags and stands(one, None, "supports") and drifts(one),
        ),
    ]
    listed = 0
    for moment in instants:
        for at in (moment - MICROSECOND, moment, moment + MICROSECOND):
            then = [
                state
                for claim, record in told.items()
                if (state := history.as_of(claim, record, at)) is not None
                and state.lifecycle is not Lifecycle.MERGED
            ]
            then.sort(key=lambda one: (one.updated_at, one.id), reverse=True)
            for query, fits in filters if at == moment else filters[:2]:
                params = query | {"as_of": at.isoformat()}
                response = await desk.checker.get("/v1/claims", params=params)
                assert response.status_code == 200, response.text
                shown = [
                    (one["id"], one["version"], one["status"], one["tags"], one["assignee"])
                    for one in response.json()["items"]
                ]
                assert shown == [
                    (one.id, one.version, one.status, list(one.tags), one.assignee)
                    for one in then
                    if fits(one)
                ], (query, at)
                listed += len(shown)
    assert listed > 200


async def test_a_claim_as_of_is_its_record_folded(desk: Desk) -> None:
    """Read alone, a claim is what its record folds to, at each of its instants and next to it;
    before its first it was not yet recorded."""
    await a_busy_week(desk)
    for claim, record in (await records(desk)).items():
        for moment in sorted({one.recorded_at for one in record}):
            for at in (moment - MICROSECOND, moment, moment + MICROSECOND):
                state = history.as_of(claim, record, at)
                read = await desk.checker.get(
                    f"/v1/claims/{claim}", params={"as_of": at.isoformat()}
                )
                if state is None:
                    problem(read, "not-yet-recorded")
                elif state.lifecycle is Lifecycle.MERGED:
                    assert read.status_code == 308
                else:
                    body = read.json()
                    assert (body["version"], body["status"], body["text"]) == (
                        state.version,
                        state.status,
                        state.text,
                    )
                    assert body["assignee"] == state.assignee


async def test_a_late_arrival_changes_no_earlier_answer(desk: Desk) -> None:
    """What was said on 29 September and recorded on 5 October is known from 5 October on."""
    await desk.parties()
    claim = (await desk.claim())["id"]
    on_the_second = desk.clock.now
    before = await desk.read(claim, as_of=on_the_second.isoformat())
    desk.clock.advance(days=3)
    body = statement_body("washington", said_at="2023-09-29T00:00:00Z")
    await desk.post(
        f"/v1/claims/{claim}/links", {"statement": body, "stance": "requests_confirmation"}
    )
    recorded = desk.clock.now
    assert await desk.read(claim, as_of=on_the_second.isoformat()) == before
    just_before = await desk.read(claim, as_of=(recorded - MICROSECOND).isoformat())
    assert just_before == before
    assert (await desk.read(claim, as_of=recorded.isoformat()))["status"] == (
        "awaiting_confirmation"
    )
    for path in ("links", "suggestion"):
        then = await desk.reader.get(
            f"/v1/claims/{claim}/{path}", params={"as_of": on_the_second.isoformat()}
        )
        assert not (then.json().get("items"))
        assert not (then.json().get("trace"))
