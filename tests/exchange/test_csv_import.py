"""A sheet of claims from elsewhere: dirt is refused row by row, with line, column and reason."""

import asyncio
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy import select

from service.accounts.account_commands import SYSTEM
from service.claims.claim_views import ClaimView
from service.claims.history_views import StatusChangeView
from service.config import Settings
from service.domain.errors import Invalid
from service.exchange import seeds
from service.store import tables, webhook_tables
from service.store.engine import Database
from service.webhooks import webhook_commands
from tests.exchange import desks
from tests.exchange.rows import bring, claims, row, sheet
from tests.support.desk import Desk
from tests.verification.workday import BEGIN


async def test_a_row_becomes_a_claim_with_the_status_that_others_gave_it(
    database: Database,
) -> None:
    """Who says it, when, where, and how it was rated and by whom: all of it is there."""
    await database.write(
        seeds.load,
        seeds.parse('[[parties]]\nslug = "belgrade"\nname = "Belgrade"\n'),
        actor=SYSTEM,
        now=BEGIN,
    )
    data = sheet(
        row(
            '"Troops, all of them,\nare back"',
            By="BELGRADE",
            Person="Milan Mojsilović",
            Role="chief of staff",
            Link="www.example.org/paper",
            Rating="Mostly FALSE",
            Why="Photographs differ",
            Tags="troops; border ;troops",
            Story="Kosovo autumn",
        )
    )
    result = await bring(database, data, unknown_story="create")
    assert (result.tally.new, result.refused) == (1, [])
    [remark] = result.remarks
    assert "goes on over several lines" in remark[1]
    [claim] = await claims(database)
    assert claim["text"] == "Troops, all of them,\nare back"
    assert claim["claimant"] == {
        "party": "belgrade",
        "name": "Belgrade",
        "speaker": {"name": "Milan Mojsilović", "role": "chief of staff"},
    }
    assert (claim["claimed_at"], claim["precision"]) == ("2020-08-25T00:00:00Z", "day")
    assert (claim["status"], claim["suggested_status"], claim["agrees"]) == (
        "disputed",
        "asserted",
        True,
    )
    assert claim["imported"] == {"by": "Example Fact-check", "label": "Mostly FALSE"}
    assert (claim["tags"], claim["story"]) == (["troops", "border"], "kosovo-autumn")
    event, quote, source = await database.read(
        lambda connection: (
            connection.scalars(
                select(tables.events.c.data).where(tables.events.c.number == 2)
            ).one(),
            connection.execute(select(tables.quotes)).one(),
            connection.execute(select(tables.sources)).one(),
        )
    )
    assert (
        '"reason":"Imported: rated “Mostly FALSE” by Example Fact-check: Photographs differ"'
        in event
    )
    assert (quote.rendering, quote.language) == ("paraphrase", "und")
    assert source.url == "https://www.example.org/paper"
    assert await desks.proved(database) == 1


BAD: list[tuple[str, str | None, str]] = [
    (row(""), "Claim", "there is no claim"),
    (row("x" * 2001), "Claim", "it has 2001 characters; at most 2000 are allowed"),
    (row("a\x00b"), "Claim", "it holds a NUL"),
    (row(Date=""), "Date", "there is no date, and the mapping has no default"),
    (row(Date="8-25-2020"), "Date", "no date or hour that is written like one of: %d-%m-%Y"),
    (row(Date="31-2-2020"), "Date", "no date or hour that is written like one of"),
    (row(Date="1850-01-01"), "Date", "it does not lie between the years 1900 and 2200"),
    (row(Date="9999-12-31T23:59:59-14:00"), "Date", "it does not lie between"),
    (row(Date="2150-01-01"), "date", "the instant lies in the future"),
    (row(Link="javascript:alert(1)"), "Link", "this is no http(s) address"),
    (row(Link="http://"), "Link", "this is no http(s) address"),
    (row(Link="see the paper"), "Link", "this is no http(s) address"),
    (row(Link="http://[broken"), "Link", "this is no http(s) address"),
    (row(By="x" * 121), "By", "it has 121 characters; at most 120 are allowed"),
    (row(By="平和"), "claimant", "no slug can be made of this name"),
    (row(Tags=";".join(map(str, range(21)))), "Tags", "21 tags; at most 20 are allowed"),
    (row(Story="Nowhere"), "story", "there is no such story"),
    ("too,few", None, "the row has 2 cells, the heading 10"),
    (row() + ",more", None, "the row has 11 cells, the heading 10"),
    ('"never closed,1', None, "the row is not well formed"),
    ('"closed"too early,,,,,,,,,', None, "the row is not well formed"),
]


