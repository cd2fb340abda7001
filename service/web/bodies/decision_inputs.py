"""What is sent of decisions: one `…In` for each body, with the command's shape it becomes."""

from typing import Annotated

from pydantic import Field

from service.domain.changes import FindingRequest
from service.domain.claims import (
    Finding,
    Override,
    SetAside,
    Status,
)
from service.domain.guards import Move
from service.domain.inputs import (
    NewSource,
)
from service.field_types import Code, In, Reason
from service.web.bodies.directory_inputs import SourceIn
from service.web.fields import Id, show_example


class SetAsideIn(In):
    link: Id
    reason: Reason


class OverrideIn(In):
    code: Code
    note: Reason
    source: Id | SourceIn | None = Field(
        None, description="What it rests on, where it cites no link of the claim"
    )


class StatusChangeIn(In):
    to: Status
    reason: Reason
    cites: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    set_aside: Annotated[tuple[SetAsideIn, ...], Field(max_length=100)] = ()
    override: OverrideIn | None = None

    model_config = show_example(
        {
            "to": "confirmed",
            "reason": "NATO observed the withdrawal itself",
            "cites": ["01970000-0000-7000-8000-000000000000"],
        }
    )

    def to_command(self) -> Move:
        return Move(
            to=self.to,
            reason=self.reason,
            cites=tuple(dict.fromkeys(self.cites)),
            set_aside=tuple(SetAside(link.link, link.reason) for link in self.set_aside),
            override=Override(self.override.code, self.override.note) if self.override else None,
        )

    def read_source(self) -> NewSource | str | None:
        """The source that an override rests on."""
        source = self.override.source if self.override else None
        return source.to_command() if isinstance(source, SourceIn) else source


class FindingIn(In):
    """What the desk concludes beyond the status; null takes a finding back."""

    finding: Finding | None
    reason: Reason
    cites: Annotated[tuple[Id, ...], Field(max_length=100)] = ()

    model_config = show_example(
        {
            "finding": "refuted",
            "reason": "KFOR's own count contradicts it",
            "cites": ["01970000-0000-7000-8000-000000000000"],
        }
    )

    def to_command(self) -> FindingRequest:
        return FindingRequest(self.finding, self.reason, tuple(dict.fromkeys(self.cites)))


class ApprovalIn(In):
    note: Reason | None = None

    model_config = show_example({"note": "Checked the report."})


class RejectionIn(In):
    comment: Reason

    model_config = show_example({"comment": "The photograph is from September."})


class DecisionWithdrawalIn(In):
    reason: Reason | None = None

    model_config = show_example({"reason": "Too early."})


class ReversalIn(In):
    """Why something was a mistake: what is void from now on, or what is taken back."""

    reason: Reason

    model_config = show_example({"reason": "Recorded from a parody account."})


class MergeIn(In):
    into: Id = Field(description="The claim that remains")

    model_config = show_example({"into": "01970000-0000-7000-8000-000000000000"})
