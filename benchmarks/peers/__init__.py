"""Other tools on the same pages, each with its documented fast settings, each in a virtual environment of its own.

Decides which tools, how they are told, and where their records lie afterwards. The programs beside this file run in
their own environments (``.bench/NAME``, made by ``make`` from ``NAME.txt`` beside this file) and import nothing of
ours. What cannot run here stays in the table's place with its reason. Called by ``__main__``.

All write one JSON line a record, to disk, in the order of the server. None is given more than one core.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.counting import distinct_records
from benchmarks.measure import PAGE, Subject, Task

_HERE = Path(__file__).parent
ENVIRONMENTS = _HERE.parents[1] / ".bench"
_OFFLINE = {  # none of them is to call home
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DO_NOT_TRACK": "1",
    "SINGER_SDK_LOG_LEVEL": "WARNING",
}
_PACKAGES = {
    "hand": ("requests", "httpx", "orjson"),
    "singer": ("singer-sdk",),
    "target": ("target-jsonl",),
    "dlt": ("dlt",),
    "airbyte": ("airbyte-cdk",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Peer:
    """A program beside this file, the environment it runs in, its own words, and its share of the workload."""

    name: str
    environment: str
    program: str
    words: tuple[str, ...]
    scale: float
    besides: str = ""  # another environment that its program needs
    note: str = ""

    def subject(self) -> Subject:
        python = ENVIRONMENTS / self.environment / "bin" / "python"

        def command(task: Task) -> list[str | Path]:
            return [python, _HERE / self.program, task.origin, str(task.records), *self.words]

        return Subject(
            name=self.name, command=command, count=_written, environ=_OFFLINE, scale=self.scale,
            note=self.note, missing=_missing(self.environment) or (_missing(self.besides) if self.besides else ""),
        )  # fmt: skip


def _peer(name: str, where: str, *words: str, scale: float = 0.25, besides: str = "", note: str = "") -> _Peer:
    """``where`` is ENVIRONMENT/PROGRAM."""
    environment, _, program = where.partition("/")
    return _Peer(
        name=name, environment=environment, program=f"{program}.py", words=words, scale=scale, besides=besides,
        note=note,
    )  # fmt: skip


_PEERS = {
    "requests-orjson": _peer("requests + orjson, by hand", "hand/by_hand", "requests", "orjson", scale=0.5),
    "httpx-orjson": _peer("httpx, 8 in flight, + orjson, by hand", "hand/by_hand", "httpx", "orjson", scale=0.5),
    "requests-json": _peer("requests + json, by hand", "hand/by_hand", "requests", "json"),
    "singer-msgspec": _peer(
        "singer-sdk tap, msgspec writer, > file", "singer/singer_tap", "msgspec",
        note="answers are read by msgspec as well, which its user adds in three lines; no type conformance.",
    ),
    "singer": _peer(
        "singer-sdk tap, default writer, > file", "singer/singer_tap", "simple", note="no type conformance.",
    ),
    "singer-target": _peer(
        "singer-sdk tap into target-jsonl", "singer/singer_tap", "target", scale=0.1, besides="target",
        note="both processes on the one core.",
    ),
    "dlt-orjson": _peer(
        "dlt, resource with orjson, filesystem jsonl", "dlt/dlt_pipeline", "orjson", scale=0.15,
        note="the resource yields whole pages; nested values stay in their record, nothing is compressed on the way.",
    ),
    "dlt-rest": _peer(
        "dlt, rest_api source, filesystem jsonl", "dlt/dlt_pipeline", "rest", scale=0.15,
        note="nested values stay in their record, nothing is compressed on the way.",
    ),
    "airbyte": _peer(
        "airbyte-cdk, declarative source, > file", "airbyte/airbyte_source", scale=0.1,
        note="its records are messages, one a line, with the record in them.",
    ),
}  # fmt: skip


def subjects() -> dict[str, Subject]:
    """Give every peer, also those that cannot run here."""
    return {**{key: peer.subject() for key, peer in _PEERS.items()}, "curl-jq": _curl_jq()}


def versions() -> dict[str, str]:
    """Which version of what the environments hold."""
    found: dict[str, str] = {}
    for environment, packages in _PACKAGES.items():
        if not _missing(environment):
            lines = (_HERE / f"{environment}.txt").read_text("ascii").splitlines()
            pinned = dict(line.split("==", 1) for line in lines if "==" in line)
            found |= {package: pinned[package] for package in packages}
    for tool in ("curl", "jq"):
        if shutil.which(tool):
            said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=False).stdout
            found[tool] = said.split("\n")[0].removeprefix("jq-").removeprefix("curl ").split(" ")[0]
    return found


def _curl_jq() -> Subject:
    absent = [tool for tool in ("curl", "jq") if shutil.which(tool) is None]

    def command(task: Task) -> list[str | Path]:
        pages = f"{task.origin}/pages?limit={PAGE}&records={task.records}&page=[1-{-(-task.records // PAGE)}]"
        return ["sh", "-c", f"curl -sS '{pages}' | jq -c '.UserProfilePreferences[]' > lines.ndjson"]

    return Subject(
        name="curl | jq -c", command=command, count=_written, scale=0.25,
        missing=f"this machine has no {' and no '.join(absent)}" if absent else "",
    )  # fmt: skip


def _missing(environment: str) -> str:
    """Say why an environment is not there."""
    folder = ENVIRONMENTS / environment
    if (folder / ".ready").exists():
        return ""
    if folder.with_suffix(".log").exists():
        return f"its packages could not be installed; what pip said is in .bench/{environment}.log"
    return "its packages are not installed -- make bench does that"


def _written(task: Task) -> int:
    """Count the records in whatever files of lines a peer left, at any depth."""
    return distinct_records(path for path in task.folder.rglob("*json*") if path.is_file())
