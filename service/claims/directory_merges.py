"""Merges parties and speakers that are one, and separates them again.

What is merged stays where it was recorded, and is shown by the name of the one that took its place:
a party below it in the tree, so that both count as one voice.  So a merge is a rename and a move,
and runs in the batches of one (`rename_commands`); a separation gives back the own name and place.
"""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from service.claims import rename_commands
from service.directory import party_commands
from service.domain import access
from service.domain.access import Action, Actor
from service.domain.errors import AlreadySettled, Invalid, NotFound
from service.store.tables import events, parties, speakers

INTO = ("body", "into")


def merge_party(
    connection: Connection,
    slug: str,
    *,
    into: str,
    reason: str | None,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Merge a party into another, or propose it; returns the id of the pending decision.

    Voices that were two are one from now on: claims that rested on both may fall.  Raises NotFound,
    Invalid, AlreadySettled, DecisionPending.
    """
    access.require_permission(actor, Action.MERGE_DIRECTORY)
    tree = rename_commands.lock_tree(connection)
    if slug not in tree:
        raise NotFound(f"There is no party '{slug}'.")
    if into not in tree:
        raise Invalid(f"there is no party '{into}'", loc=INTO)
    loser, survivor = tree[slug], tree[into]
    _require_mergeable(slug, loser["merged_into"], into, survivor["merged_into"])
    if slug in party_commands.list_ancestors(connection, into, loc=INTO):
        raise Invalid(f"'{into}' stands below '{slug}': move it out first", loc=INTO)
    changes = {
        "merged_into": into,
        "merged_name": loser["name"],
        "name": survivor["name"],
        "parent": into,
    }
    return rename_commands.submit_party(
        connection, slug, changes, reason=reason, four_eyes=four_eyes, actor=actor, now=now
    )


def separate_party(
    connection: Connection,
    slug: str,
    *,
    reason: str,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Make a merged party one of its own again, where it stood before, or propose it; returns the
    id of the pending decision.  Raises NotFound, AlreadySettled, DecisionPending."""
    access.require_permission(actor, Action.MERGE_DIRECTORY)
    tree = rename_commands.lock_tree(connection)
    if slug not in tree:
        raise NotFound(f"There is no party '{slug}'.")
    _require_merged(tree[slug]["merged_into"])
    parent = _read_former_parent(connection, slug)
    if parent is not None:
        above = party_commands.list_ancestors(connection, parent, loc=("body",))
        # It has moved below this one since: then this one stands by itself.
        parent = None if slug in above else parent
    changes = {
        "merged_into": None,
        "merged_name": None,
        "name": tree[slug]["merged_name"],
        "parent": parent,
    }
    return rename_commands.submit_party(
        connection, slug, changes, reason=reason, four_eyes=four_eyes, actor=actor, now=now
    )


def merge_speaker(
    connection: Connection,
    speaker_id: str,
    *,
    into: str,
    reason: str | None,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Merge a speaker into another of the same root party, or propose it; returns the id of the
    pending decision.  Raises NotFound, Invalid, AlreadySettled, DecisionPending."""
    access.require_permission(actor, Action.MERGE_DIRECTORY)
    loser = _lock_speaker(connection, speaker_id)
    if loser is None:
        raise NotFound("There is no speaker with this id.")
    survivor = _lock_speaker(connection, into)
    if survivor is None:
        raise Invalid("there is no speaker with this id", loc=INTO)
    _require_mergeable(speaker_id, loser.merged_into, into, survivor.merged_into)
    roots = select(parties.c.root).where(parties.c.slug.in_([loser.party, survivor.party]))
    if len(set(connection.scalars(roots))) > 1:
        raise Invalid(
            f"they speak for different parties, '{loser.party}' and '{survivor.party}': merge "
            "those first",
            loc=INTO,
        )
    changes = {
        "merged_into": into,
        "merged_name": loser.name,
        "merged_role": loser.role,
        "name": survivor.name,
        "role": survivor.role,
    }
    return rename_commands.submit_speaker(
        connection, speaker_id, changes, reason=reason, four_eyes=four_eyes, actor=actor, now=now
    )


def separate_speaker(
    connection: Connection,
    speaker_id: str,
    *,
    reason: str,
    four_eyes: bool,
    actor: Actor,
    now: datetime,
) -> str | None:
    """Make a merged speaker one of their own again, or propose it; returns the id of the pending
    decision.  Raises NotFound, AlreadySettled, DecisionPending."""
    access.require_permission(actor, Action.MERGE_DIRECTORY)
    row = _lock_speaker(connection, speaker_id)
    if row is None:
        raise NotFound("There is no speaker with this id.")
    _require_merged(row.merged_into)
    changes = {
        "merged_into": None,
        "merged_name": None,
        "merged_role": None,
        "name": row.merged_name,
        "role": row.merged_role,
    }
    return rename_commands.submit_speaker(
        connection, speaker_id, changes, reason=reason, four_eyes=four_eyes, actor=actor, now=now
    )


def _require_mergeable(
    loser: str, loser_into: str | None, survivor: str, survivor_into: str | None
) -> None:
    if loser == survivor:
        raise Invalid("nothing is merged into itself", loc=INTO)
    if loser_into is not None:
        raise AlreadySettled(f"It was merged into {loser_into} before.", merged_into=loser_into)
    if survivor_into is not None:
        raise Invalid(f"it was merged into {survivor_into}: merge into that one", loc=INTO)


def _require_merged(into: str | None) -> None:
    if into is None:
        raise AlreadySettled("It is not merged: there is nothing to separate.")


def _lock_speaker(connection: Connection, speaker_id: str) -> Row[Any] | None:
    query = select(speakers).where(speakers.c.id == speaker_id).with_for_update()
    return connection.execute(query).first()


def _read_former_parent(connection: Connection, slug: str) -> str | None:
    """Read where a merged party stood before."""
    last = (
        select(events.c.data)
        .where(events.c.kind == "party", events.c.subject == slug, events.c.type == "party.merged")
        .order_by(events.c.number.desc())
        .limit(1)
    )
    parent: str | None = orjson.loads(connection.execute(last).scalar_one())["was"]["parent"]
    return parent
