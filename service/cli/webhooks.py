"""`claimdesk webhooks …`: endpoints, their deliveries, and a receiver to try them with."""

from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import databases, endpoints, shell, webhook_options
from service.domain import ids
from service.domain.claims import format_instant
from service.domain.errors import WebhookNotActive
from service.domain.webhooks import DeliveryState, EndpointState, EventType, Format

if TYPE_CHECKING:
    from service.webhooks.webhook_views import WebhookView

app = typer.Typer(
    help="Webhooks: who is told of changes, and what became of it.",
    no_args_is_help=True,
    **shell.STYLE,
)

Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's id.")]


@app.command("list")
def list_(as_json: shell.AsJson = False) -> None:
    """List all webhooks, newest first, and how they do."""
    from service.webhooks.webhook_views import describe_filters

    webhooks = databases.read(endpoints.list_webhooks)
    if as_json:
        shell.print_json(webhooks)
        return
    shell.print_table(
        ("id", "state", "url", "told_of", "health"),
        [
            webhook
            | {
                "told_of": describe_filters(webhook),
                "health": endpoints.describe_health(webhook, now=shell.read_clock()),
            }
            for webhook in webhooks
        ],
        empty="There are no webhooks yet.  Register one: claimdesk webhooks create",
    )


@app.command()
def create(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Where events go: https://…; of a broker, with the subject or stream in it: "
            "tls://HOST/SUBJECT, rediss://HOST/0?stream=NAME; of a mail: mailto:ADDRESS.",
        ),
    ],
    format: Annotated[
        Format,
        typer.Option(
            help="standard: posted over HTTP; slack, mattermost, teams, telegram, email: a message "
            "for people, in words; nats, redis: appended to a stream of NATS JetStream or Redis."
        ),
    ] = Format.STANDARD,
    event: webhook_options.Events = None,
    story: webhook_options.Story = None,
    claim: webhook_options.Claim = None,
    party: webhook_options.Parties = None,
    status_from: webhook_options.FormerStatuses = None,
    status_to: webhook_options.LaterStatuses = None,
    kind: webhook_options.Kinds = None,
    tag: webhook_options.Tags = None,
    severity: webhook_options.Severities = None,
    language: webhook_options.Languages = None,
    quotes: webhook_options.Quotes = True,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is for, for people.")
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Register a webhook and print the secret that signs what it is sent.

    It is told of every event that matches all the filters, from now on.
    """
    from service.web.bodies.webhook_inputs import PayloadIn, WebhookIn
    from service.webhooks.webhook_views import describe_filters

    body = endpoints.validate_input(
        WebhookIn,
        url=url,
        format=format,
        description=description,
        event_types=tuple(event or ()),
        story=story,
        claim=claim,
        parties=tuple(party or ()),
        status_from=tuple(status_from or ()),
        status_to=tuple(status_to or ()),
        kinds=tuple(kind or ()),
        tags=tuple(tag or ()),
        severity=tuple(severity or ()),
        languages=tuple(language or ()),
        payload=PayloadIn(quotes=quotes),
    )
    endpoints.check_url(body.url)
    webhook = databases.write(
        endpoints.create_webhook, settings=body.model_dump(), now=shell.read_clock()
    )
    if as_json:
        shell.print_json(webhook)
        return
    shell.print_note(f"The webhook {webhook['id']} is told of {describe_filters(webhook)}.")
    shell.print_note("This secret signs what it is sent; it is shown once:")
    typer.echo(webhook["secret"])
    shell.print_note(f"Try it: claimdesk webhooks ping {webhook['id']}")


@app.command()
def deliveries(
    webhook: Webhook,
    state: Annotated[DeliveryState | None, typer.Option(help="Only in this state.")] = None,
    kind: Annotated[
        EventType | None, typer.Option("--type", metavar="TYPE", help="Only of this type.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Recorded since: 2h, 3d back from now, or an instant."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 50,
    as_json: shell.AsJson = False,
) -> None:
    """List what was and is sent to a webhook, newest first."""
    webhook_id = endpoints.parse_webhook_id(webhook)
    since_moment = (
        endpoints.parse_moment(since, now=shell.read_clock()) if since is not None else None
    )
    with endpoints.explain_not_found(webhook_id):
        rows = databases.read(
            endpoints.list_deliveries,
            webhook=webhook_id,
            limit=limit,
            state=state,
            kind=kind,
            since=since_moment,
        )
    if as_json:
        shell.print_json(rows)
        return
    shell.print_table(
        ("id", "type", "state", "created_at"),
        [
            delivery
            | {
                "state": endpoints.describe_delivery(delivery),
                "created_at": endpoints.format_second(delivery["created_at"]),
            }
            for delivery in rows
        ],
        empty="Nothing of that kind was sent to it.",
    )


@app.command()
def redeliver(
    webhook: Webhook,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.")],
    as_json: shell.AsJson = False,
) -> None:
    """Send a delivery again, whatever became of it: the same id, the same bytes."""
    webhook_id = endpoints.parse_webhook_id(webhook)
    message = ids.parse_id(delivery.strip())
    if message is None:
        raise shell.UsageError(
            f"{delivery!r} is no id.  See: claimdesk webhooks deliveries {webhook_id}"
        )
    view, delivery_view = endpoints.run_command(
        webhook_id, endpoints.redeliver_message, message=message
    )
    if as_json:
        shell.print_json(delivery_view)
    elif _check_active(view):
        shell.print_note(f"The delivery {message} is sent again.  {_describe_next_sending(view)}")


@app.command()
def recover(
    webhook: Webhook,
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="2h, 3d back from now, or an instant with an offset."),
    ],
    as_json: shell.AsJson = False,
) -> None:
    """Send again everything recorded since then that was not delivered."""
    from service.webhooks import webhook_commands

    webhook_id = endpoints.parse_webhook_id(webhook)
    since_moment = endpoints.parse_moment(since, now=shell.read_clock())
    view, count = endpoints.run_command(
        webhook_id, webhook_commands.recover_deliveries, since=since_moment
    )
    if as_json:
        shell.print_json({"recovered": count, "since": format_instant(since_moment)})
    elif not count:
        shell.print_note(
            f"Everything since {format_instant(since_moment)} was delivered: "
            "there is nothing to send."
        )
    elif _check_active(view):
        what = "1 delivery is" if count == 1 else f"{count:,} deliveries are"
        shell.print_note(f"{what} sent again.  {_describe_next_sending(view)}")


@app.command()
def ping(webhook: Webhook, as_json: shell.AsJson = False) -> None:
    """Send a webhook something harmless, to see that it arrives."""
    from service.webhooks import webhook_commands

    webhook_id = endpoints.parse_webhook_id(webhook)
    try:
        view, message = endpoints.run_command(webhook_id, webhook_commands.ping_webhook)
    except WebhookNotActive as error:
        reason = error.detail.partition(":")[0]
        raise shell.CommandError(
            f"{reason}.  Run: claimdesk webhooks activate {webhook_id}"
        ) from error
    if as_json:
        shell.print_json({"id": message, "webhook": webhook_id, "type": EventType.PING})
    else:
        shell.print_note(f"The ping {message} is due.  {_describe_next_sending(view)}")


@app.command()
def pause(
    webhook: Webhook,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; the list shows it.")
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Send a webhook nothing for now.  What comes meanwhile is kept."""
    webhook_id = endpoints.parse_webhook_id(webhook)
    view = _set_state(webhook_id, EndpointState.PAUSED, reason)
    if as_json:
        shell.print_json(view)
    else:
        shell.print_note(
            f"Nothing is sent to {view['url']} until: claimdesk webhooks activate {webhook_id}\n"
            "What comes meanwhile is kept."
        )


