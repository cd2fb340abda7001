"""Read ClaimReview documents (schema.org): each review as a claim with the status it was given.

What is not imported as a claim of its own is a remark.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import BinaryIO
from urllib.parse import urlsplit

from service.domain import addresses
from service.domain.errors import Invalid
from service.domain.names import normalize_letters
from service.exchange import (
    import_claimants,
    import_dates,
    import_documents,
    import_fields,
    import_graph,
)
from service.exchange.import_fields import ClaimRow, RowRefusal
from service.exchange.import_graph import DOUBLED, Finding, Graph, Node
from service.exchange.import_labels import normalize_label
from service.exchange.import_mapping import Mapping
from service.exchange.import_properties import PropertyReader, shorten
from service.exchange.scratch import Scratch

STEPS = ("false", "mostly false", "half true", "mostly true", "true")
"""What a number means that stands for a label: from the worst to the best."""
LONGEST_WORD = 60
"""At most so many characters of an explanation may be a label: a paragraph is none."""
AROUND = " .!…\"'“”„«»‹›‘’"


@dataclass(frozen=True, slots=True)
class RowRemark:
    """Why a review is not imported as a claim of its own.  `is_known`: its claim is here."""

    remark: str
    is_known: bool = False


Result = ClaimRow | RowRefusal | RowRemark


def read_reviews(
    file: BinaryIO, mapping: Mapping, scratch: Scratch
) -> Iterator[tuple[int, Result]]:
    """Yield every review, with its line in the file or its place in the document: a claim, or why
    it is none.  Raises Invalid for a file without any."""
    labels = frozenset(mapping.list_judgements())
    place, is_met = 0, False
    first_remark = ""
    for document in import_documents.read_documents(file):
        if isinstance(document, tuple):
            is_met = True
            yield document
            continue
        if document.remark is not None:
            yield document.line or 1, RowRemark(document.remark)
        graph = import_graph.build_graph(*document.parts)
        findings = list(import_graph.find_reviews(graph))
        for finding in findings:
            place += 1
            number = document.line or place
            if finding.is_unread:
                is_met = True
                yield number, RowRefusal(None, None, finding.remark)
            elif finding.review is None:
                first_remark = first_remark or f": {finding.remark}"
                yield number, RowRemark(finding.remark)
            else:
                is_met = True
                reader = _ReviewReader(graph, mapping, labels)
                yield number, _read_review(number, finding, reader, scratch)
        if document.line is not None and not findings:
            is_met = True
            excerpt = str(document.parts[0])[:500]
            yield document.line, RowRefusal(None, excerpt, "there is no ClaimReview in the line")
    if not is_met:
        raise Invalid(f"there is no ClaimReview in the file{first_remark}")


def _read_review(place: int, finding: Finding, reader: "_ReviewReader", scratch: Scratch) -> Result:
    review = reader.graph.resolve(finding.review)
    assert isinstance(review, dict), "a review that is looked up stays an object"
    try:
        doubled_property = _find_doubled(review)
        if doubled_property is not None:
            raise RowRefusal(
                doubled_property, None, "this name stands twice in it, with two values"
            )
        row = reader.read_row(place, review, finding.claim)
    except RowRefusal as refusal:
        return refusal
    return _add_key(row, _find_primary_language(reader, review), scratch)


def _find_doubled(review: Node) -> str | None:
    """Return a name that stands twice in one object of a review."""
    waiting: list[object] = [review]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            if DOUBLED in item:
                return str(item[DOUBLED][0])
            waiting.extend(item.values())
    return None


def _add_key(row: ClaimRow, language: str | None, scratch: Scratch) -> ClaimRow | RowRemark:
    """Give a review the key that it is known again by; one that the file had before is a remark.

    The same address, however it is spelled, and the same words are the same review; so is the
    same address in another language.
    """
    page = addresses.normalize_address(row.review_url) if row.review_url else ""
    key = ("review of a claim", page, normalize_letters(row.text.strip(AROUND)))
    digest = sha256("\x1f".join(key).encode("utf-8", "surrogatepass")).hexdigest()
    earlier = scratch.take_name(f"review {digest}", row.line)
    if earlier is not None:
        return RowRemark(f"the same review as {earlier}: it is one claim", is_known=True)
    if page and language is not None:
        first = scratch.remember_first(f"language of {page}", f"{language} {row.line}")
        other, _, line = first.partition(" ")
        if other != language:
            text = import_fields.shorten(row.text)
            reason = f"the review of {line} in another language ({language}): “{text}”"
            return RowRemark(f"{reason}: it is one claim", is_known=True)
    former_key = ("review", row.review_url or "", row.text, "1")
    return replace(row, key=key, former_key=former_key)


def _find_primary_language(reader: PropertyReader, review: Node) -> str | None:
    language = reader.read_text(review, "inLanguage")
    if language is None or not import_fields.LANGUAGE.fullmatch(language):
        return None
    return language.partition("-")[0].lower()


class _ReviewReader(PropertyReader):
    """Reads one review."""

    def __init__(self, graph: Graph, mapping: Mapping, labels: frozenset[str]) -> None:
        super().__init__(graph)
        self.mapping, self.labels = mapping, labels

    def read_row(self, place: int, review: Node, claim: Node | None) -> ClaimRow:
        """Return the claim that a review is about, and how it was rated.  Raises RowRefusal."""
        dates, defaults = self.mapping.dates, self.mapping.defaults
        item = self.read_thing(review, "itemReviewed") or claim or {}
        text = self._read_claim_text(review, item)
        appearances, origin = self._read_appearances(item)
        date = self._read_date(item) or next(filter(None, map(self._read_date, appearances)), None)
        date = date or self._read_date(review) or defaults.date
        claim_date = import_dates.parse_date("datePublished", date, dates.formats, dates.timezone)
        if claim_date is None:
            reason = "there is no date, and the mapping has no default"
            raise RowRefusal("datePublished", None, reason)
        review_url = import_fields.clean_address(
            "url", self.read_address(review, "url") or import_graph.find_own_id(review)
        )
        url = origin or review_url or import_fields.clean_address("url", defaults.url)
        if url is None:
            raise RowRefusal("url", None, "there is no address, and the mapping has no default")
        is_own = url == review_url
        rater = self._read_rater(review)
        appearance = appearances[0] if appearances else {}
        publisher = rater if is_own else self.read_name(self.read_thing(appearance, "publisher"))
        title = self.read_text(review if is_own else appearance, "headline")
        label, explanation = self._read_rating(review)
        claimant = import_claimants.read_claimant(self, item)
        self.remarks.extend(
            import_fields.shorten(str(also), 300)
            for also in import_graph.list_values(review.get(import_graph.ALSO, []))
        )
        rated_by = self._cut("rated_by", rater or self.mapping.rated_by)
        return ClaimRow(
            line=place,
            key=(),
            text=text,
            claimed_at=claim_date[0],
            precision=claim_date[1],
            url=url,
            kind=defaults.kind,
            language=self._read_language(review),
            claimant=import_fields.clean_text("claimant", claimant.organisation),
            aliases=claimant.aliases,
            speaker=import_fields.clean_text("speaker", claimant.person),
            speaker_aliases=claimant.person_aliases,
            role=self._cut("role", claimant.role),
            publisher=self._cut("publisher", publisher or defaults.publisher),
            title=self._cut("title", title),
            label=self._cut("label", label),
            rated_by=rated_by or _find_host(review_url),
            review_url=review_url,
            explanation=self._cut("explanation", explanation),
            tags=import_fields.clean_tags(defaults.tags),
            story=defaults.story,
            remarks=tuple(dict.fromkeys(self.remarks)),
        )

    def _cut(self, field: str, value: str | None) -> str | None:
        return import_fields.clean_and_cut(field, value, self.remarks)

    def _read_date(self, node: Node) -> str | None:
        """Return when a thing was published, as written.  Other dates become remarks."""
        dates = list(dict.fromkeys(self.list_texts(node, "datePublished")))
        self.remarks.extend(f"dated {shorten(other)} too" for other in dates[1:])
        return dates[0] if dates else None

    def _read_claim_text(self, review: Node, item: Node) -> str:
        texts = list(dict.fromkeys(self.list_texts(review, "claimReviewed")))
        for other in texts[1:]:
            self.remarks.append(f"the claim is also put as “{shorten(other)}”")
        text = import_fields.clean_text("text", texts[0] if texts else self.read_text(item, "text"))
        if text is None:
            text = import_fields.clean_text("text", self.read_text(item, "name"))
        if text is None:
            raise RowRefusal("claimReviewed", None, "there is no claim")
        return text

    def _read_appearances(self, item: Node) -> tuple[list[Node], str | None]:
        """Return where the claim appeared, and the first address among that.  Raises RowRefusal."""
        things = [*self.list_things(item, "firstAppearance"), *self.list_things(item, "appearance")]
        found_addresses: list[str] = []
        for thing in things:
            address = self.read_address(thing, "url") or import_graph.find_own_id(thing)
            if address is None and set(thing) <= {"name"}:
                # A text that stands for an appearance: an address without a scheme, or words.
                address = self.read_name(thing)
            if address is not None:
                found_addresses += self._clean_appearance(address)
            elif not self.read_text(thing, "datePublished"):
                name = self.read_name(thing) or self.read_text(thing, "headline")
                label = shorten(name or "without a name")
                self.remarks.append(f"it appeared in {label}, without an address")
        own = self.read_address(item, "url")
        if own is not None and not found_addresses:
            found_addresses = self._clean_appearance(own)
        for other in dict.fromkeys(found_addresses[1:]):
            if addresses.normalize_address(other) != addresses.normalize_address(
                found_addresses[0]
            ):
                self.remarks.append(f"it appeared at {import_fields.shorten(other, 300)} too")
        return things, found_addresses[0] if found_addresses else None

    def _clean_appearance(self, text: str) -> list[str]:
        """Return an address; none, with a remark, for words.  Another scheme is refused."""
        try:
            address = import_fields.clean_address("appearance", text)
        except RowRefusal:
            if import_fields.has_scheme(text):
                raise
            self.remarks.append(f"it appeared in {shorten(text)}, which is no address")
            return []
        return [] if address is None else [address]

    def _read_rater(self, review: Node) -> str | None:
        """Return who rates: an organisation, before a person who writes for one."""
        people = []
        for field in ("author", "publisher", "sdPublisher"):
            for thing in self.list_things(review, field):
                name = (
                    self.read_name(thing)
                    or _find_host(self.read_address(thing, "url"))
                    or _find_host(import_graph.find_own_id(thing))
                )
                if name is None:
                    continue
                if "Person" not in import_graph.list_kinds(thing):
                    return name
                people.append((thing, name))
        for thing, name in people:
            return import_claimants.read_employer(self, thing) or name
        return None

    def _read_rating(self, review: Node) -> tuple[str | None, str | None]:
        """Return the word of a rating, and its explanation.

        A bare number is read as what it means between worst and best.  What cannot be read becomes
        a remark.
        """
        rating = self.read_thing(review, "reviewRating")
        explanation = self.read_text(rating, "ratingExplanation")
        words = [
            word
            for field in ("alternateName", "name")
            for word in self.list_texts(rating, field)
            if _parse_number(word) is None
        ]
        known_words = [word for word in words if normalize_label(word) in self.labels]
        if words:
            label = known_words[0] if known_words else words[0]
            for other in dict.fromkeys(known_words):
                if normalize_label(other) != normalize_label(label):
                    self.remarks.append(f"rated “{shorten(other)}” too")
            return label, explanation
        value = self.read_text(rating, "ratingValue") or self.read_text(rating, "name")
        if value is None:
            if rating and explanation is None:
                self.remarks.append("its rating says nothing")
            return self._split_explanation(explanation)
        number = _parse_number(value)
        if number is None:
            return value, explanation
        step = self._find_step(rating, number)
        if step is None:
            worst = self.read_text(rating, "worstRating") or "?"
            best = self.read_text(rating, "bestRating") or "?"
            scale = f"{shorten(worst)} to {shorten(best)}"
            self.remarks.append(f"rated {shorten(value)} on a scale of {scale}, which says nothing")
        return step, explanation

    def _split_explanation(self, explanation: str | None) -> tuple[str | None, str | None]:
        """Return label and explanation: without a rating, a word or two are the label."""
        if explanation is None:
            return None, None
        if len(explanation) <= LONGEST_WORD or normalize_label(explanation) in self.labels:
            return explanation, None
        return None, explanation

    def _find_step(self, rating: Node, value: float) -> str | None:
        if "ratingValue" not in rating:
            return None
        worst_text = self.read_text(rating, "worstRating")
        best_text = self.read_text(rating, "bestRating")
        worst = 1.0 if worst_text is None else _parse_number(worst_text)
        best = 5.0 if best_text is None else _parse_number(best_text)
        if worst is None or best is None or worst == best:
            return None
        # A scale may run downwards: 5 is the worst of 5 to 1.
        share = (value - worst) / (best - worst)
        return STEPS[round(share * (len(STEPS) - 1))] if 0 <= share <= 1 else None

    def _read_language(self, review: Node) -> str:
        language = self.read_text(review, "inLanguage")
        if language is not None and import_fields.LANGUAGE.fullmatch(language):
            return language
        return self.mapping.defaults.language


def _parse_number(value: str) -> float | None:
    try:
        number = float(value.replace(",", "."))
    except ValueError:
        return None
    return number if abs(number) < 1e6 else None


def _find_host(url: str | None) -> str | None:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None if url else None
    except ValueError:
        return None
