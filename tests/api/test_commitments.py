"""Whoever may not read something can check the hash over it all the same, and learns nothing.

The hash is computed here from what is served alone, with nothing of ours but this description: in
what is hashed, every place that has a commitment or a salt holds `{"commitment": …}`, SHA-256 of
the canonical JSON of `{salt, value}`, or of `{salt}` where the event has no such field.
"""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select, update

from service.config import Settings
from service.domain.claims import format_instant
from service.store import tables
from tests.api import twins
from tests.api.twins import Twin
from tests.support import desk as support
from tests.support.desk import Desk
from tests.support.hashes import hash_claim_event
from tests.verification.tampering import allow_changes

Json = dict[str, Any]


def encode_canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    return sha256(encode_canonical(value).encode()).hexdigest()


def put_value(event: Json, place: str, value: Any) -> None:
    """Put `value` at a place such as `data.links.0.note`, in an event of one's own."""
    *path, last = place.split(".")
    inner: Any = event
    for step in path:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    inner[int(last) if isinstance(inner, list) else last] = value


def read_value(event: Json, place: str) -> Json:
    """`{"value": …}` at a place; nothing where the event has no such field."""
    *path, last = place.split(".")
    inner: Any = event
    for step in path:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    if isinstance(inner, list):
        return {"value": inner[int(last)]}
    return {"value": inner[last]} if last in inner else {}


def recompute_hash(claim: str, whole_event: Json) -> str:
    event = json.loads(json.dumps({name: whole_event[name] for name in ("type", "actor", "data")}))
    for place, salt in whole_event["salts"].items():
        put_value(
            event, place, {"commitment": digest({"salt": salt} | read_value(whole_event, place))}
        )
    for place, commitment in whole_event["commitments"].items():
        put_value(event, place, {"commitment": commitment})
    return digest(
        {
            **event,
            "claim": claim,
            "number": whole_event.get("number", whole_event["seq"]),
            "previous_hash": whole_event["previous_hash"],
            "recorded_at": whole_event["recorded_at"],
        }
    )


async def read_history(client: httpx.AsyncClient, claim: str) -> list[Json]:
    """All of it, page by page."""
    events: list[Json] = []
    address = f"/v1/claims/{claim}/history?limit=7"
    while address:
        answer = await client.get(address)
        assert answer.status_code == 200, answer.text
        events += answer.json()["items"]
        address = answer.links.get("next", {}).get("url", "")
    return events


async def add_user(desk: Desk, name: str) -> str:
    user = {"email": f"{name}@example.org", "name": name.title(), "role": "checker"}
    return str((await desk.admin.post("/v1/users", json=user)).json()["id"])


async def amend(desk: Desk, claim: str, **changes: Any) -> None:
    version = (await desk.read_claim(claim))["version"]
    answer = await desk.checker.patch(
        f"/v1/claims/{claim}", json=changes, headers={"If-Match": f'"{version}"'}
    )
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    """One that the public may read too."""
    async with support.run_desk(settings.model_copy(update={"public_read": True})) as desk:
        yield desk


@pytest.fixture
async def claim(desk: Desk) -> str:
    """A claim with a note on a link, an assignee, a rejected draft, a note on an approval."""
    await desk.record_parties()
    claim = str((await desk.record_claim())["id"])
    link = await desk.link_statement(
        claim, "supports", "nato", basis="own_observation", note="from a source in Tirana"
    )
    me = (await desk.checker.get("/v1/me")).json()["id"]
    version = f'"{(await desk.read_claim(claim))["version"]}"'
    amendment = await desk.checker.patch(
        f"/v1/claims/{claim}", json={"assignee": me}, headers={"If-Match": version}
    )
    assert amendment.status_code == 200, amendment.text
    waiting = (await desk.change_status(claim, "confirmed", cites=[link["id"]])).json()["id"]
    await desk.checker2.post(f"/v1/decisions/{waiting}/rejection", json={"comment": "too early"})
    waiting = (await desk.change_status(claim, "confirmed", cites=[link["id"]])).json()["id"]
    approval = await desk.checker2.post(
        f"/v1/decisions/{waiting}/approval", json={"note": "rang them up"}
    )
    assert approval.status_code == 200, approval.text
    return claim


@pytest.mark.parametrize("role", ["public", "reader", "checker"])
async def test_everybody_can_check_every_hash(desk: Desk, claim: str, role: str) -> None:
    events = await read_history(getattr(desk, role), claim)
    assert len(events) > 6
    previous = "0" * 64
    for event in events:
        assert event["previous_hash"] == previous
        assert recompute_hash(claim, event) == event["hash"], event
        previous = event["hash"]


