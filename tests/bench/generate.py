"""Deterministic pseudo-random claim histories, in realistic shapes and independent of any schema.

A desk of three years: parties and stories drawn by Zipf's law, one to eight links a claim besides
its origin, statuses that follow the lifecycle's guards, two clocks (said, recorded). Claims come
in chunks, each a function of (seed, total, number) alone, so several processes can make and load
them at once.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import TypeVar
from uuid import UUID

from tests.bench import copies, words
from tests.bench.shapes import Change, Claim, Link, Party, Quote, Source, Speaker, Statement, Story

CHUNK = 10_000
START = datetime(2023, 10, 1, tzinfo=UTC)
END = datetime(2026, 10, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START, _END = START.timestamp(), END.timestamp()
_HOUR, _DAY = 3600.0, 86400.0
_UUID7, _TAIL = 0x7 << 76 | 0b10 << 62, (1 << 62) - 1
T = TypeVar("T")

ASSERTED, AWAITING, CONFIRMED, DISPUTED = (
    "asserted",
    "awaiting_confirmation",
    "confirmed",
    "disputed",
)


@dataclass(frozen=True)
class World:
    """What all claims of a desk share."""

    parties: tuple[Party, ...]
    speakers: tuple[Speaker, ...]
    stories: tuple[Story, ...]
    vocabulary: tuple[str, ...]
    fragments: tuple[str, ...]
    by_slug: dict[str, Party] = field(repr=False)
    speakers_of: dict[str, tuple[Speaker, ...]] = field(repr=False)


def moment(seconds: float) -> datetime:
    return _EPOCH + timedelta(microseconds=round(seconds * 1e6))


def uuid7(rng: random.Random, seconds: float) -> UUID:
    """A UUIDv7 (RFC 9562) of a given instant with the generator's own randomness."""
    bits = rng.getrandbits(74)
    return UUID(int=int(seconds * 1000) << 80 | (bits >> 62) << 64 | _UUID7 | bits & _TAIL)


def drawer(rng: random.Random, items: Sequence[T], cumulative: Sequence[float]) -> Callable[[], T]:
    """Draws one weighted item; what `random.choices(k=1)` does, at a third of its price."""
    chance, total, last = rng.random, cumulative[-1], len(items) - 1
    return lambda: items[bisect(cumulative, chance() * total, 0, last)]


def world(seed: int = 1) -> World:
    """40 root parties and 60 below, their speakers, 200 stories, 6,000 words, most of them rare."""
    rng = random.Random(f"world {seed}")
    parties = [
        Party(c.lower(), c, f"Government in {c}", "government", c[:2].upper(), None, c.lower())
        for c in words.CAPITALS
    ]
    offices = [(office, capital) for office in words.OFFICES for capital in words.CAPITALS[:10]]
    for office, capital in offices:
        name = f"{capital} {office}"
        slug = name.lower().replace(" ", "-")
        parties.append(
            Party(
                slug,
                name,
                f"{office} in {capital}",
                "institution",
                capital[:2].upper(),
                capital.lower(),
                capital.lower(),
            )
        )
    surnames = words.names(rng, 6_000 - len(words.COMMON))
    speakers = [
        Speaker(
            uuid7(rng, _START),
            f"{rng.choice(surnames[:900])} {rng.choice(surnames)}",
            rng.choice(words.ROLES),
            p.slug,
        )
        for p in parties
        for _ in range(rng.randint(1, 6))
    ]
    stories = [
        Story(f"{a.lower()}-{t}", f"{a} {t}") for t in words.TOPICS for a in words.ADJECTIVES
    ]
    rng.shuffle(parties)
    rng.shuffle(stories)
    vocabulary = (*words.COMMON, *surnames)
    say = partial(rng.choices, vocabulary, cum_weights=words.zipf(len(vocabulary), 1.15))
    return World(
        parties=tuple(parties),
        speakers=tuple(speakers),
        stories=tuple(stories),
        vocabulary=vocabulary,
        fragments=tuple(" ".join(say(k=rng.randint(4, 9))) for _ in range(4_096)),
        by_slug={party.slug: party for party in parties},
        speakers_of={p.slug: tuple(s for s in speakers if s.party == p.slug) for p in parties},
    )


_LINK_COUNTS = list(accumulate((38, 24, 14, 9, 6, 4, 3, 2)))
_STANCES = ("supports", "contradicts", "requests_confirmation", "comments")
_STANCE_WEIGHTS = list(accumulate((36, 18, 22, 24)))
_BASES = ("unstated", "own_observation", "documents", "third_party", "restates_claimant")
_BASIS_WEIGHTS = list(accumulate((34, 24, 20, 14, 8)))
_KINDS = ("event", "figure", "attribution", "prediction", "position")
_KIND_WEIGHTS = list(accumulate((50, 15, 12, 10, 13)))
_PRECISIONS = ("day", "hour", "minute", "second")
_PRECISION_WEIGHTS = list(accumulate((60, 20, 15, 5)))


