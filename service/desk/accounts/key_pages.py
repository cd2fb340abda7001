"""Pages of API keys, for administrators: listing, making and revoking them."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Response

from service.accounts import account_queries, key_commands
from service.accounts.account_views import KeyView
from service.desk.accounts.account_forms import NO_STORE, change_accounts
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.page_links import build_next_link, read_window
from service.desk.layout.rendering import render
from service.domain.access import Action, Role
from service.domain.claims import parse_instant
from service.domain.errors import AlreadySettled, ClaimdeskError, Invalid
from service.record.idempotency import Answer
from service.store.paging import Window, cut_page
from service.web.bodies import account_inputs
from service.web.calls import Call, allow

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.MANAGE_KEYS, page=True)]
Managing = Annotated[Form, accept_form(Action.MANAGE_KEYS)]
KeyId = Annotated[str, Path(max_length=24)]
KEYS, OWNERS = 100, 500


class ShownKey(KeyView):
    """A key as templates show it: whether it still opens anything, and the name of its user."""

    state: Literal["active", "expired", "revoked"]
    acts_as: str | None


BLANK = {"name": "", "role": Role.READER.value, "user": "", "expires_at": ""}


@router.get("/admin/keys")
async def show_keys(call: Reading) -> Response:
    return await _render_keys(call, BLANK)


async def _render_keys(
    call: Call, typed: dict[str, str], error: ClaimdeskError | None = None
) -> Response:
    window = read_window(call, "keys", KEYS)
    rows = await call.read(account_queries.list_keys, window)
    page_rows, last = cut_page(rows, window, lambda key: [key["created_at"], key["id"]])
    people = await call.read(account_queries.list_users, Window(OWNERS, None))
    names = await call.read(
        account_queries.read_names, {key["user"] for key in page_rows if key["user"]}
    )
    return render(
        call.request,
        "keys.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        keys=[_show_key(call, key, names) for key in page_rows],
        next=build_next_link(call, "keys", last, {}),
        people=[(user["id"], user["name"]) for user in people if user["disabled_at"] is None],
        typed=typed,
        faults={} if not isinstance(error, Invalid) else forms.describe_faults(error, {}),
        role_words=[(role.value, role.value) for role in Role],
    )


def _show_key(call: Call, key: KeyView, names: dict[str, str]) -> ShownKey:
    is_expired = key["expires_at"] is not None and parse_instant(key["expires_at"]) <= call.now
    return {
        **key,
        "state": "revoked" if key["revoked_at"] else "expired" if is_expired else "active",
        "acts_as": names.get(key["user"]) if key["user"] else None,
    }


@router.post("/admin/keys")
async def create_key(form: Managing) -> Response:
    """Create a key and show it once: the answer that is kept for a double click is without it."""
    typed = {name: form.get_text(name) or "" for name in BLANK}

    def answer(_: Any, outcome: key_commands.NewKey) -> Answer:
        return Answer(200, orjson.dumps({"id": outcome.id, "key": outcome.key}), {})

    try:
        body = forms.parse_body(
            account_inputs.KeyIn,
            {
                "name": typed["name"],
                "role": typed["role"],
                "user": form.get_text("user"),
                "expires_at": forms.complete_instant(form.get_text("expires_at")),
            },
        )
        response = await form.call.write(
            key_commands.create_key,
            **body.model_dump(),
            answer=answer,
            key=form.key,
            shown_once="key",
        )
    except Invalid as error:
        return await _render_keys(form.call, typed, error)
    outcome = orjson.loads(response.body)
    return render(
        form.call.request,
        "key_made.html",
        caller=form.call.caller,
        now=form.call.now,
        headers=NO_STORE,
        made=await _read_key(form.call, outcome["id"]),
        key=outcome["key"],
    )


async def _read_key(call: Call, key_id: str) -> ShownKey:
    """Read a key.  Raises NotFound."""
    key = await call.read(account_queries.read_key, key_id)
    names = await call.read(account_queries.read_names, {key["user"]} if key["user"] else set())
    return _show_key(call, key, names)


@router.get("/admin/keys/{key_id}/revoke")
async def show_revocation(key_id: KeyId, call: Reading) -> Response:
    return render(
        call.request,
        "key_revoke.html",
        caller=call.caller,
        now=call.now,
        key=await _read_key(call, key_id),
    )


@router.post("/admin/keys/{key_id}/revocation")
async def revoke_key(key_id: KeyId, form: Managing) -> Response:
    """Revoke a key: at once in this process, within a second in others."""
    try:
        return await change_accounts(
            form, key_commands.revoke_key, key_id, redirect_to="/admin/keys?done=revoked"
        )
    except AlreadySettled:
        return await show_revocation(key_id, form.call)
