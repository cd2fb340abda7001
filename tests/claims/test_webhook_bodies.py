"""What receivers get, byte by byte: one golden file for each type of event.

The bytes are a contract with programs that we do not know: change a file on purpose only.
`python -m tests.claims.test_webhook_bodies` writes the files anew; look at what differs.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.claims import webhook_bodies
from service.claims.webhook_bodies import RENDERERS, build_claim_url, render_message
from service.claims.webhook_examples import BODIES, SERVICE_BODIES
from service.domain import amendments, corrections, holds, proposals, reversals
from service.domain.claims import Basis, ClaimState, Finding, Kind, Lifecycle, Scope
from service.domain.history import Draft, Event
from service.domain.webhooks import OPERATORS, EventType
from service.webhooks.bodies import render_body, render_ping
from service.webhooks.outbox import list_parties
from tests.domain.builders import (
    ANA,
    AWAITING,
    BORIS,
    CONFIRMED,
    DISPUTED,
    MILLER,
    NATO,
    NOON,
    POLICE,
    Record,
    build_claim,
    build_contradiction,
    build_request,
    build_support,
)

GOLDEN = Path(__file__).parent / "webhooks"
BASE = "https://desk.example"
WRITE_ANEW = "python -m tests.claims.test_webhook_bodies writes the golden files"
PRIVATE = "our man in the ministry"


class Told(Record):
    """A record that keeps the claim as it was after each event."""

    def _append(self, state: ClaimState | None, draft: Draft) -> ClaimState:
        after = super()._append(state, draft)
        self.__dict__.setdefault("states", []).append(after)
        return after

    def messages(self) -> list[tuple[Event, bytes | None]]:
        return [
            (event, render_message(event, state, by=None if rule else "Ana", base_url=BASE))
            for event, state, rule in zip(
                self.events, self.__dict__["states"], self.rules, strict=True
            )
        ]


def record_day() -> Told:
    """A claim to which everything happens that outsiders are told of."""
    record = Told()
    miller = build_request(
        MILLER,
        id="link-m",
        statement="statement-m",
        conditional=True,
        scope=Scope.PARTIAL,
        quote="We are waiting to see confirmation of this.",
    )
    record.act(amendments.draft_link(record.state, miller, note=PRIVATE))
    nato = record.link(build_support(NATO, id="link-n", statement="statement-n", quote="Seen."))
    record.decide(CONFIRMED, nato, four_eyes=True)
    record.act(proposals.draft_rejection(record.state, "decision-1", comment="Ask KFOR first."))
    record.decide(CONFIRMED, nato, four_eyes=True, decision_id="decision-2")
    record.approve("decision-2")
    changes = {"text": "Serbia has “withdrawn” its units", "tags": ["border"], "assignee": PRIVATE}
    record.act(*amendments.draft_amendment(record.state, changes, material=True))
    record.act(*amendments.draft_amendment(record.state, {"assignee": None}, material=False))
    record.link(build_contradiction(POLICE, id="link-p", statement="statement-p", quote="No."))
    record.retract(miller)
    record.withdraw(nato)
    record.find(Finding.UNPROVABLE)
    record.act(
        amendments.draft_claim_withdrawal(record.state, reason="Belgrade corrects.", source=None)
    )
    record.submit(reversals.void_claim(record.state, reason="Another ministry’s claim."))
    restoration = reversals.restore_claim(record.state, reason="It was theirs.", since=record.state)
    record.submit(restoration, four_eyes=False)
    return record


def render_first_bodies() -> dict[str, bytes]:
    """The first body of each type; of changes of status the one that two people made."""
    bodies: dict[str, bytes] = {}
    for event, body in record_day().messages():
        is_decided = event.type != "claim.status_changed" or event.data["approved_by"]
        if body is not None and is_decided:
            bodies.setdefault(event.type, body)
    merge = Event(9, "claim.merged", NOON, {"into": "claim-2"})
    body = render_message(merge, build_claim(version=9), by="Boris", base_url=BASE)
    assert body is not None
    data = reversals.draft_separation(
        build_claim(lifecycle=Lifecycle.MERGED, merged_into="claim-2"), reason="Two days."
    ).data
    separation = Event(10, "claim.separated", NOON, data)
    apart = render_message(separation, build_claim(version=10), by="Boris", base_url=BASE)
    assert apart is not None
    return (
        bodies
        | _render_holds()
        | _render_corrections()
        | _render_health()
        | {
            "claim.separated": apart,
            "claim.merged": body,
            "use.outdated": _render_outdated_use(),
            "webhook.ping": render_ping("webhook-1", NOON, base_url=BASE),
        }
    )


def _render_health() -> dict[str, bytes]:
    """What is told of endpoints, as the examples of the documentation have it."""
    return {kind: render_body(kind, NOON, SERVICE_BODIES[kind].example) for kind in OPERATORS}


def _render_corrections() -> dict[str, bytes]:
    """A statement turns out to be NATO's, and the claim to be about a figure."""
    record = Told()
    record.link(build_request(MILLER, id="link-m", statement="statement-m", quote="We wait."))
    record.correct_statement("statement-m", NATO, reason="A NATO official said it.")
    record.act(
        *corrections.correct_claim(record.state, {"kind": Kind.FIGURE}, reason="It says how many.")
    )
    return {event.type: body for event, body in record.messages()[-2:] if body is not None}


def _render_holds() -> dict[str, bytes]:
    until = NOON + timedelta(hours=6)
    claim = Told()
    claim.act(holds.draft_hold(claim.state, reason="A correction.", until=until, now=NOON))
    claim.act(*holds.draft_due_end(claim.state, now=until))
    return {event.type: body for event, body in claim.messages()[-2:] if body is not None}


