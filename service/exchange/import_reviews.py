"""ClaimReview documents (schema.org) as publishers write them, with all the liberties they take.

What schema.org has as one thing may be a list, what it has as an object may be a text, and the
other way round.  What is not understood, or not imported, is a remark.
"""

import html
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from service.domain import addresses
from service.domain.errors import Invalid
from service.domain.names import fold
from service.exchange import (
    import_claimants,
    import_dates,
    import_documents,
    import_fields,
    import_graph,
)
from service.exchange.import_fields import Incoming, Refused
from service.exchange.import_graph import CUT, DOUBLED, Graph, Node
from service.exchange.import_labels import fold_label
from service.exchange.import_mapping import Mapping
from service.exchange.scratch import Scratch

STEPS = ("false", "mostly false", "half true", "mostly true", "true")
"""What a number means that stands for a label: from the worst to the best."""
LONGEST_WORD = 60
"""Characters of an explanation that may be a label: a paragraph is none."""
AROUND = " .!…\"'“”„«»‹›‘’"


@dataclass(frozen=True, slots=True)
class Remarked:
    """What is not imported as a claim of its own, and why.  `known`: it is one that is here."""

    remark: str
    known: bool = False


Result = Incoming | Refused | Remarked


def reviews(file: BinaryIO, mapping: Mapping, scratch: Scratch) -> Iterator[tuple[int, Result]]:
    """Every review: a claim, or why it is none, with its line in the file, or its place in the
    document.  Raises Invalid for a file without any."""
    labels = frozenset(mapping.judgements())
    place, met = 0, False
    apart = ""
    for document in import_documents.read_documents(file):
        if isinstance(document, tuple):
            met = True
            yield document
            continue
        if document.remark is not None:
            yield document.line or 1, Remarked(document.remark)
        graph = import_graph.build_graph(*document.parts)
        in_line = False
        for found in import_graph.find_reviews(graph):
            place += 1
            in_line = True
            at = document.line or place
            if found.unread:
                met = True
                yield at, Refused(None, None, found.remark)
            elif found.review is None:
                apart = apart or f": {found.remark}"
                yield at, Remarked(found.remark)
            else:
                met = True
                yield at, _read_one(at, found, graph, mapping, labels, scratch)
        if document.line is not None and not in_line:
            met = True
            shown = str(document.parts[0])[:500]
            yield document.line, Refused(None, shown, "there is no ClaimReview in the line")
    if not met:
        raise Invalid(f"there is no ClaimReview in the file{apart}")


def _read_one(
    place: int,
    found: import_graph.Found,
    graph: Graph,
    mapping: Mapping,
    labels: frozenset[str],
    scratch: Scratch,
) -> Result:
    review: Node = graph.resolve(found.review)
    try:
        doubled = _find_doubled(review)
        if doubled is not None:
            raise Refused(doubled, None, "this name stands twice in it, with two values")
        incoming = Reading(graph, mapping, labels).read(place, review, found.claim)
    except Refused as refused:
        return refused
    return _identify(incoming, _primary_language(review, graph), scratch)


def _find_doubled(value: Any) -> str | None:
    """A name that stands twice in one object of a review."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            if DOUBLED in item:
                return str(item[DOUBLED][0])
            waiting.extend(item.values())
    return None


def _identify(incoming: Incoming, language: str | None, scratch: Scratch) -> Incoming | Remarked:
    """Give a review what it is known again by; one that the file had before is a remark.

    The same address, however it is spelled, and the same words are the same review; so is the
    same address in another language.
    """
    page = addresses.canonical(incoming.review_url) if incoming.review_url else ""
    key = ("review of a claim", page, fold_text(incoming.text))
    mark = sha256("\x1f".join(key).encode("utf-8", "surrogatepass")).hexdigest()
    before = scratch.name(f"review {mark}", incoming.line)
    if before is not None:
        return Remarked(f"the same review as {before}: it is one claim", known=True)
    if page and language is not None:
        first = scratch.remember(f"language of {page}", f"{language} {incoming.line}")
        other, _, line = first.partition(" ")
        if other != language:
            text = import_fields.shortened(incoming.text)
            said = f"the review of {line} in another language ({language}): “{text}”"
            return Remarked(f"{said}: it is one claim", known=True)
    former = ("review", incoming.review_url or "", incoming.text, "1")
    return replace(incoming, key=key, former_key=former)


def fold_text(text: str) -> str:
    """A claim's words in the form in which reviews are compared."""
    return fold(text.strip(AROUND))


