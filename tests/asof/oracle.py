"""What the desk knew at an instant, worked out from the record alone, in plain Python."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from service.claims.history_queries import parse_event
from service.domain import evidence
from service.domain.claims import ClaimState, Lifecycle, Voice
from service.domain.history import Event
from service.store.tables import events, quotes
from service.stories import timeline
from tests.asof.weeks import Weeks
from tests.domain.builders import fold_until, get_voice

Line = tuple[int, str, Event]
"""An event with its number among all and its claim."""
LENGTHS = {
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}


class Oracle:
    """Every claim's record, folded up to each of its instants once."""

    def __init__(self, weeks: Weeks, lines: list[Line]) -> None:
        self.weeks = weeks
        self.lines = lines
        self.told: dict[str, list[Event]] = {}
        for _, claim, each in lines:
            self.told.setdefault(claim, []).append(each)
        self.folded: dict[str, tuple[list[datetime], list[ClaimState]]] = {}
        for claim, record in self.told.items():
            instants = sorted({each.recorded_at for each in record})
            states = [fold_until(claim, record, instant) for instant in instants]
            self.folded[claim] = instants, [state for state in states if state is not None]
        self.instants = sorted({each.recorded_at for _, _, each in lines})

    def claim(self, claim: str, at: datetime) -> ClaimState | None:
        instants, states = self.folded[claim]
        position = bisect_right(instants, at)
        return states[position - 1] if position else None

    def list_known(self, at: datetime) -> list[ClaimState]:
        """Every claim that was recorded by then and not merged."""
        states = (self.claim(claim, at) for claim in self.told)
        return [state for state in states if state and state.lifecycle is not Lifecycle.MERGED]

    def is_under(self, voice: Voice | None, party: str, at: datetime) -> bool:
        """Whether the voice was the party's or of somebody below it; the record of the claim and
        that of the tree have to agree on the topmost."""
        if voice is None:
            return False
        tree = [tree for begin, tree in self.weeks.tree if begin <= at][-1]
        path, above = [voice.party], tree[voice.party]
        while above is not None:
            path.append(above)
            above = tree[above]
        assert path[-1] == voice.root, (voice, at)
        return party in path

    def list_languages(self, state: ClaimState, at: datetime) -> set[str]:
        """The languages in which what the claim comes from and its links was quoted, without
        scripts, as the desk believed at `at`."""
        statement_ids = {
            link.statement for link in state.links if not (link.retracted or link.void)
        }
        statement_ids.add(state.origin_statement)
        quotes_then = [
            quote
            for quote in self.weeks.quotes
            if quote.statement in statement_ids and quote.recorded_at <= at
        ]
        former_languages = {
            quote["id"]: quote["language"]
            for event in reversed(self.told[state.id])
            if event.type == "statement.corrected" and event.recorded_at > at
            for quote in event.data["before"].get("quotes", ())
        }
        return {
            former_languages.get(quote.id, quote.language).partition("-")[0]
            for quote in quotes_then
        }

    def has_stance(
        self, state: ClaimState, party: str | None, stance: str | None, at: datetime
    ) -> bool:
        return any(
            link.is_active
            and stance in (None, link.stance)
            and (party is None or self.is_under(get_voice(link), party, at))
            for link in state.links
        )

    def matches(self, state: ClaimState, query: dict[str, Any], at: datetime) -> bool:
        """Whether the list of claims with these parameters has this claim."""
        when = datetime.fromisoformat

        def claimed_by(party: str) -> bool:
            return self.is_under(state.claimant, party, at)

        tests: dict[str, Callable[[Any], bool]] = {
            "status": lambda statuses: state.status in statuses,
            "claimant": claimed_by,
            "story": lambda slug: state.story == (None if slug == "none" else slug),
            "tag": lambda tag: tag in state.tags,
            "kind": lambda kind: state.kind == kind,
            "assignee": lambda assignee: (
                state.assignee == (None if assignee == "none" else assignee)
            ),
            "overdue": lambda _: (
                state.lifecycle is Lifecycle.ACTIVE
                and state.due_at is not None
                and state.due_at < at
            ),
            "superseded": lambda value: (state.superseded_by is not None) == (value == "true"),
            "part_of": lambda parent: state.part_of == parent,
            "language": lambda language: language in self.list_languages(state, at),
            "claimed_since": lambda moment: state.claimed_at >= when(moment),
            "claimed_until": lambda moment: state.claimed_at <= when(moment),
            "changed_since": lambda moment: state.updated_at >= when(moment),
            "changed_until": lambda moment: state.updated_at <= when(moment),
            "drift": lambda _: evidence.suggest_status(state).status is not state.status,
        }
        values = {name: value for name, value in query.items() if name in tests}
        is_unfiltered = "party" not in query and "stance" not in query
        return all(tests[name](value) for name, value in values.items()) and (
            is_unfiltered or self.has_stance(state, query.get("party"), query.get("stance"), at)
        )

    def list_claims(self, query: dict[str, Any], at: datetime) -> list[ClaimState]:
        claims = [each for each in self.list_known(at) if self.matches(each, query, at)]
        if query.get("sort") == "due":
            due = [(state.due_at, state.id, state) for state in claims if state.due_at is not None]
            return [state for _, _, state in sorted(due, key=lambda dated: dated[:2])]

        def moment(state: ClaimState) -> datetime:
            return find_claimed_end(state) if query.get("sort") == "claimed" else state.updated_at

        return sorted(
            claims, key=lambda claim_state: (moment(claim_state), claim_state.id), reverse=True
        )

    def matrix(self, slug: str, at: datetime) -> list[ClaimState]:
        """The story's claims, earliest claimed first, each followed by its components."""
        story_claims = {each.id: each for each in self.list_known(at) if each.story == slug}

        def path(state: ClaimState) -> list[tuple[datetime, str]]:
            above = path(story_claims[state.part_of]) if state.part_of in story_claims else []
            return [*above, (find_claimed_end(state), state.id)]

        return sorted(story_claims.values(), key=path)

    def timeline(self, slug: str, at: datetime, clock: str) -> list[Line]:
        """What everybody may know of what was recorded by then, in the order of the clock."""

        def is_told(event: Event) -> bool:
            if event.type == "claim.amended":
                return bool(event.data.keys() - {"assignee", "due_at"})
            return event.type in timeline.TYPES

        def key(line: Line) -> tuple[datetime, int]:
            seq, _, each = line
            instants = self.read_said(line, at) if clock == "said" else None
            return instants[1] if instants else each.recorded_at, seq

        return sorted(
            (
                line
                for line in self.lines
                if (state := self.claim(line[1], at)) is not None
                and state.story == slug
                and line[2].recorded_at <= at
                and is_told(line[2])
                and (clock == "recorded" or self.read_said(line, at) is not None)
            ),
            key=key,
        )

    def read_said(self, line: Line, at: datetime) -> tuple[datetime, datetime] | None:
        """When the world heard, as the desk believed at `at`, and the end of the day or hour."""
        _, claim, event = line
        state = self.claim(claim, at)
        assert state is not None
        if event.type == "claim.created":
            return state.claimed_at, find_claimed_end(state)
        for link in state.links:
            if event.type == "link.created" and link.id == event.data["link"]["id"]:
                return link.said_at, link.said_at + LENGTHS[link.precision]
        return None

    def lane(self, claim: str, at: datetime) -> list[tuple[datetime, str]]:
        """From when on the claim had which status, as far as it was known by then."""
        turns: list[tuple[datetime, str]] = []
        for moment, state in zip(*self.folded[claim], strict=True):
            if moment <= at and (not turns or turns[-1][1] != state.status):
                turns.append((moment, state.status))
        return turns


