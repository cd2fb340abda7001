"""pyproject names what the service needs, and nothing else."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOADED_BY_OTHERS = {
    "python-multipart": "Starlette, for forms",
}
"""What no file of ours imports, and who does."""


def list_imported_distributions(*folders: str) -> set[str]:
    """List the distributions that the Python files below `folders` import."""
    modules: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.partition(".")[0])
    distributions = packages_distributions()
    return {
        name.lower().replace("_", "-")
        for module in modules - sys.stdlib_module_names
        for name in distributions.get(module, [])
    }


def test_every_runtime_dependency_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required_names = {Requirement(line).name.lower() for line in project["dependencies"]}
    imported_names = list_imported_distributions("service", "migrations")
    assert required_names - imported_names == set(LOADED_BY_OTHERS)
