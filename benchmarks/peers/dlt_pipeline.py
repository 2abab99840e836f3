"""dlt into the filesystem destination as JSON lines: its rest_api source, or a resource of our own with orjson.

    python dlt_pipeline.py ORIGIN RECORDS (rest|orjson)

Runs in ``.bench/dlt``; writes below the working directory. Settings as its performance guide has them: nested values
are kept in their record, no file is compressed on the way, a buffer of a page, one worker since there is one core.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path.cwd()
os.environ |= {
    "DLT_DATA_DIR": str(HERE / "dlt"),
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "1000",
    "EXTRACT__MAX_PARALLEL_ITEMS": "20",
    "NORMALIZE__WORKERS": "1",
    "LOAD__WORKERS": "1",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
}

import dlt  # noqa: E402 - reads the settings above
import orjson  # noqa: E402 - as dlt
import requests  # noqa: E402 - as dlt
from dlt.sources.rest_api import rest_api_source  # noqa: E402 - as dlt

PAGE = 1000


def by_rest_api(origin: str, records: str) -> Any:  # noqa: ANN401 - dlt's own
    """Give dlt's generic source."""
    endpoint = {
        "path": "pages",
        "params": {"limit": PAGE, "records": records},
        "data_selector": "UserProfilePreferences",
        "paginator": {
            "type": "page_number",
            "base_page": 1,
            "page_param": "page",
            "total_path": None,
            "has_more_path": "HasMore",
        },
    }
    resource = {"name": "profiles", "max_table_nesting": 0, "endpoint": endpoint}
    return rest_api_source({"client": {"base_url": origin}, "resources": [resource]})


def by_hand(origin: str, records: str) -> Any:  # noqa: ANN401 - dlt's own
    """Give a resource that yields whole pages, as the performance guide advises."""

    @dlt.resource(name="profiles", max_table_nesting=0)
    def profiles() -> Iterator[list[dict[str, Any]]]:
        number, more = 1, True
        with requests.Session() as session:
            while more:
                answer = session.get(f"{origin}/pages", params={"limit": PAGE, "page": number, "records": records})
                page = orjson.loads(answer.content)
                yield page["UserProfilePreferences"]
                number, more = number + 1, page["HasMore"]

    return profiles


def main() -> None:
    """Run the pipeline."""
    origin, records, mode = sys.argv[1:]
    pipeline = dlt.pipeline(
        pipeline_name="pages",
        pipelines_dir=str(HERE / "pipelines"),
        destination=dlt.destinations.filesystem(bucket_url=str(HERE / "out")),
        dataset_name="bench",
    )
    source = by_rest_api(origin, records) if mode == "rest" else by_hand(origin, records)
    pipeline.run(source, loader_file_format="jsonl").raise_on_failed_jobs()


if __name__ == "__main__":
    main()
