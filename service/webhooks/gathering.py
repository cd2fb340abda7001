"""Gathers what is told in one message of a chat: a delivery, and the later ones about its claim.

Each keeps its own lease, attempt and state, so that a worker that dies loses nothing of them.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from service.domain.webhooks import CHATS
from service.store.webhook_tables import webhook_deliveries
from service.webhooks.settlement import PENDING

MOST_GATHERED = 20
"""Later messages that are told with one: they are read out together."""
deliveries = webhook_deliveries.c


@dataclass(frozen=True, slots=True)
class Companion:
    """A later message about the same claim that is sent with another, and its own lease."""

    lease: str
    message: str
    attempt: int
    body: bytes


def _is_gathering(delivery: Row[Any], by_id: Mapping[str, Row[Any]]) -> bool:
    """Whether what came of the claim since is told with a delivery."""
    return by_id[delivery.webhook].format in CHATS and not delivery.replay


def gather_later(
    connection: Connection,
    leased_now: Sequence[tuple[Row[Any], str]],
    endpoints: Mapping[str, Row[Any]],
) -> dict[str, list[tuple[Row[Any], str]]]:
    """Find what is told with each of these deliveries: later ones about its claim that were not
    tried, each with a lease of its own.  Returns them by the head's lease."""
    heads = [pair for pair in leased_now if _is_gathering(pair[0], endpoints)]
    gathered_rows: dict[str, list[tuple[Row[Any], str]]] = {}
    head_keys: set[tuple[str, str]] = set()
    leased_keys = {(head.webhook, head.message) for head, _ in heads}
    for head, token in sorted(heads, key=lambda pair: pair[0].position):
        claim = connection.scalar(
            select(deliveries.claim).where(
                deliveries.webhook == head.webhook, deliveries.message == head.message
            )
        )
        if claim is None or (head.webhook, claim) in head_keys:
            continue
        head_keys.add((head.webhook, claim))
        later = connection.execute(
            select(webhook_deliveries)
            .where(
                deliveries.webhook == head.webhook,
                deliveries.claim == claim,
                deliveries.state == PENDING,
                deliveries.replay.is_(False),
                deliveries.tries == 0,
                deliveries.lease.is_(None),
                deliveries.position > head.position,
            )
            .order_by(deliveries.position)
            .limit(MOST_GATHERED)
        ).all()
        gathered_rows[token] = [
            (row, secrets.token_hex(16))
            for row in later
            if (row.webhook, row.message) not in leased_keys
        ]
    return gathered_rows
