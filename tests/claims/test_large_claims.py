"""A claim with many links is changed from the state kept in memory as it would be from the one
stored."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, select, update

from service.claims import (
    claim_commands,
    claim_writer,
    history_queries,
    link_commands,
    party_changes,
    state_cache,
    statement_commands,
)
from service.claims.state_cache import StateCache
from service.config import Settings
from service.domain import history, plain_data
from service.domain.claims import Basis, ClaimState, Rendering, Stance
from service.domain.errors import Conflict
from service.domain.inputs import NewQuote
from service.search.index import index_rebuild, index_writer, postings, searchable_fields
from service.search.index.index_tables import claim_search
from service.search.index.searchable_fields import Level
from service.store import states, tables
from service.store.engine import Database
from service.verification import verification
from tests.domain.builders import get_voice
from tests.verification import workday
from tests.verification.workday import SOURCE, Day

VOICES = ("nato", "washington", "russia", "pristina", "albania")
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(
                    "link",
                    "link",
                    "link",
                    "said by a person",
                    "retract",
                    "affirm",
                    "amend",
                    "merge",
                ),
                *("quote", "withdraw", "rename", "full name", "undo", "elsewhere"),
            ]
        ),
        st.integers(0, 1_000),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    # Limits that only thousands of links reach; a claim is large whoever asks for it.
    monkeypatch.setattr("service.claims.state_cache.MIN_LINKS", 0)
    monkeypatch.setattr(states, "FIRST", 2)


def read_stored(connection: Connection, claim: str) -> tuple[str, str, str]:
    row = connection.execute(
        select(
            tables.claims.c.state.label("own"),
            states.select_whole(tables.claims).label("whole"),
            tables.claims.c.last_hash,
        ).where(tables.claims.c.id == claim)
    ).one()
    return row.own, row.whole, row.last_hash


def fold_events(connection: Connection, claim: str) -> Any:
    rows = connection.execute(
        select(tables.events).where(tables.events.c.claim == claim).order_by(tables.events.c.number)
    ).all()
    lines = [
        history.Event(row.number, row.type, row.recorded_at, orjson.loads(row.data)) for row in rows
    ]
    return history.fold(claim, lines)


def require_same(connection: Connection, claim: str) -> None:
    """What is kept, what is stored and what the events fold to are one state."""
    stored_state, whole, last_hash = read_stored(connection, claim)
    folded_state = fold_events(connection, claim)
    assert (
        states.parse(whole) == states.read_locked(connection, claim, stored_state) == folded_state
    )
    assert claim_writer.build_row(folded_state, last_hash)["state"] == stored_state
    loaded_claim = claim_writer.load_claim(connection, claim, now=workday.BEGIN)
    assert (loaded_claim.last_hash, loaded_claim.state) == (last_hash, folded_state)
    document = connection.scalar(
        select(tables.claims.c.document).where(tables.claims.c.id == claim)
    )
    assert claim_writer.build_row(folded_state, last_hash)["document"] == document


def act(day: Day, claim: str, kind: str, choice: int) -> None:
    connection = day.connection
    links = [
        link
        for link in claim_writer.load_claim(connection, claim, now=workday.BEGIN).state.links
        if not link.retracted
    ]
    party = VOICES[choice % len(VOICES)]
    if kind == "link":
        day.link(claim, party, list(Stance)[choice % len(Stance)], basis=Basis.DOCUMENTS)
    elif kind == "retract" and links:
        link = links[choice % len(links)].id
        link_commands.retract_link(connection, link, reason="wrong", four_eyes=False, **day.by())
    elif kind == "said by a person":
        day.link(claim, party, Stance.COMMENTS, speaker=f"Person {'abc'[choice % 3] * 3}")
    elif kind == "quote" and links:
        words = NewQuote(f"quoted otherwise {choice}", "en", Rendering.PARAPHRASE, SOURCE)
        statement = links[choice % len(links)].statement
        statement_commands.add_quote(connection, statement, words, **day.by())
    elif kind == "withdraw" and any(not link.withdrawn for link in links):
        standing = [link.statement for link in links if not link.withdrawn]
        statement = standing[choice % len(standing)]
        reason: dict[str, Any] = {"reason": "an error", "source": None}
        statement_commands.withdraw_statement(
            connection, statement, **reason, four_eyes=False, **day.by()
        )
    elif kind == "rename":
        name = f"{party.title()} of {'abcdefghijklmnop'[choice % 16] * 3}"
        party_changes.change_party(connection, party, {"name": name}, **day.by())
    elif kind == "full name":
        full_name = f"The full name of {party} {choice}" if choice % 2 else None
        party_changes.change_party(connection, party, {"full_name": full_name}, **day.by())
    elif kind == "affirm" and links:
        try:
            link = links[choice % len(links)].id
            link_commands.affirm_link(connection, link, four_eyes=False, **day.by())
        except Conflict:
            pass  # it holds for the present wording already
    elif kind == "amend":
        day.amend(claim, text=f"Wording {choice}", material=choice % 2 == 0)
    elif kind == "merge":
        other = day.claim(f"The same in other words {choice}")
        day.link(other, party, Stance.COMMENTS)
        claim_commands.merge_claims(
            connection, other, into=claim, four_eyes=False, versions=None, **day.by()
        )
    elif kind == "undo":
        savepoint = connection.begin_nested()
        day.link(claim, party, Stance.COMMENTS)
        savepoint.rollback()
    elif kind == "elsewhere":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.claims.state_cache.STATES", StateCache())
            day.link(claim, party, Stance.COMMENTS)


@pytest.mark.usefixtures("small_is_large")
async def test_cached_states_equal_the_folded_events(database: Database) -> None:
    """After whatever was done: here, by another process, or rolled back."""

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)

        @example_settings(
            max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(ACTS)
        def check(acts: list[tuple[str, int]]) -> None:
            claim = day.claim("Troops gathered at the border")
            for kind, choice in acts:
                act(day, claim, kind, choice)
                require_same(connection, claim)

        check()

    await database.write(work)


@pytest.mark.usefixtures("small_is_large")
async def test_link_does_not_read_a_cached_state_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read back from JSON while others wait for the claim."""

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")

        def refuse(_data: Any) -> Any:
            raise AssertionError("the state was read again")

        with monkeypatch.context() as patch:
            patch.setattr(plain_data, "read_state", refuse)
            for _ in range(3):
                day.link(claim, "nato", Stance.COMMENTS)
        require_same(connection, claim)

    await database.write(work)


