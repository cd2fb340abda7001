"""What people may follow, of what they are told, and which changes of a claim are worth telling."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from service.domain.access import PERMISSIONS, Action, Role
from service.domain.disclosure import AMENDED_FOR_ALL


class FollowKind(StrEnum):
    """What a person may follow."""

    CLAIM = "claim"
    STORY = "story"
    PARTY = "party"
    TAG = "tag"
    SEARCH = "search"


class NoticeKind(StrEnum):
    """Why somebody is told of something."""

    CHANGE = "change"
    """Something that they follow changed."""
    MENTION = "mention"
    APPROVAL = "approval"
    """A decision waits that they may approve."""
    DECISION = "decision"
    """Their own proposal was decided on, or ended."""
    ASSIGNMENT = "assignment"
    DUE = "due"
    USE = "use"
    """What they printed is outdated."""
    WEBHOOK = "webhook"
    """An endpoint, or the desk itself, is not well, or is well again: for administrators."""


class Alert(StrEnum):
    """What administrators were last told of an endpoint that is not well."""

    FAILING = "failing"
    DISABLED = "disabled"


MOST_FOLLOWS = 1_000
MOST_SEARCHES = 20
"""How much one person may follow: each changed claim is looked for in every followed search."""
LONGEST_TARGET = 500
MOST_FEEDS = 20
"""Private addresses of feeds that one person may have."""
COALESCED = timedelta(seconds=3)
"""Changes of one claim within this time are one notice."""
OLDEST = timedelta(days=7)
"""Nobody is told of what was recorded longer ago: by a history that was imported, or while nothing
was sent for weeks."""
RETENTION_READ = timedelta(days=30)
RETENTION = timedelta(days=180)
"""How long notices are kept after they were read, and at all."""

CHANGE_TYPES = (
    *("claim.status_changed", "finding.changed", "claim.voided", "hold.placed"),
    *("claim.corrected", "statement.corrected", "source.corrected", "claim.created"),
    *("claim.withdrawn", "claim.merged", "claim.superseded", "claim.restored", "claim.separated"),
    *("hold.ended", "claim.amended", "claim.absorbed", "statement.withdrawn", "link.created"),
    *("link.retracted", "link.voided", "link.restored", "statement.voided", "statement.restored"),
    *("component.changed", "inquiry.created", "inquiry.changed", "inquiry.lapsed"),
    "correction_request.answered",
)
"""The events of a claim of which followers are told.  Of several at once, the first in this order
is named."""


def is_change(type: str, data: Mapping[str, Any]) -> bool:
    """Say whether followers of a claim are told of an event."""
    if type == "claim.amended":
        return not data.keys().isdisjoint(AMENDED_FOR_ALL)
    return type in CHANGE_TYPES


def list_approver_roles(proposal: Mapping[str, Any]) -> frozenset[Role]:
    """Return the roles that may approve a proposal, by the data of its event."""
    against_guards = proposal.get("override") is not None
    return PERMISSIONS[Action.OVERRIDE if against_guards else Action.APPROVE]
