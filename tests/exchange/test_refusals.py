"""An import refuses single lines with a reason, and imports the others."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from service.claims import claim_commands
from service.domain.access import SYSTEM
from service.domain.errors import Invalid
from service.store.engine import Database
from tests.exchange.desks import (
    Json,
    LateDay,
    count_proved_claims,
    downgrade_to_version_1,
    edit_export,
    export_desk,
    import_lines,
    rehash_chain,
    select_lines,
)
from tests.verification.workday import BEGIN

NOWHERE = "01970000-0000-7000-8000-000000000000"


def find_created_event(lines: list[Json], text: str) -> Json:
    """Return the event with which the claim of this text begins."""
    return next(
        line
        for line in select_lines(lines, "event", type="claim.created")
        if line["data"]["text"] == text
    )


def count_created_claims(data: bytes) -> int:
    """Return how many claims an export has."""
    return data.count(b'"type":"claim.created"')


def change_export(data: bytes, change: Callable[[list[Json]], Any]) -> bytes:
    def change_lines(lines: list[Json]) -> None:
        change(lines)

    return edit_export(data, change_lines)


async def test_a_changed_event_refuses_its_whole_claim(
    full_export: bytes, database: Database
) -> None:
    """No line of the claim is written, though only its third was changed; all other claims are."""

    def change(lines: list[Json]) -> None:
        claim = find_created_event(lines, "a third")["claim"]
        select_lines(lines, "event", claim=claim)[2]["data"]["reason"] = "forged"

    data = change_export(full_export, change)
    result = await import_lines(database, data)
    assert len(result.refusals) == 1
    [(record, reason)] = result.refusal_pairs
    assert record == "claim"
    assert reason.startswith("its event 3 was changed: its hash would be ")
    there = await count_proved_claims(database)
    assert there == count_created_claims(full_export) - 1
    assert result.tallies["event"].refused > 3
    # The file as it was brings the rest in; nothing is there twice.
    assert (await import_lines(database, full_export)).refusal_pairs == []
    assert await export_desk(database) != full_export  # in another order: the late claim comes last
    assert sorted((await export_desk(database)).splitlines()[:-1]) == sorted(
        full_export.splitlines()[:-1]
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda events: events.pop(1), "its event 3 follows event 1"),
        (lambda events: events[1].update(number=7), "its event 7 was changed"),
        (lambda events: events[1].update(previous_hash="0" * 64), "its event 2 was changed"),
        (lambda events: events[1].update(type="claim.forgotten"), "unknown here"),
        (lambda events: events[1].update(recorded_at="2023-10-05T09:00:00"), "no instant in UTC"),
        (
            lambda events: events[1].update(actor={"id": 1, "name": "x"}),
            "an actor of another shape",
        ),
        (lambda events: events[1].update(data=[]), "an actor of another shape"),
        (lambda events: events[1].update(colour="red"), "'colour' missing or too much"),
        (lambda events: events[1].update(id="nobody"), "id is no UUID"),
        (lambda events: events[1].pop("salts"), "its event 2 was changed"),
        (lambda events: events[1]["salts"].update(actor="0" * 32), "its event 2 was changed"),
        (lambda events: events[1]["salts"].update(actor="salt"), "salts of another shape"),
        (lambda events: events[1]["salts"].update({"hash": "0" * 32}), "salts of another shape"),
        (lambda events: events[1].update(salts={}), "salts of another shape"),
        (lambda events: events[1].update(salts=[]), "salts of another shape"),
    ],
)
async def test_a_chain_that_does_not_continue_refuses_its_claim(
    full_export: bytes, database: Database, change: Callable[[list[Json]], Any], reason: str
) -> None:
    def change_third(lines: list[Json]) -> list[Json]:
        claim = find_created_event(lines, "a third")["claim"]
        events = select_lines(lines, "event", claim=claim)
        kept_events = list(events)
        change(kept_events)
        return [line for line in lines if line not in events or line in kept_events]

    result = await import_lines(database, edit_export(full_export, change_third))
    assert len(result.refusals) == 1
    assert reason in result.refusals[0].reason
    assert await count_proved_claims(database) == count_created_claims(full_export) - 1


async def test_whatever_refers_to_a_refused_line_is_refused_too(
    full_export: bytes, database: Database
) -> None:
    """A source, so the statement that quotes it, so the claims that rest on the statement, so the
    claims that those are part of; each with the line for which it is refused."""

    def change(lines: list[Json]) -> None:
        source = select_lines(lines, "source", url="https://example.org/paper")[0]
        source["url"] = "javascript:alert(1)"

    result = await import_lines(database, change_export(full_export, change))
    reasons = dict.fromkeys(reason.split(" ")[0] for _, reason in result.refusal_pairs)
    assert result.refusal_pairs[0] == (
        "source",
        "url: an address begins with http:// or https://",
    )
    assert {record for record, _ in result.refusal_pairs} == {
        "source",
        "statement",
        "claim",
        "note",
        "use",
    }
    assert list(reasons) == ["url:", "refers", "its"]
    # The article's claims, which rest on a source of their own, are in.
    assert await count_proved_claims(database) == 12
    assert all(refusal.line > 1 and refusal.id for refusal in result.refusals)


async def test_a_claim_is_refused_with_the_claim_it_was_merged_into(
    full_export: bytes, database: Database
) -> None:
    """Whichever of the two is further down in the file."""

    def change(lines: list[Json]) -> None:
        claim = find_created_event(lines, "the whole")["claim"]
        select_lines(lines, "event", claim=claim)[-1]["data"]["reason"] = "forged"

    result = await import_lines(database, change_export(full_export, change))
    texts = {"the whole", "the whole, again", "a part", "part of the twin"}
    assert await count_proved_claims(database) == count_created_claims(full_export) - len(texts)
    assert len(result.refusals) == len(texts)
    assert sum("refers to claim" in reason for _, reason in result.refusal_pairs) == len(texts) - 1


@pytest.mark.parametrize(
    ("record", "change", "reason"),
    [
        ("user", {"email": 7}, "email: a text without NUL is expected"),
        ("user", {"role": "king"}, "role: 'king' is not a valid Role"),
        ("user", {"id": "x"}, "id: an id is a UUID in lower case"),
        ("user", {"password_hash": "x"}, "unknown field 'password_hash'"),
        ("party", {"slug": "Not a slug"}, "slug: a slug has lower-case letters"),
        ("party", {"name": "x" * 121}, "name: a text of at most 120 characters is expected"),
        ("party", {"parent": "nobody"}, "versions: the last is not what holds now"),
        ("party", {"versions": []}, "versions: at least one is needed"),
        ("key", {"user": NOWHERE}, f"refers to user {NOWHERE}, which is neither above it nor"),
        ("party", {"created_at": "2023-10-02"}, "created_at: an instant is RFC 3339 in UTC"),
        ("speaker", {"name": "a\x00b"}, "name: a text without NUL is expected"),
        ("speaker", {"name": None}, "name: name must not be null"[6:]),
        ("source", {"archive_url": "ftp://x"}, "archive_url: an address begins with http://"),
        ("story", {"title": ""}, None),
        ("statement", {"quotes": []}, "quotes: at least one is needed"),
        ("statement", {"quotes": [7]}, "quotes.0 is no object"),
        ("statement", {"precision": "century"}, "precision: 'century' is not a valid Precision"),
        ("statement", {"speaker": NOWHERE}, f"refers to speaker {NOWHERE}, which is neither"),
        ("note", {"claim": NOWHERE}, f"refers to claim {NOWHERE}, which is neither"),
    ],
)
async def test_an_invalid_line_is_refused_with_the_field_at_fault(
    full_export: bytes, database: Database, record: str, change: Json, reason: str | None
) -> None:
    """Before anything is written."""
    data = change_export(
        downgrade_to_version_1(full_export),
        lambda lines: select_lines(lines, record)[-1].update(change),
    )
    result = await import_lines(database, data, dry_run=True)
    if reason is None:
        assert result.refusal_pairs == []
    else:
        assert any(kind == record and reason in text for kind, text in result.refusal_pairs)


async def test_the_second_of_two_lines_of_one_thing_is_refused(
    full_export: bytes, database: Database
) -> None:
    """Likewise a second thing of the same URL, address or name."""

    def change(lines: list[Json]) -> list[Json]:
        doubled_lines = []
        for line in lines:
            doubled_lines.append(line)
            if line["record"] in ("user", "source", "speaker"):
                other = {name: value for name, value in line.items() if name != "events"}
                doubled_lines.append(line if line["record"] == "user" else other | {"id": NOWHERE})
        return doubled_lines

    result = await import_lines(database, edit_export(full_export, change))
    reasons = {reason.partition(" (line")[0] for _, reason in result.refusal_pairs}
    assert reasons == {
        "the file has this user twice",
        "the file has this source twice",
        "the file has this speaker twice",
        "the file has this URL and text twice",
        "the file has this name and role twice",
    }
    assert await count_proved_claims(database) == count_created_claims(full_export)


async def test_a_claim_that_the_desk_continued_differently_is_refused(
    full_desk: Database, other_database: Database
) -> None:
    """A claim that only the desk continued is known. A thing that the desk changed is a conflict,
    and stays as the desk has it."""
    early = await export_desk(full_desk)
    await import_lines(other_database, early)
    identifier = []

    def work(connection: Connection, text: str) -> None:
        identifier.append(LateDay(connection).claim(text))

    await other_database.write(work, "only here")
    claim = identifier[0]

    def amend(connection: Connection, text: str) -> None:
        claim_commands.amend_claim(
            connection,
            claim,
            {"text": text},
            material=False,
            four_eyes=True,
            versions=None,
            actor=SYSTEM,
            now=BEGIN,
        )

    common_export = await export_desk(other_database)
    await import_lines(full_desk, common_export)
    await full_desk.write(amend, "worded there")
    await other_database.write(amend, "worded here")
    result = await import_lines(other_database, await export_desk(full_desk))
    assert result.refusal_pairs == [
        ("claim", "its event 2 is another on this desk: the two records have parted")
    ]
    assert result.new == 0
    # An older export has nothing new.
    older = await import_lines(other_database, early)
    assert (older.new, older.refusal_pairs) == (0, [])
    await count_proved_claims(other_database)


async def test_a_record_that_continued_is_continued(
    full_desk: Database, other_database: Database
) -> None:
    await import_lines(other_database, await export_desk(full_desk))
    identifier = []
    await full_desk.write(lambda connection: identifier.append(LateDay(connection).claim("begun")))
    await import_lines(other_database, await export_desk(full_desk))
    change = {"tags": ["more"]}
    await full_desk.write(
        lambda connection: claim_commands.amend_claim(
            connection,
            identifier[0],
            change,
            material=False,
            four_eyes=True,
            versions=None,
            actor=SYSTEM,
            now=BEGIN,
        )
    )
    result = await import_lines(other_database, await export_desk(full_desk))
    assert (result.new, result.refusal_pairs) == (1, [])
    await count_proved_claims(other_database)
    assert await export_desk(other_database) == await export_desk(full_desk)


async def test_a_forged_event_with_valid_hashes_does_not_fold(
    full_export: bytes, database: Database
) -> None:
    """The claim stays as of the last event that folds, and so does everything derived from it."""

    def change(lines: list[Json]) -> None:
        claim = find_created_event(lines, "a third")["claim"]
        select_lines(lines, "event", claim=claim)[1]["data"]["link"]["stance"] = "adores"
        rehash_chain(lines, claim)

    result = await import_lines(database, change_export(full_export, change))
    assert {record for record, _ in result.refusal_pairs} == {"claim"}
    assert "it cannot be written: 'adores' is not a valid Stance" in result.refusal_pairs[0][1]
    assert await count_proved_claims(database) == count_created_claims(full_export)


async def test_the_database_refuses_a_forged_id_of_a_link(
    full_export: bytes, database: Database
) -> None:
    """Of two claims with a link of one id, the second is refused."""

    def change(lines: list[Json]) -> None:
        own_event, other_event = (
            select_lines(
                lines, "event", type="link.created", claim=find_created_event(lines, text)["claim"]
            )[0]
            for text in ("a third", "another")
        )
        other_event["data"]["link"]["id"] = own_event["data"]["link"]["id"]
        rehash_chain(lines, other_event["claim"])

    result = await import_lines(database, change_export(full_export, change))
    assert result.refusal_pairs
    assert all("it cannot be written: " in reason for _, reason in result.refusal_pairs)
    await count_proved_claims(database)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "the file was cut off"),
        (lambda data: data[: len(data) // 2], "no line of an export, .*  Export it again"),
        (lambda data: b"\n".join(data.splitlines()[:-1]) + b"\n", "the file was cut off"),
        (lambda data: data.replace(b'"The Alliance"', b'"The alliance"'), "changed or damaged"),
        (lambda data: data.replace(b'"version":3', b'"version":4', 1), "version 4 of the format"),
        (lambda data: b'{"a": 1}\n' + data, 'says what it is in "record"'),
        (lambda data: data.partition(b"\n")[2], "this is no export of Claimdesk"),
        (lambda data: data + data, "the file goes on after its last line"),
        (lambda data: _drop_line(data, 5), "lines are missing, or too many"),
        (lambda data: _swap_lines(data), "lines are not in their order"),
        (
            lambda data: data.replace(b'"record":"note"', b'"record":"joke"', 1),
            "of the kind 'joke'",
        ),
        (lambda data: b"\x1f\x8b\x08" + data, "line 1: this is no line of an export"),
    ],
)
async def test_a_damaged_file_is_refused_as_a_whole(
    full_export: bytes, database: Database, damage: Callable[[bytes], bytes], reason: str
) -> None:
    """Nothing of it is written, wherever the damage is."""
    with pytest.raises(Invalid, match=reason):
        await import_lines(database, damage(full_export))
    assert (await export_desk(database)).count(b"\n") == 2


async def test_a_line_that_is_too_long_refuses_the_file(
    full_export: bytes, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not read into memory first."""
    # A bound that a short line reaches; whoever imports cannot move it.
    monkeypatch.setattr("service.exchange.export_files.LONGEST", 60)
    with pytest.raises(Invalid, match="a line has more than"):
        await import_lines(database, full_export)


def _drop_line(data: bytes, line: int) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(lines[:line] + lines[line + 1 :])


def _swap_lines(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    lines[1], lines[-2] = lines[-2], lines[1]
    return b"".join(lines)
