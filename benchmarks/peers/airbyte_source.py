"""A declarative source of the Airbyte CDK, its messages into a file.

    python airbyte_source.py ORIGIN RECORDS

Runs in ``.bench/airbyte``; writes lines.ndjson into the working directory: AirbyteMessages, of which the records are
counted. The schema is the widest possible, so that nothing is looked up or dropped.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

PAGE = 1000


def manifest(origin: str, records: str) -> dict[str, Any]:
    """Describe the source as a connector's manifest does."""
    schema = {"type": "object", "additionalProperties": True, "properties": {"ProfileId": {"type": "integer"}}}
    parameter = {"type": "RequestOption", "inject_into": "request_parameter"}
    strategy = {"type": "PageIncrement", "page_size": PAGE, "start_from_page": 1, "inject_on_first_request": True}
    stream = {
        "type": "DeclarativeStream",
        "name": "profiles",
        "primary_key": ["ProfileId"],
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester",
                "url_base": origin,
                "path": "/pages",
                "http_method": "GET",
                "request_parameters": {"records": records},
            },
            "record_selector": {
                "type": "RecordSelector",
                "extractor": {"type": "DpathExtractor", "field_path": ["UserProfilePreferences"]},
            },
            "paginator": {
                "type": "DefaultPaginator",
                "pagination_strategy": strategy,
                "page_token_option": {**parameter, "field_name": "page"},
                "page_size_option": {**parameter, "field_name": "limit"},
            },
        },
    }
    return {
        "version": "6.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": ["profiles"]},
        "streams": [stream],
        "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}},
    }


def main() -> None:
    """Read everything."""
    origin, records = sys.argv[1:]
    stream = {"name": "profiles", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
    configured = {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    Path("config").write_text("{}", "utf-8")
    Path("catalog").write_text(json.dumps({"streams": [configured]}), "utf-8")
    words = ["read", "--config", "config", "--catalog", "catalog"]
    source = ConcurrentDeclarativeSource(
        catalog=ConcurrentDeclarativeSource.read_catalog("catalog"),
        config={},
        state=[],
        source_config=manifest(origin, records),
    )
    with open("lines.ndjson", "wb") as out:  # noqa: PTH123 - as a shell does it
        os.dup2(out.fileno(), 1)
    launch(source, words)


if __name__ == "__main__":
    main()
