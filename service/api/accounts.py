"""Routes of API keys, users, sessions, and of the caller."""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request, Response

from service.accounts import (
    account_queries,
    key_commands,
    session_commands,
    user_commands,
)
from service.accounts.account_views import KeyView, MeView, NewKeyView, UserView
from service.domain import access
from service.domain.access import Action
from service.domain.claims import format_instant
from service.record.idempotency import Answer
from service.store.engine import Connection
from service.store.paging import Window
from service.views import Page
from service.web import password_checks, passwords, service_container, sessions
from service.web.bodies import account_inputs
from service.web.calls import Allow, Call, Paged, allow, allow_writing, answer_json, build_answer
from service.web.fields import RecordId, read_sent_fields
from service.web.json_bodies import JsonRoute

key_router = APIRouter(prefix="/v1/keys", tags=["accounts"], route_class=JsonRoute)
user_router = APIRouter(prefix="/v1/users", tags=["accounts"], route_class=JsonRoute)
router = APIRouter(prefix="/v1", tags=["accounts"], route_class=JsonRoute)

ReadingKeys = Annotated[Call, allow(Action.MANAGE_KEYS)]
ChangingKeys = Annotated[Call, allow_writing(Action.MANAGE_KEYS)]
ReadingUsers = Annotated[Call, allow(Action.MANAGE_USERS)]
ChangingUsers = Annotated[Call, allow_writing(Action.MANAGE_USERS)]
KeyId = Annotated[str, Path(max_length=24)]


@router.get(
    "/me",
    operation_id="read_me",
    summary="Who one is, and may do",
    responses={200: {"model": MeView, "description": "The caller"}},
)
async def read_me(call: Annotated[Call, Depends(Allow(None), scope="function")]) -> Response:
    actor = call.actor
    view: MeView = {
        "id": actor.id,
        "name": actor.name,
        "role": actor.role,
        "actions": [action for action in Action if access.is_allowed(actor, action)],
    }
    return answer_json(view)


@router.post(
    "/session",
    operation_id="sign_in",
    status_code=204,
    summary="Sign in with a password",
    responses={204: {"description": "Signed in: the session is in a cookie"}},
)
async def sign_in(body: account_inputs.SessionIn, request: Request) -> Response:
    """Ten tries a minute for an account from one address; a browser that has signed in to the
    account before has ten of its own."""
    services = service_container.get_services(request)
    token = await password_checks.sign_in(services, request, body.email, body.password)
    response = Response(status_code=204)
    sessions.set_session_cookie(response, request, token)
    password_checks.remember_device(services, request, response, body.email)
    return response


@router.delete(
    "/session",
    operation_id="sign_out",
    status_code=204,
    summary="Sign out",
    responses={204: {"description": "Signed out"}},
)
async def sign_out(
    request: Request, call: Annotated[Call, Depends(Allow(None), scope="function")]
) -> Response:
    token = sessions.read_session_token(request)
    if token is not None:
        await call.services.database.write(session_commands.end_session, token)
    call.services.callers.forget_credentials()
    response = Response(status_code=204)
    sessions.delete_session_cookie(response, request)
    return response


@key_router.get(
    "",
    operation_id="list_keys",
    summary="List API keys",
    responses={200: {"model": Page[KeyView], "description": "Newest first"}},
)
async def list_keys(
    call: ReadingKeys, paging: Annotated[tuple[Window, str], Depends(Paged("keys"))]
) -> Response:
    window, scope = paging
    keys = await call.read(account_queries.list_keys, window)
    return call.page(keys, window, scope, keys=lambda key: [key["created_at"], key["id"]])


