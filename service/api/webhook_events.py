"""The `webhooks` section of the OpenAPI document: what receivers get, with an example of each."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from typing_extensions import TypedDict, get_type_hints

from service.claims.webhook_body_views import AboutView
from service.claims.webhook_examples import BODIES, find_body, summarize
from service.domain.webhooks import EventType
from service.webhooks.webhook_views import MessageView

CLAIM = {
    "id": "01970000-0000-7000-8000-000000000001",
    "text": "Serbia has returned the operating regime of its units along the administrative line "
    "with Kosovo to normal",
    "claimant": {
        "party": "belgrade",
        "name": "Belgrade",
        "speaker": {
            "name": "Gen. Milan Mojsilović",
            "role": "chief of staff of the Serbian army",
        },
    },
    "url": "https://claimdesk.example.org/claims/01970000-0000-7000-8000-000000000001",
}

build_typed_dict: Any = TypedDict
"""For names and fields that are known when the service runs only."""
router = APIRouter(tags=["webhook events"])


def build_name(kind: EventType) -> str:
    """Build the name of this type's body in the document."""
    return f"Webhook{''.join(part.title() for part in kind.replace('_', '.').split('.'))}"


def build_body_view(kind: EventType) -> Any:
    """Build the view of this type's body: the envelope with the type's data."""
    name = build_name(kind)
    fields = get_type_hints(find_body(kind).view, include_extras=True)
    if kind in BODIES:
        fields = get_type_hints(AboutView, include_extras=True) | fields
    envelope = get_type_hints(MessageView, include_extras=True)
    envelope |= {"type": Literal[kind.value], "data": build_typed_dict(f"{name}Data", fields)}
    view = build_typed_dict(name, envelope)
    view.__doc__ = f"{summarize(kind)}."
    return view


def _build_example(kind: EventType) -> dict[str, object]:
    moment = "2023-10-03T18:00:00Z"
    data = find_body(kind).example
    if kind in BODIES:
        by = "Ana" if kind is not EventType.CLAIM_STATUS_CHANGED else None
        about = {"claim": CLAIM, "version": 3, "by": by, "occurred_at": moment}
        data = {**about, **data}
    return {"type": kind.value, "timestamp": moment, "data": data}


EXAMPLES = {build_name(kind): _build_example(kind) for kind in EventType}
"""An example of each body by its name in the document."""


def _build_receiver(view: Any) -> Callable[..., Any]:
    """Build the handler by which FastAPI documents what a receiver gets."""

    async def receive(
        body: view,
        webhook_id: Annotated[
            str, Header(description="The event's id: the same on every retry and replay")
        ],
        webhook_timestamp: Annotated[str, Header(description="Unix seconds of this attempt")],
        webhook_signature: Annotated[
            str,
            Header(
                description="`v1,<base64 HMAC-SHA256>` of `id.timestamp.body`; several in "
                "the overlap of a rotation, separated by spaces"
            ),
        ],
    ) -> None:
        """Answer with any 2xx within the time limit. Everything else is tried again for three days;
        410 disables the webhook."""

    return receive


for _kind in EventType:
    router.post(
        _kind.value,
        summary=summarize(_kind),
        operation_id=f"receive_{_kind.replace('.', '_')}",
        status_code=204,
        response_description="Taken",
    )(_build_receiver(build_body_view(_kind)))
