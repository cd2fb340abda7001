"""The fields of forms that hold what a claim says in numbers."""

from service.desk.layout import forms
from service.desk.layout.forms import Form

PARTS = ("value", "low", "high", "unit", "what")
NAMES = tuple(f"figure_{part}" for part in PARTS)
PLACES = {f"figure.{part}": f"figure_{part}" for part in PARTS} | {"figure": "figure_value"}
"""The fields by their places in a body."""


def read_figure(form: Form) -> dict[str, object] | None:
    """Read the figure; None where the form has none.  Raises Invalid for what is no number."""
    problems = forms.Problems()
    numbers = {
        name: problems.gather(form.get_number, f"figure_{name}")
        for name in ("value", "low", "high")
    }
    problems.raise_any()
    words = {name: form.get_text(f"figure_{name}") for name in ("unit", "what")}
    figure: dict[str, object] = {**numbers, **words}
    return figure if any(part is not None for part in figure.values()) else None
