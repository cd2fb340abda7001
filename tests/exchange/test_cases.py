"""Inputs that once went wrong (`tests/exchange/cases`) are imported correctly."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from service.domain.access import SYSTEM
from service.domain.errors import Invalid
from service.exchange import import_mapping, seeds
from service.store import tables
from service.store.engine import Database
from tests.exchange import desks
from tests.exchange.rows import (
    Result,
    build_row,
    build_sheet,
    import_mapped_rows,
    import_rows,
    list_claims,
)
from tests.verification.workday import BEGIN

CASES = Path(__file__).parent / "cases"
PARTIES = "\n".join(
    f'[[parties]]\nslug = "{name.lower()}"\nname = "{name}"'
    for name in ("Belgrade", "Washington", "Pristina", "NATO")
)
Json = dict[str, Any]


async def import_case(
    database: Database, name: str, form: str = "claimreview", **changes: Any
) -> tuple[Result, dict[str, Json]]:
    """Import a case as the command does; return the outcome, and the claims by their texts."""
    plan = seeds.parse_seed_file(PARTIES)
    await database.write(seeds.load_plan, plan, actor=SYSTEM, now=BEGIN)
    path = CASES / name
    mapping_path = path.with_suffix(".toml")
    mapping = import_mapping.Mapping(name="claimreview")
    if mapping_path.exists():
        mapping = import_mapping.parse_mapping(mapping_path.read_bytes())
    mapping = mapping.model_copy(update=changes)
    result = await import_mapped_rows(database, path.read_bytes(), form, mapping)
    claims = {claim["text"]: claim for claim in await list_claims(database)}
    await desks.count_proved_claims(database)
    return result, claims


async def read_origins(database: Database) -> dict[str, str]:
    """Return where the origin of each claim was read, by the claim's words."""

    def read(connection: Connection) -> dict[str, str]:
        q, s = tables.quotes, tables.sources
        rows = connection.execute(select(q.c.text, s.c.url).join(s, s.c.id == q.c.source))
        return {row.text: row.url for row in rows}

    return await database.read(read)


async def test_stray_quote_refuses_its_row_only(database: Database) -> None:
    result, claims = await import_case(database, "stray-quote.csv", "csv")
    assert [(line, 'quote = "none"' in reason) for line, _, reason in result.refused] == [(2, True)]
    assert result.remarks == [
        (4, "a quote stands in it without its partner: it is taken as a letter")
    ]
    claimants = {
        text: (claim["claimant"]["name"], claim["status"]) for text, claim in claims.items()
    }
    assert claimants == {
        "A quiet row between": ("Belgrade", "confirmed"),
        'The tunnel was mined"': ("Belgrade", "disputed"),
        "The last of them": ("Pristina", "disputed"),
    }


TABS: Json = {
    "name": "tabs",
    "rated_by": "Example Check",
    "csv": {"delimiter": "\t", "header": False},
    "columns": {"id": "1", "label": "2", "text": "3"},
    "defaults": {"date": "2023-10-02", "url": "https://check.example/sheet"},
}


async def test_a_file_that_quotes_nothing_needs_quote_none(database: Database) -> None:
    """Without the setting, refusals name it; with it, every row is imported."""
    data = (CASES / "no-quotes.tsv").read_bytes()
    mapping = import_mapping.Mapping.model_validate(TABS)
    result = await import_mapped_rows(database, data, "csv", mapping)
    assert [line for line, _, _ in result.refused] == [1, 2]
    assert all('[csv] quote = "none"' in reason for _, _, reason in result.refused)
    unquoted_mapping = TABS | {"name": "unquoted", "csv": TABS["csv"] | {"quote": "none"}}
    mapping = import_mapping.Mapping.model_validate(unquoted_mapping)
    result = await import_mapped_rows(database, data, "csv", mapping)
    assert (result.tally.new, result.refused, result.remarks) == (4, [], [])
    assert '"We were there first.' in [claim["text"] for claim in await list_claims(database)]


async def test_a_midnight_counts_as_a_day(database: Database) -> None:
    result, claims = await import_case(database, "midnights.json")
    assert (result.refused, result.remarks) == ([], [])
    assert [(claim["claimed_at"], claim["precision"]) for claim in claims.values()] == [
        ("2023-10-02T00:00:00Z", "day"),
        ("2023-10-02T00:00:00Z", "day"),
        ("2023-10-02T12:30:00Z", "minute"),
    ]


