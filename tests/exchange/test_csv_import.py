"""Sheets of claims from elsewhere are imported; bad rows are refused with line, column and
reason."""

import asyncio
from typing import Any

import pytest
from pydantic import TypeAdapter
from sqlalchemy import Connection, select, text

from service.claims.claim_views import ClaimView
from service.claims.history_views import StatusChangeView
from service.config import Settings
from service.domain.access import SYSTEM
from service.domain.errors import Invalid
from service.exchange import import_labels, seeds
from service.store import tables, webhook_tables
from service.store.engine import Database
from service.webhooks import webhook_commands
from tests.exchange import desks
from tests.exchange.rows import build_row, build_sheet, import_rows, list_claims
from tests.support.desk import Desk
from tests.verification.workday import BEGIN


async def test_a_row_becomes_a_claim_with_the_status_that_others_gave_it(
    database: Database,
) -> None:
    """Claimant, date, address, rating and rater are all recorded."""
    await database.write(
        seeds.load_plan,
        seeds.parse_seed_file('[[parties]]\nslug = "belgrade"\nname = "Belgrade"\n'),
        actor=SYSTEM,
        now=BEGIN,
    )
    data = build_sheet(
        build_row(
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
    result = await import_rows(database, data, unknown_story="create")
    assert (result.tally.new, result.refused) == (1, [])
    [remark] = result.remarks
    assert "goes on over several lines" in remark[1]
    [claim] = await list_claims(database)
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
    assert await desks.count_proved_claims(database) == 1


BAD: list[tuple[str, str | None, str]] = [
    (build_row(""), "Claim", "there is no claim"),
    (build_row("x" * 2001), "Claim", "it has 2001 characters; at most 2000 are allowed"),
    (build_row("a\x00b"), "Claim", "it holds a NUL"),
    (build_row(Date=""), "Date", "there is no date, and the mapping has no default"),
    (build_row(Date="8-25-2020"), "Date", "no date or hour that is written like one of: %d-%m-%Y"),
    (build_row(Date="31-2-2020"), "Date", "no date or hour that is written like one of"),
    (build_row(Date="1850-01-01"), "Date", "it does not lie between the years 1900 and 2200"),
    (build_row(Date="9999-12-31T23:59:59-14:00"), "Date", "it does not lie between"),
    (build_row(Date="2150-01-01"), "date", "the instant lies in the future"),
    (build_row(Link="javascript:alert(1)"), "Link", "this is no http(s) address"),
    (build_row(Link="http://"), "Link", "this is no http(s) address"),
    (build_row(Link="see the paper"), "Link", "this is no http(s) address"),
    (build_row(Link="http://[broken"), "Link", "this is no http(s) address"),
    (build_row(By="x" * 121), "By", "it has 121 characters; at most 120 are allowed"),
    (build_row(By="平和"), "claimant", "no slug can be made of this name"),
    (build_row(Tags=";".join(map(str, range(21)))), "Tags", "21 tags; at most 20 are allowed"),
    (build_row(Story="Nowhere"), "story", "there is no such story"),
    ("too,few", None, "the row has 2 cells, the heading 10"),
    (build_row() + ",more", None, "the row has 11 cells, the heading 10"),
    ('"never closed,1', None, "the row is not well formed"),
    ('"closed"too early,,,,,,,,,', None, "the row is not well formed"),
    (build_row(Date="2020-08-25" + " " * 5_000 + "x"), "Date", "no date has so many"),
]


async def test_a_bad_row_is_refused_and_the_others_are_imported(database: Database) -> None:
    """A refused row leaves no party or source behind."""
    good = [build_row(f"good {n}") for n in range(len(BAD) + 1)]
    rows = [row for pair in zip(good, (line for line, *_ in BAD), strict=False) for row in pair]
    result = await import_rows(database, build_sheet(*rows, good[-1]))
    assert [claim["text"] for claim in await list_claims(database)] == [
        f"good {n}" for n in range(len(good))
    ]
    for n, ((line, field, reason), refusal) in enumerate(zip(BAD, result.refused, strict=True)):
        assert refusal[:2] == (2 * n + 3, field), line
        assert reason in refusal[2], line
    assert await desks.count_proved_claims(database) == len(good)
    slugs = await database.read(
        lambda connection: connection.scalars(select(tables.parties.c.slug)).all()
    )
    assert slugs == ["belgrade"]


async def test_a_refused_row_leaves_no_party_behind(database: Database) -> None:
    """The next row that needs the party makes it again."""
    result = await import_rows(
        database,
        build_sheet(
            build_row(By="Atlantis", Date="2150-01-01"),
            build_row(By="Atlantis"),
            build_row(By="atlantis"),
        ),
    )
    assert (result.tally.new, result.tally.refused) == (2, 1)
    assert [claim["claimant"]["party"] for claim in await list_claims(database)] == ["atlantis"] * 2


async def test_the_same_file_again_adds_nothing(database: Database) -> None:
    """The same row twice in a file is two claims, and a longer file adds what is new in it."""
    data = build_sheet(build_row("once"), build_row("twice"), build_row("twice"))
    assert (await import_rows(database, data)).tally.new == 3
    second_result = await import_rows(database, data)
    assert (second_result.tally.new, second_result.tally.known) == (0, 3)
    longer = await import_rows(
        database, data + build_sheet(build_row("twice"), build_row("new")).partition(b"\n")[2]
    )
    assert (longer.tally.new, longer.tally.known) == (2, 3)
    assert [claim["text"] for claim in await list_claims(database)] == [
        "once",
        "twice",
        "twice",
        "twice",
        "new",
    ]
    other = await import_rows(database, data, name="another desk's")
    assert other.tally.new == 3
    await desks.count_proved_claims(database)


async def test_a_row_with_an_id_is_known_again_by_it(database: Database) -> None:
    """The id counts whatever else has changed; the same id twice in a file is refused."""
    columns: dict[str, Any] = {
        "columns": {"id": "Why", "text": "Claim", "date": "Date"},
        "claimants": {},
    }
    data = build_sheet(
        build_row("one", Why="7"), build_row("two", Why="8"), build_row("three", Why="7")
    )
    first = await import_rows(database, data, **columns)
    assert first.refused == [(4, "Why", "line 2 has this id too")]
    second_result = await import_rows(
        database, build_sheet(build_row("one corrected", Why=" 7 ")), **columns
    )
    assert (second_result.tally.new, second_result.tally.known) == (0, 1)
    assert [claim["text"] for claim in await list_claims(database)] == ["one", "two"]


@pytest.mark.parametrize(
    ("unknown", "party", "remark"),
    [
        ("create", "ministry-of-truth", None),
        ("unattributed", None, "claimed by Ministry of Truth, by O'Brien, who is no party here"),
        ("refuse", None, None),
    ],
)
async def test_the_mapping_decides_on_unknown_claimants(
    database: Database, unknown: str, party: str | None, remark: str | None
) -> None:
    """A party is made, or the claim is unattributed with a note, or the row is refused."""
    data = build_sheet(build_row(By="Ministry of Truth", Person="O'Brien"))
    result = await import_rows(database, data, claimants={"unknown": unknown})
    if unknown == "refuse":
        assert result.refused == [(2, "claimant", "there is no party of this name")]
        return
    [claim] = await list_claims(database)
    assert (claim["claimant"] or {}).get("party") == party
    assert [text for _, text in result.remarks] == ([remark] if remark else [])
    notes = await database.read(
        lambda connection: connection.scalars(select(tables.notes.c.text)).all()
    )
    assert notes == ([f"Imported from example: {remark}."] if remark else [])


async def test_a_mapped_claimant_must_be_a_party_of_the_desk(database: Database) -> None:
    claimants = {"known": {"belgrade": "moscow"}}
    result = await import_rows(database, build_sheet(build_row()), claimants=claimants)
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


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        ("“Mostly  false.” ", "mostly false"),
        ("True?", "true?"),
        ("...", ""),
        # As long as a line may be: from each of its marks, the end was looked for again.
        (f"a{'‘' * 900_000}b!", f"a{'‘' * 900_000}b"),
    ],
    ids=["quoted", "asked", "empty", "long"],
)
def test_labels_are_compared_without_what_surrounds_them(label: str, plain: str) -> None:
    assert import_labels.normalize_label(label) == plain


