"""Pages of people, for administrators: accounts, roles, and the links that sign people in."""

from typing import Annotated, Any, TypedDict

import orjson
from fastapi import APIRouter, Response

from service.accounts import account_queries, sign_in_commands, user_commands
from service.desk.accounts import administration_pages
from service.desk.accounts.account_forms import NO_STORE, change_accounts
from service.desk.layout import forms
from service.desk.layout.forms import Form, accept_form
from service.desk.layout.page_links import build_next_link, read_window
from service.desk.layout.rendering import render
from service.domain.access import Action, Role
from service.domain.errors import ClaimdeskError, Conflict, Invalid
from service.domain.subjects import SubjectKind
from service.record import audit_queries
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window, cut_page
from service.web.bodies import account_inputs
from service.web.calls import Call, allow
from service.web.fields import RecordId, read_sent_fields

router = APIRouter(include_in_schema=False)

Reading = Annotated[Call, allow(Action.MANAGE_USERS, page=True)]
Managing = Annotated[Form, accept_form(Action.MANAGE_USERS)]
PEOPLE = 100
EVENTS = 20
"""How many events of an account its page shows."""
ROLES = {
    Role.READER: "reads claims and what they rest on",
    Role.CHECKER: "records, links, proposes and approves",
    Role.EDITOR: "also overrides the rules, and changes parties and stories",
    Role.ADMIN: "everything, and looks after people, keys and webhooks",
}
"""What each role may do, in a few words; `service/domain/access.py` has it exactly."""


class NewLink(TypedDict):
    user: str
    token: str | None
    """None where the same form was sent before."""


BLANK = {"email": "", "name": "", "role": Role.CHECKER.value}


def build_person_path(user_id: str) -> str:
    return f"/admin/people/{user_id}"


@router.get("/admin/people")
async def show_people(call: Reading) -> Response:
    return await _render_people(call, BLANK)


async def _render_people(
    call: Call, typed: dict[str, str], error: ClaimdeskError | None = None
) -> Response:
    window = read_window(call, "people", PEOPLE)
    rows = await call.read(account_queries.list_users, window)
    page_rows, last = cut_page(rows, window, lambda user: [user["email"]])
    return render(
        call.request,
        "people.html",
        caller=call.caller,
        now=call.now,
        status=200 if error is None else error.status,
        people=page_rows,
        next=build_next_link(call, "people", last, {}),
        typed=typed,
        faults=_list_faults(error),
        roles=ROLES,
    )


def _list_faults(error: ClaimdeskError | None) -> dict[str, str]:
    if error is None:
        return {}
    if isinstance(error, Invalid):
        return forms.describe_faults(error, {name: name for name in BLANK})
    return {"email": error.detail}


@router.post("/admin/people")
async def invite_person(form: Managing) -> Response:
    """Add a person and show their link once: the answer kept for a double click is without it."""
    typed = {name: form.get_text(name) or "" for name in BLANK}
    try:
        body = forms.parse_body(account_inputs.UserIn, typed)
        outcome = await _make_link(
            form, user_commands.invite_user, email=body.email, name=body.name, role=body.role
        )
    except (Invalid, Conflict) as error:
        return await _render_people(form.call, typed, error)
    return await _render_link(form.call, outcome["user"], outcome["token"], is_new=True)


async def _make_link(form: Form, command: Any, *args: Any, **kwargs: Any) -> NewLink:
    """Run a command that returns a user's id and a link's token."""

    def answer(_: Connection, outcome: tuple[str, str]) -> Answer:
        user, token = outcome
        return Answer(200, orjson.dumps({"user": user, "token": token}), {})

    response = await form.call.write(
        command, *args, answer=answer, key=form.key, shown_once="token", **kwargs
    )
    link: NewLink = orjson.loads(response.body)
    return link


async def _render_link(
    call: Call, user_id: str, token: str | None, *, is_new: bool = False
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
        ends=call.now + sign_in_commands.LINK_LIFETIME,
        added=is_new,
    )


@router.get("/admin/people/{user_id}")
async def show_person(user_id: RecordId, call: Reading) -> Response:
    return await _render_person(call, user_id)


async def _render_person(
    call: Call,
    user_id: str,
    *,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
) -> Response:
    person = await call.read(account_queries.read_user, user_id)
    events = await call.read(
        audit_queries.list_events,
        Window(EVENTS, None),
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
async def change_person(user_id: RecordId, form: Managing) -> Response:
    """Change only what differs; the new role applies from the next request on."""
    typed = {name: form.get_text(name) or "" for name in ("name", "role")}
    try:
        body = forms.parse_body(account_inputs.UserChange, typed)
        return await change_accounts(
            form,
            user_commands.change_user,
            user_id,
            read_sent_fields(body),
            redirect_to=f"{build_person_path(user_id)}?done=saved",
        )
    except Invalid as error:
        faults = forms.describe_faults(error, {})
        return await _render_person(form.call, user_id, typed=typed, faults=faults)


@router.post("/admin/people/{user_id}/state")
async def set_state(user_id: RecordId, form: Managing) -> Response:
    """Disable or enable an account, at once in every session and for every key."""
    state = form.get_text("state")
    try:
        if state not in ("disabled", "enabled"):
            raise Invalid("Nothing was changed: the form does not say which", loc=("body", "state"))
        return await change_accounts(
            form,
            user_commands.change_user,
            user_id,
            {"disabled": state == "disabled"},
            redirect_to=f"{build_person_path(user_id)}?done={state}",
        )
    except Invalid as error:
        # The last administrator: shown on top, as it does not concern the role's field.
        return await _render_person(form.call, user_id, faults={forms.TOP: f"{error.detail}."})


@router.post("/admin/people/{user_id}/link")
async def create_link(user_id: RecordId, form: Managing) -> Response:
    """Create a sign-in link for a person.

    For somebody who has forgotten their password, the same form removes it: without one, they can
    set another without giving the old one.
    """
    try:
        outcome = await _make_link(
            form, _create_link, user_id, without_password=form.is_ticked("forgotten")
        )
    except Invalid as error:
        return await _render_person(form.call, user_id, faults={forms.TOP: f"{error.detail}."})
    form.call.services.callers.forget_credentials()
    return await _render_link(form.call, user_id, outcome["token"])


def _create_link(
    connection: Connection, user_id: str, *, without_password: bool, **who: Any
) -> tuple[str, str]:
    if without_password:
        user_commands.change_user(connection, user_id, {"password_hash": None}, **who)
    return user_id, sign_in_commands.create_sign_in_link(connection, user_id, **who)