@key_router.post(
    "",
    operation_id="create_key",
    status_code=201,
    summary="Make an API key",
    responses={201: {"model": NewKeyView, "description": "The key, shown once"}},
)
async def create_key(body: account_inputs.KeyIn, call: ChangingKeys) -> Response:
    """A replay by Idempotency-Key answers with `key` null: it is kept only as a hash."""

    def answer(_: Any, outcome: key_commands.NewKey) -> Answer:
        view: NewKeyView = {
            "id": outcome.id,
            "key": outcome.key,
            "name": outcome.name,
            "role": outcome.role,
            "expires_at": format_instant(body.expires_at) if body.expires_at else None,
        }
        return build_answer(view, status=201, Location=f"/v1/keys/{outcome.id}")

    return await call.write(
        key_commands.create_key, **body.model_dump(), answer=answer, shown_once="key"
    )


@key_router.get(
    "/{key_id}",
    operation_id="read_key",
    summary="Read an API key's facts",
    responses={200: {"model": KeyView, "description": "Never its secret"}},
)
async def read_key(key_id: KeyId, call: ReadingKeys) -> Response:
    return answer_json(await call.read(account_queries.read_key, key_id))


@key_router.post(
    "/{key_id}/revocation",
    operation_id="revoke_key",
    summary="Revoke an API key",
    responses={200: {"model": KeyView, "description": "It no longer opens anything"}},
)
async def revoke_key(key_id: KeyId, call: ChangingKeys) -> Response:
    """At once in this process, within a second in others."""
    response = await call.write(
        key_commands.revoke_key,
        key_id,
        answer=lambda connection, _: build_answer(account_queries.read_key(connection, key_id)),
    )
    call.services.callers.forget_credentials()
    return response


@key_router.delete(
    "/{key_id}",
    operation_id="delete_key",
    summary="Revoke an API key",
    responses={200: {"model": KeyView, "description": "It no longer opens anything"}},
)
async def delete_key(key_id: KeyId, call: ReadingKeys) -> Response:
    """The same as its revocation: a key stays listed."""
    return await revoke_key(key_id, call)


@user_router.get(
    "",
    operation_id="list_users",
    summary="List users",
    responses={200: {"model": Page[UserView], "description": "By address"}},
)
async def list_users(
    call: ReadingUsers, paging: Annotated[tuple[Window, str], Depends(Paged("users"))]
) -> Response:
    window, scope = paging
    users = await call.read(account_queries.list_users, window)
    return call.page(users, window, scope, keys=lambda user: [user["email"]])


@user_router.post(
    "",
    operation_id="create_user",
    status_code=201,
    summary="Make a user",
    responses={201: {"model": UserView, "description": "The user"}},
)
async def create_user(body: account_inputs.UserIn, call: ChangingUsers) -> Response:
    password_hash = None
    if body.password is not None:
        password_hash = await passwords.hash_in_thread(body.password)

    def answer(connection: Connection, user_id: str) -> Answer:
        return build_answer(
            account_queries.read_user(connection, user_id),
            status=201,
            Location=f"/v1/users/{user_id}",
        )

    return await call.write(
        user_commands.create_user,
        email=body.email,
        name=body.name,
        role=body.role,
        password_hash=password_hash,
        answer=answer,
    )


@user_router.get(
    "/{user_id}",
    operation_id="read_user",
    summary="Read a user",
    responses={200: {"model": UserView, "description": "The user"}},
)
async def read_user(user_id: RecordId, call: ReadingUsers) -> Response:
    return answer_json(await call.read(account_queries.read_user, user_id))


@user_router.patch(
    "/{user_id}",
    operation_id="change_user",
    summary="Change a user",
    responses={200: {"model": UserView, "description": "The user"}},
)
async def change_user(
    user_id: RecordId, body: account_inputs.UserChange, call: ReadingUsers
) -> Response:
    """Somebody who is disabled, or gets another password, is signed out everywhere."""
    changes = read_sent_fields(body)
    if "password" in changes:
        changes["password_hash"] = await passwords.hash_in_thread(str(changes.pop("password")))
    response = await call.write(
        user_commands.change_user,
        user_id,
        cast(user_commands.UserChanges, changes),
        answer=lambda connection, _: build_answer(account_queries.read_user(connection, user_id)),
    )
    call.services.callers.forget_credentials()
    return response