class _Maker:
    """Makes one chunk's claims; remembers recent sources and statements, which claims share."""

    def __init__(self, world: World, seed: int, number: int) -> None:
        self.world = world
        self.rng = rng = random.Random(f"claims {seed} {number}")
        self.party = drawer(rng, world.parties, words.zipf(len(world.parties)))
        self.story = drawer(rng, world.stories, words.zipf(len(world.stories)))
        self.fragment = drawer(rng, world.fragments, range(1, len(world.fragments) + 1))
        self.precision = drawer(rng, _PRECISIONS, _PRECISION_WEIGHTS)
        self.basis = drawer(rng, _BASES, _BASIS_WEIGHTS)
        self.kind = drawer(rng, _KINDS, _KIND_WEIGHTS)
        self.stance = drawer(rng, _STANCES, _STANCE_WEIGHTS)
        self.link_count = drawer(rng, range(1, 9), _LINK_COUNTS)
        self.quote_count = drawer(rng, (1, 2), (80, 100))
        self.quote_length = drawer(rng, (2, 3, 4, 5), (1, 2, 3, 4))
        self.rendering = drawer(rng, ("verbatim", "translated", "paraphrase"), (50, 75, 100))
        self.publisher = drawer(rng, words.PUBLISHERS, range(1, len(words.PUBLISHERS) + 1))
        self.words = partial(
            rng.choices, world.vocabulary, cum_weights=words.zipf(len(world.vocabulary), 1.15)
        )
        self.articles: list[Source] = []
        self.recent: list[Statement] = []

    def source(self, at: float, new_sources: list[Source]) -> UUID:
        """An article: about one in three is new, the others were quoted before."""
        rng = self.rng
        if self.articles and rng.random() < 0.65:
            article = self.articles[-1 - int(rng.random() * min(40, len(self.articles)))]
            if article.published_at < moment(at):
                return article.id
        key = uuid7(rng, at)
        publisher = self.publisher()
        source = Source(
            key,
            f"https://{publisher.lower().replace(' ', '-')}.example/{key.hex}",
            publisher,
            self.fragment().capitalize(),
            moment(at - rng.random() * _HOUR),
            "en",
        )
        self.articles.append(source)
        new_sources.append(source)
        return key

    def statement(self, party: Party | None, at: float, new_sources: list[Source]) -> Statement:
        rng, fragment = self.rng, self.fragment
        speaker = (
            rng.choice(self.world.speakers_of[party.slug]).id
            if party and rng.random() < 0.7
            else None
        )
        quotes = tuple(
            Quote(
                uuid7(rng, at),
                " ".join([fragment() for _ in range(self.quote_length())]).capitalize() + ".",
                "en",
                self.rendering(),
                self.source(at, new_sources),
            )
            for _ in range(self.quote_count())
        )
        instant = at - min(rng.expovariate(1 / (8 * _HOUR)), 20 * _DAY)
        return Statement(
            uuid7(rng, at),
            party.slug if party else None,
            speaker,
            moment(instant),
            self.precision(),
            self.basis(),
            moment(at),
            quotes,
        )

    def claim(self, created: float) -> Claim:
        rng = self.rng
        sources: list[Source] = []
        claimant = None if rng.random() < 0.05 else self.party()
        origin = self.statement(claimant, created, sources)
        kind = self.kind()
        life = _Life(self, claimant, created, needs=2 if kind == "figure" else 1)
        statements = [origin]
        for _ in range(self.link_count()):
            at = life.later(3 * _DAY)
            if self.recent and rng.random() < 0.12:
                statement = self.recent[-1 - int(rng.random() * min(200, len(self.recent)))]
                if statement.id in life.cited or statement.recorded_at > moment(at):
                    statement = self.statement(self.party(), at, sources)
                    statements.append(statement)
            else:
                same_side = claimant is not None and rng.random() < 0.2
                statement = self.statement(claimant if same_side else self.party(), at, sources)
                statements.append(statement)
            life.link(statement, at)
        if len(life.changes) == 1 and rng.random() < 0.3:
            life.move(AWAITING, "Verification opened: the desk is calling both sides.", "person")
        self.recent.extend(statements[1:])
        return Claim(
            id=uuid7(rng, created),
            text=" ".join(self.words(k=rng.randint(9, 24))).capitalize(),
            kind=kind,
            claimant=claimant.slug if claimant else None,
            speaker=origin.speaker,
            claimed_at=origin.said_at,
            precision=origin.precision,
            story=self.story().slug if rng.random() < 0.85 else None,
            tags=tuple(sorted({rng.choice(words.TOPICS) for _ in range(rng.randint(0, 3))})),
            origin=origin,
            created_at=moment(created),
            sources=tuple(sources),
            statements=tuple(statements),
            links=tuple(life.links),
            changes=tuple(life.changes),
        )


