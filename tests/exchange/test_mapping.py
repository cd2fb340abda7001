"""Mapping files are checked as a whole before anything is read, and every fault is named."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from service.domain.claims import Finding, Status
from service.domain.errors import Invalid
from service.exchange import import_labels, import_mapping
from service.exchange.seeds import find_default_file

EXAMPLE = find_default_file().with_name("example-mapping.toml")


def test_the_example_is_a_valid_mapping() -> None:
    mapping = import_mapping.parse_mapping(EXAMPLE.read_bytes())
    assert mapping.columns is not None
    # It shows every column there is.
    assert set(mapping.columns.list_columns()) == set(import_mapping.Columns.model_fields) - {
        "rated_by"
    }
    assert set(orjson.loads(mapping.model_dump_json())) == set(import_mapping.Mapping.model_fields)


def test_a_mapping_may_be_written_in_json() -> None:
    mapping = import_mapping.parse_mapping(EXAMPLE.read_bytes())
    assert (
        import_mapping.parse_mapping(b"\xef\xbb\xbf" + mapping.model_dump_json().encode())
        == mapping
    )


def test_built_in_labels_follow_the_rules() -> None:
    """Nothing that is true in part is confirmed; refuted is what is flatly false."""
    labels = import_labels.LABELS
    assert labels["true"].status is Status.CONFIRMED
    partly = [name for name in labels if "most" in name or "part" in name or "half" in name]
    assert len(partly) > 8
    assert {labels[name].status for name in partly} & {Status.CONFIRMED} == set()
    assert {labels[name].finding for name in partly} & {Finding.REFUTED} == set()
    assert labels["false"].finding is Finding.REFUTED


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("name = ", ["the mapping is neither TOML nor JSON"]),
        ("{", ["the mapping is neither TOML nor JSON"]),
        ("\x00", ["the mapping is neither TOML nor JSON"]),
        ("", ["name: Field required"]),
        ('name = "x"\ncolour = 1', ["colour: Extra inputs are not permitted"]),
        ('name = "x"\n[columns]\n', ["columns.text: Field required"]),
        ('name = "x"\n[columns]\ntext = "A"\nlabel = "B"\n', ["rated_by is missing: who gave"]),
        ('name = "x"\n[csv]\ndelimiter = ";;"\n', ["csv.delimiter: "]),
        ('name = "x"\n[csv]\nencoding = "martian"\n', ["there is no encoding 'martian'"]),
        ('name = "x"\n[csv]\nencoding = "base64"\n', ["there is no encoding 'base64'"]),
        ('name = "x"\n[dates]\nformats = ["%Q"]\n', ["'%Q' is no format of a date"]),
        ('name = "x"\n[dates]\ntimezone = "Moon/Base"\n', ["there is no time zone 'Moon/Base'"]),
        ('name = "x"\n[claimants]\nunknown = "guess"\n', ["claimants.unknown: "]),
        ('name = "x"\n[labels]\nA = {status = "false"}\n', ["labels.A.status: "]),
        (
            'name = "x"\n[labels]\nA = {status = "confirmed", finding = "refuted"}\n',
            ["a finding does not go with confirmed"],
        ),
    ],
)
def test_an_invalid_mapping_is_refused(content: str, faults: list[str]) -> None:
    with pytest.raises(Invalid) as refusal:
        import_mapping.parse_mapping(content.encode())
    for fault in faults:
        assert fault in refusal.value.detail


def test_every_fault_of_a_mapping_is_named() -> None:
    content: dict[str, Any] = {"columns": {"text": ""}, "defaults": {"kind": "rumour"}}
    with pytest.raises(Invalid) as refusal:
        import_mapping.parse_mapping(orjson.dumps(content))
    assert len(refusal.value.extras["errors"]) == 3


def test_an_installed_package_has_the_example() -> None:
    assert Path(EXAMPLE).is_file()