def find_claimed_end(state: ClaimState) -> datetime:
    return state.claimed_at + LENGTHS[state.precision]


def list_columns(states: list[ClaimState]) -> list[tuple[str, str, int]]:
    """slug, name and claims of each root party in these: with most claims first, then by name."""
    voices = [state.claimant for state in states if state.claimant]
    claims = Counter(voice.root for voice in voices)
    voices += [get_voice(link) for state in states for link in state.links]
    names = {voice.root: voice.root_name for voice in voices}
    columns = [(slug, name, claims[slug]) for slug, name in names.items()]
    return sorted(columns, key=lambda row: (-row[2], row[1].lower(), row[0]))


def build_cells(state: ClaimState) -> dict[str, Any]:
    """For each root: whether it claims, and by stance what its links amount to."""
    cells: dict[str, Any] = {}
    if state.claimant:
        cells[state.claimant.root] = ("claimant", {})
    for link in state.links:
        _, stances = cells.setdefault(get_voice(link).root, (None, {}))
        stances.setdefault(link.stance, []).append(link)
    trace = {each.link.id: each.counted for each in evidence.suggest_status(state).trace}
    return {
        root: (
            role,
            {
                stance: {
                    "links": sum(each.is_active for each in links),
                    "counted": sum(trace[each.id] for each in links),
                    "conditional": sum(each.is_active and each.conditional for each in links),
                    "partial": sum(each.is_active and each.scope == "partial" for each in links),
                    "set_aside": sum(each.is_active and each.set_aside for each in links),
                    "withdrawn": sum(each.withdrawn and not each.retracted for each in links),
                    "retracted": sum(each.retracted for each in links),
                    "said": sorted(each.id for each in links),
                }
                for stance, links in stances.items()
            },
        )
        for root, (role, stances) in cells.items()
    }


async def consult(weeks: Weeks) -> list[Line]:
    """The record of a desk as it is now."""

    def read(connection: Connection) -> list[Line]:
        of_claims = select(events).where(events.c.claim.is_not(None))
        rows = connection.execute(of_claims.order_by(events.c.seq)).all()
        return [(row.seq, row.claim, parse_event(row)) for row in rows]

    weeks.quotes = await weeks.desk.database.read(
        lambda connection: connection.execute(select(quotes)).all()
    )
    return await weeks.desk.database.read(read)