def _render_outdated_use() -> bytes:
    example = BODIES[EventType.USE_OUTDATED].example
    data = {name: example[name] for name in ("class", "uses", "count")}
    event = Event(5, "use.outdated", NOON, data)
    body = render_message(event, build_claim(version=5), by=None, base_url=BASE)
    assert body is not None
    return body


@pytest.mark.parametrize("kind", EventType)
def test_bodies_equal_their_golden_files(kind: EventType) -> None:
    """Each type's body is, to the byte, what its golden file holds; and it is JSON of three keys,
    its type first."""
    bodies = render_first_bodies()
    assert kind in bodies, f"let {kind} happen in the record of this file"
    body = bodies[kind]
    file = GOLDEN / f"{kind}.json"
    assert file.exists(), WRITE_ANEW
    assert body == file.read_bytes().removesuffix(b"\n"), f"if on purpose: {WRITE_ANEW}"
    envelope = orjson.loads(body)
    assert list(envelope) == ["type", "timestamp", "data"]
    assert envelope["type"] == kind
    assert datetime.fromisoformat(envelope["timestamp"]).tzinfo == UTC


def test_every_type_has_a_renderer() -> None:
    """What an endpoint may ask for is what can be told, and a ping."""
    assert {*RENDERERS, EventType.PING, *OPERATORS} == set(EventType)
    assert {path.stem for path in GOLDEN.iterdir()} == set(EventType), WRITE_ANEW


def test_bodies_hold_nothing_internal() -> None:
    """No note and no assignee; an amendment of the assignee alone is no message, nor is a line of
    the record that is the desk's bookkeeping."""
    messages = record_day().messages()
    for _, body in messages:
        assert body is None or (PRIVATE.encode() not in body and b"assignee" not in body)
    silent = [event for event, body in messages if body is None]
    assert [(event.type, event.data) for event in silent] == [("claim.amended", {"assignee": None})]
    affirmation = Event(2, "link.affirmed", NOON, {"link": "link-1"})
    assert render_message(affirmation, build_claim(version=2), by="Ana", base_url=BASE) is None


def test_actor_is_null_if_a_rule_acted() -> None:
    """`by` is who acted, null where the evidence moved the claim by itself; the cause says why."""
    changes = [
        orjson.loads(body)["data"]
        for event, body in record_day().messages()
        if body and event.type == "claim.status_changed"
    ]
    assert [
        (change["cause"], change["by"], change["sequence"], change["status"]) for change in changes
    ] == [
        ("request", None, 1, AWAITING),
        ("decision", "Ana", 2, CONFIRMED),
        ("amendment", None, 3, AWAITING),
        ("contradiction", None, 4, DISPUTED),
    ]
    assert [change["decided_by"] for change in changes] == [None, "Ana", None, None]
    assert changes[1]["approved_by"] == BORIS.name
    assert changes[1]["decided_by"] == ANA.name


def test_change_of_status_names_the_statements_it_cites() -> None:
    """A change of status names the statements it rests on, and no other."""
    change = orjson.loads(render_first_bodies()["claim.status_changed"])["data"]
    (citation,) = change["cites"]
    assert (citation["party"], citation["stance"], citation["quote"]) == (
        "nato",
        "supports",
        "Seen.",
    )
    assert citation["speaker"] is None


@pytest.mark.parametrize(
    ("changes", "changed_fields"),
    [
        ({"text": "New", "material": True}, {"text": "New", "material": True}),
        ({"tags": []}, {"tags": []}),
        ({"finding": None, "assignee": "ana"}, {"finding": None}),
        ({"assignee": "ana"}, None),
        ({"material": False}, None),
        ({}, None),
    ],
)
def test_amendment_lists_the_changed_public_fields(
    changes: dict[str, Any], changed_fields: dict[str, Any] | None
) -> None:
    """Only what is served to everybody; where nothing of that changed, nothing is said."""
    event = Event(2, "claim.amended", NOON, changes)
    body = render_message(event, build_claim(version=2), by="Ana", base_url=BASE)
    assert (body and orjson.loads(body)["data"]["changes"]) == changed_fields


def test_parties_of_a_claim_include_their_roots() -> None:
    """Whoever claims or takes a stance, and the topmost above them; none where nobody does."""
    links = (build_support(MILLER), build_contradiction(POLICE))
    assert list_parties(build_claim(*links)) == {
        *("belgrade", "state-department", "washington"),
        *("kosovo-police", "pristina"),
    }
    assert list_parties(build_claim(claimant=None)) == frozenset()


def test_addresses_lead_to_the_desks_pages() -> None:
    """A claim's address is where it is read by people."""
    assert build_claim_url("claim-1", BASE) == "https://desk.example/claims/claim-1"
    claim = webhook_bodies.build_claim(build_claim(claimant=None), BASE)
    assert claim["claimant"] is None
    assert claim["url"] == build_claim_url("claim-1", BASE)


def test_instants_are_utc_with_a_z() -> None:
    """RFC 3339, whatever zone the clock had."""
    body = orjson.loads(
        render_ping("webhook-1", datetime(2023, 10, 2, 12, tzinfo=UTC), base_url=BASE)
    )
    assert body["timestamp"].endswith("Z")


def test_speaker_has_a_name_and_a_role_and_no_id() -> None:
    """Without the desk's own number for the person."""
    speaker = webhook_bodies.build_link(build_support(MILLER))["speaker"]
    assert speaker == {"name": "Matthew Miller", "role": None}
    assert (
        webhook_bodies.build_link(build_support(NATO, basis=Basis.DOCUMENTS))["basis"]
        == "documents"
    )


if __name__ == "__main__":
    for kind_written, body_written in render_first_bodies().items():
        (GOLDEN / f"{kind_written}.json").write_bytes(body_written + b"\n")
