"""The page that ends mails of a kind, by the signed link in each of them, without signing in.

Looking at it changes nothing: programs open links before people do. A POST ends them, from the page
or from the mail program itself (RFC 8058).
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.desk.accounts.account_forms import NO_STORE
from service.desk.layout.rendering import render
from service.domain.errors import NotFound
from service.domain.labels import NOTICES
from service.domain.notices import NoticeKind
from service.notices import notice_settings
from service.web.service_container import get_services

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(max_length=120)]
PRIVACY = NO_STORE | {"Referrer-Policy": "no-referrer"}


@router.get("/unsubscribe/{token}")
async def show_unsubscribing(token: Token, request: Request) -> Response:
    services = get_services(request)
    services.callers.count_stranger(request)
    person_and_kind = await services.database.read(notice_settings.read_unsubscribe_token, token)
    if person_and_kind is None:
        raise NotFound(UNKNOWN)
    return _render(request, person_and_kind[1], is_done=False)


@router.post("/unsubscribe/{token}")
async def unsubscribe(token: Token, request: Request) -> Response:
    services = get_services(request)
    now = services.clock()
    services.callers.count_stranger(request)
    kind = await services.database.write(notice_settings.unsubscribe, token, now=now)
    if kind is None:
        raise NotFound(UNKNOWN)
    return _render(request, kind, is_done=True)


UNKNOWN = "This link ends no mails: take it whole from the mail, or choose in your profile."


def _render(request: Request, kind: str, *, is_done: bool) -> Response:
    return render(
        request,
        "unsubscribe.html",
        caller=None,
        now=get_services(request).clock(),
        headers=PRIVACY,
        what=None if kind == notice_settings.ALL else NOTICES[NoticeKind(kind)],
        is_done=is_done,
    )