async def test_labels_have_the_meaning_of_the_built_in_table(database: Database) -> None:
    """A label that the table does not have is imported without a status, and with a remark."""
    result = await import_rows(
        database, build_sheet(*(build_row(Rating=label) for label, *_ in LABELS))
    )
    ratings = [(claim["status"], claim["finding"]) for claim in await list_claims(database)]
    assert ratings == [(status, finding) for _, status, finding in LABELS]
    assert [line for line, _ in result.remarks] == [len(LABELS) + 1]
    await desks.count_proved_claims(database)


async def test_labels_of_a_mapping_replace_the_built_in_ones(database: Database) -> None:
    """Labels that it does not have may be refused."""
    own_labels: dict[str, Any] = {
        "labels": {"False": {"status": "asserted"}},
        "unknown_label": "refuse",
    }
    result = await import_rows(
        database, build_sheet(build_row(), build_row(Rating="True")), **own_labels
    )
    assert result.refused == [(3, "label", "the mapping does not say what this label means")]
    assert result.remarks == [(2, "rated “False” by Example Fact-check")]


async def test_hours_are_in_the_time_zone_of_the_mapping(database: Database) -> None:
    dates = {"formats": ["%d-%m-%Y %H:%M", "%d-%m-%Y %H"], "timezone": "Europe/Belgrade"}
    whens = ("25-8-2020 18:30", "25-8-2020 18", "2020-08-25 18:30:15+00:00", "2020-8-5")
    await import_rows(database, build_sheet(*(build_row(Date=date) for date in whens)), dates=dates)
    assert [(claim["claimed_at"], claim["precision"]) for claim in await list_claims(database)] == [
        ("2020-08-25T16:30:00Z", "minute"),
        ("2020-08-25T16:00:00Z", "hour"),
        ("2020-08-25T18:30:15Z", "second"),
        ("2020-08-05T00:00:00Z", "day"),
    ]


