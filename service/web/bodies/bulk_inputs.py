"""What is sent to change many claims at once."""

from typing import Annotated

from pydantic import Field, model_validator

from service.claims.bulk_commands import BulkChange, ChosenClaim
from service.field_types import Code, In, Reason, Slug
from service.web.bodies.claim_inputs import Tags
from service.web.fields import LEFT_OUT, Id, Instant, show_example

MOST_CLAIMS = 200
CHANGES = ("assignee", "tags", "story", "due_at")


class ChosenClaimIn(In):
    """A claim, and the version that you have read."""

    id: Id
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class TagChangeIn(In):
    """Tags to add and to remove; others stay."""

    add: Tags = ()
    remove: Tags = ()

    @model_validator(mode="after")
    def _changes_something(self) -> "TagChangeIn":
        if not self.add and not self.remove:
            raise ValueError("name tags to add or to remove")
        if set(self.add) & set(self.remove):
            raise ValueError("a tag is either added or removed")
        return self


class BulkChangeIn(In):
    """Claims, and one change of all of them: `assignee`, `tags`, `story` or `due_at`."""

    claims: Annotated[tuple[ChosenClaimIn, ...], Field(min_length=1, max_length=MOST_CLAIMS)]
    assignee: Code | None = Field(None, description="The id of a user or key; null: nobody")
    tags: TagChangeIn = LEFT_OUT
    story: Slug | None = Field(None, description="A story, or null: none. That is a correction")
    reason: Reason | None = Field(None, description="Why the story is another; with it alone")
    due_at: Instant | None = Field(None, description="When the desk wants to be done; null: open")

    model_config = show_example(
        {
            "claims": [{"id": "0190b5c8-5c3e-7b5e-8a55-0b6a5f2f4f10", "version": 3}],
            "tags": {"add": ["troops"], "remove": []},
        }
    )

    @model_validator(mode="after")
    def _makes_one_change(self) -> "BulkChangeIn":
        sent_fields = self.model_fields_set & set(CHANGES)
        if len(sent_fields) != 1:
            raise ValueError(f"make one change of them: {', '.join(CHANGES)}")
        if ("story" in sent_fields) != (self.reason is not None):
            raise ValueError("story and reason go together: to change a story is a correction")
        ids = [claim.id for claim in self.claims]
        if len(ids) != len(set(ids)):
            raise ValueError("name each claim once")
        return self

    def list_chosen(self) -> list[ChosenClaim]:
        """List the claims as the command takes them."""
        return [ChosenClaim(claim.id, claim.version) for claim in self.claims]

    def to_command(self) -> BulkChange:
        """Return the change as the command takes it."""
        [field] = self.model_fields_set & set(CHANGES)
        if field == "tags":
            return BulkChange({}, added_tags=self.tags.add, removed_tags=self.tags.remove)
        if field == "story":
            return BulkChange({}, has_story=True, story=self.story, reason=self.reason or "")
        return BulkChange({field: getattr(self, field)})
