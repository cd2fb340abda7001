"""`claimdesk webhooks …`: who is told of what, what became of it, and a receiver to try it with."""

from typing import Annotated

import typer

from service.cli import databases, endpoints, shell
from service.domain import ids
from service.domain.claims import rfc3339
from service.domain.errors import WebhookNotActive
from service.domain.webhooks import DeliveryState, EndpointState, EventType

app = typer.Typer(
    help="Webhooks: who is told of changes, and what became of it.",
    no_args_is_help=True,
    **shell.STYLE,
)

Webhook = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's id.")]


@app.command("list")
def list_(as_json: shell.AsJson = False) -> None:
    """List all webhooks, newest first, and how they do."""
    found = databases.read(endpoints.every)
    if as_json:
        shell.print_json(found)
        return
    shell.print_table(
        ("id", "state", "url", "told_of", "health"),
        [
            one
            | {
                "told_of": endpoints.told_of(one),
                "health": endpoints.health(one, now=shell.now()),
            }
            for one in found
        ],
        empty="There are no webhooks yet.  Register one: claimdesk webhooks create",
    )


@app.command()
def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are posted to.")],
    event: Annotated[
        list[EventType] | None,
        typer.Option(
            "--event",
            metavar="TYPE",
            help="Only this type, such as claim.status_changed; may be repeated.  Pings come "
            "anyway.",
        ),
    ] = None,
    story: Annotated[
        str | None, typer.Option(metavar="STORY", help="Only claims of this story.")
    ] = None,
    claim: Annotated[str | None, typer.Option(metavar="ID", help="Only this claim.")] = None,
    party: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PARTY",
            help="Only claims in which this one, or one below, speaks; may be repeated.",
        ),
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is for, for people.")
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Register a webhook and print the secret that signs what it is sent.

    It is told of every event that matches all the filters, from now on.
    """
    from service.web.bodies.webhook_inputs import WebhookIn

    wanted = endpoints.checked(
        WebhookIn,
        url=url,
        description=description,
        event_types=tuple(event or ()),
        story=story,
        claim=claim,
        parties=tuple(party or ()),
    )
    endpoints.vet(wanted.url)
    made = databases.write(endpoints.make, settings=wanted.model_dump(), now=shell.now())
    if as_json:
        shell.print_json(made)
        return
    shell.note(f"The webhook {made['id']} is told of {endpoints.told_of(made)}.")
    shell.note("This secret signs what it is sent; it is shown once:")
    typer.echo(made["secret"])
    shell.note(f"Try it: claimdesk webhooks ping {made['id']}")


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
    known = endpoints.known(webhook)
    began = endpoints.moment(since, now=shell.now()) if since is not None else None
    with endpoints.found(known):
        found = databases.read(
            endpoints.deliveries, webhook=known, limit=limit, state=state, kind=kind, since=began
        )
    if as_json:
        shell.print_json(found)
        return
    shell.print_table(
        ("id", "type", "state", "created_at"),
        [
            one
            | {"state": endpoints.standing(one), "created_at": endpoints.second(one["created_at"])}
            for one in found
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
    known = endpoints.known(webhook)
    message = ids.parse(delivery.strip())
    if message is None:
        raise shell.misused(f"{delivery!r} is no id.  See: claimdesk webhooks deliveries {known}")
    shape, sent = endpoints.change(known, endpoints.redeliver, message=message)
    if as_json:
        shell.print_json(sent)
    elif _goes_out(shape):
        shell.note(f"The delivery {message} is sent again.  {_when(shape)}")


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

    known, began = endpoints.known(webhook), endpoints.moment(since, now=shell.now())
    shape, count = endpoints.change(known, webhook_commands.recover, since=began)
    if as_json:
        shell.print_json({"recovered": count, "since": rfc3339(began)})
    elif not count:
        shell.note(f"Everything since {rfc3339(began)} was delivered: there is nothing to send.")
    elif _goes_out(shape):
        what = "1 delivery is" if count == 1 else f"{count:,} deliveries are"
        shell.note(f"{what} sent again.  {_when(shape)}")


@app.command()
def ping(webhook: Webhook, as_json: shell.AsJson = False) -> None:
    """Send a webhook something harmless, to see that it arrives."""
    from service.webhooks import webhook_commands

    known = endpoints.known(webhook)
    try:
        shape, message = endpoints.change(known, webhook_commands.ping)
    except WebhookNotActive as error:
        reason = error.detail.partition(":")[0]
        raise shell.Stopped(f"{reason}.  Run: claimdesk webhooks activate {known}") from error
    if as_json:
        shell.print_json({"id": message, "webhook": known, "type": EventType.PING})
    else:
        shell.note(f"The ping {message} is due.  {_when(shape)}")


@app.command()
def pause(
    webhook: Webhook,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why; the list shows it.")
    ] = None,
    as_json: shell.AsJson = False,
) -> None:
    """Send a webhook nothing for now.  What comes meanwhile is kept."""
    known = endpoints.known(webhook)
    shape = _set_state(known, EndpointState.PAUSED, reason)
    if as_json:
        shell.print_json(shape)
    else:
        shell.note(
            f"Nothing is sent to {shape['url']} until: claimdesk webhooks activate {known}\n"
            "What comes meanwhile is kept."
        )


@app.command()
def activate(webhook: Webhook, as_json: shell.AsJson = False) -> None:
    """Send to a webhook again that was paused or disabled; what waits goes out first."""
    known = endpoints.known(webhook)
    shape = _set_state(known, EndpointState.ACTIVE, None)
    if as_json:
        shell.print_json(shape)
        return
    pending, dead = shape["health"]["pending"], shape["health"]["dead"]
    shell.note(f"The webhook is active; {pending:,} waiting.  {_when(shape)}")
    if dead:
        shell.note(f"{dead:,} were given up: claimdesk webhooks recover {known} --since WHEN")


@app.command()
def remove(webhook: Webhook) -> None:
    """Delete a webhook, and whatever is still waiting for it."""
    from service.webhooks import webhook_commands

    known = endpoints.known(webhook)
    endpoints.change(known, webhook_commands.remove)
    shell.note(f"The webhook {known} is deleted.  Nothing more is sent to it.")


@app.command()
def release() -> None:
    """Say that this is the desk: send the webhooks that were held after a restore or a copy."""
    from service.operations import recovery

    if databases.write(recovery.release_webhooks, now=shell.now()):
        shell.note("Webhooks are sent again, with what waited.")
    else:
        shell.note("No webhooks were held.")


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

    listening.run(host, port, secrets=secret or [], fail=fail, as_json=as_json)


def _when(webhook: endpoints.Shape) -> str:
    """When what is due goes out, and where to see it."""
    rest = endpoints.rests_until(webhook, now=shell.now())
    if rest is None:
        when = "What is due goes out within a second if a dispatcher is at work."
    else:
        when = (
            f"The webhook is left alone until {rest} ({webhook['health']['last_error']}).\n"
            f"To try it at once: claimdesk webhooks activate {webhook['id']}"
        )
    return f"{when}\nSee: claimdesk webhooks deliveries {webhook['id']}"


def _goes_out(webhook: endpoints.Shape) -> bool:
    """Whether anything is sent to it now; says so where not."""
    if webhook["state"] == EndpointState.ACTIVE:
        return True
    shell.note(
        f"It is due, but the webhook is {webhook['state']} ({webhook['state_reason']}).  "
        f"Run: claimdesk webhooks activate {webhook['id']}"
    )
    return False


def _set_state(webhook: str, state: EndpointState, reason: str | None) -> endpoints.Shape:
    from service.web.bodies.webhook_inputs import StateIn
    from service.webhooks import webhook_commands

    wanted = endpoints.checked(StateIn, state=state, reason=reason)
    return endpoints.change(webhook, webhook_commands.set_state, state=state, reason=wanted.reason)[
        0
    ]
