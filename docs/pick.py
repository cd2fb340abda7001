"""Print what stands at a place of the JSON on standard input: `items.0.id`, `items.*.text`.

For the examples of README.md and docs/api.md, where whoever has jq would use that.
"""

import json
import sys
from typing import Any


def list_values(value: Any, keys: list[str]) -> list[Any]:
    """List the values at a place; `*` stands for every item of a list."""
    if not keys:
        return [value]
    key, *rest = keys
    if key == "*":
        return [each for item in value for each in list_values(item, rest)]
    return list_values(value[int(key) if isinstance(value, list) else key], rest)


for found in list_values(json.load(sys.stdin), sys.argv[1].split(".")):
    print(found if isinstance(found, str) else json.dumps(found))
