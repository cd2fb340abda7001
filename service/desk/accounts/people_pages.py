"""People: who may sign in, as what, and the links that let them in.  For administrators."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Response

from service.accounts import account_commands, account_queries
from service.desk.accounts import administration_pages
from service.desk.layout import forms
from service.desk.layout.forms import Form, posted
from service.desk.layout.page_links import following, window_of
from service.desk.layout.rendering import render
from service.domain.access import Action, Role
from service.domain.errors import ClaimdeskError, Conflict, Invalid
from service.domain.subjects import SubjectKind
from service.record import audit_queries
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window, cut
from service.web.bodies import account_inputs
from service.web.calls import Call, allow
from service.web.fields import RecordId, read_sent_fields

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.MANAGE_USERS, page=True)]
Managing = Annotated[Form, posted(Action.MANAGE_USERS)]
NO_STORE = {"Cache-Control": "no-store"}
PEOPLE = 100
RECORDED = 20
"""How many events of an account its page shows."""
ROLES = {
    Role.READER: "reads claims and what they rest on",
    Role.CHECKER: "records, links, proposes and approves",
    Role.EDITOR: "also decides against the rules, and changes parties and stories",
    Role.ADMIN: "everything, and looks after people, keys and webhooks",
}
"""What each role is for, in a few words; `domain/access.py` has it exactly."""
BLANK = {"email": "", "name": "", "role": Role.CHECKER.value}


def place(user_id: str) -> str:
    return f"/admin/people/{user_id}"


@router.get("/admin/people")
async def show_people(call: Reading) -> Response:
    return await _people(call, BLANK)


async def _people(
    call: Call, typed: dict[str, str], error: ClaimdeskError | None = None
) -> Response:
    window = window_of(call, "people", PEOPLE)
    rows = await call.read(account_queries.list_users, window)
    kept, last = cut(rows, window, lambda row: [row["email"]])
    return render(
        call.request,
        "people.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        people=kept,
        next=following(call, "people", last, {}),
        typed=typed,
        faults=_faults(error),
        roles=ROLES,
    )


def _faults(error: ClaimdeskError | None) -> dict[str, str]:
    if error is None:
        return {}
    if isinstance(error, Invalid):
        return forms.faults(error, {name: name for name in BLANK})
    return {"email": error.detail}


@router.post("/admin/people")
async def add(form: Managing) -> Response:
    """The link that lets them in is shown once: what is kept for a double click is without it."""
    typed = {name: form.text(name) or "" for name in BLANK}
    try:
        body = forms.body(account_inputs.UserIn, typed)
        made = await _made(
            form, account_commands.invite, email=body.email, name=body.name, role=body.role
        )
    except (Invalid, Conflict) as error:
        return await _people(form.call, typed, error)
    return await _link_page(form.call, made["user"], made["token"], added=True)


async def _made(form: Form, command: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """What `command` made: `user`, and the `token` of a link; None where this form was sent
    before."""

    def answer(_: Any, made: tuple[str, str]) -> Answer:
        user, token = made
        return Answer(200, orjson.dumps({"user": user, "token": token}), {})

    response = await form.call.write(
        command, *args, answer=answer, key=form.once, shown_once="token", **kwargs
    )
    found: dict[str, Any] = orjson.loads(response.body)
    return found


async def _link_page(
    call: Call, user_id: str, token: str | None, *, added: bool = False
) -> Response:
    base = call.services.settings.base_url
    return render(
        call.request,
        "person_link.html",
        caller=call.caller,
        now=call.now,
        headers=NO_STORE,
        person=await call.read(account_queries.read_user, user_id),
        link=None if token is None else f"{base}/sign-in/{token}",
        ends=call.now + account_commands.LINK_LIFETIME,
        added=added,
    )


@router.get("/admin/people/{user_id}")
async def show_person(user_id: RecordId, call: Reading) -> Response:
    return await _person_page(call, user_id)


async def _person_page(
    call: Call,
    user_id: str,
    *,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
) -> Response:
    person = await call.read(account_queries.read_user, user_id)
    events = await call.read(
        audit_queries.list_events,
        Window(RECORDED, None),
        kinds=[SubjectKind.PERSON],
        subject=user_id,
    )
    return render(
        call.request,
        "person.html",
        caller=call.caller,
        now=call.now,
        status=422 if faults else 200,
        person=person,
        events=await administration_pages.describe_events(call, events),
        typed=typed or {"name": person["name"], "role": person["role"]},
        faults=faults or {},
        roles=ROLES,
    )


@router.post("/admin/people/{user_id}")
async def change(user_id: RecordId, form: Managing) -> Response:
    """Only what differs is changed; the new role holds from the next request on."""
    typed = {name: form.text(name) or "" for name in ("name", "role")}
    try:
        body = forms.body(account_inputs.UserChange, typed)
        response = await form.carry_out(
            account_commands.change_user,
            user_id,
            read_sent_fields(body),
            then=f"{place(user_id)}?done=saved",
        )
    except Invalid as error:
        faults = forms.faults(error, {})
        return await _person_page(form.call, user_id, typed=typed, faults=faults)
    form.call.services.callers.forget()
    return response


@router.post("/admin/people/{user_id}/state")
async def set_state(user_id: RecordId, form: Managing) -> Response:
    """Disable an account, or enable it again; at once, in every session and for every key."""
    disabled = form.text("state") == "disabled"
    try:
        if not disabled and form.text("state") != "enabled":
            raise Invalid("Nothing was changed: the form does not say which", loc=("body", "state"))
        response = await form.carry_out(
            account_commands.change_user,
            user_id,
            {"disabled": disabled},
            then=f"{place(user_id)}?done={'disabled' if disabled else 'enabled'}",
        )
    except Invalid as error:
        # The last administrator: said on top, as it is not about the role's field.
        return await _person_page(form.call, user_id, faults={forms.TOP: f"{error.detail}."})
    form.call.services.callers.forget()
    return response


@router.post("/admin/people/{user_id}/link")
async def make_link(user_id: RecordId, form: Managing) -> Response:
    """For somebody who has forgotten their password it is taken away with the same form: only who
    has none sets one without giving it."""
    try:
        made = await _made(form, _link_of, user_id, without_password=form.ticked("forgotten"))
    except Invalid as error:
        return await _person_page(form.call, user_id, faults={forms.TOP: f"{error.detail}."})
    form.call.services.callers.forget()
    return await _link_page(form.call, user_id, made["token"])


def _link_of(
    connection: Connection, user_id: str, *, without_password: bool, **who: Any
) -> tuple[str, str]:
    if without_password:
        account_commands.change_user(connection, user_id, {"password_hash": None}, **who)
    return user_id, account_commands.make_sign_in_link(connection, user_id, **who)
