"""``extractor verify``: whether everything that is published matches its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import typer

from extractor.cli.console import out, out_json, stderr
from extractor.cli.options import AsJson, examples
from extractor.errors import Exit
from extractor.observe.figures import count, counted, size

if TYPE_CHECKING:
    from extractor.store.verify import Report

EXAMPLES = examples("extractor verify exports", "extractor verify 'exports/segment=Newsletter%20OptIns' --json")

_SHOWN = 20  # findings


def verify(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="An output folder, a dataset's or a run's in it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Check published shards against their manifests.

    Counts records and bytes and computes the checksums of everything published under PATH; changes nothing. Exits 6
    when anything does not match.
    """
    from extractor.store.verify import verify as check  # noqa: PLC0415 - keeps --help quick

    with _progress() as read:
        report = check(path, progress=read)
    if as_json:
        out_json(_as_object(path, report))
    else:
        print_report(report)
    raise typer.Exit(Exit.DONE if report.intact else Exit.INTEGRITY)


def print_report(report: Report) -> None:
    """Say whether all is intact; else list what is not."""
    runs, shards = counted(report.manifests, "published run"), counted(report.shards, "shard")
    seen = f"{runs}, {shards}, {counted(report.records, 'record')}, {size(report.bytes)}"
    if report.intact:
        out(f"Intact: {seen}.", style="green")
        return
    out(f"DAMAGED: {counted(len(report.findings), 'finding')} in {seen}.", style="red")
    for finding in report.findings[:_SHOWN]:
        out(f"  {finding.file}: {finding.problem} -- {finding.remedy}")
    if len(report.findings) > _SHOWN:
        out(f"  … and {count(len(report.findings) - _SHOWN)} more (--json has all)")


def _as_object(path: Path, report: Report) -> dict[str, Any]:  # Any: JSON values
    return {
        "path": str(path),
        "intact": report.intact,
        "runs": report.manifests,
        "shards": report.shards,
        "records": report.records,
        "bytes": report.bytes,
        "uncompressed_bytes": report.uncompressed_bytes,
        "findings": [
            {"file": str(each.file), "problem": each.problem, "remedy": each.remedy} for each in report.findings
        ],
    }


@contextmanager
def _progress() -> Iterator[Callable[[int], None] | None]:
    """Show on a terminal how much has been read; how much there is, only the manifests know."""
    errors = stderr()
    if not errors.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - keeps --help quick

    done = 0
    # rich asks of a file what Outlet has; its annotation wants all of a text stream.
    with Console(file=cast("IO[str]", errors)).status("reading") as shown:

        def read(number: int) -> None:
            nonlocal done
            done += number
            shown.update(f"read {size(done)}")

        yield read