async def test_the_encoding_is_detected_line_by_line(database: Database) -> None:
    """A line that is not UTF-8 is read as Windows-1252; one that is neither refuses its row."""
    data = b"\xef\xbb\xbf" + build_sheet(
        build_row("Café"), build_row("CafX"), build_row("CafY"), build_row("last")
    )
    data = data.replace(b"CafX", b"Caf\xe9").replace(b"CafY", b"Caf\x81\xe9")
    result = await import_rows(database, data)
    assert [claim["text"] for claim in await list_claims(database)] == ["Café", "Café", "last"]
    assert result.fallback_lines == 2
    assert result.refused == [
        (4, "Claim", "it holds bytes that are no characters in the file's encoding")
    ]


async def test_the_encoding_of_the_mapping_is_used(database: Database) -> None:
    for encoding in ("utf-16", "cp1250"):
        data = build_sheet(build_row("Vučević")).decode().encode(encoding)
        result = await import_rows(database, data, csv={"encoding": encoding}, name=encoding)
        assert result.tally.new == 1
    assert [claim["text"] for claim in await list_claims(database)] == ["Vučević"] * 2
    marked_result = await import_rows(
        database, build_sheet(build_row("by its mark")).decode().encode("utf-16")
    )
    assert (marked_result.tally.new, marked_result.notes) == (1, ["The file is UTF-16."])
    with pytest.raises(Invalid, match="seems to be UTF-16 without its mark: say so"):
        await import_rows(database, build_sheet(build_row()).decode().encode("utf-16-le"))