def _primary_language(review: Node, graph: Graph) -> str | None:
    said = text_of(review.get("inLanguage"), graph)
    if said is None or not import_fields.LANGUAGE.fullmatch(said):
        return None
    return said.partition("-")[0].lower()


class Reading:
    """A review being read; `remarks` gather what is to be said of it."""

    def __init__(self, graph: Graph, mapping: Mapping, labels: frozenset[str]) -> None:
        self.graph, self.mapping, self.labels = graph, mapping, labels
        self.remarks: list[str] = []

    def read(self, place: int, review: Node, claim: Node | None) -> Incoming:
        """The claim that a review is about, and how it was rated.  Raises Refused."""
        dates, defaults = self.mapping.dates, self.mapping.defaults
        item = self.first(review, "itemReviewed") or claim or {}
        text = self._claim_text(review, item)
        appearances, origin = self._appearances(item)
        when = self._date(item) or next(filter(None, map(self._date, appearances)), None)
        when = when or self._date(review) or defaults.date
        claimed = import_dates.moment("datePublished", when, dates.formats, dates.timezone)
        if claimed is None:
            raise Refused("datePublished", None, "there is no date, and the mapping has no default")
        review_url = import_fields.address(
            "url", self.address(review, "url") or self.own_id(review)
        )
        url = origin or review_url or import_fields.address("url", defaults.url)
        if url is None:
            raise Refused("url", None, "there is no address, and the mapping has no default")
        own = url == review_url
        rater = self._rater(review)
        seen = appearances[0] if appearances else {}
        publisher = rater if own else self.name(self.first(seen, "publisher"))
        title = self.text(review, "headline") if own else self.text(seen, "headline")
        label, explanation = self._rating(review)
        claimant = import_claimants.read(self, item)
        self.remarks.extend(
            import_fields.shortened_to(str(also), 300) for also in review.get("\x00also", ())
        )
        rated_by = import_fields.cut("rated_by", rater or self.mapping.rated_by, self.remarks)
        return Incoming(
            line=place,
            key=(),
            text=text,
            claimed_at=claimed[0],
            precision=claimed[1],
            url=url,
            kind=defaults.kind,
            language=self._language(review),
            claimant=import_fields.text("claimant", claimant.organisation),
            aliases=claimant.aliases,
            speaker=import_fields.text("speaker", claimant.person),
            speaker_aliases=claimant.person_aliases,
            role=import_fields.cut("role", claimant.role, self.remarks),
            publisher=import_fields.cut("publisher", publisher or defaults.publisher, self.remarks),
            title=import_fields.cut("title", title, self.remarks),
            label=import_fields.cut("label", label, self.remarks),
            rated_by=rated_by or host_of(review_url),
            review_url=review_url,
            explanation=import_fields.cut("explanation", explanation, self.remarks),
            tags=import_fields.tags(defaults.tags),
            story=defaults.story,
            remarks=tuple(dict.fromkeys(self.remarks)),
        )

    # What publishers write for what.

    def things(self, node: Node, name: str) -> list[Node]:
        """The things of a property, whatever they are written as: looked up, where they stand
        elsewhere; a text is a thing's address or name.  What leads nowhere is remarked upon."""
        found = []
        for value in _listed(node.get(name)):
            value = self.graph.resolve(value)
            if import_graph.is_reference(value) and (
                isinstance(value, str) or value["@id"] not in self.graph.nodes
            ):
                target = value if isinstance(value, str) else value["@id"]
                self.remarks.append(f"its {name} refers to {_shown(target)}, which is not there")
            if isinstance(value, dict):
                if CUT in value:
                    self.remarks.append(f"its {name} is nested too deeply to be read")
                elif value:
                    found.append(value)
            elif (said := text_of(value, self.graph)) is not None:
                if not import_graph.is_reference(said):
                    is_address = said.startswith(("http://", "https://"))
                    found.append({"url" if is_address else "name": said})
            elif value is not None and value != "":
                self.remarks.append(f"its {name} is {_shown(value)}, which says nothing")
        return found

    def first(self, node: Node, name: str) -> Node:
        """The first thing of a property; the others are remarked upon."""
        found = self.things(node, name)
        for other in found[1:]:
            named = self.name(other) or self.address(other, "url") or self.text(other, "text")
            self.remarks.append(f"another {name} is left out: {_shown(named or 'without a name')}")
        return found[0] if found else {}

    def text(self, node: Node, name: str) -> str | None:
        return text_of(node.get(name), self.graph)

    def address(self, node: Node, name: str) -> str | None:
        """The first address of a property: a text, or a thing that has one."""
        for value in _listed(node.get(name)):
            value = self.graph.resolve(value)
            if isinstance(value, dict):
                value = value.get("@id") or value.get("url") or value.get("@value")
                value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and value.strip():
                return unescape(value)
        return None

    def texts(self, node: Node, name: str) -> list[str]:
        return list(_texts_of(node.get(name), self.graph))

    def addresses(self, node: Node, name: str) -> list[str]:
        found = (self.address({name: value}, name) for value in _listed(node.get(name)))
        return [address for address in found if address is not None]

    def own_id(self, node: Node) -> str | None:
        """A thing's `@id`, where it is an address and not a name within the document."""
        said = node.get("@id")
        return said if isinstance(said, str) and not import_graph.is_reference(said) else None

    def _date(self, node: Node) -> str | None:
        """When a thing was published, as written: the first date; others are remarked upon."""
        written = dict.fromkeys(self.texts(node, "datePublished"))
        self.remarks.extend(f"dated {_shown(other)} too" for other in list(written)[1:])
        return next(iter(written), None)

    def name(self, node: Node) -> str | None:
        return self.text(node, "name") or self.text(node, "legalName")

    def _claim_text(self, review: Node, item: Node) -> str:
        said = list(_texts_of(review.get("claimReviewed"), self.graph))
        for other in dict.fromkeys(said[1:]):
            if other != said[0]:
                self.remarks.append(f"the claim is also put as “{_shown(other)}”")
        text = import_fields.text("text", said[0] if said else self.text(item, "text"))
        if text is None:
            text = import_fields.text("text", self.text(item, "name"))
        if text is None:
            raise Refused("claimReviewed", None, "there is no claim")
        return text

    def _appearances(self, item: Node) -> tuple[list[Node], str | None]:
        """Where the claim appeared, and the first address among that.  Raises Refused."""
        appeared = [*self.things(item, "firstAppearance"), *self.things(item, "appearance")]
        addresses_found = []
        for thing in appeared:
            written = self.address(thing, "url") or self.own_id(thing)
            if written is None and set(thing) <= {"name"}:
                # A text that stands for an appearance: an address without a scheme, or words.
                written = self.name(thing)
            if written is None:
                if not self.text(thing, "datePublished"):
                    named = self.name(thing) or self.text(thing, "headline") or "without a name"
                    self.remarks.append(f"it appeared in {_shown(named)}, without an address")
                continue
            address = self._appearance_address(written)
            if address is not None:
                addresses_found.append(address)
        own = self.address(item, "url")
        if own is not None and not addresses_found:
            address = self._appearance_address(own)
            if address is not None:
                addresses_found.append(address)
        others = [
            one
            for one in dict.fromkeys(addresses_found[1:])
            if addresses.canonical(one) != addresses.canonical(addresses_found[0])
        ]
        self.remarks.extend(f"it appeared at {_shown(one, 300)} too" for one in others)
        return appeared, addresses_found[0] if addresses_found else None

    def _appearance_address(self, written: str) -> str | None:
        """An address; None, with a remark, for words.  Another scheme is refused."""
        try:
            return import_fields.address("appearance", written)
        except Refused:
            if import_fields.has_scheme(written):
                raise
        self.remarks.append(f"it appeared in {_shown(written)}, which is no address")
        return None

    def _rater(self, review: Node) -> str | None:
        """Who rates: an organisation, before a person who writes for one."""
        people = []
        for field in ("author", "publisher", "sdPublisher"):
            for thing in self.things(review, field):
                name = self.name(thing) or host_of(self.address(thing, "url"))
                if name is None:
                    name = host_of(self.own_id(thing))
                if name is None:
                    continue
                if "Person" not in import_graph.kinds(thing):
                    return name
                people.append((thing, name))
        for thing, name in people:
            return import_claimants.employer(self, thing) or name
        return None

    def _rating(self, review: Node) -> tuple[str | None, str | None]:
        """The word of a rating, and what explains it.  A bare number is read as what it means
        between worst and best; what cannot be read is remarked upon."""
        given = self.first(review, "reviewRating")
        explanation = self.text(given, "ratingExplanation")
        words = [
            word
            for name in ("alternateName", "name")
            for word in _texts_of(given.get(name), self.graph)
            if number_of(word) is None
        ]
        known = [word for word in words if fold_label(word) in self.labels]
        if words:
            label = known[0] if known else words[0]
            for other in dict.fromkeys(known):
                if fold_label(other) != fold_label(label):
                    self.remarks.append(f"rated “{_shown(other)}” too")
            return label, explanation
        value = self.text(given, "ratingValue") or self.text(given, "name")
        if value is None:
            if given and explanation is None:
                self.remarks.append("its rating says nothing")
            return self._explained(explanation)
        number = number_of(value)
        if number is None:
            return value, explanation
        step = self._step(given, number)
        if step is None:
            worst, best = self.text(given, "worstRating"), self.text(given, "bestRating")
            scale = f"{_shown(worst or '?')} to {_shown(best or '?')}"
            self.remarks.append(f"rated {_shown(value)} on a scale of {scale}, which says nothing")
        return step, explanation

    def _explained(self, explanation: str | None) -> tuple[str | None, str | None]:
        """An explanation without a rating is its label where it is a word or two."""
        if explanation is None:
            return None, None
        if len(explanation) <= LONGEST_WORD or fold_label(explanation) in self.labels:
            return explanation, None
        return None, explanation

    def _step(self, given: Node, value: float) -> str | None:
        if "ratingValue" not in given:
            return None
        worst_said, best_said = self.text(given, "worstRating"), self.text(given, "bestRating")
        worst = 1.0 if worst_said is None else number_of(worst_said)
        best = 5.0 if best_said is None else number_of(best_said)
        if worst is None or best is None or worst == best:
            return None
        # A scale may run downwards: 5 is the worst of 5 to 1.
        share = (value - worst) / (best - worst)
        return STEPS[round(share * (len(STEPS) - 1))] if 0 <= share <= 1 else None

    def _language(self, review: Node) -> str:
        given = self.text(review, "inLanguage")
        if given is not None and import_fields.LANGUAGE.fullmatch(given):
            return given
        return self.mapping.defaults.language


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts_of(value: Any, graph: Graph) -> Iterator[str]:
    """The texts of what may be a list, a thing with `@value`, or a number."""
    for item in _listed(value):
        item = graph.resolve(item)
        if isinstance(item, dict):
            item = item.get("@value", item.get("text", item.get("name")))
        if isinstance(item, list):
            yield from _texts_of(item, graph)
        elif isinstance(item, str) and item.strip():
            yield unescape(item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield str(item)


def text_of(value: Any, graph: Graph) -> str | None:
    return next(_texts_of(value, graph), None)


def unescape(text: str) -> str:
    """Twice: what was escaped for HTML is often escaped for a feed once more."""
    return html.unescape(html.unescape(text)).strip()


def _shown(value: Any, most: int = 80) -> str:
    return import_fields.shortened_to(str(value), most)


def number_of(value: str | None) -> float | None:
    try:
        found = float((value or "").replace(",", "."))
    except ValueError:
        return None
    return found if abs(found) < 1e6 else None


def host_of(url: str | None) -> str | None:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.") or None if url else None
    except ValueError:
        return None
