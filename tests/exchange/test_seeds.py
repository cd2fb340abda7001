"""The seed article has the statuses that the rules give, and is loaded only once."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select, update

from service.claims import claim_commands, link_commands
from service.domain.access import SYSTEM
from service.domain.claims import Status
from service.domain.errors import Invalid
from service.exchange import seeds
from service.exchange.seed_files import DecisionEntry, Plan
from service.store import tables
from service.store.engine import Database

NOW = datetime(2023, 10, 5, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
AWAITING, ASSERTED, DISPUTED = "awaiting_confirmation", "asserted", "disputed"
# Key: status, suggested status, claimant and speaker, kind, parent.
TABLE = {
    "C0": (AWAITING, AWAITING, "belgrade", None, "event", None),
    "C1": (AWAITING, AWAITING, "belgrade", "Gen. Milan Mojsilović", "event", "C0"),
    "C2": (AWAITING, AWAITING, "belgrade", "Gen. Milan Mojsilović", "figure", "C0"),
    "C3": (ASSERTED, ASSERTED, "nato", None, "event", None),
    "C4": (DISPUTED, DISPUTED, "pristina", None, "attribution", None),
    "C5": (ASSERTED, ASSERTED, None, None, "attribution", None),
    # Support by the claimant's own police: enough to look into, so the review queue shows it.
    "C7": (ASSERTED, AWAITING, "pristina", "Albin Kurti", "event", None),
    "C8": (ASSERTED, ASSERTED, "pristina", "Albin Kurti", "event", "C7"),
    "C9": (ASSERTED, ASSERTED, "belgrade", "Gen. Milan Mojsilović", "event", None),
    "C10": (ASSERTED, ASSERTED, "belgrade", "Miloš Vučević", "position", None),
    "C11": (ASSERTED, ASSERTED, "belgrade", "Miloš Vučević", "prediction", None),
    "C13": (ASSERTED, ASSERTED, None, None, "figure", None),
}
COUNTS = {
    "parties": 6,
    "speakers": 4,
    "sources": 1,
    "stories": 1,
    "statements": 15,
    "claims": 12,
    "links": 6,
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return seeds.parse_seed_file(seeds.find_default_file().read_bytes())


async def load(database: Database, plan: Plan, now: datetime = NOW) -> seeds.LoadReport:
    return await database.write(seeds.load_plan, plan, actor=SYSTEM, now=now)


async def read_rows(database: Database, query: Any) -> list[Any]:
    return await database.read(lambda connection: list(connection.execute(query).all()))


async def read_documents(database: Database, plan: Plan) -> dict[str, dict[str, Any]]:
    """Return the claims' documents by the file's keys."""
    documents = [
        orjson.loads(row.document)
        for row in await read_rows(database, select(tables.claims.c.document))
    ]
    keys = {claim.text: claim.key for claim in plan.claims}
    return {keys[claim["text"]]: claim for claim in documents}


async def read_all_rows(database: Database) -> dict[str, list[Any]]:
    return {
        name: sorted(map(repr, await read_rows(database, select(table))))
        for name, table in tables.metadata.tables.items()
    }


async def test_the_claims_of_the_article_have_the_statuses_of_the_table(
    database: Database, plan: Plan
) -> None:
    """So do suggestions, claimants, kinds and parts."""
    report = await load(database, plan)
    assert report == seeds.LoadReport(COUNTS, {})
    documents = await read_documents(database, plan)
    ids = {claim["id"]: key for key, claim in documents.items()}
    assert {
        key: (
            claim["status"],
            claim["suggested_status"],
            claim["claimant"] and claim["claimant"]["party"],
            claim["claimant"]
            and claim["claimant"]["speaker"]
            and claim["claimant"]["speaker"]["name"],
            claim["kind"],
            ids.get(claim["part_of"]),
        )
        for key, claim in documents.items()
    } == TABLE
    assert [ids[component["id"]] for component in documents["C0"]["components"]] == ["C1", "C2"]
    assert {component["status"] for component in documents["C0"]["components"]} == {AWAITING}
    assert [ids[component["id"]] for component in documents["C7"]["components"]] == ["C8"]
    assert {claim["story"] for claim in documents.values()} == {"kosovo-border-2023"}
    assert documents["C1"]["print_line"].startswith(
        "Claimed by Belgrade (Gen. Milan Mojsilović, 2 October 2023). "
        "Washington has asked for confirmation."
    )
    assert documents["C7"]["evidence"]["supports"] == []


async def test_four_claims_are_moved_by_rule(database: Database, plan: Plan) -> None:
    """Each automatic move cites the one statement; nobody decided anything."""
    await load(database, plan)
    keys = {claim["id"]: key for key, claim in (await read_documents(database, plan)).items()}
    changes = await read_rows(
        database, select(tables.events).where(tables.events.c.type == "claim.status_changed")
    )
    causes = {keys[change.claim]: orjson.loads(change.data) for change in changes}
    assert {key: data["cause"] for key, data in causes.items()} == {
        "C0": "request",
        "C1": "request",
        "C2": "request",
        "C4": "contradiction",
    }
    assert len(changes) == 4
    assert {data["decided_by"] for data in causes.values()} == {None}
    links = {link.id: link for link in await read_rows(database, select(tables.links))}
    requests = {links[causes[key]["cites"][0]].statement for key in ("C0", "C1", "C2")}
    assert len(requests) == 1
    assert links[causes["C4"]["cites"][0]].stance == "contradicts"


async def test_loaded_statements_are_known_from_the_instant_of_loading(
    database: Database, plan: Plan
) -> None:
    """Statements keep their day; what is recorded has the instant of loading."""
    await load(database, plan)
    events = await read_rows(
        database,
        select(tables.events.c.recorded_at).where(tables.events.c.kind != "setting").distinct(),
    )
    assert [event.recorded_at for event in events] == [NOW]
    rows = await read_rows(database, select(func.min(tables.statements.c.said_at).label("first")))
    assert rows[0].first == datetime(2023, 9, 24, tzinfo=UTC)


async def test_loading_a_file_twice_changes_nothing(database: Database, plan: Plan) -> None:
    await load(database, plan)
    before = await read_all_rows(database)
    assert await load(database, plan, LATER) == seeds.LoadReport({}, COUNTS)
    assert await read_all_rows(database) == before


async def test_a_file_that_was_loaded_in_part_is_completed(database: Database, plan: Plan) -> None:
    """From any point at which a load may have stopped, the rest is loaded once."""
    for part in (
        {"statements": (), "claims": (), "links": (), "decisions": ()},
        {"statements": plan.statements[:7], "claims": (), "links": (), "decisions": ()},
        {"claims": plan.claims[:5], "links": (), "decisions": ()},
        {"links": plan.links[:1], "decisions": ()},
        {},
    ):
        await load(database, plan.model_copy(update=part))
    documents = await read_documents(database, plan)
    assert {key: claim["status"] for key, claim in documents.items()} == {
        key: row[0] for key, row in TABLE.items()
    }
    assert await load(database, plan) == seeds.LoadReport({}, COUNTS)


async def test_a_load_that_fails_leaves_nothing_behind(database: Database, plan: Plan) -> None:
    """It is one transaction."""
    before = await read_all_rows(database)
    impossible = DecisionEntry(claim="C3", to=Status.DISPUTED, reason="So they say")
    with pytest.raises(Exception, match="contradicting statement"):
        await load(database, plan.model_copy(update={"decisions": (impossible,)}))
    assert await read_all_rows(database) == before


async def test_decision_that_a_rule_has_made_already_is_counted_as_there(
    database: Database, plan: Plan
) -> None:
    """A seed of an older release decides that C4 is disputed, which its denial does by itself."""
    decision = DecisionEntry(claim="C4", to=Status.DISPUTED, reason="Belgrade rejects it")
    report = await load(database, plan.model_copy(update={"decisions": (decision,)}))
    assert report == seeds.LoadReport(COUNTS, {"decisions": 1})


async def test_two_loads_at_once_load_the_file_once(database: Database, plan: Plan) -> None:
    reports = await asyncio.gather(load(database, plan), load(database, plan))
    assert sorted(reports, key=lambda report: sum(report.created.values())) == [
        seeds.LoadReport({}, COUNTS),
        seeds.LoadReport(COUNTS, {}),
    ]


async def test_later_changes_of_the_desk_stay(database: Database, plan: Plan) -> None:
    """Amended wording, a retracted link and a renamed story are found again and left as they
    are."""
    await load(database, plan)
    documents = await read_documents(database, plan)
    await database.write(
        claim_commands.amend_claim,
        documents["C3"]["id"],
        {"text": "600 British soldiers reinforce NATO in Kosovo"},
        material=False,
        four_eyes=True,
        versions=None,
        actor=SYSTEM,
        now=LATER,
    )
    comment = await read_rows(
        database, select(tables.links.c.id).where(tables.links.c.stance == "comments")
    )
    await database.write(
        link_commands.retract_link,
        comment[0].id,
        reason="beside the point",
        four_eyes=True,
        actor=SYSTEM,
        now=LATER,
    )
    await database.write(
        lambda connection: connection.execute(update(tables.stories).values(title="Another title"))
    )
    before = await read_all_rows(database)
    assert await load(database, plan, LATER) == seeds.LoadReport({}, COUNTS)
    assert await read_all_rows(database) == before


def test_every_quote_is_short_and_has_its_context(plan: Plan) -> None:
    """A quote is no more of the article than was claimed, with a few words around it."""
    for statement in plan.statements:
        for quote in statement.quotes:
            assert len(quote.text) <= 200
            assert 2 <= len(quote.prefix.split()) <= 8
            assert 2 <= len(quote.suffix.split()) <= 8
    assert Counter(len(statement.quotes) for statement in plan.statements) == {1: 15}


def test_the_source_has_a_placeholder_address(plan: Plan) -> None:
    """It has a domain that is reserved for examples (RFC 2606)."""
    assert [source.url.split("/")[2] for source in plan.sources] == ["example.org"]
    assert plan.sources[0].publisher is None


GOOD = """
[[parties]]
slug = "here"
name = "Here"
[[sources]]
key = "paper"
url = "https://example.org/"
[[stories]]
slug = "story"
title = "A story"
[[speakers]]
key = "someone"
party = "here"
name = "Someone"
[[statements]]
key = "said"
party = "here"
speaker = "someone"
said_at = 2023-10-02T00:00:00Z
precision = "day"
basis = "unstated"
quotes = [{text = "So it is", language = "en", rendering = "verbatim", source = "paper"}]
[[claims]]
key = "claim"
text = "It is so"
kind = "event"
story = "story"
origin = "said"
[[links]]
claim = "claim"
statement = "said"
stance = "comments"
[[decisions]]
claim = "claim"
to = "awaiting_confirmation"
reason = "Worth a look"
"""


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('slug = "here"', 'slug = "Not A Slug"', "parties.0.slug"),
        ('name = "Here"', 'name = "Here"\nparent = "nowhere"', "parties.0.parent"),
        ('name = "Here"', 'name = ""', "parties.0.name"),
        ('name = "Here"', 'name = "a\\u0000b"', "parties.0.name"),
        ('name = "Here"', 'name = "Here"\ncolour = "red"', "parties.0.colour"),
        ('party = "here"\nname', 'party = "there"\nname', "speakers.0.party"),
        ('speaker = "someone"', 'speaker = "nobody"', "statements.0.speaker"),
        ('party = "here"\nspeaker', "speaker", "statements.0.speaker"),
        ("2023-10-02T00:00:00Z", "2023-10-02T00:00:00", "statements.0.said_at"),
        ("2023-10-02T00:00:00Z", '"yesterday"', "statements.0.said_at"),
        ('rendering = "verbatim"', 'rendering = "sung"', "statements.0.quotes.0.rendering"),
        ('source = "paper"', 'source = "radio"', "statements.0.quotes.0.source"),
        ('kind = "event"', 'kind = "rumour"', "claims.0.kind"),
        ('origin = "said"', 'origin = "unsaid"', "claims.0.origin"),
        ('origin = "said"', 'origin = "said"\npart_of = "claim"', "claims.0.part_of"),
        ('story = "story"', 'story = "tale"', "claims.0.story"),
        ('claim = "claim"\nstatement', 'claim = "other"\nstatement', "links.0.claim"),
        ('statement = "said"', 'statement = "unsaid"', "links.0.statement"),
        ('to = "awaiting_confirmation"', 'to = "confirmed"', "decisions.0.to"),
        ("Worth a look", "", "decisions.0.reason"),
        ('reason = "Worth', 'cites = ["unsaid"]\nreason = "Worth', "decisions.0.cites.0"),
        ("[[links]]", "[[likes]]", "likes"),
    ],
)
def test_an_invalid_file_is_refused_with_the_place_at_fault(old: str, new: str, place: str) -> None:
    assert old in GOOD
    with pytest.raises(Invalid, match=re.escape(place)) as refusal:
        seeds.parse_seed_file(GOOD.replace(old, new, 1))
    assert ".".join(map(str, refusal.value.extras["errors"][0]["loc"])) == place


def test_a_repeated_key_a_missing_quote_and_words_of_nobody_are_refused() -> None:
    statements = GOOD[GOOD.index("[[statements]]") : GOOD.index("[[claims]]")]
    with pytest.raises(Invalid, match=r"statements\.1: 'said' is there already"):
        seeds.parse_seed_file(GOOD.replace("[[claims]]", statements + "[[claims]]", 1))
    with pytest.raises(Invalid, match=r"statements\.0\.quotes: .* at least one quote"):
        seeds.parse_seed_file(re.sub(r"quotes = \[.*\]", "quotes = []", GOOD))
    anonymous = GOOD.replace('party = "here"\nspeaker = "someone"\n', "", 1)
    with pytest.raises(Invalid, match=r"links\.0\.statement: no party stands behind it"):
        seeds.parse_seed_file(anonymous)


@pytest.mark.parametrize("content", [b"[[parties", b"\xff\xfe", b"name = 'a\x00'"])
def test_a_file_that_is_no_toml_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid, match="the seed file is no TOML"):
        seeds.parse_seed_file(content)


def test_the_unchanged_file_is_valid() -> None:
    """Else the refusals above would prove nothing."""
    assert len(seeds.parse_seed_file(GOOD).claims) == 1
