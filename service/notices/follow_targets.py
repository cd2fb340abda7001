"""Lists by what a claim may be followed."""

from sqlalchemy import Connection, select

from service.domain.notices import FollowKind
from service.notices import followed_searches
from service.store.tables import claim_tags, claims, follows, links, parties


def list_targets(connection: Connection, claim: str) -> list[tuple[str, str]]:
    """Return all by which a claim may be followed, as it is now."""
    row = connection.execute(
        select(claims.c.story, claims.c.claimant).where(claims.c.id == claim)
    ).one()
    targets: list[tuple[str, str]] = [(FollowKind.CLAIM, claim)]
    if row.story is not None:
        targets.append((FollowKind.STORY, row.story))
    tags = connection.scalars(
        select(claim_tags.c.tag).where(
            claim_tags.c.claim == claim, claim_tags.c.removed_at.is_(None)
        )
    )
    targets += [(FollowKind.TAG, tag) for tag in tags]
    voices = set(
        connection.scalars(
            select(links.c.party).where(links.c.claim == claim, links.c.party.is_not(None))
        )
    )
    voices |= {row.claimant} if row.claimant is not None else set()
    targets += [(FollowKind.PARTY, party) for party in _list_lineage(connection, voices)]
    active = (follows.c.kind == FollowKind.SEARCH.value, follows.c.stopped_at.is_(None))
    searches = connection.scalars(select(follows.c.target).where(*active).distinct()).all()
    matching_searches = followed_searches.list_matching(connection, claim, searches)
    return targets + [(FollowKind.SEARCH, search) for search in matching_searches]


def _list_lineage(connection: Connection, slugs: set[str]) -> list[str]:
    """Return parties and all those above them: who follows a party follows what is below it."""
    if not slugs:
        return []
    lineage = (
        select(parties.c.slug, parties.c.parent)
        .where(parties.c.slug.in_(slugs))
        .cte("lineage", recursive=True)
    )
    lineage = lineage.union(
        select(parties.c.slug, parties.c.parent).join(lineage, parties.c.slug == lineage.c.parent)
    )
    return list(connection.scalars(select(lineage.c.slug)))
