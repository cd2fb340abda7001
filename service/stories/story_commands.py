"""Records and changes stories."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from service.domain import access
from service.domain.access import Action, Actor
from service.domain.errors import AlreadyExists, NotFound
from service.domain.history import Draft
from service.domain.subjects import Subject, SubjectKind
from service.record import writer
from service.store.compiled_statements import insert_or_ignore
from service.store.tables import (
    stories,
)


def create_story(
    connection: Connection,
    *,
    slug: str,
    title: str,
    description: str | None,
    actor: Actor,
    now: datetime,
) -> None:
    access.require_permission(actor, Action.RECORD)
    row = {
        "slug": slug,
        "title": title,
        "description": description,
        "created_at": now,
        "updated_at": now,
    }
    if not insert_or_ignore(connection, stories, row):
        raise AlreadyExists(f"There is a story '{slug}' already.", slug=slug)
    draft = Draft("story.created", {"title": title, "description": description})
    subject = Subject(SubjectKind.STORY, slug)
    writer.write_lines(connection, writer.build_first_lines(subject, [draft], actor=actor, now=now))


def change_story(
    connection: Connection, slug: str, changes: Mapping[str, Any], *, actor: Actor, now: datetime
) -> None:
    access.require_permission(actor, Action.CHANGE_PARTIES)
    row = connection.execute(
        select(stories).where(stories.c.slug == slug).with_for_update()
    ).first()
    if row is None:
        raise NotFound(f"There is no story '{slug}'.")
    differing = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not differing:
        return
    chain = writer.lock_chain(connection, Subject(SubjectKind.STORY, slug))
    draft = Draft("story.changed", differing)
    (event,) = writer.extend_chain(connection, chain, [draft], actor=actor, now=now)
    connection.execute(
        update(stories)
        .where(stories.c.slug == slug)
        .values(**differing, updated_at=event.recorded_at)
    )
