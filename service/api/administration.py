"""The desk's policy, and the record of what was done to accounts, keys, webhooks and settings."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from service.accounts import policy
from service.accounts.account_views import PolicyView
from service.domain.access import Action
from service.domain.subjects import SubjectKind
from service.record import audit_queries
from service.record.audit_views import AuditEventView
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web.bodies import administration_inputs
from service.web.calls import Call, Paged, allow, answer_json, build_answer
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=JsonRoute)

ReadingPolicy = Annotated[Call, allow(Action.READ_RECORDS)]
ChangingPolicy = Annotated[Call, allow(Action.MANAGE_POLICY)]
ReadingAudit = Annotated[Call, allow(Action.MANAGE_USERS)]
AuditKind = Annotated[
    list[SubjectKind] | None,
    Query(description="Only of these kinds: person, key, webhook, setting", max_length=4),
]


@router.get(
    "/policy",
    operation_id="read_policy",
    summary="Read the desk's policy",
    responses={200: {"model": PolicyView, "description": "What holds in every process"}},
)
async def read_policy(call: ReadingPolicy) -> Response:
    view = await call.services.database.read(policy.read_policy)
    call.services.four_eyes = view["four_eyes"]
    return answer_json(view)


@router.patch(
    "/policy",
    operation_id="change_policy",
    summary="Change the desk's policy",
    responses={200: {"model": PolicyView, "description": "It holds from now on"}},
)
async def change_policy(body: administration_inputs.PolicyChange, call: ChangingPolicy) -> Response:
    """`/v1/audit` says who changed it and when.  Proposals that wait go on waiting."""

    def answer(connection: Connection, _: bool) -> Any:
        return build_answer(policy.read_policy(connection))

    return await call.write(policy.change_four_eyes, on=body.four_eyes, answer=answer)


@router.get(
    "/audit",
    operation_id="list_audit",
    summary="List what was done to accounts, keys, webhooks and settings",
    responses={200: {"model": Page[AuditEventView], "description": "Newest first"}},
)
async def list_audit(
    call: ReadingAudit,
    paging: Annotated[tuple[Window, str], Depends(Paged("audit"))],
    kind: AuditKind = None,
    subject: Annotated[
        str | None, Query(max_length=64, description="Only of the one with this id")
    ] = None,
) -> Response:
    """Secrets are shown as digests.  Each subject has a chain of hashes of its own."""
    window, scope = paging
    kinds = [each for each in kind or audit_queries.AUDITED if each in audit_queries.AUDITED]
    rows = await call.read(audit_queries.list_events, window, kinds=kinds, subject=subject)
    return call.page(rows, window, scope, keys=lambda row: [row["seq"]])