@app.command()
def activate(webhook: Webhook, as_json: shell.AsJson = False) -> None:
    """Send to a webhook again that was paused or disabled; what waits goes out first."""
    webhook_id = endpoints.parse_webhook_id(webhook)
    view = _set_state(webhook_id, EndpointState.ACTIVE, None)
    if as_json:
        shell.print_json(view)
        return
    pending, dead = view["health"]["pending"], view["health"]["dead"]
    shell.print_note(f"The webhook is active; {pending:,} waiting.  {_describe_next_sending(view)}")
    if dead:
        shell.print_note(
            f"{dead:,} were given up: claimdesk webhooks recover {webhook_id} --since WHEN"
        )


@app.command()
def remove(webhook: Webhook) -> None:
    """Delete a webhook, and whatever is still waiting for it."""
    from service.webhooks import webhook_commands

    webhook_id = endpoints.parse_webhook_id(webhook)
    endpoints.run_as_operator(
        webhook_id,
        lambda connection, **who: webhook_commands.remove_webhook(connection, webhook_id, **who),
    )
    shell.print_note(f"The webhook {webhook_id} is deleted.  Nothing more is sent to it.")


@app.command()
def release() -> None:
    """Say that this is the desk: send the webhooks that were held after a restore or a copy."""
    from service.operations import recovery

    if databases.write(recovery.release_webhooks, now=shell.read_clock()):
        shell.print_note("Webhooks are sent again, with what waited.")
    else:
        shell.print_note("No webhooks were held.")


@app.command()
def listen(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one.")
    ] = 9000,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECRET",
            envvar="CLAIMDESK_WEBHOOK_SECRET",
            show_envvar=True,
            help="What verifies; may be repeated, as in a rotation.",
        ),
    ] = None,
    fail: Annotated[
        int, typer.Option(min=0, help="Answer 500 to so many first, to see them tried again.")
    ] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each delivery.")
    ] = False,
) -> None:
    """Receive deliveries and show them, verified.  For trying things out; needs no database."""
    from service.cli import listening

    listening.run_receiver(host, port, secrets=secret or [], fail=fail, as_json=as_json)


def _describe_next_sending(webhook: "WebhookView") -> str:
    """Say when what is due goes out, and where to see it."""
    blocked_until = endpoints.find_blocked_until(webhook, now=shell.read_clock())
    if blocked_until is None:
        when = "What is due goes out within a second if a dispatcher is at work."
    else:
        reason = webhook["health"]["last_error"]
        when = (
            f"The webhook is left alone until {blocked_until} ({reason}).\n"
            f"To try it at once: claimdesk webhooks activate {webhook['id']}"
        )
    return f"{when}\nSee: claimdesk webhooks deliveries {webhook['id']}"


def _check_active(webhook: "WebhookView") -> bool:
    """Tell whether anything is sent to the webhook now, and print why not."""
    if webhook["state"] == EndpointState.ACTIVE:
        return True
    shell.print_note(
        f"It is due, but the webhook is {webhook['state']} ({webhook['state_reason']}).  "
        f"Run: claimdesk webhooks activate {webhook['id']}"
    )
    return False


def _set_state(webhook: str, state: EndpointState, reason: str | None) -> "WebhookView":
    from service.web.bodies.webhook_inputs import StateIn
    from service.webhooks import webhook_commands

    body = endpoints.validate_input(StateIn, state=state, reason=reason)
    return endpoints.run_command(
        webhook, webhook_commands.set_state, state=state, reason=body.reason
    )[0]
