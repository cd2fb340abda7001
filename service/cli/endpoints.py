"""What the commands on webhooks share: checks of arguments, runs of commands, lists, wording."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from service.cli import databases, shell
from service.cli.keys import UNITS
from service.domain import ids
from service.domain.claims import format_instant
from service.domain.errors import NotFound
from service.domain.webhooks import DeliveryState

if TYPE_CHECKING:
    from pydantic import BaseModel

    from service.store.engine import Connection
    from service.store.paging import Window
    from service.webhooks.webhook_views import DeliveryView, NewWebhookView, WebhookView

T = TypeVar("T")
Model = TypeVar("Model", bound="BaseModel")
ON_THIS_MACHINE = "CLAIMDESK_WEBHOOK_ALLOW_HTTP=on CLAIMDESK_WEBHOOK_ALLOW_CIDRS={network}"
"""What lets a webhook go to a receiver on the machine itself."""
OPTIONS = {
    "event_types": "--event",
    "parties": "--party",
    "status_from": "--status-from",
    "status_to": "--status-to",
    "kinds": "--kind",
    "tags": "--tag",
    "languages": "--language",
    "url": "URL",
}


def describe_health(webhook: "WebhookView", *, now: datetime) -> str:
    """Say in a few words how an endpoint does."""
    health = webhook["health"]
    counts = {"pending": health["pending"], "dead": health["dead"]}
    parts = [f"{count:,} {state}" for state, count in counts.items() if count]
    failures = health["failures_in_a_row"]
    if failures:
        times = f" {failures:,} times" if failures > 1 else ""
        parts.append(f"failed{times}: {health['last_error']}")
    elif health["last_success_at"]:
        parts.append(f"well at {format_second(health['last_success_at'])}")
    blocked_until = find_blocked_until(webhook, now=now)
    if blocked_until is not None:
        parts.append(f"left alone until {blocked_until}")
    return ", ".join(parts) or "nothing sent yet"


def find_blocked_until(webhook: "WebhookView", *, now: datetime) -> str | None:
    """Return until when the breaker or the receiver's Retry-After holds deliveries back."""
    until = webhook["health"]["blocked_until"]
    if until is None or datetime.fromisoformat(until) <= now:
        return None
    return format_second(until)


def describe_delivery(delivery: "DeliveryView") -> str:
    """Say in a few words how a delivery stands."""
    if delivery["in_flight"]:
        return "in flight"
    parts = [str(delivery["state"])]
    if delivery["attempts"] > 1:
        parts.append(f"{delivery['attempts']:,} tries")
    if delivery["last_error"] and delivery["state"] != DeliveryState.DELIVERED:
        parts.append(delivery["last_error"])
    if delivery["attempts"] and delivery["next_attempt_at"]:
        parts.append(f"again at {format_second(delivery['next_attempt_at'])}")
    return ", ".join(parts)


def format_second(moment: str) -> str:
    """Format an instant for people, without its fraction."""
    return f"{moment[:10]} {moment[11:19]}Z"


def parse_moment(text: str, *, now: datetime) -> datetime:
    """Read `3d` (before now), or an RFC 3339 instant."""
    span = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    try:
        if span is not None:
            return now - timedelta(**{UNITS[span[2]]: int(span[1])})
        instant = datetime.fromisoformat(text.strip())
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise shell.UsageError(
        f"--since {text}: say a time back from now (90m, 2h, 3d, 4w), or an instant with an "
        f"offset, such as {format_instant(now.replace(microsecond=0) - timedelta(days=3))}."
    )


def validate_input(model: type[Model], **values: Any) -> Model:
    """Validate arguments by the API's own model.  Stops with each fault."""
    from pydantic import ValidationError

    from service import field_types

    try:
        return model(**values)
    except ValidationError as error:
        faults = []
        for fault in error.errors():
            field = str(fault["loc"][0])
            message = field_types.describe_fault(fault)
            faults.append(f"{OPTIONS.get(field, f'--{field}')} {fault['input']}: {message}")
        raise shell.UsageError("\n  ".join(faults)) from error


