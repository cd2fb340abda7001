"""Selects the claims that a person follows, by whatever they follow."""

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from service.domain.notices import FollowKind
from service.notices import followed_searches
from service.store.tables import claim_tags, claims, events, follows, links, parties


def build_condition(connection: Connection, person: str) -> ColumnElement[bool]:
    """Return the condition for events of claims that a person follows."""
    rows = connection.execute(
        select(follows.c.kind, follows.c.target).where(
            follows.c.user == person, follows.c.stopped_at.is_(None)
        )
    )
    targets: dict[str, list[str]] = {kind: [] for kind in FollowKind}
    for row in rows:
        targets[row.kind].append(row.target)
    claim_ids = list(targets[FollowKind.CLAIM])
    for search in targets[FollowKind.SEARCH]:
        claim_ids += followed_searches.list_found(connection, search)
    conditions: list[ColumnElement[bool]] = [events.c.claim.in_(list(dict.fromkeys(claim_ids)))]
    if targets[FollowKind.STORY]:
        conditions.append(events.c.story.in_(targets[FollowKind.STORY]))
    if targets[FollowKind.TAG]:
        has_tag = exists().where(
            claim_tags.c.claim == events.c.claim,
            claim_tags.c.tag.in_(targets[FollowKind.TAG]),
            claim_tags.c.removed_at.is_(None),
        )
        conditions.append(has_tag)
    if targets[FollowKind.PARTY]:
        conditions += _match_parties(connection, targets[FollowKind.PARTY])
    return or_(*conditions)


def _match_parties(connection: Connection, slugs: list[str]) -> list[ColumnElement[bool]]:
    """Match events of claims in which these parties, or those below them, have a voice."""
    tree = select(parties.c.slug).where(parties.c.slug.in_(slugs)).cte("below", recursive=True)
    tree = tree.union(select(parties.c.slug).join(tree, parties.c.parent == tree.c.slug))
    voices = list(connection.scalars(select(tree.c.slug)))
    is_claimant = exists().where(claims.c.id == events.c.claim, claims.c.claimant.in_(voices))
    is_linked = exists().where(links.c.claim == events.c.claim, links.c.party.in_(voices))
    return [is_claimant, is_linked]
