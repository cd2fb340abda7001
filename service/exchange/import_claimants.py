"""Who a review says makes the claim: an organisation, and the person who speaks for it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.exchange import import_graph
from service.exchange.import_graph import Node

if TYPE_CHECKING:
    from service.exchange.import_reviews import Reading

EMPLOYERS = ("affiliation", "worksFor", "memberOf")


@dataclass(frozen=True, slots=True)
class Claimant:
    """`aliases` are further names and addresses, by which a mapping may know them."""

    organisation: str | None = None
    person: str | None = None
    role: str | None = None
    aliases: tuple[str, ...] = ()
    person_aliases: tuple[str, ...] = ()


def read(reading: "Reading", item: Node) -> Claimant:
    """Who makes the claim that `item` is: the first author; others are remarked upon."""
    authors = reading.things(item, "author")
    named = [author for author in authors if _identified(reading, author)]
    if authors and not named:
        reading.remarks.append("its claimant has no name")
    for other in named[1:]:
        said = reading.name(other) or reading.address(other, "url") or reading.own_id(other)
        reading.remarks.append(f"claimed by {said} too, who is left out")
    if not named:
        return Claimant()
    author = named[0]
    name, aliases = _names(reading, author)
    if "Person" not in import_graph.kinds(author):
        return Claimant(organisation=name, aliases=aliases)
    role = reading.text(author, "jobTitle")
    for field in EMPLOYERS:
        for thing in reading.things(author, field):
            if _identified(reading, thing):
                employer_name, employer_aliases = _names(reading, thing)
                return Claimant(employer_name, name, role, employer_aliases, aliases)
    return Claimant(person=name, role=role, person_aliases=aliases)


def employer(reading: "Reading", person: Node) -> str | None:
    """For whom a person works, by name."""
    for field in EMPLOYERS:
        for thing in reading.things(person, field):
            name = reading.name(thing)
            if name is not None:
                return name
    return None


def _identified(reading: "Reading", thing: Node) -> bool:
    return _names(reading, thing)[0] is not None


def _names(reading: "Reading", thing: Node) -> tuple[str | None, tuple[str, ...]]:
    """A thing's name, and what else it goes by; an address, where it has no name."""
    found = [reading.text(thing, name) for name in ("name", "legalName")]
    found += reading.texts(thing, "alternateName")
    links = [*reading.addresses(thing, "sameAs"), *reading.addresses(thing, "url")]
    own = reading.own_id(thing)
    if own is not None:
        links.append(own)
    every = list(dict.fromkeys(name for name in (*found, *links) if name))
    return (every[0], tuple(every[1:])) if every else (None, ())
