"""Find the ClaimReviews of a document: JSON-LD, extruct's microdata or Google's answers.

This is no JSON-LD processor: contexts are not fetched.  Names are understood with schema.org's
address or a prefix in front, through aliases of a context within the document, or bare.  The thing
that an `@id` names is looked up in the whole document.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

DEEPEST = 32
"""How many lists and objects may stand within one another."""
DOUBLED = "\x00doubled"
"""Under this name an object has the names that stand twice in it."""
CUT = "\x00too deep"
"""An object with this name stands in the place of what is nested too deeply."""
ALSO = "\x00also"
"""Under this name a review has remarks on other reviews of its claim."""
ADDRESSES = (
    "http://schema.org/",
    "https://schema.org/",
    "http://schema.org#",
    "https://schema.org#",
)
REVIEW_KINDS = ("Review", "CriticReview", "MediaReview", "EmployerReview", "UserReview")
"""Reviews of something else than claims."""
ENTRY_LISTS = ("claims", "results", "claimReviewMarkupPages", "dataFeedElement", "itemListElement")
"""Names of lists in which every entry should have a review."""
Node = dict[str, object]


@dataclass
class Graph:
    """The things of a document; `nodes` has those with an `@id`."""

    root: object = None
    nodes: dict[str, Node] = field(default_factory=dict)
    referred: set[str] = field(default_factory=set)
    """The ids that references name."""

    def resolve(self, value: object) -> object:
        """Return the thing of the document that a reference names, or the value itself."""
        if isinstance(value, str):
            return self.nodes.get(value, value)
        if isinstance(value, dict) and isinstance(value.get("@id"), str):
            node = self.nodes.get(value["@id"])
            if node is not None and node is not value:
                return {**node, **value}
        return value


def is_reference(value: object) -> bool:
    """Whether a value is only the `@id` of a thing that stands elsewhere."""
    if isinstance(value, str):
        return value.startswith(("#", "_:"))
    if not isinstance(value, dict) or not isinstance(value.get("@id"), str):
        return False
    return set(value) <= {"@id", "@type"}


def find_own_id(node: Node) -> str | None:
    """Return a thing's `@id`, where it is an address and not a name within the document."""
    own_id = node.get("@id")
    return own_id if isinstance(own_id, str) and not is_reference(own_id) else None


def build_graph(*documents: object) -> Graph:
    """Build the graph of documents that belong together, such as the scripts of one page."""
    graph = Graph()
    roots = [_normalize(document, {}, graph, 0) for document in documents]
    graph.root = roots[0] if len(roots) == 1 else roots
    return graph


