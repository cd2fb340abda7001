"""The envelope of every body (Standard Webhooks 1.0), and that of a ping."""

from datetime import datetime
from typing import Any

import orjson

from service.domain.claims import rfc3339
from service.domain.webhooks import EventType


def render_body(kind: str, moment: datetime, data: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": kind, "timestamp": rfc3339(moment), "data": data})


def render_ping(webhook: str, moment: datetime, *, base_url: str) -> bytes:
    """The body of a ping: it says who sends, and nothing of any claim."""
    return render_body(EventType.PING, moment, {"webhook": webhook, "from": base_url})
