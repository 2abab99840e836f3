"""The JSON Schema of the file, for editors that complete keys and mark mistakes while one types.

Decides nothing of its own: made of the models, widened by the ``${..}`` references that the loader resolves before the
models look. Weaker than the loader where JSON Schema cannot say it. Called by the command line and the documentation.
"""

from __future__ import annotations

from typing import Any

from extractor.config.models import Config
from extractor.config.secrets import REFERENCE_PATTERN


def json_schema() -> dict[str, Any]:
    """Return a new schema, draft 2020-12."""
    schema = Config.model_json_schema()
    _widen(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "extractor configuration",
    } | {key: value for key, value in schema.items() if key != "title"}


def _widen(node: Any) -> None:  # noqa: ANN401 - any JSON value
    """Let a reference stand for each listed word. ``scheme`` is left: editors choose the section's keys by it."""
    if isinstance(node, dict):
        if "enum" in node and node.get("type") == "string":
            words = node.pop("enum")
            del node["type"]
            node["anyOf"] = [
                {"type": "string", "enum": words},
                {"type": "string", "pattern": REFERENCE_PATTERN},
            ]
            return
        for inner in node.values():
            _widen(inner)
    elif isinstance(node, list):
        for inner in node:
            _widen(inner)
