"""The story that an article is taken in for: one of the list, or one that begins with it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from service.desk.layout import forms
from service.desk.layout.forms import Form
from service.domain.access import Actor
from service.domain.errors import AlreadyExists, Invalid
from service.domain.names import make_slug
from service.field_types import In, Slug
from service.store.engine import Connection
from service.stories import story_commands
from service.web.bodies.directory_inputs import StoryIn

T = TypeVar("T")
FIELDS = ("story", "new_story")


class StoryChoice(In):
    story: Slug | None = None


def read_story(form: Form) -> str | None:
    """Read the address of the story that a form chooses or names anew.

    Raises Invalid where it does both: only a person knows which of the two was meant.
    """
    listed_story = forms.parse_body(StoryChoice, {"story": form.get_text("story")}).story
    title = form.get_text("new_story")
    if title is None:
        return listed_story
    if listed_story is not None:
        raise Invalid("choose a story or name a new one, not both", loc=("body", "new_story"))
    slug = make_slug(title)
    if not slug:
        raise Invalid(
            "no address can be made of this title: record the story under Stories, and choose it",
            loc=("body", "new_story"),
        )
    return slug


def with_new_story(form: Form, command: Callable[..., T]) -> Callable[..., T]:
    """Return `command`, which first records the story that the form names anew, if it does."""
    title = form.get_text("new_story")
    if title is None:
        return command
    try:
        story = forms.parse_body(
            StoryIn, {"slug": read_story(form), "title": title, "description": None}
        )
    except Invalid as error:
        raise Invalid(error.extras["errors"][0]["msg"], loc=("body", "new_story")) from error

    def record_both(
        connection: Connection, *args: Any, actor: Actor, now: datetime, **kwargs: Any
    ) -> T:
        try:
            story_commands.create_story(connection, **story.model_dump(), actor=actor, now=now)
        except AlreadyExists as error:
            raise Invalid(
                f"{error.detail} Choose it in the list.", loc=("body", "new_story")
            ) from error
        return command(connection, *args, actor=actor, now=now, **kwargs)

    return record_both
