"""What this service knows of a request while it answers it: one typed object in the ASGI scope."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from service.accounts.credentials import Credential
from service.domain.access import Actor
from service.notices.page_head import PageHead
from service.web.limits import Allowance

KEY = "claimdesk.context"
"""The one name in the scope that is ours."""


@dataclass(slots=True)
class RequestContext:
    """Made by `Envelope` when a request arrives, filled in by whoever learns something of it."""

    request_id: str
    is_head: bool = False
    """Whether the client sent HEAD: it is answered as GET, without a body."""
    credential: Credential | None = None
    """What the caller proved themselves by; None: nothing, or not asked yet."""
    limited_as: str = ""
    """Whom the rate limit counts: a key, a person or an address."""
    allowance: Allowance | None = None
    """What of the rate limit is left for them."""
    has_ended_session: bool = False
    """Whether a browser sent the cookie of a session that has ended, and is shown a public page."""
    page_head: PageHead | None = None
    """What a page says on top to the person who looks at it; None where nobody asked."""
    is_endless: bool = False
    """Whether the answer goes on: it is counted, timed and logged when it begins."""

    @property
    def actor(self) -> Actor | None:
        """Who calls; None: the public, or not asked yet."""
        return self.credential.actor if self.credential else None


def attach_context(scope: MutableMapping[str, Any], context: RequestContext) -> None:
    """Put the context of a new request into its scope."""
    scope[KEY] = context


def context_of(scope: MutableMapping[str, Any]) -> RequestContext:
    """Return the context of a request by its scope."""
    context: RequestContext = scope[KEY]
    return context
