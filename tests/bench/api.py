"""How each target is asked: where things are, and how a change is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID


@dataclass(frozen=True)
class Write:
    """A request that changes something: `status` is what it is answered with."""

    path: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 201


@dataclass(frozen=True)
class Api:
    """The service's own; `headers` go with every request."""

    claims: str = "/v1/claims"
    evidence_at: str = "{claim}?expand=links"
    as_of_at: str = "{claim}?as_of={at}"
    cursor_at: str = "cursor={cursor}"
    lists_as_of: bool = True
    conditional: bool = True  # answers If-None-Match with 304
    searches: bool = True
    desk: bool = True  # has pages for people too
    headers: Mapping[str, str] = field(default_factory=dict)

    def claim(self, key: UUID) -> str:
        return f"{self.claims}/{key}"

    def evidence(self, key: UUID) -> str:
        return self.evidence_at.format(claim=self.claim(key))

    def as_of(self, key: UUID, at: str) -> str:
        return self.as_of_at.format(claim=self.claim(key), at=quote(at, safe=":"))

    def page(self, query: Mapping[str, str], limit: int = 25, cursor: str | None = None) -> str:
        """A page of the list; `cursor` as `read_cursor` gave it."""
        text = urlencode({**query, "limit": limit}, quote_via=quote)
        if cursor is not None:
            text += "&" + self.cursor_at.format(cursor=quote(cursor, safe="=&"))
        return f"{self.claims}?{text}"

    def read_cursor(self, page: Mapping[str, Any]) -> str | None:
        """What the page after this one is asked for with; None: this is the last."""
        cursor = page["next_cursor"]
        return None if cursor is None else str(cursor)

    def status_changes(self, key: UUID) -> str:
        return f"{self.claim(key)}/status-changes"

    def create(self, body: Mapping[str, Any]) -> Write:
        """Record a claim; each `@` of the text that is sent stands for what makes it another."""
        return Write(self.claims, json.dumps(body, ensure_ascii=False))

    def change(self, key: UUID, version: int, to: str, reason: str) -> Write:
        """Change the status of a claim that is at `version`."""
        body = json.dumps({"to": to, "reason": reason})
        return Write(self.status_changes(key), body, {"If-Match": f'"{version}"'})
