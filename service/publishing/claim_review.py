"""Describe a claim in the words of schema.org: what was claimed, and how the desk judged it.

A claim is a `Claim` alone while nobody has judged it: it is merely asserted, or awaits
confirmation. It is a `ClaimReview` once it is confirmed or disputed, or the desk has a finding.
Where the desk imported the judgement of others, theirs is the review.

`reviewRating` always says it in words. It has a number only where there is a finding, for disputed
does not mean false: from 1 (refuted) to 5, with 3 where the desk cannot tell (conflicting,
unprovable). 5 is never given: a confirmation ends a finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.claims.claim_views import ClaimantView, ClaimView
from service.claims.webhook_bodies import build_claim_url
from service.directory.directory_views import SourceView
from service.domain.claims import Finding, Lifecycle, Precision, Status
from service.domain.labels import format_verdict
from service.views import JsonObject

MEDIA_TYPE = "application/ld+json"
WORST, BEST = 1, 5
RATINGS = {Finding.REFUTED: 1, Finding.CONFLICTING: 3, Finding.UNPROVABLE: 3}
JUDGED = frozenset({Status.CONFIRMED, Status.DISPUTED})


@dataclass(frozen=True, slots=True)
class ReviewSources:
    """What a review says beyond the claim as it is served."""

    sources: Sequence[SourceView]
    """Where its origin was read, in the order in which that was recorded."""
    merged: Sequence[str]
    """The claims that were merged into it."""


def build_claim_review(
    claim: ClaimView, sources: ReviewSources, *, publisher: str, base_url: str
) -> JsonObject:
    """Return the JSON-LD of a claim as served, now or as of an instant."""
    about = _build_claim(claim, sources, base_url)
    finding = Finding(claim["finding"]) if claim["finding"] else None
    is_void = claim["lifecycle"] == Lifecycle.VOID
    is_unjudged = is_void or (finding is None and Status(claim["status"]) not in JUDGED)
    if is_unjudged or "imported" in claim:
        # Not this desk's judgement, but what may be printed, an override or withdrawal included.
        return {"@context": "https://schema.org", **about, "description": claim["print_line"]}
    desk = {"@type": "Organization", "name": publisher, "url": base_url}
    rating: JsonObject = {"@type": "Rating", "alternateName": format_verdict(claim)}
    if finding is not None:
        rating |= {"ratingValue": RATINGS[finding], "worstRating": WORST, "bestRating": BEST}
    return {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "url": build_claim_url(claim["id"], base_url),
        "claimReviewed": claim["text"],
        "itemReviewed": about,
        "reviewRating": rating,
        "reviewBody": claim["print_line"],
        "author": desk,
        "publisher": desk,
        "datePublished": claim["status_since"],
        "dateModified": claim["updated_at"],
    }


def _build_claim(claim: ClaimView, sources: ReviewSources, base_url: str) -> JsonObject:
    shape: JsonObject = {
        "@type": "Claim",
        "url": build_claim_url(claim["id"], base_url),
        "text": claim["text"],
    }
    if claim["claimant"] is not None:
        shape["author"] = _build_author(claim["claimant"])
    shape["datePublished"] = _format_date(claim["claimed_at"], Precision(claim["precision"]))
    if sources.sources:
        shape["firstAppearance"] = _build_work(min(sources.sources, key=_get_publication_key))
        shape["appearance"] = [_build_work(source) for source in sources.sources]
    if sources.merged:
        shape["sameAs"] = [build_claim_url(claim_id, base_url) for claim_id in sources.merged]
    if claim["lifecycle"] == Lifecycle.WITHDRAWN:
        shape["creativeWorkStatus"] = "Withdrawn"
    if claim["lifecycle"] == Lifecycle.VOID:
        shape["creativeWorkStatus"] = "Void"
    return shape


def _build_author(claimant: ClaimantView) -> JsonObject:
    party: JsonObject = {"@type": "Organization", "name": claimant["name"]}
    speaker = claimant["speaker"]
    if speaker is None:
        return party
    person: JsonObject = {"@type": "Person", "name": speaker["name"], "affiliation": party}
    return person | {"jobTitle": speaker["role"]} if speaker["role"] else person


DATE_LENGTHS = {Precision.YEAR: 4, Precision.MONTH: 7, Precision.DAY: 10}
"""How much of an instant is a date by ISO 8601."""


def _format_date(moment: str, precision: Precision) -> str:
    """Return a Date where only the day, month or year is known, else a DateTime."""
    return moment[: DATE_LENGTHS.get(precision, len(moment))]


def _build_work(source: SourceView) -> JsonObject:
    shape: JsonObject = {"@type": "CreativeWork", "url": source["url"]}
    if source["title"]:
        shape["headline"] = source["title"]
    if source["publisher"]:
        shape["publisher"] = {"@type": "Organization", "name": source["publisher"]}
    if source["published_at"]:
        shape["datePublished"] = source["published_at"]
    if source["language"]:
        shape["inLanguage"] = source["language"]
    if source["archive_url"]:
        shape["archivedAt"] = source["archive_url"]
    return shape


def _get_publication_key(source: SourceView) -> tuple[bool, datetime | None]:
    """Return what orders sources by when they were published, those without a date last."""
    at = source["published_at"]
    return at is None, datetime.fromisoformat(at) if at else None
