"""Who printed what is exported and imported with its record, without whom to tell."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, select

from service.claims import hold_commands, reversal_commands
from service.domain import disclosure
from service.domain.access import SYSTEM
from service.domain.claims import Stance, Status
from service.domain.subjects import Subject, SubjectKind
from service.domain.uses import UseState
from service.exchange import seeds
from service.record.canonical import hash_event, render_canonical
from service.store.engine import Database
from service.store.tables import contact_addresses, use_contacts, uses
from service.uses import use_commands
from tests.exchange.desks import (
    Json,
    LateDay,
    count_proved_claims,
    edit_export,
    export_desk,
    import_lines,
    select_lines,
)
from tests.verification.workday import BEGIN

CONTACT = "night desk, +381 11 000"
ADDRESS = "desk@paper.example"
PARTIES = """
[[parties]]
slug = "belgrade"
name = "Belgrade"
[[parties]]
slug = "nato"
name = "NATO"
"""


class PrintingDay(LateDay):
    """A day on which claims are printed."""

    def print_claim(self, claim: str, *, contact: str | None = CONTACT) -> str:
        new = use_commands.NewUse(
            url="https://paper.example/1",
            place=None,
            title="A headline",
            published_at=self.time,
            wording="as it was printed",
            contact=contact,
            language="en",
        )
        return use_commands.record_use(self.connection, claim, new, **self.by())

    def acknowledge(self, use: str, *, note: str = "put right") -> None:
        corrected_url = "https://paper.example/1-corrected"
        use_commands.acknowledge_use(
            self.connection, use, note=note, corrected_url=corrected_url, **self.by()
        )

    def confirm(self, text: str) -> tuple[str, str]:
        """A confirmed claim, and the link that it rests on."""
        claim = self.claim(text)
        link = self.link(claim, "nato", Stance.SUPPORTS)
        self.decide(claim, Status.CONFIRMED, link)
        return claim, link


def print_everything(connection: Connection) -> dict[str, str]:
    """Record uses in every state and class; return their ids."""
    plan = seeds.parse_seed_file(PARTIES)
    seeds.load_plan(connection, plan, actor=SYSTEM, now=BEGIN)
    day = PrintingDay(connection)
    fallen_claim, link = day.confirm("confirmed, and no longer")
    printed = {name: day.print_claim(fallen_claim) for name in ("kill", "settled", "twice")}
    reversal_commands.void_link(connection, link, reason="a mistake", four_eyes=True, **day.by())
    day.acknowledge(printed["settled"])
    day.acknowledge(printed["twice"])
    hold_commands.place_hold(connection, fallen_claim, reason="a check", until=None, **day.by())
    held_claim = day.claim("held")
    hold_commands.place_hold(connection, held_claim, reason="a check", until=None, **day.by())
    printed["held"] = day.print_claim(held_claim, contact=ADDRESS)
    printed["released"] = day.print_claim(held_claim, contact=None)
    hold_commands.end_hold(connection, held_claim, **day.by())
    day.acknowledge(printed["released"])
    void = day.claim("recorded by mistake")
    printed["retired"] = day.print_claim(void)
    use_commands.retire_use(connection, printed["retired"], **day.by())
    day.reverse(void, reversal_commands.plan_void)
    printed["void"] = day.print_claim(void)
    printed["current"] = day.print_claim(day.claim("stands"))
    return printed


def list_states(connection: Connection) -> dict[str, tuple[str, str | None]]:
    t = uses.c
    return {
        row[0]: (row[1], row[2]) for row in connection.execute(select(t.id, t.state, t["class"]))
    }


def list_contacts(connection: Connection) -> list[Any]:
    queries = (select(uses.c.contact), select(contact_addresses.c.address), select(use_contacts))
    return [row[0] for query in queries for row in connection.execute(query) if row[0]]


async def test_uses_are_the_same_on_the_other_desk(
    database: Database, other_database: Database
) -> None:
    """In every state and class, with their record; the file and the other desk have no contact."""
    printed = await database.write(print_everything)
    states = await database.read(list_states)
    assert {name: states[use] for name, use in printed.items()} == {
        "kill": ("outdated", "kill"),
        "settled": ("outdated", "update"),
        "twice": ("outdated", "update"),
        "held": ("outdated", "update"),
        "released": ("acknowledged", "update"),
        "retired": ("retired", None),
        "void": ("outdated", "kill"),
        "current": ("current", None),
    }
    export = await export_desk(database)
    assert CONTACT.encode() not in export
    assert ADDRESS.encode() not in export
    assert export.count(b'"record":"use"') == len(printed)
    assert (await import_lines(other_database, export)).refusal_pairs == []
    assert await other_database.read(list_states) == states
    assert await other_database.read(list_contacts) == []
    assert len(await database.read(list_contacts)) > 5
    assert await count_proved_claims(other_database) == await count_proved_claims(database)
    assert await export_desk(other_database) == export


async def test_uses_that_went_on_since_are_continued(
    database: Database, other_database: Database
) -> None:
    """What people did, and what the claim's record did to them; a desk's own uses of these claims
    are outdated too."""
    printed = await database.write(print_everything)
    await import_lines(other_database, await export_desk(database))
    query = select(uses.c.claim).where(uses.c.id == printed["current"])
    claim: str = await database.read(lambda connection: connection.execute(query).scalar_one())

    def print_later(connection: Connection) -> str:
        day = PrintingDay(connection)
        day.time += timedelta(hours=1)
        return day.print_claim(claim)

    own_use = await other_database.write(print_later)

    def go_on(connection: Connection) -> None:
        day = PrintingDay(connection)
        day.time += timedelta(days=1)
        day.acknowledge(printed["kill"])
        hold_commands.place_hold(connection, claim, reason="a check", until=None, **day.by())
        use_commands.retire_use(connection, printed["current"], **day.by())

    await database.write(go_on)
    export = await export_desk(database)
    result = await import_lines(other_database, export)
    assert result.refusal_pairs == []
    assert (result.tallies["use"].new, result.tallies["use"].known) == (2, len(printed) - 2)
    states = await other_database.read(list_states)
    assert states.pop(own_use) == (UseState.OUTDATED, "update")
    assert states == await database.read(list_states)
    assert (await import_lines(other_database, export)).new == 0
    await count_proved_claims(other_database)
    own_export = await export_desk(other_database)
    assert all(line in own_export for line in export.splitlines()[:-1])


async def test_use_whose_record_has_parted_is_refused(
    database: Database, other_database: Database
) -> None:
    """One that people settled here and there; the desk keeps what it has."""
    printed = await database.write(print_everything)
    await import_lines(other_database, await export_desk(database))

    def acknowledge_kill(connection: Connection, *, note: str) -> None:
        PrintingDay(connection).acknowledge(printed["kill"], note=note)

    for desk, note in ((database, "here"), (other_database, "there")):
        await desk.write(acknowledge_kill, note=note)
    before = await export_desk(other_database)
    result = await import_lines(other_database, await export_desk(database))
    reason = "its event 2 is another on this desk: the records have parted"
    assert result.refusal_pairs == [("use", reason)]
    assert await export_desk(other_database) == before


def forge_state(line: Json) -> None:
    line["state"] = "current"
    for name in ("class", "outdated_at", "outdated_version"):
        line.pop(name, None)


def forge_note(line: Json) -> None:
    line["note"] = "nothing to put right"


def forge_untold_state(line: Json) -> None:
    """As of a use that is told, without its events."""
    del line["events"]
    forge_state(line)


def name_contact(line: Json) -> None:
    """As a desk might that tells of its contacts: with a record that is proved."""
    (event,) = line["events"]
    event["data"]["contact"] = CONTACT
    rehash(line["id"], event)


def rehash(use: str, event: Json) -> None:
    event["hash"] = hash_event(
        Subject(SubjectKind.USE, use),
        number=event["number"],
        type=event["type"],
        recorded_at=event["recorded_at"],
        actor=render_canonical(event["actor"]),
        data=render_canonical(event["data"]),
        previous_hash=event["previous_hash"],
    )


FORGERIES: dict[str, tuple[str, Callable[[Json], None], str]] = {
    "state": ("kill", forge_state, "state is another than its events say, and those of its claim"),
    "note": ("twice", forge_note, "note is another than its events say"),
    "told": (
        "kill",
        forge_untold_state,
        "state is another than its events say, and those of its claim",
    ),
    "contact": ("current", name_contact, "its events name a contact, which no export has"),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_use_that_its_record_does_not_say_is_refused(
    database: Database, other_database: Database, name: str
) -> None:
    printed = await database.write(print_everything)
    key, forge, reason = FORGERIES[name]

    def change(lines: list[Json]) -> None:
        forge(select_lines(lines, "use", id=printed[key])[0])

    export = edit_export(await export_desk(database), change)
    result = await import_lines(other_database, export)
    assert result.refusal_pairs == [("use", reason)]
    assert printed[key] not in await other_database.read(list_states)
    await count_proved_claims(other_database)


async def test_use_of_a_refused_claim_is_refused(
    database: Database, other_database: Database
) -> None:
    printed = await database.write(print_everything)

    def change(lines: list[Json]) -> None:
        use = select_lines(lines, "use", id=printed["current"])[0]
        select_lines(lines, "event", claim=use["claim"])[0]["data"]["text"] = "forged"

    result = await import_lines(other_database, edit_export(await export_desk(database), change))
    assert {record for record, _ in result.refusal_pairs} == {"claim", "use"}
    assert len(await other_database.read(list_states)) == len(printed) - 1


async def test_file_from_before_uses_were_in_it_is_read(
    database: Database, other_database: Database
) -> None:
    """Its trailer does not count them."""
    await database.write(print_everything)

    def forget(lines: list[Json]) -> list[Json]:
        return [line for line in lines if line["record"] != "use"]

    export = edit_export(await export_desk(database), forget)
    assert b'"use"' not in export.splitlines()[-1]
    assert (await import_lines(other_database, export)).refusal_pairs == []
    assert await other_database.read(list_states) == {}


async def test_contact_in_an_event_of_an_earlier_release_is_not_exported(
    database: Database, other_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hash covers the contact itself: the use goes without its events, and is told."""
    with monkeypatch.context() as patch:
        # Chains whose first event has no salt, as earlier releases wrote them.
        patch.setattr(disclosure, "PERSONAL", {})
        printed = await database.write(print_everything)
    await count_proved_claims(database)
    export = await export_desk(database)
    assert CONTACT.encode() not in export
    lines = [orjson.loads(line) for line in export.splitlines()]
    told_uses = {line["id"] for line in lines if line["record"] == "use" and "events" not in line}
    assert told_uses == {use for name, use in printed.items() if name not in ("held", "released")}
    assert (await import_lines(other_database, export)).refusal_pairs == []
    assert await other_database.read(list_states) == await database.read(list_states)
    await count_proved_claims(other_database)
    assert (await import_lines(other_database, export)).new == 0
    assert (await import_lines(database, export)).new == 0
