"""schema.org's things in a document, as JSON-LD, extruct's microdata or Google's answers have them.

Not a JSON-LD processor: contexts are not fetched.  Names are understood with schema.org's address
or a prefix in front, through aliases of a context within the document, or bare; what stands behind
an `@id` is looked up in the whole document.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 32
"""So many lists and objects may stand within one another."""
DOUBLED = "\x00doubled"
"""Under this name an object has those names that stand twice in it."""
CUT = "\x00too deep"
"""What stands in the place of what is nested too deeply."""
ADDRESSES = (
    "http://schema.org/",
    "https://schema.org/",
    "http://schema.org#",
    "https://schema.org#",
)
REVIEW_KINDS = ("Review", "CriticReview", "MediaReview", "EmployerReview", "UserReview")
"""Reviews of something else than claims."""
ENTRIES = ("claims", "results", "claimReviewMarkupPages", "dataFeedElement", "itemListElement")
"""Lists of which every entry should have a review."""
Node = dict[str, Any]


@dataclass
class Graph:
    """A document's things, and those among them that have an `@id`."""

    root: Any = None
    nodes: dict[str, Node] = field(default_factory=dict)
    referred: set[str] = field(default_factory=set)
    """What an `@id` that stands for a thing elsewhere names."""

    def resolve(self, value: Any) -> Any:
        """What a reference stands for: a thing of the document, or the value itself."""
        if isinstance(value, str):
            return self.nodes.get(value, value)
        if isinstance(value, dict) and isinstance(value.get("@id"), str):
            found = self.nodes.get(value["@id"])
            if found is not None and found is not value:
                return {**found, **value}
        return value


def is_reference(value: Any) -> bool:
    """Whether a value is but the `@id` of a thing that stands elsewhere."""
    if isinstance(value, str):
        return value.startswith(("#", "_:"))
    if not isinstance(value, dict) or not isinstance(value.get("@id"), str):
        return False
    return set(value) <= {"@id", "@type"}


def build_graph(*documents: Any) -> Graph:
    """Read documents that belong together, such as the scripts of one page."""
    graph = Graph()
    roots = [_normalize(document, {}, graph, 0) for document in documents]
    graph.root = roots[0] if len(roots) == 1 else roots
    return graph


def _normalize(value: Any, aliases: dict[str, str], graph: Graph, depth: int) -> Any:
    if isinstance(value, list):
        if depth >= DEEPEST:
            return {CUT: True}
        return [_normalize(item, aliases, graph, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if depth >= DEEPEST:
        return {CUT: True}
    if "@context" in value:
        aliases = aliases | _read_context(value["@context"])
    node: Node = {}
    for name, item in _flat_properties(value).items():
        known = aliases.get(name) or _local_name(name, aliases)
        if known == "@context":
            continue
        if known == "@type":
            node[known] = [_local_name(kind, aliases) for kind in _texts(item)]
        elif known == "@id":
            node[known] = item
        else:
            made = _normalize(item, aliases, graph, depth + 1)
            node[known] = made if known not in node else [*_listed(node[known]), *_listed(made)]
    for wrapper in ("@list", "@set"):
        if wrapper in node:
            return node[wrapper]
    _index(node, graph)
    return node


def _flat_properties(value: Node) -> Node:
    """An item of microdata as extruct gives it has its properties one level down."""
    properties = value.get("properties")
    if not isinstance(properties, dict) or "type" not in value:
        return value
    flat = {"@type": value["type"], **properties}
    if isinstance(value.get("id"), str):
        flat["@id"] = value["id"]
    return flat


def _index(node: Node, graph: Graph) -> None:
    name = node.get("@id")
    if not isinstance(name, str):
        return
    if is_reference(node):
        graph.referred.add(name)
        return
    graph.nodes[name] = {**node, **graph.nodes.get(name, {})}


def _read_context(context: Any) -> dict[str, str]:
    """What the terms of a context that is written out mean, where they mean schema.org's."""
    found: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for part in _listed(context):
        if not isinstance(part, dict):
            continue
        for term, meaning in part.items():
            address = meaning.get("@id") if isinstance(meaning, dict) else meaning
            if not isinstance(address, str) or not isinstance(term, str):
                continue
            if address in ADDRESSES:
                prefixes[f"{term}:"] = term
                found[f"\x00{term}:"] = ""
            elif address.startswith("@"):
                found[term] = address
            else:
                found[term] = address
    for term, address in list(found.items()):
        if address and not address.startswith("@"):
            local = _local_name(address, found)
            if local == address and ":" in address:
                del found[term]
            else:
                found[term] = local
    return found


def _local_name(name: str, aliases: dict[str, str]) -> str:
    for address in ADDRESSES:
        if name.startswith(address):
            return name.removeprefix(address)
    prefix, colon, rest = name.partition(":")
    if colon and (prefix == "schema" or f"\x00{prefix}:" in aliases):
        return rest
    return name


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> Iterator[str]:
    for item in _listed(value):
        if isinstance(item, str):
            yield item


def kinds(node: Node) -> list[str]:
    """Of which types a thing is, by their names in schema.org."""
    if "@type" in node:
        return list(_texts(node["@type"]))
    return [_local_name(kind, {}) for kind in _texts(node.get("type"))]


# Where the reviews are.


@dataclass(frozen=True)
class Found:
    """A review, the claim that it stands within, if any; or what is to be said in its place.

    `unread`: there may be reviews in what could not be read.
    """

    review: Node | None
    claim: Node | None = None
    remark: str = ""
    unread: bool = False


def find_reviews(graph: Graph) -> Iterator[Found]:
    """Every ClaimReview of a document, wherever it stands, in the document's order."""
    root = graph.root
    if isinstance(root, list):
        yield from _walk_entries(root, graph)
        return
    yield from _walk(root, None, None, graph)
    if isinstance(root, dict) and root.get("nextPageToken"):
        yield Found(None, remark="the answer goes on: what its nextPageToken gives is not here")


def _walk_entries(entries: list[Any], graph: Graph) -> Iterator[Found]:
    """The reviews of a list whose every entry is to be accounted for."""
    for item in entries:
        nothing = True
        for found in _walk(item, None, None, graph):
            nothing = False
            yield found
        if nothing and not _supports(item, graph):
            yield Found(None, remark=f"there is no ClaimReview in it: {_describe(item)}")


def _supports(item: Any, graph: Graph) -> bool:
    """Whether an entry of a list is there for others that refer to it."""
    name = item.get("@id") if isinstance(item, dict) else None
    return isinstance(name, str) and name in graph.referred


def _describe(item: Any) -> str:
    if isinstance(item, dict):
        return " and ".join(kinds(item)) or "an object without a type"
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(item), "a number")


def _walk(value: Any, parent: Node | None, place: str | None, graph: Graph) -> Iterator[Found]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, parent, place, graph)
        return
    if not isinstance(value, dict):
        return
    if CUT in value:
        remark = f"more than {DEEPEST} lists and objects stand within one another"
        yield Found(None, remark=remark, unread=True)
        return
    if _is_review(value):
        if is_reference(value) and graph.resolve(value) is not value:
            return  # It is met where it stands.
        yield Found(value, parent if place in ("review", "claimReview", "subjectOf") else None)
        return
    if isinstance(value.get("claimReview"), list) and "text" in value:
        yield from _read_search_result(value)
        return
    if isinstance(value.get("claimReviewMarkups"), list):
        yield from _read_markup_page(value)
        return
    other = [kind for kind in kinds(value) if kind in REVIEW_KINDS]
    if other:
        yield Found(None, remark=f"a {other[0]} is no ClaimReview, and is not imported")
    is_claim = "Claim" in kinds(value)
    for name, item in value.items():
        if name in ENTRIES and isinstance(item, list):
            yield from _walk_entries(item, graph)
        else:
            yield from _walk(item, value if is_claim else None, name, graph)