class _Life:
    """One claim's links and statuses, moved as the lifecycle's guards allow."""

    def __init__(self, maker: _Maker, claimant: Party | None, created: float, needs: int) -> None:
        self.rng, self.parties, self.stance = maker.rng, maker.world.by_slug, maker.stance
        self.claimant, self.needs, self.now = claimant, needs, created
        self.links: list[Link] = []
        self.cited: set[UUID] = set()
        self.open: list[int] = []  # positions of standing contradictions
        self.support: dict[str, UUID] = {}  # root -> qualifying link
        self.ground: UUID | None = None  # a request or support, by whomever: to go on verifying
        self.changes = [
            Change(
                uuid7(self.rng, created), None, ASSERTED, "created", "person", moment(created), ()
            )
        ]

    def later(self, mean: float) -> float:
        """Move the clock on, always inside the three years."""
        self.now += min(self.rng.expovariate(1 / mean), (_END - self.now) * 0.3)
        return self.now

    def move(self, status: str, reason: str, actor: str, cites: tuple[UUID, ...] = ()) -> None:
        at = self.now if actor == "rule" else self.later(4 * _HOUR)
        previous = self.changes[-1].status
        self.changes.append(
            Change(uuid7(self.rng, at), previous, status, reason, actor, moment(at), cites)
        )

    def link(self, statement: Statement, at: float) -> None:
        rng, claimant = self.rng, self.claimant
        assert statement.party is not None
        root = self.parties[statement.party].root
        other = claimant is not None and root != claimant.root
        stance = self.stance() if claimant else "comments"
        if not other and stance in ("contradicts", "requests_confirmation"):
            stance = "comments"
        scope = "full" if rng.random() < 0.85 else "partial"
        conditional = rng.random() < 0.12
        key = uuid7(rng, at)
        self.cited.add(statement.id)
        self.links.append(
            Link(
                key,
                statement.id,
                statement.party,
                root,
                stance,
                scope,
                conditional,
                statement.basis,
                moment(at),
                None,
            )
        )
        if stance == "supports" or (other and stance == "requests_confirmation"):
            self.ground = key
        if not other or stance == "comments":
            return
        status = self.changes[-1].status
        if stance == "requests_confirmation":
            if status == ASSERTED:
                self.move(AWAITING, "confirmation_requested", "rule", (key,))
        elif stance == "contradicts":
            self.open.append(len(self.links) - 1)
            if status in (ASSERTED, AWAITING):
                self.move(DISPUTED, "contradicted", "rule", (key,))
            elif status == CONFIRMED and statement.basis != "unstated":
                self.move(
                    DISPUTED, "Contradicted on the record by another capital.", "person", (key,)
                )
            if status != DISPUTED and self.changes[-1].status == DISPUTED and rng.random() < 0.3:
                self.retract()
        else:
            if (
                scope == "full"
                and not conditional
                and statement.basis in ("own_observation", "documents")
            ):
                self.support[root] = key
            if (
                status in (ASSERTED, AWAITING)
                and not self.confirm()
                and status == ASSERTED
                and rng.random() < 0.4
            ):
                self.move(
                    AWAITING,
                    "Support so far is partial or not independent; verification opened.",
                    "person",
                )

    def confirm(self) -> bool:
        if self.open or len(self.support) < self.needs:
            return False
        self.move(
            CONFIRMED,
            "Independent confirmation on the record.",
            "person",
            tuple(self.support.values()),
        )
        return True

    def retract(self) -> None:
        """The contradictions turn out to be misattributed: the dispute closes."""
        at = moment(self.later(_DAY))
        for position in self.open:
            self.links[position] = self.links[position]._replace(retracted_at=at)
        self.open.clear()
        if not self.confirm():
            self.move(
                AWAITING if self.ground else ASSERTED,
                "The contradiction was misattributed.",
                "person",
                (self.ground,) if self.ground else (),
            )


def chunk(
    world: World, total: int, number: int, seed: int = 1, made_copies: int = 1
) -> Iterator[Claim]:
    """The claims from `number * CHUNK` on of a desk of `total`, oldest first, evenly spread; so
    many copies of each, one after the other."""
    maker = _Maker(world, seed, number)
    step = (_END - 30 * _DAY - _START) / total
    for index in range(number * CHUNK, min(total, (number + 1) * CHUNK), made_copies):
        claim = maker.claim(_START + index * step)
        if made_copies == 1:
            yield claim
        else:
            yield from (copies.copy_claim(claim, copy) for copy in range(made_copies))


def chunk_numbers(total: int) -> range:
    return range((total + CHUNK - 1) // CHUNK)