async def test_a_further_link_runs_the_same_statements(database: Database) -> None:
    """No statement grows with the number of links, which would be compiled anew for each."""

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")

        def link_and_list() -> list[str]:
            texts: list[str] = []

            def note(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
                texts.append(text)

            event.listen(connection, "before_cursor_execute", note)
            day.link(claim, "nato", Stance.COMMENTS)
            event.remove(connection, "before_cursor_execute", note)
            return texts

        link_and_list()
        early = link_and_list()
        for _ in range(5):
            link_and_list()
        assert link_and_list() == early

    await database.write(work)


async def test_cache_drops_the_longest_unused_state(database: Database) -> None:
    """It holds no more links than it may, and no state twice."""

    def work(connection: Connection) -> ClaimState:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")
        day.link(claim, "nato", Stance.COMMENTS)
        return claim_writer.load_claim(connection, claim, now=workday.BEGIN).state

    state = await database.write(work)
    large = replace(state, links=state.links * 40)
    cache = StateCache(capacity=100)
    for name in "abab":
        cache.keep(replace(large, id=name), name)
    assert cache.find("a") == ("a", replace(large, id="a"))
    cache.keep(replace(large, id="c"), "c")
    assert [name for name in "abc" if cache.find(name)] == ["a", "c"]
    cache.keep(replace(large, id="a", links=large.links * 3), "beyond the capacity")
    assert [name for name in "abc" if cache.find(name)] == ["c"]


async def test_change_explains_no_links(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why each link counts is worked out for who asks, not while others wait for the claim."""

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")

        def refuse(*_: Any) -> Any:
            raise AssertionError("a link was explained")

        with monkeypatch.context() as patch:
            patch.setattr("service.domain.evidence._explain", refuse)
            day.link(claim, "nato", Stance.SUPPORTS)
        require_same(connection, claim)

    await database.write(work)


def read_search_row(connection: Connection, claim: str) -> tuple[Any, str]:
    row = connection.execute(
        select(claim_search.c.words, claim_search.c.former).where(claim_search.c.claim == claim)
    ).one()
    return row.words, row.former


SMALL_ROWS = {Level.TEXT: 4, Level.NAMES: 60, Level.QUOTES: 80}


@pytest.mark.parametrize("positions", [postings.MAX_PLACES, SMALL_ROWS], ids=["room", "no room"])
@pytest.mark.usefixtures("small_is_large")
async def test_search_row_of_a_claim_equals_a_rebuilt_one(
    database: Database, positions: dict[Level, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was done, also where the row has no room for more; `verify` finds nothing."""
    # Limits that only thousands of links reach; a claim is large whoever asks for it.
    monkeypatch.setattr(postings, "MAX_PLACES", positions)
    monkeypatch.setattr(index_writer, "MANY_LINKS", 0)

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)

        @example_settings(
            max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(ACTS)
        def check(acts: list[tuple[str, int]]) -> None:
            claim = day.claim("Troops gathered at the border")
            for kind, choice in acts:
                act(day, claim, kind, choice)
            row_before = read_search_row(connection, claim)
            report = verification.compare_with_record(connection)
            assert report.ok, report.breaks
            index_rebuild.rebuild_index(connection)
            assert read_search_row(connection, claim) == row_before

        check()

    await database.write(work)


async def test_link_on_a_full_search_row_indexes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cost does not grow: no quote is read, no term made, no index touched."""
    monkeypatch.setattr(
        postings, "MAX_PLACES", {Level.TEXT: 4, Level.NAMES: 150, Level.QUOTES: 200}
    )
    # A limit that only thousands of links reach.
    monkeypatch.setattr(index_writer, "MANY_LINKS", 3)

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")
        for _ in range(60):
            day.link(claim, "nato", Stance.COMMENTS)
        search_row = read_search_row(connection, claim)
        assert postings.FULL_LABELS[Level.QUOTES] in search_row[0]
        assert postings.FULL_LABELS[Level.NAMES] not in search_row[0]

        def refuse(*_: Any) -> Any:
            raise AssertionError("the whole row was made again")

        with monkeypatch.context() as patch:
            patch.setattr(index_writer, "build_claim_row", refuse)
            patch.setattr(index_writer, "_read_known", refuse)
            day.link(claim, "nato", Stance.COMMENTS)
            with pytest.raises(AssertionError, match="made again"):
                day.link(claim, "russia", Stance.COMMENTS)
        assert read_search_row(connection, claim) == search_row

    await database.write(work)


async def test_names_leave_room_for_quotes(database: Database) -> None:
    """However many people speak on a claim, what they say is indexed too."""

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")
        day.link(claim, "nato", Stance.COMMENTS)
        state = claim_writer.load_claim(connection, claim, now=workday.BEGIN).state
        voice = get_voice(state.links[0])
        many = [
            replace(
                state.links[0],
                voice=replace(voice, party=f"party-{i}", name=f"Name{i} Surname{i}"),
            )
            for i in range(2_000)
        ]
        sources = searchable_fields.FieldSources()
        sources.quotes[state.links[0].statement] = [searchable_fields.Quoted("remarkable", "en")]
        row = index_writer.build_claim_row(replace(state, links=tuple(many)), sources, ())
        placed_words = row["search_words"].split()
        assert f"{Level.QUOTES.value}remark" in placed_words
        assert len(placed_words) < sum(postings.MAX_PLACES.values()) + postings.MAX_UNPLACED

    await database.write(work)


async def test_a_link_writes_as_much_on_a_large_claim_as_on_a_small_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements, as many rows and about as many bytes: what stood before is not written
    again."""
    # Limits that only thousands of links reach; a claim is large whoever asks for it.
    monkeypatch.setattr(states, "FIRST", 3)
    monkeypatch.setattr("service.claims.state_cache.MIN_LINKS", 3)
    monkeypatch.setattr(index_writer, "MANY_LINKS", 3)
    monkeypatch.setattr(postings, "MAX_PLACES", {Level.TEXT: 4, Level.NAMES: 40, Level.QUOTES: 60})

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")

        def link_and_measure() -> tuple[list[str], int]:
            texts: list[str] = []
            sizes: list[int] = []

            def note(_connection: Any, _cursor: Any, text: str, parameters: Any, *_: Any) -> None:
                texts.append(text)
                sizes.append(len(str(parameters)))

            event.listen(connection, "before_cursor_execute", note)
            day.link(claim, "nato", Stance.COMMENTS)
            event.remove(connection, "before_cursor_execute", note)
            return texts, sum(sizes)

        for _ in range(15):
            link_and_measure()
        early, small = link_and_measure()
        for _ in range(100):
            link_and_measure()
        late, large = link_and_measure()
        assert late == early
        assert large < small + 100

    await database.write(work)


async def test_a_state_that_lacks_links_is_refused(database: Database) -> None:
    """A claim is never read as though somebody had not spoken; `verify` names the row."""

    def work(connection: Connection) -> None:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")
        for _ in range(states.FIRST + 2):
            day.link(claim, "nato", Stance.COMMENTS)
        own_links = tables.state_links.c.claim == claim
        last = own_links & (tables.state_links.c.place == states.FIRST + 1)
        connection.execute(delete(tables.state_links).where(last))
        with pytest.raises(ValueError, match="1 rows in state_links, not 2"):
            history_queries.read_state(connection, claim)
        breaks = verification.compare_with_record(connection).breaks
        assert [(each.what, each.found) for each in breaks] == [("state_links", "no row")]
        corruption = update(tables.state_links).where(own_links)
        connection.execute(corruption.values(state=tables.state_links.c.state + " "))
        broken_fields = {each.what for each in verification.compare_with_record(connection).breaks}
        assert broken_fields == {"state_links", "state_links.state"}

    await database.write(work)


@pytest.mark.usefixtures("small_is_large")
async def test_cached_state_is_not_used_after_another_process_changed_the_claim(
    settings: Settings,
) -> None:
    """Two processes on one database, each with what it kept, take turns on one claim; what each
    records continues what the other did."""
    caches = [StateCache(), StateCache()]
    processes = [Database(settings), Database(settings)]
    for process in processes:
        await process.start()

    def begin(connection: Connection) -> str:
        workday.work_a_day(connection)
        return Day(connection).claim("Troops gathered at the border")

    def link(connection: Connection, claim: str, turn: int) -> None:
        cached_pair = state_cache.STATES.find(claim)
        day = Day(connection)
        day.link(claim, VOICES[turn % len(VOICES)], Stance.COMMENTS)
        if turn > 1:
            # It had a state, which the other had made outdated.
            assert cached_pair is not None
            assert len(cached_pair[1].links) == turn - 1
        require_same(connection, claim)

    claim = await processes[0].write(begin)
    for turn in range(12):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.claims.state_cache.STATES", caches[turn % 2])
            await processes[turn % 2].write(link, claim, turn)
    report = await processes[0].read(verification.verify)
    assert report.ok, report.breaks
    for process in processes:
        await process.stop()


@pytest.mark.usefixtures("small_is_large")
async def test_concurrent_links_to_a_large_claim_are_all_recorded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waited for the claim reads what those before it wrote, with nothing kept in memory."""
    # The cache is the process's own.
    monkeypatch.setattr("service.claims.state_cache.STATES", StateCache(capacity=0))

    def begin(connection: Connection) -> str:
        workday.work_a_day(connection)
        day = Day(connection)
        claim = day.claim("Troops gathered at the border")
        for _ in range(4):
            day.link(claim, "nato", Stance.COMMENTS)
        return claim

    claim = await database.write(begin)

    def link(connection: Connection, turn: int) -> None:
        Day(connection).link(claim, VOICES[turn % len(VOICES)], Stance.COMMENTS)

    await asyncio.gather(*(database.write(link, turn) for turn in range(12)))
    await database.write(require_same, claim)
    report = await database.read(verification.verify)
    assert report.ok, report.breaks