async def test_a_bad_row_is_refused_and_the_good_ones_are_in(database: Database) -> None:
    """Whatever is wrong with it, and wherever it stands; it leaves no party or source behind."""
    good = [row(f"good {n}") for n in range(len(BAD) + 1)]
    rows = [one for pair in zip(good, (line for line, *_ in BAD), strict=False) for one in pair]
    result = await bring(database, sheet(*rows, good[-1]))
    assert [one["text"] for one in await claims(database)] == [
        f"good {n}" for n in range(len(good))
    ]
    for n, ((line, field, reason), found) in enumerate(zip(BAD, result.refused, strict=True)):
        assert found[:2] == (2 * n + 3, field), line
        assert reason in found[2], line
    assert await desks.proved(database) == len(good)
    slugs = await database.read(
        lambda connection: connection.scalars(select(tables.parties.c.slug)).all()
    )
    assert slugs == ["belgrade"]


async def test_a_row_that_the_rules_refuse_takes_its_party_with_it(database: Database) -> None:
    """A party that was made for it is gone again, and made for the next that needs it."""
    result = await bring(
        database,
        sheet(row(By="Atlantis", Date="2150-01-01"), row(By="Atlantis"), row(By="atlantis")),
    )
    assert (result.tally.new, result.tally.refused) == (2, 1)
    assert [one["claimant"]["party"] for one in await claims(database)] == ["atlantis"] * 2


async def test_the_same_file_again_adds_nothing(database: Database) -> None:
    """Rows are known by their content and its how-manieth they are: the same row twice in a file
    is two claims, and a longer file adds what is new in it."""
    data = sheet(row("once"), row("twice"), row("twice"))
    assert (await bring(database, data)).tally.new == 3
    again = await bring(database, data)
    assert (again.tally.new, again.tally.known) == (0, 3)
    longer = await bring(database, data + sheet(row("twice"), row("new")).partition(b"\n")[2])
    assert (longer.tally.new, longer.tally.known) == (2, 3)
    assert [one["text"] for one in await claims(database)] == [
        "once",
        "twice",
        "twice",
        "twice",
        "new",
    ]
    other = await bring(database, data, name="another desk's")
    assert other.tally.new == 3
    await desks.proved(database)


async def test_rows_of_ones_own_numbering(database: Database) -> None:
    """A row with an id is known by it, whatever else has changed; twice in a file is a mistake."""
    columns: dict[str, Any] = {
        "columns": {"id": "Why", "text": "Claim", "date": "Date"},
        "claimants": {},
    }
    data = sheet(row("one", Why="7"), row("two", Why="8"), row("three", Why="7"))
    first = await bring(database, data, **columns)
    assert first.refused == [(4, "Why", "line 2 has this id too")]
    again = await bring(database, sheet(row("one corrected", Why=" 7 ")), **columns)
    assert (again.tally.new, again.tally.known) == (0, 1)
    assert [one["text"] for one in await claims(database)] == ["one", "two"]


@pytest.mark.parametrize(
    ("unknown", "party", "remark"),
    [
        ("create", "ministry-of-truth", None),
        ("unattributed", None, "claimed by Ministry of Truth, by O'Brien, who is no party here"),
        ("refuse", None, None),
    ],
)
async def test_claimants_that_the_desk_does_not_have(
    database: Database, unknown: str, party: str | None, remark: str | None
) -> None:
    """A party each; or unattributed, with the name kept in a note; or refused."""
    data = sheet(row(By="Ministry of Truth", Person="O'Brien"))
    result = await bring(database, data, claimants={"unknown": unknown})
    if unknown == "refuse":
        assert result.refused == [(2, "claimant", "there is no party of this name")]
        return
    [claim] = await claims(database)
    assert (claim["claimant"] or {}).get("party") == party
    assert [one for _, one in result.remarks] == ([remark] if remark else [])
    notes = await database.read(
        lambda connection: connection.scalars(select(tables.notes.c.text)).all()
    )
    assert notes == ([f"Imported from example: {remark}."] if remark else [])


async def test_a_mapped_claimant_must_be_there(database: Database) -> None:
    claimants = {"known": {"belgrade": "moscow"}}
    result = await bring(database, sheet(row()), claimants=claimants)
    assert result.refused == [
        (2, "claimant", "the mapping names the party 'moscow', which is not here")
    ]


