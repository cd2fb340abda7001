"""The page by which somebody who printed a claim confirms their address, or ends mails to it.

Looking at it changes nothing: programs open links before people do.  A POST does what the link is
for, from the page or, to end mails, from the mail program itself (RFC 8058).
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from service.desk.accounts.account_forms import NO_STORE
from service.desk.layout.forms import read_fields
from service.desk.layout.rendering import render
from service.domain.errors import NotFound
from service.uses import contact_addresses, contact_links
from service.uses.contact_links import ContactLink
from service.web.service_container import get_services

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Path(max_length=120)]
PRIVACY = NO_STORE | {"Referrer-Policy": "no-referrer"}
UNKNOWN = "This link confirms and ends nothing: take it whole from the mail."


@router.get("/contact/{token}")
async def show_link(token: Token, request: Request) -> Response:
    services = get_services(request)
    services.callers.count_stranger(request)
    link = await services.database.read(contact_links.read_link, token)
    return _render(request, link, is_done=False)


@router.post("/contact/{token}")
async def follow_link(token: Token, request: Request) -> Response:
    """Confirm the address, or end mails to it and, if that is ticked, delete it."""
    services = get_services(request)
    now = services.clock()
    services.callers.count_stranger(request)
    fields = await read_fields(request)
    link = await services.database.write(
        contact_addresses.follow_link, token, erases="erase" in fields, now=now
    )
    return _render(request, link, is_done=True)


def _render(request: Request, link: ContactLink | None, *, is_done: bool) -> Response:
    """Render the page.  Raises NotFound where there is no such link."""
    if link is None:
        raise NotFound(UNKNOWN)
    return render(
        request,
        "contact.html",
        caller=None,
        now=get_services(request).clock(),
        headers=PRIVACY,
        link=link,
        is_done=is_done,
        confirms=link.purpose == contact_links.CONFIRMATION,
    )
