"""What one writes in ten minutes: pages by requests, or by httpx with 8 in flight, and a JSON line for each record.

    python by_hand.py ORIGIN RECORDS (requests|httpx) (json|orjson)

Runs in ``.bench/hand``; writes lines.ndjson into the working directory.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any, BinaryIO

import httpx
import orjson
import requests

PAGE, IN_FLIGHT = 1000, 8
READ: dict[str, Callable[[bytes], Any]] = {"json": json.loads, "orjson": orjson.loads}
WRITE: dict[str, Callable[[Any], bytes]] = {
    "json": lambda record: json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode(),
    "orjson": orjson.dumps,
}


def by_requests(origin: str, records: int) -> Iterator[bytes]:
    """One page after the other, in one session."""
    with requests.Session() as session:
        for number in range(1, -(-records // PAGE) + 1):
            answer = session.get(f"{origin}/pages", params={"limit": PAGE, "page": number, "records": records})
            answer.raise_for_status()
            yield answer.content


async def by_httpx(origin: str, records: int) -> AsyncIterator[bytes]:
    """Eight at once, in any order."""
    numbers = count(1)
    last = -(-records // PAGE)
    ready: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=IN_FLIGHT)

    async def fetch(client: httpx.AsyncClient) -> None:
        while (number := next(numbers)) <= last:
            answer = await client.get(f"{origin}/pages", params={"limit": PAGE, "page": number, "records": records})
            answer.raise_for_status()
            await ready.put(answer.content)
        await ready.put(None)

    async with httpx.AsyncClient() as client, asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(fetch(client))
        left = IN_FLIGHT
        while left:
            body = await ready.get()
            if body is None:
                left -= 1
            else:
                yield body


def write(body: bytes, library: str, out: BinaryIO) -> None:
    """Put each record on a line."""
    out.writelines(WRITE[library](record) + b"\n" for record in READ[library](body)["UserProfilePreferences"])


async def write_all(origin: str, records: int, library: str, out: BinaryIO) -> None:
    """By httpx."""
    async for body in by_httpx(origin, records):
        write(body, library, out)


def main() -> None:
    """Do it."""
    origin, records, client, library = sys.argv[1:]
    with open("lines.ndjson", "wb") as out:  # noqa: PTH123 - ten minutes
        if client == "httpx":
            asyncio.run(write_all(origin, int(records), library, out))
            return
        for body in by_requests(origin, int(records)):
            write(body, library, out)


if __name__ == "__main__":
    main()
