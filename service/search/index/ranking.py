"""Decide whether a query finds what has these fields, and how well.

This is the definition of a result: the indexes of both databases are asked for what it would
answer. It alone ranks what was known at an instant in the past.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum

from service.search.index.query_parser import Query, Term
from service.search.index.searchable_fields import Field, Level


class Tier(IntEnum):
    """How well a result fits, best first."""

    TOGETHER = 0
    """All words stand in its text, as one phrase in the order typed."""
    TEXT = 1
    NAMES = 2
    ANYWHERE = 3


LEVELS = {Tier.TEXT: Level.TEXT, Tier.NAMES: Level.NAMES, Tier.ANYWHERE: Level.QUOTES}
"""The level at which all words of a tier's results stand."""


def rank_fields(query: Query, fields: Sequence[Field]) -> Tier | None:
    """Return how well the query finds what has these fields; None where it does not."""

    def is_held(term: Term, level: Level) -> bool:
        return any(field.level <= level and term.find_in(field) for field in fields)

    if any(is_held(term, Level.QUOTES) for term in query.excluded):
        return None
    if query.together is not None and is_held(query.together, Level.TEXT):
        return Tier.TOGETHER
    for tier, level in LEVELS.items():
        if all(is_held(term, level) for term in query.required):
            return tier
    return None


def list_tiers(query: Query, levels: Iterable[Level]) -> list[Tier]:
    """Return the tiers that results of a query fall into, best first."""
    tiers = [tier for tier, level in LEVELS.items() if level in levels]
    return tiers if query.together is None else [Tier.TOGETHER, *tiers]
