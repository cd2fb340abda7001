"""API keys: which there are, new ones, and revoking them.  For administrators."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Response

from service.accounts import account_commands, account_queries
from service.accounts.account_views import KeyView
from service.desk.accounts.people_pages import NO_STORE
from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.page_links import following, window_of
from service.desk.layout.rendering import render
from service.domain.access import Action, Role
from service.domain.claims import parse_instant
from service.domain.errors import AlreadySettled, ClaimdeskError, Invalid
from service.record.idempotency import Answer
from service.store.paging import Window, cut
from service.web.bodies import account_inputs
from service.web.calls import Call, allow

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.MANAGE_KEYS, page=True)]
Managing = Annotated[Form, posted(Action.MANAGE_KEYS)]
KeyId = Annotated[str, Path(max_length=24)]
KEYS, OWNERS = 100, 500


class ShownKey(KeyView):
    """A key as templates show it: whether it still opens anything, and the name of its user."""

    state: Literal["active", "expired", "revoked"]
    acts_as: str | None


BLANK = {"name": "", "role": Role.READER.value, "user": "", "expires_at": ""}


@router.get("/admin/keys")
async def show_keys(call: Reading) -> Response:
    return await _keys(call, BLANK)


async def _keys(call: Call, typed: dict[str, str], error: ClaimdeskError | None = None) -> Response:
    window = window_of(call, "keys", KEYS)
    rows = await call.read(account_queries.list_keys, window)
    kept, last = cut(rows, window, lambda row: [row["created_at"], row["id"]])
    people = await call.read(account_queries.list_users, Window(OWNERS, None))
    names = await call.read(
        account_queries.read_names, {row["user"] for row in kept if row["user"]}
    )
    return render(
        call.request,
        "keys.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        keys=[_show_key(call, key, names) for key in kept],
        next=following(call, "keys", last, {}),
        people=[(user["id"], user["name"]) for user in people if user["disabled_at"] is None],
        typed=typed,
        faults={} if not isinstance(error, Invalid) else forms.faults(error, {}),
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
async def create(form: Managing) -> Response:
    """The key is shown once: what is kept for a double click is without it."""
    typed = {name: form.text(name) or "" for name in BLANK}

    def answer(_: Any, made: account_commands.NewKey) -> Answer:
        return Answer(200, orjson.dumps({"id": made.id, "key": made.key}), {})

    try:
        body = forms.body(
            account_inputs.KeyIn,
            {
                "name": typed["name"],
                "role": typed["role"],
                "user": form.text("user"),
                "expires_at": forms.spelled(form.text("expires_at")),
            },
        )
        response = await form.call.write(
            account_commands.create_key,
            **body.model_dump(),
            answer=answer,
            key=form.once,
            shown_once="key",
        )
    except Invalid as error:
        return await _keys(form.call, typed, error)
    made = orjson.loads(response.body)
    return render(
        form.call.request,
        "key_made.html",
        caller=form.call.caller,
        now=form.call.now,
        headers=NO_STORE,
        made=await _read_key(form.call, made["id"]),
        key=made["key"],
    )


async def _read_key(call: Call, key_id: str) -> ShownKey:
    """Raises NotFound."""
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
async def revoke(key_id: KeyId, form: Managing) -> Response:
    """At once in this process, within a second in others."""
    try:
        response = await form.carry_out(
            account_commands.revoke_key, key_id, then="/admin/keys?done=revoked"
        )
    except AlreadySettled:
        return await show_revocation(key_id, form.call)
    form.call.services.callers.forget()
    return response
