"""Defines what the labels of others' ratings mean here, if a mapping has none of its own."""

import re
import unicodedata
from functools import lru_cache
from typing import Self

from pydantic import model_validator

from service.domain.claims import Finding, Status
from service.domain.names import normalize_letters
from service.field_types import In

QUOTES = "\"'`´‘’‚“”„«»‹›"
DASHES = str.maketrans(dict.fromkeys("-‐‑‒–—_", " "))
START = re.compile(rf"^[\s{QUOTES}]+")
# Only from where such signs begin: from each of a long run of them it would take the square.
END = re.compile(rf"(?<![\s{QUOTES}.!])[\s{QUOTES}.!]+$")


class Judgement(In):
    """What a label means here."""

    status: Status
    finding: Finding | None = None

    @model_validator(mode="after")
    def _require_fitting_finding(self) -> Self:
        if self.finding is not None and self.status in (Status.ASSERTED, Status.CONFIRMED):
            raise ValueError(f"a finding does not go with {self.status}")
        return self


@lru_cache(maxsize=1024)
def normalize_label(label: str) -> str:
    """Return a label in the form in which labels are compared.

    Case, accents, hyphens, quotation marks around it and a full stop behind it do not count.
    What may turn its meaning stays: "True?" is not "true", and "≠ true" not "= true".
    """
    composed_label = unicodedata.normalize("NFC", label)
    if any(unicodedata.category(character) == "Sm" for character in composed_label):
        return composed_label
    return START.sub("", END.sub("", normalize_letters(composed_label.translate(DASHES))))


MEANINGS: tuple[tuple[Status, Finding | None, str], ...] = (
    (
        Status.CONFIRMED,
        None,
        "true, correct, accurate, verified, confirmed, supported, fact, vrai, wahr, richtig, "
        "verdadero, verdadeiro, tačno, istina, istinito, тачно, истина, e vërtetë, saktë",
    ),
    (
        Status.AWAITING_CONFIRMATION,
        None,
        "mostly true, mostly correct, mostly accurate, largely true, partly verified, "
        "plutôt vrai, größtenteils wahr, uglavnom tačno, unverified, unproven, not proven, "
        "unsupported, unsubstantiated, no evidence, not enough evidence, not enough info, "
        "not enough information, insufficient evidence, needs context, missing context, "
        "research in progress, neprovereno",
    ),
    (
        Status.AWAITING_CONFIRMATION,
        Finding.UNPROVABLE,
        "unprovable, unverifiable, cannot be verified, neproverljivo",
    ),
    (
        Status.DISPUTED,
        Finding.CONFLICTING,
        "half true, mixture, mixed, partly true, partly false, partially true, partially false, "
        "conflicting evidence, conflicting evidence/cherrypicking, partiellement vrai, "
        "partiellement faux, teilweise wahr, teilweise falsch, delimično tačno, "
        "delimično netačno, poluistina, pjesërisht e vërtetë",
    ),
    (
        Status.DISPUTED,
        None,
        "mostly false, mostly incorrect, barely true, misleading, out of context, exaggerated, "
        "distorted, cherry-picked, miscaptioned, disputed, plutôt faux, trompeur, "
        "größtenteils falsch, irreführend, engañoso, enganoso, uglavnom netačno, obmanjujuće, "
        "zavaravajuće, mashtruese",
    ),
    (
        Status.DISPUTED,
        Finding.REFUTED,
        "false, incorrect, inaccurate, untrue, not true, wrong, fake, hoax, fabricated, "
        "manipulated, altered, pants on fire, pants fire, debunked, refuted, faux, falsch, falso, "
        "netačno, neistina, neistinito, lažno, нетачно, лажно, e rreme, e pavërtetë, rremë",
    ),
)
"""What common labels mean.  `refuted` is for flat falsehood alone; what is true in part is never
confirmed."""
LABELS = {
    label: Judgement(status=status, finding=finding)
    for status, finding, labels in MEANINGS
    for label in labels.split(", ")
}
