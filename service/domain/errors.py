"""Every error that Claimdesk raises on purpose, as one tree.

Each class carries a stable `slug` (the last part of the problem's `type`), an HTTP `status` and a
`title`; an instance adds a `detail` that says what to do, and named extras.  One handler
(`web/problems.py`) turns them into RFC 9457 problem responses.

ClaimdeskError
 ├─ BadRequest 400, NotAuthenticated 401 ─ LinkSpent
 ├─ Forbidden 403 ─ SecondPersonNeeded, PersonNeeded, CrossSite
 ├─ NotFound 404 ─ NotYetRecorded
 ├─ MethodNotAllowed 405, NotAcceptable 406, RequestTimeout 408
 ├─ Conflict 409 ─ TransitionRefused, ClaimMerged, ClaimWithdrawn, ClaimVoid, AlreadyExists,
 │                 AlreadySettled,
 │                 DecisionPending, DecisionOutdated, StatementWithdrawn, StatementVoid,
 │                 MergeCycle,
 │                 StillRunning, WebhookNotActive, KeyWithoutPerson
 ├─ EpochEnded 410
 ├─ PreconditionFailed 412, BodyTooLarge 413, AddressTooLong 414, UnsupportedMedia 415,
 │  PreconditionRequired 428
 ├─ Invalid 422 ─ InvalidCursor, ExpiredCursor, KeyReused, Unsearchable
 ├─ RateLimited 429 ─ TooManyStreams
 ├─ HeadTooLarge 431
 ├─ FormatNotServed 501
 └─ Unavailable 503 ─ StreamsFull, ServerBusy, SignInBusy, DatabaseFull 507, DatabaseReadOnly,
                      DatabaseDamaged, DatabaseReplaced, ClockWrong
"""

from collections.abc import Mapping
from typing import Any


