"""Parties and what is below them, in SQL."""

from typing import Any

from sqlalchemy import ColumnElement, Select, select

from service.store.tables import parties


def below(party: ColumnElement[Any], name: str) -> Select[Any]:
    """A party and all parties below it; `name` has to differ within a statement."""
    tree = select(parties.c.slug).where(parties.c.slug == party).cte(name, recursive=True)
    tree = tree.union(select(parties.c.slug).join(tree, parties.c.parent == tree.c.slug))
    return select(tree.c.slug)
