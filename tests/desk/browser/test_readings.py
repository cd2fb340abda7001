"""What a test asks of a page, it waits for: a page may not have come, or changed, yet."""

import ast
from pathlib import Path

AT_ONCE = {
    *("count", "all_inner_texts", "all_text_contents", "inner_text", "text_content", "input_value"),
    *("get_attribute", "is_visible", "is_hidden", "is_checked", "is_enabled", "is_disabled"),
}
"""Methods of a locator that answer at once. `expect` waits until it is so."""


def test_facts_are_waited_for() -> None:
    """No `assert await locator.count() == 1`, which is `await expect(locator).to_have_count(1)`."""
    places = [
        f"{path.name}:{node.lineno}"
        for path in Path(__file__).parent.glob("*.py")
        for statement in ast.walk(ast.parse(path.read_text()))
        if isinstance(statement, ast.Assert)
        for node in ast.walk(statement.test)
        if isinstance(node, ast.Await)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr in AT_ONCE
    ]
    assert places == []
