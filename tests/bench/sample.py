"""What the workloads ask for: claims drawn from the generated desk while it is loaded."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from tests.bench import generate, words
from tests.bench.generate import World
from tests.bench.shapes import Claim

READ, MOVING, TEMPLATES = 20_000, 1_000, 500


@dataclass
class Sample:
    """`moving` claims are asserted, with nothing but comments linked: a checker may open
    verification on them. They change during a run, so `read` has none of them."""

    read: list[UUID] = field(default_factory=list)
    as_of: list[tuple[UUID, datetime]] = field(default_factory=list)
    filters: list[tuple[str, str]] = field(default_factory=list)
    moving: list[UUID] = field(default_factory=list)

    def add(self, other: Sample) -> None:
        for name in vars(self):
            getattr(self, name).extend(getattr(other, name))


def draw(claims: Sequence[Claim], total: int, number: int, seed: int) -> Sample:
    """One chunk's share of the sample."""
    rng, share = random.Random(f"sample {seed} {number}"), len(claims) / total
    may_move = [
        c.id
        for c in claims
        if c.claimant
        and c.status == generate.ASSERTED
        and all(x.stance == "comments" for x in c.links)
    ]
    moving = rng.sample(may_move, min(len(may_move), round(MOVING * share) + 1))
    resting = [c for c in claims if c.id not in set(moving)]
    read = rng.sample(resting, min(len(resting), round(READ * share) + 1))
    sample = Sample(read=[c.id for c in read], moving=moving)
    for c in read:
        life = (generate.END - c.created_at).total_seconds()
        sample.as_of.append(
            (c.id, generate.moment(c.created_at.timestamp() + 0.001 + rng.random() * life))
        )
        if c.claimant:
            sample.filters.append((c.claimant, c.status))
    return sample


def new_claims(world: World, seed: int) -> list[dict[str, Any]]:
    """Bodies of claims to create, as the contract has them; `@` stands where each must differ."""
    candidates = generate.chunk(world, 10 * TEMPLATES, 0, seed=seed + 1_000_000)
    return [_body(c) for c in islice((c for c in candidates if c.claimant), TEMPLATES)]


def _body(c: Claim) -> dict[str, Any]:
    origin_statement = c.origin
    source = {
        "url": f"https://wire.example/{c.id.hex}/@",
        "publisher": words.PUBLISHERS[c.id.int % 20],
        "title": c.text[:60],
        "published_at": origin_statement.said_at.isoformat(),
        "language": "en",
    }
    quotes = [
        {
            "text": quote.text,
            "language": quote.language,
            "rendering": quote.rendering,
            "source": source,
        }
        for quote in origin_statement.quotes
    ]
    origin = {
        "party": origin_statement.party,
        "said_at": origin_statement.said_at.isoformat(),
        "precision": origin_statement.precision,
        "basis": origin_statement.basis,
        "quotes": quotes,
    }
    return {
        "text": f"{c.text} @",
        "kind": c.kind,
        "claimant": c.claimant,
        "claimed_at": c.claimed_at.isoformat(),
        "precision": c.precision,
        "story": c.story,
        "tags": list(c.tags),
        "origin": origin,
    }


def merged(parts: Iterable[Sample], seed: int) -> Sample:
    """All shares in one, in an order that jumps about the whole desk."""
    whole, rng = Sample(), random.Random(f"order {seed}")
    for part in parts:
        whole.add(part)
    for values in vars(whole).values():
        rng.shuffle(values)
    return whole
