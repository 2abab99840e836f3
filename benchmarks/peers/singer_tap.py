"""A tap on the Singer SDK, into a file or into target-jsonl.

    python singer_tap.py ORIGIN RECORDS (simple|msgspec|target)

Runs in ``.bench/singer`` (and starts target-jsonl of ``.bench/target``); writes lines.ndjson into the working
directory. ``msgspec`` uses the SDK's msgspec writer and reads answers by msgspec, too; the others are as the SDK's
template has them. No type conformance in any, which is the SDK's own switch for speed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import requests
from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.pagination import BasePageNumberPaginator
from singer_sdk.streams import RESTStream

PAGE = 1000
ORIGIN, RECORDS, MODE = sys.argv[1:]
_ANY_OBJECT, _ANY_LIST = ({"type": [kind, "null"]} for kind in ("object", "array"))
_KINDS: dict[str, Any] = {
    "ProfileId": th.IntegerType,
    **dict.fromkeys(("CustomerType", "DefaultLocale", "ReasonCode"), th.StringType),
    **dict.fromkeys(("IsActive", "RegistrationConfirmed", "PreservePreferences", "PreserveConsents"), th.BooleanType),
    **{name: th.CustomType(_ANY_OBJECT) for name in ("Edited", "CustomerName")},
    **{
        name: th.CustomType(_ANY_LIST)
        for name in (
            "Consents", "ProfilePreferences", "AlternateIds", "Addresses", "PhoneNumbers", "Emails", "Groups",
            "ProfileTags", "CustomFields",
        )
    },
}  # fmt: skip


class _Pages(BasePageNumberPaginator):
    """Until the server says that there is no more."""

    def has_more(self, response: requests.Response) -> bool:
        return b'"HasMore":true' in response.content[:200]


class Profiles(RESTStream):
    """The one stream."""

    name = "profiles"
    path = "/pages"
    url_base = ORIGIN
    primary_keys = ("ProfileId",)
    records_jsonpath = "$.UserProfilePreferences[*]"
    schema: ClassVar[dict[str, Any]] = th.PropertiesList(*(th.Property(*each) for each in _KINDS.items())).to_dict()
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def get_new_paginator(self) -> _Pages:
        """Count pages from 1."""
        return _Pages(1)

    def get_url_params(self, context: object, next_page_token: int | None) -> dict[str, Any]:
        """Give the query."""
        del context
        return {"limit": PAGE, "page": next_page_token, "records": RECORDS}


class FastProfiles(Profiles):
    """The same, read by msgspec."""

    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        """Give the records."""
        yield from msgspec.json.decode(response.content)["UserProfilePreferences"]


class PagesTap(Tap):
    """The tap."""

    name = "tap-pages"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[RESTStream]:
        """Give its streams."""
        return [FastProfiles(self) if MODE == "msgspec" else Profiles(self)]


class MsgSpecTap(PagesTap):
    """The tap with the SDK's msgspec writer."""

    message_writer_class = MsgSpecWriter


def main() -> int:
    """Let the tap write to a file, or to the target."""
    target = None
    if MODE == "target":
        Path("target.config").write_text(json.dumps({"destination_path": ".", "do_timestamp_file": False}), "utf-8")
        program = Path(sys.prefix).with_name("target") / "bin" / "target-jsonl"
        target = subprocess.Popen([program, "--config", "target.config"], stdin=subprocess.PIPE)
        os.dup2(target.stdin.fileno(), 1)
        target.stdin.close()
    else:
        with open("lines.ndjson", "wb") as out:  # noqa: PTH123 - as a shell does it
            os.dup2(out.fileno(), 1)
    (MsgSpecTap if MODE == "msgspec" else PagesTap)(config={}).sync_all()
    sys.stdout.flush()
    os.close(1)
    return target.wait() if target else 0


if __name__ == "__main__":
    sys.exit(main())