async def test_empty_lines_spaces_and_extra_cells_are_ignored(database: Database) -> None:
    data = build_sheet("", ",,,,,,,,,", build_row("  spaced  ") + ",,", " ", build_row("last"))
    result = await import_rows(database, data.replace(b"\n", b"\r\n"))
    assert result.refused == []
    assert [claim["text"] for claim in await list_claims(database)] == ["spaced", "last"]


async def test_an_unclosed_quote_refuses_its_line_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many lines follow it."""
    # A bound that a few lines reach; whoever imports cannot move it.
    monkeypatch.setattr("service.exchange.import_csv.MOST_LINES", 5)
    rows = [build_row(f"claim {n}") for n in range(20)]
    rows[3] = f'"{rows[3]}'
    result = await import_rows(database, build_sheet(*rows))
    assert (result.tally.new, result.tally.refused) == (19, 1)
    assert result.refused[0][0] == 5


async def test_without_headings_columns_have_numbers(database: Database) -> None:
    result = await import_rows(
        database,
        b"25-8-2020|A claim\n1-9-2020|Another\n",
        csv={"header": False, "delimiter": "|"},
        columns={"date": "1", "text": "2"},
    )
    assert result.tally.new == 2
    with pytest.raises(Invalid, match="columns have the numbers 1 to 1"):
        await import_rows(database, b"x\n", csv={"header": False}, columns={"text": "2"})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file has no headings"),
        (
            b"Claim,Date\nx,y\n",
            "takes claimant from the column 'By', which the file has not at all",
        ),
        (build_sheet(headings="Claim,Claim"), "which the file has twice"),
        (b'"Claim', "the headings cannot be read"),
    ],
)
async def test_a_file_without_the_columns_of_the_mapping_is_refused(
    database: Database, data: bytes, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason.replace("(", r"\(")):
        await import_rows(database, data)


async def test_a_dry_run_finds_the_same_and_writes_nothing(database: Database) -> None:
    data = build_sheet(
        build_row("x"),
        build_row("y", Date="2150-01-01"),
        build_row(""),
        build_row("z", By="Atlantis"),
    )
    before = await desks.export_desk(database)
    dry = await import_rows(database, data, dry_run=True)
    assert await desks.export_desk(database) == before
    assert await import_rows(database, data) == dry


async def test_webhooks_report_imported_claims(database: Database) -> None:
    """Unlike restored history, claim and status are sent at once."""
    await database.write(
        lambda connection: webhook_commands.create_webhook(
            connection, desks.ENDPOINT, actor=SYSTEM, now=BEGIN
        )
    )
    await import_rows(database, build_sheet(build_row("told", Rating="True")))
    messages = await database.read(
        lambda connection: connection.execute(
            select(webhook_tables.webhook_messages).order_by(webhook_tables.webhook_messages.c.type)
        ).all()
    )
    assert [message.type for message in messages] == ["claim.created", "claim.status_changed"]
    assert all(
        b"Imported as confirmed from Example Fact-check" in message.body for message in messages
    )
    assert b'"cause":"import"' in messages[1].body


REFUSING = {
    "sqlite": (
        "CREATE TRIGGER refuse BEFORE INSERT ON quotes WHEN NEW.text = 'worst' "
        "BEGIN SELECT RAISE(ABORT, 'no such words'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no such words'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON quotes FOR EACH ROW WHEN (NEW.text = 'worst') "
        "EXECUTE FUNCTION refuse()",
    ),
}


async def test_a_row_that_the_database_refuses_does_not_hold_back_the_others(
    database: Database,
) -> None:
    """Rows are written together; one that cannot be is refused by itself, with its party."""

    def refuse_words(connection: Connection) -> None:
        for statement in REFUSING[connection.dialect.name]:
            connection.execute(text(statement))

    await database.write(refuse_words)
    data = build_sheet(
        build_row("first", By="Belgrade"),
        build_row("worst", By="Atlantis"),
        build_row("last", By="Belgrade", Tags="a; b"),
    )
    for dry_run in (True, False):
        result = await import_rows(database, data, dry_run=dry_run)
        ((line, field, reason),) = result.refused
        assert (line, field, result.tally.new) == (3, None, 2)
        assert reason.startswith("the database refuses it: ")
        assert "no such words" in reason
    assert [claim["text"] for claim in await list_claims(database)] == ["first", "last"]
    export = await desks.export_desk(database)
    assert b"Atlantis" not in export
    assert b"worst" not in export
    assert await desks.count_proved_claims(database) == 2


async def test_two_imports_of_one_sheet_at_once_import_each_row_once(
    database: Database, settings: Settings
) -> None:
    """Neither import is refused a row that the other has recorded."""
    data = build_sheet(*(build_row(f"claim {n}", By="") for n in range(150)))
    second = Database(settings)
    await second.start()
    try:
        results = await asyncio.gather(import_rows(database, data), import_rows(second, data))
    finally:
        await second.stop()
    assert [result.refused for result in results] == [[], []]
    assert sum(result.tally.new for result in results) == 150
    assert await desks.count_proved_claims(database) == 150


async def test_every_view_of_an_imported_claim_names_its_rater(desk: Desk) -> None:
    """The claim, its changes of status, its history and the badge do; the desk publishes no
    ClaimReview."""
    await import_rows(desk.database, build_sheet(build_row("so", Rating="True")))
    [claim] = await list_claims(desk.database)
    path = f"/v1/claims/{claim['id']}"
    view = (await desk.reader.get(path)).json()
    TypeAdapter(ClaimView).validate_python(view)
    assert view["imported"] == {"by": "Example Fact-check", "label": "True"}
    [change] = (await desk.reader.get(f"{path}/status-changes")).json()["items"]
    TypeAdapter(StatusChangeView).validate_python(change)
    assert (change["cause"], change["imported"]["by"]) == ("import", "Example Fact-check")
    history = (await desk.reader.get(f"{path}/history")).json()["items"]
    assert [item["actor"] for item in history] == [
        {"id": "system", "name": "claimdesk", "means": "import"},
        {"rule": "import"},
    ]
    assert (await desk.reader.get(f"{path}/claimreview")).json()["@type"] == "Claim"
    assert "imported" in (await desk.reader.get(f"{path}/badge.svg")).text
    assert (await desk.checker.get("/v1/review-queue")).json()["items"] == []
    # Evidence recorded here puts it under review, and the desk's own decision takes its place.
    await desk.post("/v1/parties", {"slug": "pristina", "name": "Pristina"})
    link = await desk.link_statement(claim["id"], "contradicts", "pristina", basis="documents")
    [review] = (await desk.checker.get("/v1/review-queue")).json()["items"]
    assert review["reasons"] == ["drift", "challenged"]
    decision = await desk.change_status(claim["id"], "disputed", cites=[link["id"]])
    assert decision.status_code == 201, decision.text
    assert "imported" not in await desk.read_claim(claim["id"])


async def test_imported_claims_are_exported_like_any_other(
    database: Database, other_database: Database
) -> None:
    await import_rows(database, build_sheet(build_row("x"), build_row("y", Rating="True")))
    first = await desks.export_desk(database)
    assert (await desks.import_lines(other_database, first)).refusal_pairs == []
    assert await desks.count_proved_claims(other_database) == 2
    assert await desks.export_desk(other_database) == first
    # There, too, the same file adds nothing.
    second_result: Any = await import_rows(
        other_database, build_sheet(build_row("x"), build_row("y", Rating="True"))
    )
    assert second_result.tally.known == 2
