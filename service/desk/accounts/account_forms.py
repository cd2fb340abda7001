"""What the forms about accounts, keys and sessions share."""

from collections.abc import Callable
from typing import Any

from fastapi import Response

from service.desk.layout.forms import Form
from service.domain.errors import RateLimited
from service.web.problems import list_required_headers

NO_STORE = {"Cache-Control": "no-store"}


async def change_accounts(
    form: Form, command: Callable[..., Any], *args: Any, redirect_to: str, **kwargs: Any
) -> Response:
    """Carry out a command that changes who may do what: it holds from the next request on."""
    response = await form.carry_out(command, *args, redirect_to=redirect_to, **kwargs)
    form.call.services.callers.forget_credentials()
    return response


def explain_limit(error: RateLimited) -> tuple[str, dict[str, str]]:
    """Return what a form says where passwords were tried too often, and the answer's headers."""
    headers = list_required_headers(error)
    wait = headers.get("Retry-After", "60")
    return f"Too many tries. Wait {wait} seconds, then try again.", headers