async def test_no_day_is_invented(database: Database) -> None:
    """A format without a year refuses the mapping; a month stays a month, and a year a year."""
    with pytest.raises(Invalid) as refusal:
        await import_case(database, "partial-dates.csv", "csv")
    assert [fault["loc"][-1] for fault in refusal.value.extras["errors"]] == [2, 3]
    mapping = (CASES / "partial-dates.toml").read_text().replace('"%d %B", "%H:%M", ', "")
    data = (CASES / "partial-dates.csv").read_bytes()
    result = await import_mapped_rows(
        database, data, "csv", import_mapping.parse_mapping(mapping.encode())
    )
    assert [(line, reason.partition(":")[0]) for line, _, reason in result.refused] == [
        (4, "no date or hour that is written like one of"),
        (5, "no date or hour that is written like one of"),
    ]
    claims = await list_claims(database)
    assert sorted((claim["claimed_at"], claim["precision"]) for claim in claims) == [
        ("2023-01-01T00:00:00Z", "year"),
        ("2023-10-01T00:00:00Z", "month"),
        ("2023-10-02T18:05:00Z", "second"),
    ]
    print_lines = {claim["text"]: claim["print_line"] for claim in claims}
    assert "(October 2023)." in print_lines["In a month"]
    assert "(2023)." in print_lines["In a year"]


async def test_references_within_a_graph_are_followed(database: Database) -> None:
    result, claims = await import_case(database, "graph-references.json")
    assert (result.refused, result.remarks) == ([], [])
    [claim] = claims.values()
    assert (claim["claimant"]["name"], claim["claimed_at"]) == ("Pristina", "2023-10-03T00:00:00Z")
    assert (claim["status"], claim["imported"]["by"]) == ("confirmed", "Example Check")
    assert list((await read_origins(database)).values()) == ["https://x.example/status/9"]


async def test_reviews_are_found_anywhere_in_a_document(database: Database) -> None:
    result, claims = await import_case(database, "reviews-elsewhere.json")
    assert (len(claims), result.refused) == (5, [])
    assert result.remarks == [(6, "a MediaReview is no ClaimReview, and is not imported")]


async def test_the_same_review_is_one_claim(database: Database) -> None:
    result, claims = await import_case(database, "same-review.json")
    assert (list(claims), result.tally.known) == (["The well was poisoned"], 3)
    assert result.remarks == [(n, "the same review as 1: it is one claim") for n in (2, 3, 4)]


async def test_ratings_are_read_or_remarked_upon(database: Database) -> None:
    result, claims = await import_case(database, "ratings.json")
    assert result.refused == []
    assert [(claim["status"], claim["finding"]) for claim in claims.values()] == [
        ("disputed", None),
        ("disputed", "refuted"),
        ("asserted", None),
        ("asserted", None),
        ("disputed", "conflicting"),
        ("disputed", "refuted"),
        ("awaiting_confirmation", None),
    ]
    assert {line for line, _ in result.remarks} == {3, 4}
    assert "rated 0 on a scale of 1 to 10" in result.remarks[0][1]
    assert any("cut to 200" in remark for _, remark in result.remarks)
    reasons = await database.read(
        lambda connection: connection.scalars(
            select(tables.events.c.data).where(tables.events.c.number == 2)
        ).all()
    )
    assert any("two of the three witnesses named were abroad" in reason for reason in reasons)


async def test_claimants_are_looked_up_or_refused(database: Database) -> None:
    result, claims = await import_case(database, "claimants.json")
    assert result.refused == []
    claimants = [
        claim["claimant"]
        and (claim["claimant"]["name"], (claim["claimant"]["speaker"] or {}).get("name"))
        for claim in claims.values()
    ]
    assert claimants == [
        ("Belgrade", None),
        ("Washington", "J. Speaker"),
        ("NATO", "K. Speaker"),
        ("Pristina", None),
        None,
    ]
    assert {claim["imported"]["by"] for claim in claims.values()} == {"Example Check"}
    assert result.remarks == [(4, "claimed by NATO too, who is left out")]


async def test_the_first_appearance_is_the_origin(database: Database) -> None:
    result, _ = await import_case(database, "appearances.json")
    assert result.refused == []
    assert result.remarks == [(5, "it appeared in not an address, which is no address")]
    assert list((await read_origins(database)).values()) == [
        "https://www.x.example/1",
        "https://x.example/2",
        "https://t.example/3",
        "https://x.example/4",
        "https://x.example/5",
    ]


async def test_a_byte_order_mark_is_no_part_of_a_heading(database: Database) -> None:
    result, claims = await import_case(database, "tabs-utf16.txt", "csv")
    assert (list(claims), result.refused) == (["The mark stays out of the heading"], [])


async def test_spellings_of_one_name_are_one_party(database: Database) -> None:
    """Apostrophes, scripts, marks of no width, đ and dj."""
    result, claims = await import_case(database, "one-name.json")
    assert (result.refused, len(claims)) == ([], 8)
    parties = [claim["claimant"]["party"] for claim in claims.values()]
    assert parties == ["dangelo-union"] * 3 + ["ministarstvo-odbrane"] * 3 + ["djordje-net"] * 2


async def test_spellings_of_one_speaker_are_one_person(database: Database) -> None:
    names = ("Đorđe O’Neill", "Djordje ONeill", "Ђорђе О'Неилл")
    rows = [build_row(f"claim {n}", Person=name) for n, name in enumerate(names)]
    await import_rows(database, build_sheet(*rows))
    speakers = {claim["claimant"]["speaker"]["name"] for claim in await list_claims(database)}
    assert speakers == {"Đorđe O’Neill"}