def _is_review(value: Node) -> bool:
    found = kinds(value)
    return "ClaimReview" in found or (not found and "claimReviewed" in value)


# Google's Fact Check Tools.


def _read_search_result(claim: Node) -> Iterator[Found]:
    """An entry of `claims:search`: a claim, and what several say of it."""
    reviews = [item for item in claim["claimReview"] if isinstance(item, dict)]
    first = reviews[0] if reviews else {}
    publisher = first.get("publisher")
    publisher = publisher if isinstance(publisher, dict) else {"name": publisher}
    node: Node = {
        "@type": ["ClaimReview"],
        "claimReviewed": claim.get("text"),
        "url": first.get("url"),
        "headline": first.get("title"),
        "datePublished": first.get("reviewDate"),
        "inLanguage": first.get("languageCode"),
        "author": {"@type": ["Organization"], **_renamed(publisher, {"site": "url"})},
        "itemReviewed": {
            "@type": ["Claim"],
            "author": claim.get("claimant") and {"name": claim["claimant"]},
            "datePublished": claim.get("claimDate"),
        },
    }
    if first.get("textualRating") is not None:
        node["reviewRating"] = {"alternateName": first["textualRating"]}
    node["\x00also"] = [_describe_review(other) for other in reviews[1:]]
    yield Found(node)


def _describe_review(review: Node) -> str:
    publisher = review.get("publisher")
    named = publisher.get("name") or publisher.get("site") if isinstance(publisher, dict) else None
    return f"also rated “{review.get('textualRating')}” by {named} ({review.get('url')})"


def _read_markup_page(page: Node) -> Iterator[Found]:
    """An entry of `pages`: a page, and the markup of its reviews."""
    for markup in page["claimReviewMarkups"]:
        if not isinstance(markup, dict):
            yield Found(None, remark=f"there is no markup in it: {_describe(markup)}")
            continue
        rating = markup.get("rating")
        rating = rating if isinstance(rating, dict) else {}
        author = page.get("claimReviewAuthor")
        yield Found(
            {
                "@type": ["ClaimReview"],
                "claimReviewed": markup.get("claimReviewed"),
                "url": markup.get("url") or page.get("pageUrl"),
                "datePublished": page.get("publishDate"),
                "author": author and {"@type": ["Organization"], **author}
                if isinstance(author, dict)
                else author,
                "itemReviewed": {
                    "@type": ["Claim"],
                    "author": markup.get("claimAuthor"),
                    "datePublished": markup.get("claimDate"),
                    "firstAppearance": markup.get("claimFirstAppearance"),
                    "appearance": markup.get("claimAppearances"),
                },
                "reviewRating": _renamed(rating, {"textualRating": "alternateName"}),
            }
        )


def _renamed(node: Node, names: dict[str, str]) -> Node:
    return {names.get(name, name): value for name, value in node.items()}