class ClaimdeskError(Exception):
    """An error that the caller can understand and act on."""

    slug = "internal-error"
    title = "Something went wrong on our side"
    status = 500

    def __init__(self, detail: str, **extras: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extras: Mapping[str, Any] = extras


class BadRequest(ClaimdeskError):
    slug, title, status = "bad-request", "The request cannot be read", 400


class NotAuthenticated(ClaimdeskError):
    slug, title, status = "not-authenticated", "Sign in, or send an API key", 401


class LinkSpent(NotAuthenticated):
    slug, title = "sign-in-link-spent", "This sign-in link no longer works"


class Forbidden(ClaimdeskError):
    slug, title, status = "forbidden", "Your role may not do this", 403


class SecondPersonNeeded(Forbidden):
    slug, title = "second-person-needed", "A second person has to approve this"


class PersonNeeded(Forbidden):
    slug, title = "person-needed", "A person has to approve this"


class CrossSite(Forbidden):
    slug, title = "cross-site", "The request came from another site"


class NotFound(ClaimdeskError):
    slug, title, status = "not-found", "There is no such thing here", 404


class NotYetRecorded(NotFound):
    slug, title = "not-yet-recorded", "The desk had not recorded this then"


class MethodNotAllowed(ClaimdeskError):
    slug, title, status = "method-not-allowed", "This address does not take that method", 405


class NotAcceptable(ClaimdeskError):
    slug, title, status = "not-acceptable", "This is not served in a form that you accept", 406


class RequestTimeout(ClaimdeskError):
    slug, title, status = "request-timeout", "The request did not arrive in time", 408


class Conflict(ClaimdeskError):
    slug, title, status = "conflict", "This clashes with what is recorded", 409


class TransitionRefused(Conflict):
    """A status change whose guard is not met; `missing` lists {need, has, detail}."""

    slug, title = "transition-refused", "The evidence does not allow this status yet"


class ClaimMerged(Conflict):
    slug, title = "claim-merged", "This claim was merged into another"


class ClaimWithdrawn(Conflict):
    slug, title = "claim-withdrawn", "The claimant has withdrawn this claim"


class ClaimVoid(Conflict):
    slug, title = "claim-void", "The claim was recorded by mistake"


class AlreadyExists(Conflict):
    slug, title = "already-exists", "This is recorded already"


class AlreadySettled(Conflict):
    slug, title = "already-settled", "This was settled before"


class DecisionPending(Conflict):
    slug, title = "decision-pending", "Another decision on this claim waits for a second person"


class DecisionOutdated(Conflict):
    """What is printed has changed since a decision was proposed.

    `changed` lists {field, seen, now}.
    """

    slug, title = "decision-outdated", "What prints has changed since this was proposed"


class StatementWithdrawn(Conflict):
    slug, title = "statement-withdrawn", "This statement was withdrawn"


class StatementVoid(Conflict):
    slug, title = "statement-void", "The statement was recorded by mistake"


class MergeCycle(Conflict):
    slug, title = "merge-cycle", "These claims cannot be merged"


class StillRunning(Conflict):
    slug, title = "idempotency-running", "The first request with this key is still running"


class WebhookNotActive(Conflict):
    slug, title = "webhook-not-active", "This webhook is paused or disabled"


class KeyWithoutPerson(Conflict):
    slug, title = "key-without-person", "This key belongs to no person"


class EpochEnded(ClaimdeskError):
    """`epoch` is the present one; null if it is the first."""

    slug, title, status = "epoch-ended", "This place is in a record that was replaced", 410


class PreconditionFailed(ClaimdeskError):
    """`version` is the claim's current version."""

    slug, title, status = "version-conflict", "The claim has changed since you read it", 412


class BodyTooLarge(ClaimdeskError):
    slug, title, status = "body-too-large", "The request body is too large", 413


class AddressTooLong(ClaimdeskError):
    slug, title, status = "address-too-long", "The address is too long", 414


class UnsupportedMedia(ClaimdeskError):
    slug, title, status = "unsupported-media-type", "Send the body as JSON", 415


class Invalid(ClaimdeskError):
    """`errors` lists {loc, msg} of each invalid field."""

    slug, title, status = "invalid-request", "Some of what was sent is not valid", 422

    def __init__(self, detail: str, *, loc: tuple[str | int, ...] | None = None, **extras: Any):
        if loc is not None:
            extras.setdefault("errors", [{"loc": list(loc), "msg": detail}])
        extras.setdefault("errors", [])
        super().__init__(detail, **extras)


class InvalidCursor(Invalid):
    slug, title = "invalid-cursor", "This cursor was not issued for this list"


class ExpiredCursor(Invalid):
    slug, title = "expired-cursor", "This cursor is too old"


class KeyReused(Invalid):
    slug, title = "idempotency-key-reused", "This Idempotency-Key was used for another request"


class Unsearchable(Invalid):
    slug, title = "unsearchable", "This query cannot be searched for"


class PreconditionRequired(ClaimdeskError):
    slug, title, status = "version-required", "Say which version of the claim you read", 428


class RateLimited(ClaimdeskError):
    slug, title, status = "rate-limited", "Too many requests", 429


class TooManyStreams(RateLimited):
    slug, title = "too-many-streams", "You have too many event streams open"


class HeadTooLarge(ClaimdeskError):
    slug, title, status = "head-too-large", "The head of the request is too large", 431


class FormatNotServed(ClaimdeskError):
    slug, title, status = "format-not-served", "There is no such format here", 501


class Unavailable(ClaimdeskError):
    slug, title, status = "unavailable", "The database cannot be reached", 503


class SignInBusy(Unavailable):
    slug, title = "sign-in-busy", "Too many people are signing in just now"


class StreamsFull(Unavailable):
    slug, title = "streams-full", "This server has as many event streams open as it may"


class ServerBusy(Unavailable):
    slug, title = "busy", "The server has too much to do for readers without a key"


class DatabaseFull(Unavailable):
    slug, title, status = "database-full", "The database has no room left", 507


class DatabaseReadOnly(Unavailable):
    slug, title = "database-read-only", "The database takes no changes"


class DatabaseDamaged(Unavailable):
    slug, title = "database-damaged", "The database cannot be read as it should be"


class DatabaseReplaced(Unavailable):
    slug, title = "database-replaced", "The database is not the one that was opened"


class ClockWrong(Unavailable):
    slug, title = "clock-wrong", "The server's clock cannot be right"


def list_problems() -> dict[str, type[ClaimdeskError]]:
    """Return every class of errors by its slug; `/problems/<slug>` explains each."""
    problems: dict[str, type[ClaimdeskError]] = {}
    remaining: list[type[ClaimdeskError]] = [ClaimdeskError]
    while remaining:
        kind = remaining.pop()
        problems[kind.slug] = kind
        remaining.extend(kind.__subclasses__())
    return problems
