"""The corrections log: what the desk has taken back or put right, in sentences that may be printed.
It is a list, a page and a feed.

`KINDS` says which events of claims stand in it.  Each comes with the claim as it was before the
change and as the change left it, so that a further kind takes one line.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from typing_extensions import TypedDict

from service.claims.claim_views import ClaimView
from service.domain import directions, uses
from service.domain.claims import Cause, Finding, Lifecycle, Status, parse_instant
from service.domain.labels import CAUSES, STATUSES, USE_CLASSES
from service.domain.uses import UseClass
from service.publishing.feed import Category
from service.views import JsonObject, Moment, Uuid, view

Data = Mapping[str, Any]


class CorrectionType(StrEnum):
    """The types of events that may stand in the log."""

    VOIDED = "claim.voided"
    RESTORED = "claim.restored"
    STATUS_CHANGED = "claim.status_changed"
    FINDING_CHANGED = "finding.changed"
    CLAIM_CORRECTED = "claim.corrected"
    STATEMENT_CORRECTED = "statement.corrected"
    SOURCE_CORRECTED = "source.corrected"
    AMENDED = "claim.amended"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of correction: its events, and its sentence."""

    type: CorrectionType
    has: str | None
    """What the data of the event holds, as the record writes it; None: all of the type."""
    describe: Callable[[Data, ClaimView], str]


def _describe_void(_data: Data, _claim: ClaimView) -> str:
    return "The desk recorded this claim by mistake, and it is not to be used"


def _describe_restoration(_data: Data, _claim: ClaimView) -> str:
    return "The desk had called this claim a mistake, and took that back"


def _describe_fall(_data: Data, claim: ClaimView) -> str:
    return f"No longer confirmed; the claim is {STATUSES[Status(claim['status'])].lower()}"


def _describe_finding(data: Data, _claim: ClaimView) -> str:
    phrases = {
        Finding.REFUTED: "The desk found it refuted",
        Finding.CONFLICTING: "The desk found the evidence conflicting",
        Finding.UNPROVABLE: "The desk found that it cannot be proved",
    }
    if data["finding"] is None:
        return f"The desk took back what it had found ({data['previous']})"
    return phrases[Finding(data["finding"])]


def _describe_wording(_data: Data, _claim: ClaimView) -> str:
    return "The wording of the claim was corrected"


def _describe_correction(what: str) -> Callable[[Data, ClaimView], str]:
    def describe(data: Data, _claim: ClaimView) -> str:
        names = ", ".join(name.replace("_", " ") for name in data["after"])
        return f"{what} ({names})"

    return describe


def _explain(data: Data) -> str | None:
    """Say why: in the words of whoever gave a reason, or of the rule that acted."""
    cause = Cause(data.get("cause") or Cause.DECISION)
    reason: str | None = data.get("reason") if cause is Cause.DECISION else CAUSES[cause]
    if not reason:
        return None
    return f"Why: {directions.isolate_text(reason)}{'' if reason.endswith(tuple('.!?…')) else '.'}"


_WAS_VOID = f'"before":{{"lifecycle":"{Lifecycle.VOID}"}}'
_WAS_CONFIRMED = f'"previous_status":"{Status.CONFIRMED}"'
KINDS = (
    Kind(CorrectionType.VOIDED, None, _describe_void),
    Kind(CorrectionType.RESTORED, _WAS_VOID, _describe_restoration),
    Kind(CorrectionType.STATUS_CHANGED, _WAS_CONFIRMED, _describe_fall),
    Kind(CorrectionType.FINDING_CHANGED, None, _describe_finding),
    Kind(
        CorrectionType.CLAIM_CORRECTED, None, _describe_correction("The claim was recorded wrongly")
    ),
    Kind(
        CorrectionType.STATEMENT_CORRECTED,
        None,
        _describe_correction("A statement was recorded wrongly"),
    ),
    Kind(
        CorrectionType.SOURCE_CORRECTED,
        None,
        _describe_correction("A source was recorded wrongly"),
    ),
    Kind(CorrectionType.AMENDED, '"material":true', _describe_wording),
)
"""What stands in the log."""
_BY_TYPE = {kind.type.value: kind for kind in KINDS}