@pytest.mark.parametrize("role", ["public", "reader"])
async def test_withheld_value_cannot_be_guessed_from_its_hash(
    desk: Desk, claim: str, role: str
) -> None:
    """Over all people, notes and types that it may have been, with every salt that is served."""
    events = await read_history(getattr(desk, role), claim)
    whole = await read_history(desk.checker, claim)
    texts = json.dumps(events)
    for secret in ("Tirana", "too early", "rang them up", "decision.rejected"):
        assert secret in json.dumps(whole)
        assert secret not in texts
    salts = {salt for event in events for salt in event["salts"].values()}
    commitments = {commitment for event in events for commitment in event["commitments"].values()}
    assert commitments
    withheld = [
        read_value(event, place)
        for event, public_event in zip(whole, events, strict=True)
        for place in public_event["commitments"]
    ]
    for value in withheld:
        guesses = {digest(value), digest(value.get("value"))}
        guesses |= {sha256(str(value.get("value")).encode()).hexdigest()}
        guesses |= {digest({"salt": salt} | value) for salt in salts}
        assert not guesses & commitments


async def test_the_desk_gets_values_and_salts(desk: Desk, claim: str) -> None:
    events = await read_history(desk.checker, claim)
    assert all(event["commitments"] == {} for event in events)
    salted_places = {place for event in events for place in event["salts"]}
    assert {"actor", "data", "type", "data.link.note", "data.approval_note"} <= salted_places


@pytest.mark.parametrize("role", ["public", "reader", "admin"])
async def test_every_hash_can_be_checked_whatever_happened(desk: Desk, role: str) -> None:
    """Merges, withdrawals, drafts: with the program of docs/record.md, as it stands there."""
    text = (Path(__file__).parents[2] / "docs" / "record.md").read_text(encoding="utf-8")
    program: Json = {}
    exec(text.partition("```python\n")[2].partition("```")[0], program)  # noqa: S102 -- ours
    twin = Twin(desk, secrets=True)
    await twins.live_through(twin)
    for name in ("claim", "other", "many", "duplicate", "taken-back", "part"):
        previous = "0" * 64
        for event in await read_history(getattr(desk, role), twin.ids[name]):
            assert event["previous_hash"] == previous
            assert recompute_hash(twin.ids[name], event) == event["hash"], (name, event)
            assert program["compute_hash"](twin.ids[name], event) == event["hash"]
            previous = event["hash"]
        last = (await read_history(desk.checker, twin.ids[name]))[-1]
        assert previous == last["hash"]


async def test_assignee_cannot_be_found_by_trying_every_user(desk: Desk) -> None:
    """Neither as a whole event, nor as what a commitment stands for."""
    await desk.record_parties()
    users = [await add_user(desk, name) for name in ("ana", "ben", "cleo")]
    claim = str((await desk.record_claim())["id"])
    await amend(desk, claim, assignee=users[1])
    await amend(desk, claim, assignee=users[2], tags=["army"])
    whole, redacted_history = [
        await read_history(client, claim) for client in (desk.checker, desk.reader)
    ]
    assert [event["data"] for event in whole[1:]] == [
        {"assignee": users[1]},
        {"assignee": users[2], "tags": ["army"]},
    ]
    salts = {salt for event in redacted_history for salt in event["salts"].values()}
    hashes = {event["hash"] for event in redacted_history}
    hashes |= {
        commitment for event in redacted_history for commitment in event["commitments"].values()
    }
    for user in (*users, None):
        for event in whole[1:]:
            guess = event["data"] | {"assignee": user}
            for value in (user, guess):
                tries = {digest({"salt": salt, "value": value}) for salt in salts}
                assert not hashes & {*tries, digest(value), digest({"value": value})}
            guess_event = event | {"data": guess, "salts": {}, "commitments": {}}
            assert recompute_hash(claim, guess_event) not in hashes


async def test_no_salt_of_what_is_withheld_is_served(desk: Desk) -> None:
    """Neither in the history nor in news or on pages."""
    twin = Twin(desk, secrets=True)
    await twins.live_through(twin)
    for name in ("claim", "other"):
        claim = twin.ids[name]
        whole, redacted_history = [
            await read_history(client, claim) for client in (desk.checker, desk.reader)
        ]
        secret = {
            event["salts"][place]
            for event, redacted_event in zip(whole, redacted_history, strict=True)
            for place in redacted_event["commitments"]
        }
        assert secret
        for address in (
            f"/v1/claims/{claim}/history?limit=200",
            f"/v1/events?claim={claim}&limit=200",
            f"/claims/{claim}",
        ):
            for client in (desk.reader, desk.public):
                answer = await client.get(address)
                assert not {salt for salt in secret if salt in answer.text}, address


