"""``extractor schema``: the JSON Schema of the configuration, for editors."""

from __future__ import annotations

from extractor.cli.console import out_json
from extractor.cli.options import examples

EXAMPLES = examples("extractor schema > extractor.schema.json")


def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from extractor.config import json_schema  # noqa: PLC0415 - keeps --help quick

    out_json(json_schema())