def check_url(url: str) -> None:
    """Stop where the guard would refuse the URL at each attempt."""
    import asyncio

    from service.webhooks.address_guard import AddressRefused
    from service.webhooks.dispatcher import build_guard

    try:
        asyncio.run(build_guard(shell.load_settings()).check_address(url))
    except AddressRefused as refused:
        message = str(refused)
        if re.match(r"https?://(127\.|localhost\b)", url):
            message += (
                "\n  For a receiver on this machine, at http://127.0.0.1:PORT, set this here and "
                f"for claimdesk serve:\n  export {ON_THIS_MACHINE.format(network='127.0.0.0/8')}"
            )
        raise shell.UsageError(message) from refused


def parse_webhook_id(webhook: str) -> str:
    """Return the id in its usual form.  Stops where it is none."""
    parsed_id = ids.parse_id(webhook.strip())
    if parsed_id is None:
        raise shell.UsageError(f"{webhook!r} is no webhook's id.  See: claimdesk webhooks list")
    return parsed_id


@contextmanager
def explain_not_found(webhook: str) -> Iterator[None]:
    """Stop where something is not found, and say where ids are listed."""
    try:
        yield
    except NotFound as error:
        where = f"deliveries {webhook}" if "delivery" in error.detail else "list"
        raise shell.CommandError(f"{error.detail}  See: claimdesk webhooks {where}") from error


def run_command(
    webhook: str, command: Callable[..., T], **arguments: Any
) -> "tuple[WebhookView, T]":
    """Run a command on a webhook as the operator; returns the webhook after it, and the result."""
    from service.webhooks import webhook_queries

    def run(connection: "Connection", **who: Any) -> "tuple[WebhookView, T]":
        result = command(connection, webhook, **arguments, **who)
        return webhook_queries.read_webhook(connection, webhook), result

    return run_as_operator(webhook, run)


def run_as_operator(webhook: str, command: Callable[..., T]) -> T:
    """Run a command that may not find `webhook`, as the operator."""
    from service.domain import access

    with explain_not_found(webhook):
        return databases.write(command, actor=access.SYSTEM, now=shell.read_clock())


def redeliver_message(
    connection: "Connection", webhook: str, *, message: str, **who: Any
) -> "DeliveryView":
    """Send a delivery again, and return it."""
    from service.webhooks import webhook_commands, webhook_queries

    webhook_commands.redeliver_message(connection, webhook, message, **who)
    return webhook_queries.read_delivery(connection, webhook, message)


def create_webhook(
    connection: "Connection", *, settings: Mapping[str, Any], now: datetime
) -> "NewWebhookView":
    """Register a webhook as the operator, and return it with its secret."""
    from service.domain import access
    from service.webhooks import webhook_commands, webhook_queries

    webhook, secret = webhook_commands.create_webhook(
        connection, settings, actor=access.SYSTEM, now=now
    )
    return {**webhook_queries.read_webhook(connection, webhook), "secret": secret}


def list_webhooks(connection: "Connection") -> "list[WebhookView]":
    """Return every webhook, newest first."""
    from service.webhooks import webhook_queries

    return _read_pages(
        lambda window: webhook_queries.list_webhooks(connection, window),
        lambda webhook: [webhook["created_at"], webhook["id"]],
    )


def list_deliveries(
    connection: "Connection", *, webhook: str, limit: int, **filters: Any
) -> "list[DeliveryView]":
    """Return the newest deliveries of a webhook, at most `limit`."""
    from service.webhooks import webhook_queries

    return _read_pages(
        lambda window: webhook_queries.list_deliveries(connection, webhook, window, **filters),
        lambda delivery: [delivery["created_at"], delivery["position"], delivery["id"]],
        limit,
    )


def _read_pages(
    read_page: Callable[["Window"], Sequence[T]],
    sort_keys: Callable[[T], Sequence[Any]],
    limit: int | None = None,
) -> list[T]:
    """Read a list page by page, up to `limit` rows."""
    from service.store.paging import MAX_LIMIT, Window, cut_page

    rows: list[T] = []
    after = None
    while True:
        window = Window(MAX_LIMIT if limit is None else min(MAX_LIMIT, limit - len(rows)), after)
        page, last = cut_page(read_page(window), window, sort_keys)
        rows += page
        if last is None or len(rows) == limit:
            return rows
        after = list(last)
