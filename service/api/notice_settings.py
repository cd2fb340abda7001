"""Where and when a person is told, besides their inbox."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from service.notices import notice_settings
from service.notices.notice_views import NoticeSettingsView
from service.web.bodies.notice_settings_inputs import NoticeSettingsIn
from service.web.calls import Allow, Call, answer_json, build_answer
from service.web.json_bodies import JsonRoute
from service.web.notice_requests import require_reachable

router = APIRouter(prefix="/v1/me/notices", tags=["notices"], route_class=JsonRoute)

Asking = Annotated[Call, Depends(Allow(None), scope="function")]


@router.get(
    "",
    operation_id="read_notice_settings",
    summary="Read where and when you are told",
    responses={200: {"model": NoticeSettingsView, "description": "Besides your inbox"}},
)
async def read_notice_settings(call: Asking) -> Response:
    """The inbox has every notice, whatever is chosen here."""
    return answer_json(
        await call.services.database.read(notice_settings.read_settings, caller=call.actor)
    )


@router.put(
    "",
    operation_id="change_notice_settings",
    summary="Choose where and when you are told",
    responses={200: {"model": NoticeSettingsView, "description": "As it is from now on"}},
)
async def change_notice_settings(body: NoticeSettingsIn, call: Asking) -> Response:
    """Kinds that are not named come to the inbox alone. What would go out in quiet hours goes out
    together when they end. Each mail has a link that ends mails of its kind without signing in."""
    await require_reachable(call.services, body)
    return await call.write(
        notice_settings.change_settings,
        body.to_command(),
        answer=lambda connection, _none: build_answer(
            notice_settings.read_settings(connection, caller=call.actor)
        ),
    )
