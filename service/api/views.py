"""Views of the board that people save under a name."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.notices import saved_views
from service.notices.saved_views import SavedView
from service.record.idempotency import Answer
from service.store.paging import Window
from service.views import Page
from service.web import view_queries
from service.web.bodies.view_inputs import ViewChange, ViewIn
from service.web.calls import Allow, AllowWriting, Call, Paged, answer_json, build_answer
from service.web.fields import ViewId, read_sent_fields
from service.web.json_bodies import JsonRoute

router = APIRouter(prefix="/v1/views", tags=["views"], route_class=JsonRoute)

Asking = Annotated[Call, Depends(Allow(None), scope="function")]
Writing = Annotated[Call, Depends(AllowWriting(None), scope="function")]


@router.get(
    "",
    operation_id="list_views",
    summary="List saved views",
    responses={200: {"model": Page[SavedView], "description": "Your own and the desk's, by id"}},
)
async def list_views(
    call: Asking, paging: Annotated[tuple[Window, str], Depends(Paged("views"))]
) -> Response:
    window, scope = paging
    rows = await call.services.database.read(
        saved_views.list_views, caller=call.actor, window=window
    )
    return call.page(rows, window, scope, keys=lambda row: [row["id"]])


@router.post(
    "",
    operation_id="save_view",
    status_code=201,
    summary="Save a view of the board",
    responses={201: {"model": SavedView, "description": "The view, its query in one spelling"}},
)
async def save_view(body: ViewIn, call: Writing) -> Response:
    """`query` has filters of `/v1/claims` as its address has them, and is checked as there; `me`
    stays whoever looks. With `shared` it is the whole desk's, which takes an editor."""
    query = await view_queries.normalize_query(call, body.query)
    return await call.write(
        saved_views.save_view,
        name=body.name,
        query=query,
        is_shared=body.shared,
        answer=lambda connection, view_id: build_answer(
            saved_views.read_view(connection, view_id, caller=call.actor),
            status=201,
            Location=f"/v1/views/{view_id}",
        ),
    )


@router.get(
    "/{view_id}",
    operation_id="read_view",
    summary="Read a saved view",
    responses={200: {"model": SavedView, "description": "The view"}},
)
async def read_view(view_id: ViewId, call: Asking) -> Response:
    return answer_json(
        await call.services.database.read(saved_views.read_view, view_id, caller=call.actor)
    )


@router.patch(
    "/{view_id}",
    operation_id="change_view",
    summary="Change a saved view",
    responses={200: {"model": SavedView, "description": "The view as it is now"}},
)
async def change_view(view_id: ViewId, body: ViewChange, call: Asking) -> Response:
    """Only what is sent is changed. An editor changes the desk's views, and makes one of their own
    the desk's by `shared`."""
    changes = read_sent_fields(body)
    if "query" in changes:
        changes["query"] = await view_queries.normalize_query(call, body.query)
    return await call.write(
        saved_views.change_view,
        view_id,
        changes,
        answer=lambda connection, _none: build_answer(
            saved_views.read_view(connection, view_id, caller=call.actor)
        ),
    )


@router.delete(
    "/{view_id}",
    operation_id="delete_view",
    status_code=204,
    summary="Delete a saved view",
    responses={204: {"description": "It is gone"}},
)
async def delete_view(view_id: ViewId, call: Asking) -> Response:
    return await call.write(
        saved_views.delete_view,
        view_id,
        answer=lambda _connection, _none: Answer(204, b"", {}),
    )
