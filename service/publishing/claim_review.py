"""A claim as schema.org has it: what was claimed, and how the desk judged it.

A `Claim` alone while nobody has judged it: one that is merely asserted, or awaits confirmation.  A
`ClaimReview` of it once it is confirmed or disputed, or the desk has found something.  Where others
judged it, and the desk imported that, theirs is the review.

`reviewRating` always says it in words.  A number it has only where there is a finding, for disputed
does not mean false: from 1 (refuted) to 5, with 3 where the desk found that it cannot tell
(conflicting, unprovable).  5 is never given: a confirmation ends a finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.claims.webhook_bodies import claim_url
from service.domain.claims import Finding, Lifecycle, Precision, Status
from service.domain.labels import format_verdict
from service.publishing import markup

MEDIA_TYPE = "application/ld+json"
WORST, BEST = 1, 5
RATINGS = {Finding.REFUTED: 1, Finding.CONFLICTING: 3, Finding.UNPROVABLE: 3}
JUDGED = frozenset({Status.CONFIRMED, Status.DISPUTED})

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Beside:
    """What a claim as served does not say of itself."""

    sources: Sequence[Data]
    """Where its origin was read, as served, in the order in which they were recorded."""
    merged: Sequence[str]
    """The claims that were merged into it."""


def document(claim: Data, beside: Beside, *, publisher: str, base_url: str) -> Data:
    """The JSON-LD of a claim as served, now or as of an instant."""
    about = _claim(claim, beside, base_url)
    finding = Finding(claim["finding"]) if claim["finding"] else None
    nobodys = finding is None and Status(claim["status"]) not in JUDGED
    if nobodys or "imported" in claim:
        # Not this desk's judgement, but what may be printed, an override or withdrawal included.
        return {"@context": "https://schema.org", **about, "description": claim["print_line"]}
    desk = {"@type": "Organization", "name": publisher, "url": base_url}
    rating: Data = {"@type": "Rating", "alternateName": format_verdict(claim)}
    if finding is not None:
        rating |= {"ratingValue": RATINGS[finding], "worstRating": WORST, "bestRating": BEST}
    return {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "url": claim_url(claim["id"], base_url),
        "claimReviewed": claim["text"],
        "itemReviewed": about,
        "reviewRating": rating,
        "reviewBody": claim["print_line"],
        "author": desk,
        "publisher": desk,
        "datePublished": claim["status_since"],
        "dateModified": claim["updated_at"],
    }


def embedded(data: Data) -> str:
    """The JSON-LD as the content of `<script type="application/ld+json">` in a page's head."""
    return markup.script(data)


def _claim(claim: Data, beside: Beside, base_url: str) -> Data:
    shape: Data = {"@type": "Claim", "url": claim_url(claim["id"], base_url), "text": claim["text"]}
    if claim["claimant"] is not None:
        shape["author"] = _claimant(claim["claimant"])
    shape["datePublished"] = _date(claim["claimed_at"], Precision(claim["precision"]))
    if beside.sources:
        shape["firstAppearance"] = _work(min(beside.sources, key=_published))
        shape["appearance"] = [_work(one) for one in beside.sources]
    if beside.merged:
        shape["sameAs"] = [claim_url(one, base_url) for one in beside.merged]
    if claim["lifecycle"] == Lifecycle.WITHDRAWN:
        shape["creativeWorkStatus"] = "Withdrawn"
    return shape


def _claimant(claimant: Data) -> Data:
    party = {"@type": "Organization", "name": claimant["name"]}
    speaker = claimant["speaker"]
    if speaker is None:
        return party
    person = {"@type": "Person", "name": speaker["name"], "affiliation": party}
    return person | {"jobTitle": speaker["role"]} if speaker["role"] else person


def _date(moment: str, precision: Precision) -> str:
    """A Date where only the day is known, else a DateTime."""
    return moment[:10] if precision is Precision.DAY else moment


def _work(source: Data) -> Data:
    shape: Data = {"@type": "CreativeWork", "url": source["url"]}
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


def _published(source: Data) -> tuple[bool, datetime | None]:
    """Orders sources by when they were published; those of which that is not known come last."""
    at = source["published_at"]
    return at is None, datetime.fromisoformat(at) if at else None
