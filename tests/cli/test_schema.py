from __future__ import annotations

import json
from typing import Any


def test_the_schema_is_json_with_the_sections_of_the_file(invoke: Any) -> None:
    """Editors complete keys from it."""
    ended = invoke("schema")

    assert ended.code == 0
    assert list(json.loads(ended.out)["properties"]) == ["connection", "limits", "jobs", "output", "backfill", "state"]