async def test_others_cannot_tell_whether_an_event_has_a_withheld_field(desk: Desk) -> None:
    """Tags alone or with an assignee, a link with a note or without: others see the same places."""
    await desk.record_parties()
    user = await add_user(desk, "ana")
    summaries: list[Any] = []
    for changes, note in (({}, None), ({"assignee": user}, "he was angry")):
        claim = str((await desk.record_claim())["id"])
        await amend(desk, claim, tags=["army"], **changes)
        await desk.link_statement(claim, "comments", "nato", note=note)
        events = await read_history(desk.reader, claim)
        summaries.append([(event["type"], sorted(event["commitments"])) for event in events])
    assert summaries[0] == summaries[1]
    assert "data.assignee" in summaries[0][1][1]
    assert "data.link.note" in summaries[0][2][1]


async def test_the_desk_can_check_news_and_others_get_it_without_hashes(desk: Desk) -> None:
    await desk.record_parties()
    claim = str((await desk.record_claim())["id"])
    await amend(desk, claim, tags=["army"], assignee=None)
    events = (await desk.checker.get("/v1/events")).json()["items"]
    assert len(events) == 2
    for event in events:
        assert recompute_hash(claim, event) == event["hash"]
    for event in (await desk.reader.get("/v1/events")).json()["items"]:
        assert (event["hash"], event["previous_hash"]) == (None, None)
        assert (event["commitments"], event["salts"]) == ({}, {})


def record_without_salts(connection: Connection, claim: str) -> None:
    """Make a claim's record what an earlier release would have written."""
    events, previous = tables.events, "0" * 64
    rows = connection.execute(
        select(events).where(events.c.claim == claim).order_by(events.c.number)
    ).all()
    for row in rows:
        digest = hash_claim_event(
            claim=claim,
            number=row.number,
            type=row.type,
            recorded_at=format_instant(row.recorded_at),
            actor=row.actor,
            data=row.data,
            previous_hash=previous,
        )
        values = {"salts": None, "previous_hash": previous, "hash": digest}
        connection.execute(update(events).where(events.c.seq == row.seq).values(values))
        previous = digest
    last = update(tables.claims).where(tables.claims.c.id == claim)
    connection.execute(last.values(last_hash=previous))


async def make_old(desk: Desk, claim: str) -> None:
    def change(connection: Connection) -> None:
        with allow_changes(connection):
            record_without_salts(connection, claim)

    await desk.database.write(change)


async def test_hashes_after_an_older_releases_event_stay_withheld(desk: Desk) -> None:
    """From the first event on whose hash would give something away, also if later ones have
    commitments."""
    await desk.record_parties()
    user = await add_user(desk, "ana")
    claim = str((await desk.record_claim())["id"])
    await desk.link_statement(claim, "comments", "nato")
    await amend(desk, claim, assignee=user)
    await make_old(desk, claim)
    await amend(desk, claim, tags=["army"])
    whole, redacted_history = [
        await read_history(client, claim) for client in (desk.checker, desk.reader)
    ]
    for event in whole:
        assert recompute_hash(claim, event) == event["hash"]
    assert recompute_hash(claim, redacted_history[0]) == redacted_history[0]["hash"]
    # Its link had no note, which is left out, and its hash covers that it had none.
    redacted_history[1]["data"]["link"]["note"] = None
    assert recompute_hash(claim, redacted_history[1]) == redacted_history[1]["hash"]
    assert [event["hash"] for event in redacted_history[2:]] == [None, None]
    assert redacted_history[2]["previous_hash"] == redacted_history[1]["hash"]
    assert redacted_history[3]["previous_hash"] is None


@pytest.mark.parametrize(("note", "sealed"), [(None, False), ("he was angry", True)])
async def test_older_hash_is_served_if_nothing_was_withheld(
    desk: Desk, note: str | None, sealed: bool
) -> None:
    await desk.record_parties()
    claim = str((await desk.record_claim())["id"])
    await desk.link_statement(claim, "comments", "nato", note=note)
    await make_old(desk, claim)
    history = await read_history(desk.reader, claim)
    assert [event["hash"] is None for event in history] == [False, sealed]