@view
class CorrectedView(TypedDict):
    """A claim as it was printed."""

    text: str
    status: Status
    finding: Finding | None
    lifecycle: Lifecycle
    print_line: str


_CorrectionView = TypedDict(
    "_CorrectionView",
    {
        "id": Uuid,
        "claim": Uuid,
        "version": int,
        "type": str,
        "class": UseClass,
        "recorded_at": Moment,
        "sentence": str,
        "reason": str | None,
        "before": CorrectedView,
        "after": CorrectedView,
    },
)


@view
class CorrectionView(_CorrectionView):
    """Something that the desk took back or put right."""


def build_correction(
    *,
    event: str,
    type: str,
    version: int,
    recorded_at: str,
    data: Data,
    before: ClaimView,
    after: ClaimView,
) -> CorrectionView:
    """Build an entry of the log from its event, and the claim before and after it."""
    grade = uses.classify(type, data) or UseClass.CORRECTION
    sentence = f"{_BY_TYPE[type].describe(data, after)}: “{directions.isolate_text(after['text'])}”"
    return {
        "id": event,
        "claim": after["id"],
        "version": version,
        "type": type,
        "class": grade,
        "recorded_at": recorded_at,
        "sentence": " ".join(filter(None, (f"{sentence}.", _explain(data)))),
        "reason": data.get("reason"),
        "before": _describe_claim(before),
        "after": _describe_claim(after),
    }


def list_printable(correction: CorrectionView) -> tuple[str, str]:
    """Return what could be printed before and after: the print line, and the claim's wording where
    that changed."""
    before, after = correction["before"], correction["after"]
    if before["text"] == after["text"]:
        return before["print_line"], after["print_line"]
    return (
        f"“{before['text']}”. {before['print_line']}",
        f"“{after['text']}”. {after['print_line']}",
    )


@dataclass(frozen=True, slots=True)
class CorrectionEntry:
    """A correction as it stands in a feed."""

    correction: CorrectionView

    @property
    def id(self) -> str:
        """The same as in feeds of claims, for it is the same event."""
        return f"urn:uuid:{self.correction['id']}"

    @property
    def moment(self) -> datetime:
        return parse_instant(self.correction["recorded_at"])

    @property
    def claim_id(self) -> str:
        return self.correction["claim"]

    @property
    def title(self) -> str:
        """The class and the claim's text."""
        grade = USE_CLASSES[self.correction["class"]]
        return f"{grade}: {directions.isolate_text(self.correction['after']['text'])}"

    @property
    def text(self) -> str:
        """The sentence, then what could be printed before, and what may be printed instead."""
        before, after = list_printable(self.correction)
        lines = [self.correction["sentence"]]
        if before != after:
            lines.append(f"Before: {directions.isolate_words(before)}")
        lines.append(f"Now: {directions.isolate_words(after)}")
        return "\n".join(lines)

    @property
    def tags(self) -> Sequence[str]:
        """The class, and the status that the claim got or kept."""
        correction = self.correction
        return [USE_CLASSES[correction["class"]], STATUSES[correction["after"]["status"]]]

    def list_categories(self) -> Iterator[Category]:
        """Yield the class and the status."""
        terms = (self.correction["class"], self.correction["after"]["status"])
        for term, label in zip(terms, self.tags, strict=True):
            yield Category(term, "/docs", label)

    def describe_for_programs(self) -> JsonObject:
        """Return the correction as the API lists it."""
        return dict(self.correction)


def _describe_claim(claim: ClaimView) -> CorrectedView:
    return {
        "text": claim["text"],
        "status": claim["status"],
        "finding": claim["finding"],
        "lifecycle": claim["lifecycle"],
        "print_line": claim["print_line"],
    }
