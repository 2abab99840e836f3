"""``extractor simulate``: the service, rehearsed on this machine. The serving is in ``serving``."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

import typer

from extractor.cli.options import examples

EXAMPLES = examples(
    "extractor simulate",
    "extractor simulate --profiles 1000000 --latency 0.05 --rate-limit 50",
    "extractor simulate --segment 'Newsletter OptIns=people.ndjson' --fault 'page: ok 503:2s drop@4096'",
    "extractor simulate --live --change-cycle 86400 --burst 50 --lateness 600",
)


def simulate(
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0: any free port.")] = 8080,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another seed, other people.")] = 7,
    segment: Annotated[
        list[str] | None,
        typer.Option(
            "--segment", metavar="NAME=FILE", help="Serve your own records (NDJSON); several times if wanted."
        ),
    ] = None,
    profiles: Annotated[
        int | None,
        typer.Option("--profiles", metavar="N", min=1, help="Invented people in all; the segments grow with them."),
    ] = None,
    latency: Annotated[
        float, typer.Option("--latency", metavar="SECONDS", min=0, help="Until the first byte of each answer.")
    ] = 0.0,
    processing: Annotated[
        float | None,
        typer.Option("--processing", metavar="SECONDS", min=0, help="Until an export is complete; else up to 1."),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="People go on changing; else the world stands still on 2026-11-01.")
    ] = False,
    change_cycle: Annotated[
        float | None,
        typer.Option("--change-cycle", metavar="SECONDS", min=1, help="Everybody changes once in it; else 400 days."),
    ] = None,
    burst: Annotated[
        int, typer.Option("--burst", metavar="N", min=1, help="People who change at one and the same instant.")
    ] = 1,
    lateness: Annotated[
        float,
        typer.Option("--lateness", metavar="SECONDS", min=0, help="Until a change shows, at most; needs --live."),
    ] = 0.0,
    timeless: Annotated[
        float, typer.Option("--timeless", metavar="SHARE", min=0, max=1, help="Share of people without any time.")
    ] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault", metavar="SCRIPT", help="What goes wrong, such as 'page: ok 503:2s'; several if wanted."
        ),
    ] = None,
    chaos: Annotated[
        float, typer.Option("--chaos", metavar="SHARE", min=0, max=1, help="Share of requests with a random fault.")
    ] = 0.0,
    rate_limit: Annotated[
        float | None, typer.Option("--rate-limit", metavar="N", min=0, help="Requests a second; above it 429.")
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Listen on an address that other machines reach.")
    ] = False,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
) -> None:
    """Serve the export API on this machine, with invented people and planned faults.

    Without options it serves a small world with one of everything. Prints "listening at URL" when it is ready, then
    the credentials and a configuration to use with it. Ends on Ctrl-C. The secret is known to everybody, so it listens
    on this machine only, unless --allow-remote is given.
    """
    from extractor.cli.serving import Rehearsal, serve_until_stopped  # noqa: PLC0415 - keeps --help quick

    if not allow_remote and not _is_loopback(host):
        raise typer.BadParameter(
            f"{host} can be reached by other machines, and the simulator's secret is public -- give --allow-remote "
            "if that is wanted",
            param_hint="--host",
        )
    serve_until_stopped(
        Rehearsal(
            host=host,
            port=port,
            seed=seed,
            segments=dict(_named_file(each) for each in segment or ()),
            profiles=profiles,
            latency=latency,
            processing=processing,
            live=live,
            change_cycle=change_cycle,
            burst=burst,
            lateness=lateness,
            timeless=timeless,
            faults=tuple(fault or ()),
            chaos=chaos,
            rate_limit=rate_limit,
            until_eof=until_eof,
        )
    )


def _named_file(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not (name and separator and path):
        raise typer.BadParameter(f"{text!r} is not NAME=FILE", param_hint="--segment")
    return name, Path(path)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
