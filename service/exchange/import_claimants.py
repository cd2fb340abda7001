"""Read who makes the claim of a review: an organisation, and the person who speaks for it."""

from dataclasses import dataclass

from service.exchange import import_graph
from service.exchange.import_graph import Node
from service.exchange.import_properties import PropertyReader

EMPLOYERS = ("affiliation", "worksFor", "memberOf")


@dataclass(frozen=True, slots=True)
class Claimant:
    """`aliases` are further names and addresses, by which a mapping may know them."""

    organisation: str | None = None
    person: str | None = None
    role: str | None = None
    aliases: tuple[str, ...] = ()
    person_aliases: tuple[str, ...] = ()


def read_claimant(reader: PropertyReader, item: Node) -> Claimant:
    """Return who makes the claim that `item` is: the first author.  Others become remarks."""
    authors = reader.list_things(item, "author")
    named_authors = [author for author in authors if _list_names(reader, author)]
    if authors and not named_authors:
        reader.remarks.append("its claimant has no name")
    for other in named_authors[1:]:
        name = (
            reader.read_name(other)
            or reader.read_address(other, "url")
            or import_graph.find_own_id(other)
        )
        reader.remarks.append(f"claimed by {name} too, who is left out")
    if not named_authors:
        return Claimant()
    author = named_authors[0]
    name, *aliases = _list_names(reader, author)
    if "Person" not in import_graph.list_kinds(author):
        return Claimant(organisation=name, aliases=tuple(aliases))
    role = reader.read_text(author, "jobTitle")
    for field in EMPLOYERS:
        for employer in reader.list_things(author, field):
            if names := _list_names(reader, employer):
                return Claimant(names[0], name, role, tuple(names[1:]), tuple(aliases))
    return Claimant(person=name, role=role, person_aliases=tuple(aliases))


def read_employer(reader: PropertyReader, person: Node) -> str | None:
    """Return the name of the organisation for which a person works."""
    for field in EMPLOYERS:
        for employer in reader.list_things(person, field):
            name = reader.read_name(employer)
            if name is not None:
                return name
    return None


def _list_names(reader: PropertyReader, thing: Node) -> list[str]:
    """Return the names of a thing, and then its addresses."""
    names = [reader.read_text(thing, field) for field in ("name", "legalName")]
    names += reader.list_texts(thing, "alternateName")
    names += reader.list_addresses(thing, "sameAs")
    names += reader.list_addresses(thing, "url")
    names.append(import_graph.find_own_id(thing))
    return list(dict.fromkeys(name for name in names if name))