def _normalize(value: object, aliases: dict[str, str], graph: Graph, depth: int) -> object:
    if isinstance(value, list):
        if depth >= DEEPEST:
            return {CUT: True}
        return [_normalize(item, aliases, graph, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if depth >= DEEPEST:
        return {CUT: True}
    if "@context" in value:
        aliases = aliases | _read_aliases(value["@context"])
    node: Node = {}
    for name, item in _lift_properties(value).items():
        property_name = aliases.get(name) or _local_name(name, aliases)
        if property_name == "@context":
            continue
        if property_name == "@type":
            node[property_name] = [_local_name(kind, aliases) for kind in _texts(item)]
        elif property_name == "@id":
            node[property_name] = item
        else:
            child = _normalize(item, aliases, graph, depth + 1)
            node[property_name] = (
                child
                if property_name not in node
                else [*list_values(node[property_name]), *list_values(child)]
            )
    for wrapper in ("@list", "@set"):
        if wrapper in node:
            return node[wrapper]
    _index(node, graph)
    return node


def _lift_properties(value: Node) -> Node:
    """Lift the properties of an item of microdata, which extruct gives one level down."""
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


def _read_aliases(context: object) -> dict[str, str]:
    """Return what the terms of a context mean, where they mean schema.org's.

    A prefix stands in it after a NUL, with its colon.
    """
    aliases: dict[str, str] = {}
    for part in list_values(context):
        for term, meaning in part.items() if isinstance(part, dict) else ():
            address = meaning.get("@id") if isinstance(meaning, dict) else meaning
            if isinstance(address, str) and isinstance(term, str):
                if address in ADDRESSES:
                    aliases[f"\x00{term}:"] = ""
                else:
                    aliases[term] = address
    for term, address in list(aliases.items()):
        if address and not address.startswith("@"):
            local = _local_name(address, aliases)
            if local == address and ":" in address:
                del aliases[term]
            else:
                aliases[term] = local
    return aliases


def _local_name(name: str, aliases: dict[str, str]) -> str:
    for address in ADDRESSES:
        if name.startswith(address):
            return name.removeprefix(address)
    prefix, colon, rest = name.partition(":")
    if colon and (prefix == "schema" or f"\x00{prefix}:" in aliases):
        return rest
    return name


def list_values(value: object) -> list[object]:
    """Return a list as it is, and any other value as a list of one."""
    return value if isinstance(value, list) else [value]


def _texts(value: object) -> Iterator[str]:
    for item in list_values(value):
        if isinstance(item, str):
            yield item


def list_kinds(node: Node) -> list[str]:
    """Return the types of a thing, by their names in schema.org."""
    if "@type" in node:
        return list(_texts(node["@type"]))
    return [_local_name(kind, {}) for kind in _texts(node.get("type"))]


@dataclass(frozen=True)
class Finding:
    """A review, and the claim that it stands within, if any; or a remark in its place.

    `is_unread` says that there may be reviews in what could not be read.
    """

    review: Node | None
    claim: Node | None = None
    remark: str = ""
    is_unread: bool = False


def find_reviews(graph: Graph) -> Iterator[Finding]:
    """Yield every ClaimReview of a document, wherever it stands, in the document's order."""
    root = graph.root
    if isinstance(root, list):
        yield from _walk_entries(root, graph)
        return
    yield from _walk(root, None, None, graph)
    if isinstance(root, dict) and root.get("nextPageToken"):
        yield Finding(None, remark="the answer goes on: what its nextPageToken gives is not here")


def _walk_entries(entries: list[object], graph: Graph) -> Iterator[Finding]:
    """Yield the reviews of a list, and a remark for an entry that has none."""
    for item in entries:
        is_empty = True
        for finding in _walk(item, None, None, graph):
            is_empty = False
            yield finding
        if is_empty and not _is_referred_to(item, graph):
            yield Finding(None, remark=f"there is no ClaimReview in it: {_describe(item)}")


def _is_referred_to(item: object, graph: Graph) -> bool:
    """Whether other things of the document refer to an entry of a list."""
    name = item.get("@id") if isinstance(item, dict) else None
    return isinstance(name, str) and name in graph.referred


def _describe(item: object) -> str:
    if isinstance(item, dict):
        return " and ".join(list_kinds(item)) or "an object without a type"
    return {list: "a list", str: "a text", type(None): "nothing"}.get(type(item), "a number")


def _walk(value: object, parent: Node | None, place: str | None, graph: Graph) -> Iterator[Finding]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, parent, place, graph)
        return
    if not isinstance(value, dict):
        return
    if CUT in value:
        remark = f"more than {DEEPEST} lists and objects stand within one another"
        yield Finding(None, remark=remark, is_unread=True)
        return
    if _is_review(value):
        if is_reference(value) and graph.resolve(value) is not value:
            return  # It is met where it stands.
        yield Finding(value, parent if place in ("review", "claimReview", "subjectOf") else None)
        return
    if isinstance(value.get("claimReview"), list) and "text" in value:
        yield from _read_search_result(value)
        return
    if isinstance(value.get("claimReviewMarkups"), list):
        yield from _read_markup_page(value)
        return
    other = [kind for kind in list_kinds(value) if kind in REVIEW_KINDS]
    if other:
        yield Finding(None, remark=f"a {other[0]} is no ClaimReview, and is not imported")
    is_claim = "Claim" in list_kinds(value)
    for name, item in value.items():
        if name in ENTRY_LISTS and isinstance(item, list):
            yield from _walk_entries(item, graph)
        else:
            yield from _walk(item, value if is_claim else None, name, graph)


def _is_review(value: Node) -> bool:
    kinds = list_kinds(value)
    return "ClaimReview" in kinds or (not kinds and "claimReviewed" in value)


def _read_search_result(claim: Node) -> Iterator[Finding]:
    """Read an entry of `claims:search` of Google's Fact Check Tools: a claim, and its reviews."""
    reviews = [item for item in list_values(claim["claimReview"]) if isinstance(item, dict)]
    first: Node = reviews[0] if reviews else {}
    publisher = first.get("publisher")
    publisher = publisher if isinstance(publisher, dict) else {"name": publisher}
    node: Node = {
        "@type": ["ClaimReview"],
        "claimReviewed": claim.get("text"),
        "url": first.get("url"),
        "headline": first.get("title"),
        "datePublished": first.get("reviewDate"),
        "inLanguage": first.get("languageCode"),
        "author": {"@type": ["Organization"], **_rename(publisher, {"site": "url"})},
        "itemReviewed": {
            "@type": ["Claim"],
            "author": claim.get("claimant") and {"name": claim["claimant"]},
            "datePublished": claim.get("claimDate"),
        },
    }
    if first.get("textualRating") is not None:
        node["reviewRating"] = {"alternateName": first["textualRating"]}
    node[ALSO] = [_describe_review(other) for other in reviews[1:]]
    yield Finding(node)


def _describe_review(review: Node) -> str:
    publisher = review.get("publisher")
    publisher_name = (
        publisher.get("name") or publisher.get("site") if isinstance(publisher, dict) else None
    )
    return f"also rated “{review.get('textualRating')}” by {publisher_name} ({review.get('url')})"


def _read_markup_page(page: Node) -> Iterator[Finding]:
    """Read an entry of `pages` of Google's Fact Check Tools: a page, and its reviews."""
    for markup in list_values(page["claimReviewMarkups"]):
        if not isinstance(markup, dict):
            yield Finding(None, remark=f"there is no markup in it: {_describe(markup)}")
            continue
        rating = markup.get("rating")
        rating = rating if isinstance(rating, dict) else {}
        author = page.get("claimReviewAuthor")
        yield Finding(
            {
                "@type": ["ClaimReview"],
                "claimReviewed": markup.get("claimReviewed"),
                "url": markup.get("url") or page.get("pageUrl"),
                "datePublished": page.get("publishDate"),
                "author": {"@type": ["Organization"], **author}
                if isinstance(author, dict) and author
                else author,
                "itemReviewed": {
                    "@type": ["Claim"],
                    "author": markup.get("claimAuthor"),
                    "datePublished": markup.get("claimDate"),
                    "firstAppearance": markup.get("claimFirstAppearance"),
                    "appearance": markup.get("claimAppearances"),
                },
                "reviewRating": _rename(rating, {"textualRating": "alternateName"}),
            }
        )


def _rename(node: Node, names: dict[str, str]) -> Node:
    return {names.get(name, name): value for name, value in node.items()}