LABELS: list[tuple[str, str, str | None]] = [
    ("True", "confirmed", None),
    ("MOSTLY TRUE", "awaiting_confirmation", None),
    ("Half  true", "disputed", "conflicting"),
    ("Misleading", "disputed", None),
    ("Fálse", "disputed", "refuted"),
    ("Unproven", "awaiting_confirmation", None),
    ("Unverifiable", "awaiting_confirmation", "unprovable"),
    ("", "asserted", None),
    ("Four Pinocchios", "asserted", None),
]


async def test_labels_and_what_they_mean(database: Database) -> None:
    """By the built-in table; an unknown one is imported without a status, and remarked upon."""
    result = await bring(database, sheet(*(row(Rating=label) for label, *_ in LABELS)))
    served = [(one["status"], one["finding"]) for one in await claims(database)]
    assert served == [(status, finding) for _, status, finding in LABELS]
    assert [line for line, _ in result.remarks] == [len(LABELS) + 1]
    await desks.proved(database)


async def test_labels_of_the_mappings_own(database: Database) -> None:
    """They take the place of the built-in ones; what is unknown may be refused."""
    mine: dict[str, Any] = {"labels": {"False": {"status": "asserted"}}, "unknown_label": "refuse"}
    result = await bring(database, sheet(row(), row(Rating="True")), **mine)
    assert result.refused == [(3, "label", "the mapping does not say what this label means")]
    assert result.remarks == [(2, "rated “False” by Example Fact-check")]


async def test_hours_are_of_the_mappings_time_zone(database: Database) -> None:
    dates = {"formats": ["%d-%m-%Y %H:%M", "%d-%m-%Y %H"], "timezone": "Europe/Belgrade"}
    whens = ("25-8-2020 18:30", "25-8-2020 18", "2020-08-25 18:30:15+00:00", "2020-8-5")
    await bring(database, sheet(*(row(Date=when) for when in whens)), dates=dates)
    assert [(one["claimed_at"], one["precision"]) for one in await claims(database)] == [
        ("2020-08-25T16:30:00Z", "minute"),
        ("2020-08-25T16:00:00Z", "hour"),
        ("2020-08-25T18:30:15Z", "second"),
        ("2020-08-05T00:00:00Z", "day"),
    ]


async def test_encodings_are_found_out_line_by_line(database: Database) -> None:
    """UTF-8 with a mark or without; Windows-1252 where it is not; bytes that are neither are
    refused with their row."""
    data = b"\xef\xbb\xbf" + sheet(row("Café"), row("CafX"), row("CafY"), row("last"))
    data = data.replace(b"CafX", b"Caf\xe9").replace(b"CafY", b"Caf\x81\xe9")
    result = await bring(database, data)
    assert [one["text"] for one in await claims(database)] == ["Café", "Café", "last"]
    assert result.fallback_lines == 2
    assert result.refused == [
        (4, "Claim", "it holds bytes that are no characters in the file's encoding")
    ]


async def test_an_encoding_that_is_said(database: Database) -> None:
    for encoding in ("utf-16", "cp1250"):
        data = sheet(row("Vučević")).decode().encode(encoding)
        result = await bring(database, data, csv={"encoding": encoding}, name=encoding)
        assert result.tally.new == 1
    assert [one["text"] for one in await claims(database)] == ["Vučević"] * 2
    marked = await bring(database, sheet(row("by its mark")).decode().encode("utf-16"))
    assert (marked.tally.new, marked.notes) == (1, ["The file is UTF-16."])
    with pytest.raises(Invalid, match="seems to be UTF-16 without its mark: say so"):
        await bring(database, sheet(row()).decode().encode("utf-16-le"))


async def test_empty_lines_spaces_and_spare_cells(database: Database) -> None:
    """Are no rows, no content and no harm."""
    data = sheet("", ",,,,,,,,,", row("  spaced  ") + ",,", " ", row("last"))
    result = await bring(database, data.replace(b"\n", b"\r\n"))
    assert result.refused == []
    assert [one["text"] for one in await claims(database)] == ["spaced", "last"]


