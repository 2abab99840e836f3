from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from extractor.config import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator


def _property(section: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json_schema()["$defs"][section]["properties"][key]
    return found


def _accepts(schema: dict[str, Any], value: object) -> bool:
    """As much of JSON Schema as our leaves use."""
    if "anyOf" in schema:
        return any(_accepts(option, value) for option in schema["anyOf"])
    types: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "null": type(None),
    }
    if not isinstance(value, types[schema["type"]]):
        return False
    if isinstance(value, str) and "pattern" in schema and re.search(schema["pattern"], value) is None:
        return False
    return value in schema.get("enum", [value]) and value == schema.get("const", value)


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _objects(inner)


def test_it_is_a_2020_12_schema_in_plain_json() -> None:
    """Editors choose the draft by $schema."""
    schema = json_schema()
    assert "https://json-schema.org/draft/2020-12/schema" == schema["$schema"]
    assert schema == json.loads(json.dumps(schema))


def test_unknown_keys_are_marked() -> None:
    """Every section is closed but the dialect, which a higher layer checks."""
    opened = [node for node in _objects(json_schema()) if node.get("type") == "object" and "properties" in node]
    assert opened
    assert all(node["additionalProperties"] is False for node in opened)


def test_every_reference_inside_has_its_target() -> None:
    """No editor is sent into nothing."""
    schema = json_schema()
    targets = [node["$ref"].removeprefix("#/$defs/") for node in _objects(schema) if "$ref" in node]
    assert targets
    assert set(targets) <= set(schema["$defs"])


@pytest.mark.parametrize("value", ["256MiB", "1GB", 5, "${env:SIZE}", "${file:size}"])
def test_sizes_may_have_units(value: object) -> None:
    """As the loader accepts them."""
    assert _accepts(_property("Output", "shard_bytes"), value)


@pytest.mark.parametrize("value", ["500ms", "1h30m", 0.5, 5, "${env:TIME}"])
def test_durations_may_have_units(value: object) -> None:
    """As the loader accepts them."""
    assert _accepts(_property("Limits", "retry_for"), value)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("Output", "shard_bytes", "256M"),
        ("Limits", "retry_for", "5 bananas"),
        ("Limits", "pages", "5"),
        ("PnAuth", "secret", "hunter2"),
        ("Connection", "proxy", "http://proxy.example"),
        ("Connection", "proxy", "simulator-secret"),
        ("Connection", "base_url", "preferences.example"),
        ("Output", "compression", "zip"),
        ("Job", "since", "2026-01-01"),
        ("Job", "segment", " "),
    ],
)
def test_mistakes_are_marked(section: str, key: str, value: object) -> None:
    """What the loader refuses, where a schema can say it."""
    assert not _accepts(_property(section, key), value)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("PnAuth", "secret", "${env:EXTRACTOR_SECRET}"),
        ("PnAuth", "secret", "simulator-secret"),
        ("PnAuth", "hash", "${env:HASH}"),
        ("Connection", "base_url", "${env:URL}"),
        ("Connection", "proxy", "${file:~/proxy}"),
        ("Output", "compression", "zstd"),
        ("Output", "compression", "${env:FORM}"),
        ("Output", "path", "~/exports"),
        ("Job", "since", "2026-01-01T00:00:00Z"),
        ("Job", "since", "${env:SINCE}"),
        ("Job", "segment", "Newsletter OptIns"),
    ],
)
def test_what_loads_is_not_marked(section: str, key: str, value: object) -> None:
    """References stand for any text."""
    assert _accepts(_property(section, key), value)


def test_each_call_gives_a_schema_of_its_own() -> None:
    """A caller may add to it."""
    json_schema()["$defs"].clear()
    assert json_schema()["$defs"]
