"""Read the properties of schema.org's things, with all the liberties that publishers take.

What schema.org has as one thing may be a list, what it has as an object may be a text, and the
other way round.  What is not understood becomes a remark.
"""

import html
from collections.abc import Iterator

from service.exchange import import_fields, import_graph
from service.exchange.import_graph import CUT, Graph, Node, list_values


class PropertyReader:
    """Reads properties, each by its name; `remarks` collects what was left out."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.remarks: list[str] = []

    def list_things(self, node: Node, name: str) -> list[Node]:
        """Return the things of a property, whatever they are written as.

        References are looked up; a text is a thing's address or name.  What leads nowhere becomes
        a remark.
        """
        things = []
        for item in list_values(node.get(name)):
            value = self.graph.resolve(item)
            if import_graph.is_reference(value):
                target = value["@id"] if isinstance(value, dict) else value
                if isinstance(value, str) or target not in self.graph.nodes:
                    reason = f"refers to {shorten(target)}, which is not there"
                    self.remarks.append(f"its {name} {reason}")
            if isinstance(value, dict):
                if CUT in value:
                    self.remarks.append(f"its {name} is nested too deeply to be read")
                elif value:
                    things.append(value)
            elif (text := read_text_of(value, self.graph)) is not None:
                if not import_graph.is_reference(text):
                    is_address = text.startswith(("http://", "https://"))
                    things.append({"url" if is_address else "name": text})
            elif value is not None and value != "":
                self.remarks.append(f"its {name} is {shorten(value)}, which says nothing")
        return things

    def read_thing(self, node: Node, name: str) -> Node:
        """Return the first thing of a property.  The others become remarks."""
        things = self.list_things(node, name)
        for other in things[1:]:
            names = (
                self.read_name(other)
                or self.read_address(other, "url")
                or self.read_text(other, "text")
                or "without a name"
            )
            self.remarks.append(f"another {name} is left out: {shorten(names)}")
        return things[0] if things else {}

    def list_texts(self, node: Node, name: str) -> list[str]:
        return list(_read_texts(node.get(name), self.graph))

    def read_text(self, node: Node, name: str) -> str | None:
        return read_text_of(node.get(name), self.graph)

    def read_name(self, node: Node) -> str | None:
        return self.read_text(node, "name") or self.read_text(node, "legalName")

    def list_addresses(self, node: Node, name: str) -> list[str]:
        addresses = (
            self.read_address({name: value}, name) for value in list_values(node.get(name))
        )
        return [address for address in addresses if address is not None]

    def read_address(self, node: Node, name: str) -> str | None:
        """Return the first address of a property: a text, or of a thing that has one."""
        for item in list_values(node.get(name)):
            value = self.graph.resolve(item)
            if isinstance(value, dict):
                value = value.get("@id") or value.get("url") or value.get("@value")
                value = value[0] if isinstance(value, list) and value else value
            if isinstance(value, str) and value.strip():
                return unescape(value)
        return None


def read_text_of(value: object, graph: Graph) -> str | None:
    """Return the first text of a value."""
    return next(_read_texts(value, graph), None)


def _read_texts(value: object, graph: Graph) -> Iterator[str]:
    """Yield the texts of what may be a list, a thing with `@value`, or a number."""
    for element in list_values(value):
        item = graph.resolve(element)
        if isinstance(item, dict):
            item = item.get("@value", item.get("text", item.get("name")))
        if isinstance(item, list):
            yield from _read_texts(item, graph)
        elif isinstance(item, str) and item.strip():
            yield unescape(item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            yield str(item)


def unescape(text: str) -> str:
    """Unescape HTML twice: what was escaped for a page is often escaped for a feed once more."""
    return html.unescape(html.unescape(text)).strip()


def shorten(value: object) -> str:
    """Return a value for a remark."""
    return import_fields.shorten(str(value))
