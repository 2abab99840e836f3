from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from extractor.config import ListFile, Match, json_schema


def _refused(criteria: str = "EmailAddress", **keys: Any) -> tuple[tuple[str | int, ...], str]:
    """Where a list is refused, and why."""
    with pytest.raises(ValidationError) as caught:
        Match.model_validate({"criteria": criteria, "type": "T", "values": keys})
    (error,) = caught.value.errors()
    return error["ctx"].get("at", ()), str(error["ctx"]["message"])


def test_values_may_stand_in_a_file() -> None:
    """Then none stand in the configuration."""
    match = Match.model_validate({"criteria": "EmailAddress", "values": {"file": "~/p.csv", "column": "email"}})
    assert isinstance(match.values, ListFile)
    assert (False, (), Path.home() / "p.csv") == (match.is_inline, match.inline, match.values.file)


@pytest.mark.parametrize(
    ("name", "form", "packed"),
    [
        ("p.csv", "csv", None),
        ("p.CSV.GZ", "csv", "gzip"),
        ("p.tsv.zst", "tsv", "zstd"),
        ("p.jsonl", "ndjson", None),
        ("a.b.txt.gz", "lines", "gzip"),
        ("p.parquet", "parquet", None),
    ],
)
def test_the_name_tells_format_and_compression(name: str, form: str, packed: str | None) -> None:
    """As far as it does; what is given goes before it."""
    column = None if form == "lines" else "c"
    entry = ListFile(file=Path(name), column=column)
    assert (form, packed) == (entry.form, entry.packed)
    other = ListFile(file=Path(name), column="c", format="ndjson", compression="none")
    assert ("ndjson", "none") == (other.form, other.packed)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"file": "-"}, 'needs a format: standard input has no name that tells it -- add "format: csv"'),
        (
            {"file": "people.xlsx"},
            'needs a format: the name of the file tells none -- add "format: csv" (or tsv, ndjson, lines, parquet)',
        ),
        (
            {"file": "p.gz"},
            'needs a format: the name of the file tells none -- add "format: csv" (or tsv, ndjson, lines, parquet)',
        ),
        (
            {"file": "p.ndjson"},
            'needs a column for ndjson: the path of the member that holds the values -- add "column: email"',
        ),
        (
            {"file": "-", "format": "parquet"},
            'needs a column for parquet: the column that holds the values -- add "column: email"',
        ),
        (
            {"file": "p.txt", "column": "c"},
            "is of no use with lines, where the whole line is the value -- remove it, or set the format",
        ),
        ({"file": "p.csv", "region": "USA"}, "is not a country of two letters -- write US, GB or the like"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_before_it_is_opened(keys: dict[str, str], message: str) -> None:
    """With the remedy."""
    assert ((), message) == _refused(**keys)


def test_a_region_is_for_telephone_numbers() -> None:
    """And is refused where it would do nothing."""
    assert (("region",), "is for PhoneNumber only -- remove it") == _refused(file="p.csv", region="US")
    match = Match.model_validate({"criteria": "PhoneNumber", "values": {"file": "p.csv", "region": "us"}})
    assert isinstance(match.values, ListFile)
    assert "US" == match.values.region


@pytest.mark.parametrize("written", [-1, True, 1.5, "1", "101%", "1 %", "%", None])
def test_rejects_are_a_count_or_a_percentage(written: object) -> None:
    """Nothing between."""
    remedy = 'write a whole number of rows, or a share such as "1%"'
    assert ((), f"is neither a count nor a percentage -- {remedy}") == _refused(file="p.csv", max_rejects=written)


@pytest.mark.parametrize(("written", "allowed"), [(0, 0), (7, 7), ("0%", 0), ("1%", 2), ("0.5%", 1), ("100%", 250)])
def test_a_percentage_is_of_the_rows(written: object, allowed: int) -> None:
    """Rounded down."""
    entry = ListFile.model_validate({"file": "p.csv", "max_rejects": written})
    assert allowed == entry.allowed(250)


def test_a_percentage_that_is_a_whole_number_of_rows_is_that_number() -> None:
    """In binary fractions it would be one row less."""
    entry = ListFile.model_validate({"file": "p.csv", "max_rejects": "9.12%"})
    assert [57, 56] == [entry.allowed(625), entry.allowed(624)]


def test_the_schema_knows_both_ways() -> None:
    """Editors complete the keys of a file as they accept a list."""
    values = json_schema()["$defs"]["Match"]["properties"]["values"]
    kinds = [each.get("type", each.get("$ref")) for each in values["oneOf"]]
    assert ["array", "#/$defs/ListFile"] == kinds
    assert {"file", "format", "column", "compression", "encoding", "region", "max_rejects"} == set(
        json_schema()["$defs"]["ListFile"]["properties"]
    )
