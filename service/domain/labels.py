"""The words that people read for statuses, findings, causes, stances and the like."""

from collections.abc import Mapping
from typing import Any

from service.domain.claims import (
    Basis,
    Cause,
    DecisionKind,
    Finding,
    Kind,
    Lifecycle,
    Rendering,
    Stance,
    Status,
)
from service.domain.correction_requests import RequestOutcome
from service.domain.inquiries import InquiryOutcome
from service.domain.notices import NoticeKind
from service.domain.proposals import LapseReason
from service.domain.uses import ContactState, UseClass, UseState

STATUSES = {
    Status.ASSERTED: "Asserted",
    Status.AWAITING_CONFIRMATION: "Awaiting confirmation",
    Status.CONFIRMED: "Confirmed",
    Status.DISPUTED: "Disputed",
}
AMENDED = {"text": "the wording", "tags": "the tags", "finding": "the finding"}
"""What of a claim was amended; `disclosure.AMENDED_FOR_ALL` are its names."""
INQUIRY_OUTCOMES = {
    InquiryOutcome.ANSWERED: "Answered",
    InquiryOutcome.DECLINED: "Declined to comment",
    InquiryOutcome.NO_ANSWER: "No answer",
}
REQUEST_OUTCOMES = {
    RequestOutcome.CORRECTED: "Corrected",
    RequestOutcome.NOT_CORRECTED: "Not corrected",
}
USE_CLASSES = {
    UseClass.KILL: "Kill",
    UseClass.CORRECTION: "Correction",
    UseClass.UPDATE: "Update",
}
"""What whoever printed a claim has to publish, in the words of news agencies."""
CONTACT_STATES = {
    ContactState.WAITING: "not asked yet",
    ContactState.ASKED: "asked to confirm",
    ContactState.CONFIRMED: "confirmed",
    ContactState.STOPPED: "wants no mail",
}
USE_STATES = {
    UseState.CURRENT: "Current",
    UseState.OUTDATED: "Outdated",
    UseState.ACKNOWLEDGED: "Acknowledged",
    UseState.RETIRED: "Retired",
}
FINDINGS = {
    Finding.REFUTED: "refuted",
    Finding.CONFLICTING: "conflicting evidence",
    Finding.UNPROVABLE: "unprovable",
}
DECISIONS = {
    DecisionKind.STATUS: "a status",
    DecisionKind.FINDING: "a finding",
    DecisionKind.AMENDMENT: "another wording",
    DecisionKind.LINK: "another link",
    DecisionKind.RETRACTION: "the retraction of a link",
    DecisionKind.AFFIRMATION: "the affirmation of a link",
    DecisionKind.WITHDRAWAL: "the withdrawal of a statement",
    DecisionKind.MERGE: "a merge",
    DecisionKind.PARTY: "a change of a party",
    DecisionKind.SPEAKER: "a change of a speaker's name",
    DecisionKind.VOID: "a void",
    DecisionKind.RESTORATION: "a restoration",
    DecisionKind.SEPARATION: "a separation",
}
"""What a decision changes, to stand after "proposal of"."""
LAPSES = {
    LapseReason.OUTDATED: "what prints had changed since",
    LapseReason.PROPOSER_DISABLED: "who proposed it no longer has an account",
}
CAUSES = {
    Cause.DECISION: "the desk decided so",
    Cause.REQUEST: "another party has asked for confirmation",
    Cause.CONTRADICTION: "another party contradicts it",
    Cause.SUPPORT_WITHDRAWN: "the support for it no longer suffices",
    Cause.AMENDMENT: "its wording was changed",
    Cause.MERGE: "a duplicate was merged into it",
    Cause.IMPORT: "it was imported",
    Cause.CORRECTION: "something of it was recorded wrongly",
    Cause.PARTY: "a party’s name or place was changed",
    Cause.SPEAKER: "a speaker’s name was changed",
}
"""Why a status changed, to stand after a colon."""
NOTICES = {
    NoticeKind.CHANGE: "changes of what you follow",
    NoticeKind.MENTION: "notes that mention you",
    NoticeKind.APPROVAL: "decisions that wait for you",
    NoticeKind.DECISION: "what became of your proposals",
    NoticeKind.ASSIGNMENT: "claims that are assigned to you",
    NoticeKind.DUE: "claims of yours that are overdue",
    NoticeKind.USE: "what you printed and is outdated",
    NoticeKind.WEBHOOK: "webhooks that fail",
}
"""What kinds of notices are about."""
STANCES = {
    Stance.SUPPORTS: "supports",
    Stance.CONTRADICTS: "contradicts",
    Stance.REQUESTS_CONFIRMATION: "asks for confirmation",
    Stance.COMMENTS: "comments",
}
BASES = {
    Basis.OWN_OBSERVATION: "own observation",
    Basis.DOCUMENTS: "documents",
    Basis.THIRD_PARTY: "a third party",
    Basis.RESTATES_CLAIMANT: "restates the claimant",
    Basis.UNSTATED: "unstated",
}
RENDERINGS = {
    Rendering.VERBATIM: "word for word",
    Rendering.TRANSLATED: "translated",
    Rendering.PARAPHRASE: "paraphrased",
}
KINDS = {
    Kind.EVENT: "event",
    Kind.FIGURE: "figure",
    Kind.ATTRIBUTION: "attribution",
    Kind.PREDICTION: "prediction",
    Kind.POSITION: "position",
}

OVERRIDES = {
    "public-record": "It is public record",
    "own-verification": "Our own reporter verified it",
    "correction": "It corrects a mistake of ours",
    "urgent-caution": "Caution cannot wait for a statement",
    "other": "Another reason",
}
"""The grounds on which an editor may decide against the guards, as the desk offers them."""


def list_marks(claim: Mapping[str, Any]) -> list[str]:
    """Return what must be shown with the status of a claim."""
    marks = []
    if claim.get("hold") is not None:
        marks.append("hold: do not use")
    if claim["finding"] is not None:
        marks.append(FINDINGS[Finding(claim["finding"])])
    if "imported" in claim:
        marks.append("imported")
    if claim["challenged"]:
        marks.append("challenged")
    if claim["override"]:
        marks.append("override")
    if claim["lifecycle"] == Lifecycle.WITHDRAWN:
        marks.append("withdrawn")
    if claim.get("superseded_by") is not None:
        marks.append("superseded")
    if claim["lifecycle"] == Lifecycle.VOID:
        marks.append("void")
    return marks


def format_with_marks(status: str, marks: list[str]) -> str:
    """Return `Disputed (refuted, override)`."""
    return f"{status} ({', '.join(marks)})" if marks else status


def format_verdict(claim: Mapping[str, Any]) -> str:
    """Return the status of a claim with its marks."""
    return format_with_marks(STATUSES[Status(claim["status"])], list_marks(claim))
