"""Webhooks: endpoints, their secrets, what was and is sent to them.  For administrators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from service.domain.access import Action
from service.domain.errors import Invalid
from service.domain.webhooks import OVERLAP_HOURS, DeliveryState, EndpointState, EventType
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web.bodies import webhook_inputs
from service.web.calls import (
    Call,
    Paged,
    allow,
    allow_writing,
    answer_json,
    build_answer,
    build_response,
)
from service.web.fields import Instant, RecordId
from service.web.json_bodies import JsonRoute
from service.webhooks import webhook_commands, webhook_queries
from service.webhooks.address_guard import AddressRefused
from service.webhooks.webhook_views import (
    DeliveryView,
    DeliveryWithAttemptsView,
    NewWebhookView,
    RecoveryView,
    RotationView,
    SecretView,
    WebhookView,
)

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=JsonRoute)

Reading = Annotated[Call, allow(Action.MANAGE_WEBHOOKS)]
Changing = Annotated[Call, allow_writing(Action.MANAGE_WEBHOOKS)]


async def _find_fault(call: Call, url: str) -> Invalid | None:
    """Say why the guard would refuse the address at each attempt; None where it would not."""
    try:
        await call.services.guard.check_address(url)
    except AddressRefused as refused:
        return Invalid(str(refused), loc=("body", "url"))
    return None


@router.get(
    "",
    operation_id="list_webhooks",
    summary="List webhooks",
    responses={200: {"model": Page[WebhookView], "description": "Newest first"}},
)
async def list_webhooks(
    call: Reading, paging: Annotated[tuple[Window, str], Depends(Paged("webhooks"))]
) -> Response:
    window, scope = paging
    rows = await call.read(webhook_queries.list_webhooks, window)
    return call.page(rows, window, scope, keys=lambda row: [row["created_at"], row["id"]])


@router.post(
    "",
    operation_id="create_webhook",
    status_code=201,
    summary="Register a webhook",
    responses={201: {"model": NewWebhookView, "description": "The secret is shown once"}},
)
async def create_webhook(body: webhook_inputs.WebhookIn, call: Changing) -> Response:
    """It is told of every event that matches all its filters, from now on. A replay by
    Idempotency-Key answers with `secret` null; GET its secret instead."""
    fault = await _find_fault(call, body.url)

    def answer(connection: Connection, outcome: tuple[str, str]) -> Answer:
        # Not before: a retry gets the first answer, wherever the name leads by now.
        if fault is not None:
            raise fault
        webhook, secret = outcome
        view: NewWebhookView = {
            **webhook_queries.read_webhook(connection, webhook),
            "secret": secret,
        }
        return build_answer(
            view, status=201, Cache_Control="no-store", Location=f"/v1/webhooks/{webhook}"
        )

    return await call.write(
        webhook_commands.create_webhook, body.model_dump(), answer=answer, shown_once="secret"
    )


@router.get(
    "/{webhook_id}",
    operation_id="read_webhook",
    summary="Read a webhook, and how it does",
    responses={200: {"model": WebhookView, "description": "Without its secret"}},
)
async def read_webhook(webhook_id: RecordId, call: Reading) -> Response:
    return answer_json(await call.read(webhook_queries.read_webhook, webhook_id))


@router.patch(
    "/{webhook_id}",
    operation_id="change_webhook",
    summary="Change a webhook",
    responses={200: {"model": WebhookView, "description": "As it is now"}},
)
async def change_webhook(
    webhook_id: RecordId, body: webhook_inputs.WebhookChange, call: Reading
) -> Response:
    """The next attempt goes by it, of what was waiting too. A new address starts afresh."""
    changes = body.model_dump(exclude_unset=True)
    if "url" in changes and (fault := await _find_fault(call, str(changes["url"]))) is not None:
        raise fault
    return await call.write(
        webhook_commands.change_webhook,
        webhook_id,
        changes,
        answer=lambda connection, _: build_answer(
            webhook_queries.read_webhook(connection, webhook_id)
        ),
    )


@router.delete(
    "/{webhook_id}",
    operation_id="delete_webhook",
    status_code=204,
    summary="Delete a webhook",
    responses={204: {"description": "Nothing more is sent to it"}},
)
async def delete_webhook(webhook_id: RecordId, call: Reading) -> Response:
    return await call.write(
        webhook_commands.remove_webhook, webhook_id, answer=lambda *_: Answer(204, b"", {})
    )


@router.get(
    "/{webhook_id}/secret",
    operation_id="read_webhook_secret",
    summary="Read a webhook's secret",
    responses={200: {"model": SecretView, "description": "What signs"}},
)
async def read_webhook_secret(webhook_id: RecordId, call: Reading) -> Response:
    secret = await call.read(webhook_queries.read_secret, webhook_id, now=call.now)
    return build_response(build_answer(secret, Cache_Control="no-store"))


@router.post(
    "/{webhook_id}/secret/rotation",
    operation_id="rotate_webhook_secret",
    summary="Make a new secret",
    responses={200: {"model": RotationView, "description": "The new secret"}},
)
async def rotate_webhook_secret(
    webhook_id: RecordId, call: Changing, body: webhook_inputs.RotationIn | None = None
) -> Response:
    """Until the overlap ends, deliveries are signed with both: receivers verify with either."""

    def answer(connection: Connection, _: str) -> Answer:
        view = webhook_queries.read_secret(connection, webhook_id, now=call.now)
        return build_answer(view, Cache_Control="no-store")

    return await call.write(
        webhook_commands.rotate_secret,
        webhook_id,
        overlap_hours=body.overlap_hours if body else OVERLAP_HOURS,
        answer=answer,
        shown_once="secret",
    )


@router.post(
    "/{webhook_id}/state",
    operation_id="set_webhook_state",
    summary="Pause or activate a webhook",
    responses={200: {"model": WebhookView, "description": "As it is now"}},
)
async def set_webhook_state(
    webhook_id: RecordId, body: webhook_inputs.StateIn, call: Changing
) -> Response:
    """What it has waiting is kept, and goes out once it is active."""
    return await call.write(
        webhook_commands.set_state,
        webhook_id,
        state=EndpointState(body.state),
        reason=body.reason,
        answer=lambda connection, _: build_answer(
            webhook_queries.read_webhook(connection, webhook_id)
        ),
    )


@router.post(
    "/{webhook_id}/ping",
    operation_id="ping_webhook",
    status_code=202,
    summary="Send a webhook a ping",
    responses={202: {"model": DeliveryView, "description": "The delivery"}},
)
async def ping_webhook(webhook_id: RecordId, call: Changing) -> Response:
    """`webhook.ping`, whatever it filters by. Six a minute for each webhook."""

    def answer(connection: Connection, message: str) -> Answer:
        # Not before: a retry gets the first answer, and costs no ping.
        call.services.pings.spend(webhook_id)
        return _answer_delivery(connection, webhook_id, message)

    return await call.write(webhook_commands.ping_webhook, webhook_id, answer=answer)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="list_deliveries",
    summary="List a webhook's deliveries",
    responses={200: {"model": Page[DeliveryView], "description": "Newest first"}},
)
async def list_deliveries(
    webhook_id: RecordId,
    call: Reading,
    paging: Annotated[tuple[Window, str], Depends(Paged("deliveries"))],
    state: Annotated[DeliveryState | None, Query(description="Only in this state")] = None,
    type: Annotated[EventType | None, Query(description="Only of this type")] = None,
    since: Annotated[Instant | None, Query(description="Recorded since this instant")] = None,
) -> Response:
    window, scope = paging
    rows = await call.read(
        webhook_queries.list_deliveries, webhook_id, window, state=state, kind=type, since=since
    )
    return call.page(rows, window, scope, keys=list_sort_keys)


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}",
    operation_id="read_delivery",
    summary="Read a delivery, with its body and every attempt",
    responses={200: {"model": DeliveryWithAttemptsView, "description": "Oldest attempt first"}},
)
async def read_delivery(webhook_id: RecordId, delivery_id: RecordId, call: Reading) -> Response:
    return answer_json(
        await call.read(webhook_queries.read_delivery_with_attempts, webhook_id, delivery_id)
    )


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/redelivery",
    operation_id="send_again",
    status_code=202,
    summary="Send a delivery again",
    responses={202: {"model": DeliveryView, "description": "It is due"}},
)
async def send_again(webhook_id: RecordId, delivery_id: RecordId, call: Changing) -> Response:
    """The same id and the same bytes, whatever became of it before."""
    return await call.write(
        webhook_commands.redeliver_message,
        webhook_id,
        delivery_id,
        answer=lambda connection, _: _answer_delivery(connection, webhook_id, delivery_id),
    )


@router.post(
    "/{webhook_id}/recovery",
    operation_id="recover_deliveries",
    status_code=202,
    summary="Send again all that was not delivered",
    responses={202: {"model": RecoveryView, "description": "They are due"}},
)
async def recover_deliveries(
    webhook_id: RecordId, body: webhook_inputs.RecoveryIn, call: Changing
) -> Response:
    """Everything recorded since then and not delivered. What is new does not wait for it; asking
    twice sends nothing twice that is still waiting."""
    return await call.write(
        webhook_commands.recover_deliveries,
        webhook_id,
        since=body.since,
        answer=lambda _, count: build_answer({"recovered": count}, status=202),
    )


def list_sort_keys(delivery: DeliveryView) -> list[str | int]:
    return [delivery["created_at"], delivery["position"], delivery["id"]]


def _answer_delivery(connection: Connection, webhook: str, message: str) -> Answer:
    delivery = webhook_queries.read_delivery(connection, webhook, message)
    path = f"/v1/webhooks/{webhook}/deliveries/{message}"
    return build_answer(delivery, status=202, Location=path)
