"""The former place of commands that have modules of their own now."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from service.accounts import account_queries, sign_in_commands
from service.accounts.credentials import hash_secret as digest
from service.accounts.key_commands import NewKey as NewKey
from service.accounts.key_commands import create_key as create_key
from service.accounts.key_commands import revoke_key as revoke_key
from service.accounts.session_commands import end_sessions as end_sessions
from service.accounts.session_commands import start_session as start_session
from service.accounts.user_commands import change_user as change_user
from service.accounts.user_commands import create_user as create_user
from service.accounts.user_commands import has_users as has_users
from service.domain.access import IMPORTER as IMPORTER
from service.domain.access import SYSTEM as SYSTEM
from service.store.tables import users

__all__ = ["digest"]
make_sign_in_link = sign_in_commands.create_sign_in_link


def find_user(connection: Connection, email: str) -> Any:
    user = account_queries.read_user_by_email(connection, email)
    return connection.execute(select(users).where(users.c.id == user["id"])).one()


def create_sign_in_link(connection: Connection, email: str, *, now: datetime) -> str:
    user = account_queries.read_user_by_email(connection, email)
    return sign_in_commands.create_sign_in_link(connection, user["id"], actor=SYSTEM, now=now)
