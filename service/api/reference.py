"""Renders the API's reference as HTML: no script, nothing from elsewhere, readable offline."""

import json
from html import escape

from service.views import JsonObject

STYLE = """
:root { color-scheme: light dark; --line: #8884; --accent: #a3341f; }
@media (prefers-color-scheme: dark) { :root { --accent: #f0917d; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-family: Georgia, serif; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
details { border-bottom: 1px solid var(--line); padding: .35rem 0; }
summary { cursor: pointer; } summary code { overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 4.2rem; font-weight: 700; color: var(--accent); }
.about { margin-inline-start: .5rem; } a { color: var(--accent); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: start; vertical-align: top; padding: .25rem .75rem .25rem 0; }
pre { overflow-x: auto; padding: .75rem; background: #8881; font-size: .85rem; }
"""

"""An OpenAPI document, or an object in one."""
METHODS = ("get", "post", "put", "patch", "delete")


def render_reference(document: JsonObject) -> str:
    """Return the whole reference, grouped by tag."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                tag = operation.get("tags", ["other"])[0]
                html = _render_operation(document, path, method, operation)
                groups.setdefault(tag, []).append(html)
    groups["what webhooks send"] = [
        _render_operation(document, kind, "post", operations["post"])
        for kind, operations in document["webhooks"].items()
    ]
    body = "".join(
        f"<section><h2>{escape(tag)}</h2>{''.join(operations)}</section>"
        for tag, operations in groups.items()
    )
    info = document["info"]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title>"
        '<link rel="stylesheet" href="/docs/style.css"></head><body><main>'
        f"<h1>{escape(info['title'])} API</h1><p>{escape(info['description'])}</p>"
        f'<p><a href="/openapi.json">openapi.json</a></p>{body}</main></body></html>'
    )


def _render_operation(document: JsonObject, path: str, method: str, operation: JsonObject) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(parameter['name'])}</code></td><td>{escape(parameter['in'])}</td>"
        f"<td>{escape(parameter.get('description', ''))}</td></tr>"
        for parameter in operation.get("parameters", [])
    )
    parameters = (
        f"<table><tr><th>Parameter</th><th>In</th><th></th></tr>{rows}</table>" if rows else ""
    )
    answers = "".join(
        f"<tr><td><code>{escape(status)}</code></td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    )
    return (
        f'<details id="{escape(operation["operationId"])}"><summary>'
        f'<span class="method">{method.upper()}</span><code>{escape(path)}</code>'
        f'<span class="about">{escape(operation["summary"])}</span></summary>'
        f"<p>{escape(operation.get('description', ''))}</p>{parameters}"
        f"{_render_example(document, operation)}"
        f"<table><tr><th>Answer</th><th></th></tr>{answers}</table></details>"
    )


def _render_example(document: JsonObject, operation: JsonObject) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ""
    schema = content["schema"]
    reference = schema.get("$ref") or next(
        (choice["$ref"] for choice in schema.get("anyOf", []) if "$ref" in choice), ""
    )
    definition = document["components"]["schemas"].get(reference.rsplit("/", 1)[-1], {})
    examples = definition.get("examples")
    if not examples:
        return ""
    return f"<pre>{escape(json.dumps(examples[0], indent=2, ensure_ascii=False))}</pre>"