async def test_an_open_quote_swallows_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line alone is refused, however much follows."""
    monkeypatch.setattr("service.exchange.import_csv.MOST_LINES", 5)
    rows = [row(f"claim {n}") for n in range(20)]
    rows[3] = f'"{rows[3]}'
    result = await bring(database, sheet(*rows))
    assert (result.tally.new, result.tally.refused) == (19, 1)
    assert result.refused[0][0] == 5


async def test_without_headings_columns_have_numbers(database: Database) -> None:
    result = await bring(
        database,
        b"25-8-2020|A claim\n1-9-2020|Another\n",
        csv={"header": False, "delimiter": "|"},
        columns={"date": "1", "text": "2"},
    )
    assert result.tally.new == 2
    with pytest.raises(Invalid, match="columns have the numbers 1 to 1"):
        await bring(database, b"x\n", csv={"header": False}, columns={"text": "2"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file has no headings"),
        (
            b"Claim,Date\nx,y\n",
            "takes claimant from the column 'By', which the file has not at all",
        ),
        (sheet(headings="Claim,Claim"), "which the file has twice"),
        (b'"Claim', "the headings cannot be read"),
    ],
)
async def test_a_file_without_the_mappings_columns(
    database: Database, data: bytes, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason.replace("(", r"\(")):
        await bring(database, data)


async def test_a_dry_run_finds_the_same_and_writes_nothing(database: Database) -> None:
    data = sheet(row("x"), row("y", Date="2150-01-01"), row(""), row("z", By="Atlantis"))
    before = await desks.dump(database)
    dry = await bring(database, data, dry_run=True)
    assert await desks.dump(database) == before
    assert await bring(database, data) == dry


async def test_imported_claims_are_news(database: Database) -> None:
    """Unlike restored history: who listens is told of the claim, and of its status, at once."""
    await database.write(
        lambda connection: webhook_commands.create_webhook(
            connection, desks.ENDPOINT, actor=SYSTEM, now=BEGIN
        )
    )
    await bring(database, sheet(row("told", Rating="True")))
    messages = await database.read(
        lambda connection: connection.execute(
            select(webhook_tables.webhook_messages).order_by(webhook_tables.webhook_messages.c.type)
        ).all()
    )
    assert [one.type for one in messages] == ["claim.created", "claim.status_changed"]
    assert all(b"Imported as confirmed from Example Fact-check" in one.body for one in messages)
    assert b'"cause":"import"' in messages[1].body


async def test_two_imports_of_one_sheet_at_once(database: Database, settings: Settings) -> None:
    """Each row is in once, and neither is refused what the other has brought in."""
    data = sheet(*(row(f"claim {n}", By="") for n in range(150)))
    second = Database(settings)
    await second.start()
    try:
        both = await asyncio.gather(bring(database, data), bring(second, data))
    finally:
        await second.stop()
    assert [one.refused for one in both] == [[], []]
    assert sum(one.tally.new for one in both) == 150
    assert await desks.proved(database) == 150


async def test_whoever_reads_of_it_is_told_whose_judgement_it_is(desk: Desk) -> None:
    """The claim, its changes of status and its history as documented; the badge; and no
    ClaimReview of ours."""
    await bring(desk.database, sheet(row("so", Rating="True")))
    [claim] = await claims(desk.database)
    path = f"/v1/claims/{claim['id']}"
    served = (await desk.reader.get(path)).json()
    TypeAdapter(ClaimView).validate_python(served)
    assert served["imported"] == {"by": "Example Fact-check", "label": "True"}
    [change] = (await desk.reader.get(f"{path}/status-changes")).json()["items"]
    TypeAdapter(StatusChangeView).validate_python(change)
    assert (change["cause"], change["imported"]["by"]) == ("import", "Example Fact-check")
    history = (await desk.reader.get(f"{path}/history")).json()["items"]
    assert [one["actor"] for one in history] == [
        {"id": "system", "name": "claimdesk", "means": "import"},
        {"rule": "import"},
    ]
    assert (await desk.reader.get(f"{path}/claimreview")).json()["@type"] == "Claim"
    assert "imported" in (await desk.reader.get(f"{path}/badge.svg")).text
    assert (await desk.checker.get("/v1/review-queue")).json()["items"] == []
    # Evidence recorded here puts it under review, and the desk's own decision takes its place.
    await desk.post("/v1/parties", {"slug": "pristina", "name": "Pristina"})
    link = await desk.link(claim["id"], "contradicts", "pristina", basis="documents")
    [review] = (await desk.checker.get("/v1/review-queue")).json()["items"]
    assert review["reasons"] == ["drift", "challenged"]
    moved = await desk.move(claim["id"], "disputed", cites=[link["id"]])
    assert moved.status_code == 201, moved.text
    assert "imported" not in await desk.read(claim["id"])


async def test_imported_claims_travel_like_any_other(database: Database, other: Database) -> None:
    await bring(database, sheet(row("x"), row("y", Rating="True")))
    first = await desks.dump(database)
    assert (await desks.bring(other, first)).refused == []
    assert await desks.proved(other) == 2
    assert await desks.dump(other) == first
    # There, too, the same file adds nothing.
    again: Any = await bring(other, sheet(row("x"), row("y", Rating="True")))
    assert again.tally.known == 2
