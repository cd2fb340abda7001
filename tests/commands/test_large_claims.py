"""A claim with many links is changed from the state kept in memory as it would be from the one
stored."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, select

from service.commands import claims, ledger, statements
from service.commands.large_claims import StateCache
from service.domain import history
from service.domain.claims import Basis, ClaimState, Stance
from service.domain.errors import Conflict
from service.store import tables
from service.store.engine import Database
from tests.commands import workday
from tests.commands.workday import Day

VOICES = ("nato", "washington", "russia", "pristina", "albania")
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["link", "link", "link", "retract", "affirm", "amend", "merge", "undo", "elsewhere"]
        ),
        st.integers(0, 1_000),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.commands.large_claims.MANY", 0)


def read_stored(session: Connection, claim: str) -> tuple[str, str]:
    row = session.execute(
        select(tables.claims.c.state, tables.claims.c.last_hash).where(tables.claims.c.id == claim)
    ).one()
    return row.state, row.last_hash


def fold_events(session: Connection, claim: str) -> Any:
    rows = session.execute(
        select(tables.events).where(tables.events.c.claim == claim).order_by(tables.events.c.number)
    ).all()
    lines = [
        history.Event(row.number, row.type, row.recorded_at, orjson.loads(row.data)) for row in rows
    ]
    return history.fold(claim, lines)


def require_same(session: Connection, claim: str) -> None:
    """What is kept, what is stored and what the events fold to are one state."""
    stored, last_hash = read_stored(session, claim)
    folded = fold_events(session, claim)
    assert history.state(orjson.loads(stored)) == folded
    assert ledger.row(folded, last_hash)["state"] == stored
    loaded = ledger.load(session, claim)
    assert (loaded.last_hash, loaded.state) == (last_hash, folded)
    document = session.scalar(select(tables.claims.c.document).where(tables.claims.c.id == claim))
    assert ledger.row(folded, last_hash)["document"] == document


def act(day: Day, claim: str, kind: str, choice: int) -> None:
    session = day.session
    links = [link for link in ledger.load(session, claim).state.links if not link.retracted]
    party = VOICES[choice % len(VOICES)]
    if kind == "link":
        day.link(claim, party, list(Stance)[choice % len(Stance)], basis=Basis.DOCUMENTS)
    elif kind == "retract" and links:
        link = links[choice % len(links)].id
        statements.retract_link(session, link, reason="wrong", four_eyes=False, **day.by())
    elif kind == "affirm" and links:
        try:
            link = links[choice % len(links)].id
            statements.affirm_link(session, link, four_eyes=False, **day.by())
        except Conflict:
            pass  # it holds for the present wording already
    elif kind == "amend":
        day.amend(claim, text=f"Wording {choice}", material=choice % 2 == 0)
    elif kind == "merge":
        other = day.claim(f"The same in other words {choice}")
        day.link(other, party, Stance.COMMENTS)
        claims.merge(session, other, into=claim, four_eyes=False, versions=None, **day.by())
    elif kind == "undo":
        savepoint = session.begin_nested()
        day.link(claim, party, Stance.COMMENTS)
        savepoint.rollback()
    elif kind == "elsewhere":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.commands.large_claims.STATES", StateCache())
            day.link(claim, party, Stance.COMMENTS)


@pytest.mark.usefixtures("small_is_large")
async def test_kept_states_are_what_the_events_fold_to(database: Database) -> None:
    """After whatever was done: here, by another process, or rolled back."""

    def work(session: Connection) -> None:
        workday.a_days_work(session)
        day = Day(session)

        @example_settings(
            max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(ACTS)
        def check(acts: list[tuple[str, int]]) -> None:
            claim = day.claim("Troops gathered at the border")
            for kind, choice in acts:
                act(day, claim, kind, choice)
                require_same(session, claim)

        check()

    await database.write(work)


@pytest.mark.usefixtures("small_is_large")
async def test_a_link_reads_no_state_that_is_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read back from JSON while others wait for the claim."""

    def work(session: Connection) -> None:
        workday.a_days_work(session)
        day = Day(session)
        claim = day.claim("Troops gathered at the border")

        def refuse(_data: Any) -> Any:
            raise AssertionError("the state was read again")

        with monkeypatch.context() as patch:
            patch.setattr(history, "state", refuse)
            for _ in range(3):
                day.link(claim, "nato", Stance.COMMENTS)
        require_same(session, claim)

    await database.write(work)


async def test_a_further_link_runs_the_same_statements(database: Database) -> None:
    """No statement grows with the number of links, which would be compiled anew for each."""

    def work(session: Connection) -> None:
        workday.a_days_work(session)
        day = Day(session)
        claim = day.claim("Troops gathered at the border")

        def link_and_list() -> list[str]:
            texts: list[str] = []

            def note(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
                texts.append(text)

            event.listen(session, "before_cursor_execute", note)
            day.link(claim, "nato", Stance.COMMENTS)
            event.remove(session, "before_cursor_execute", note)
            return texts

        link_and_list()
        early = link_and_list()
        for _ in range(5):
            link_and_list()
        assert link_and_list() == early

    await database.write(work)


async def test_a_cache_gives_up_what_was_unused_longest(database: Database) -> None:
    """It holds no more links than it may, and no state twice."""

    def work(session: Connection) -> ClaimState:
        workday.a_days_work(session)
        day = Day(session)
        claim = day.claim("Troops gathered at the border")
        day.link(claim, "nato", Stance.COMMENTS)
        return ledger.load(session, claim).state

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


async def test_a_change_explains_no_link(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why each link counts is worked out for who asks, not while others wait for the claim."""

    def work(session: Connection) -> None:
        workday.a_days_work(session)
        day = Day(session)
        claim = day.claim("Troops gathered at the border")

        def refuse(*_: Any) -> Any:
            raise AssertionError("a link was explained")

        with monkeypatch.context() as patch:
            patch.setattr("service.domain.evidence._explain", refuse)
            day.link(claim, "nato", Stance.SUPPORTS)
        require_same(session, claim)

    await database.write(work)
