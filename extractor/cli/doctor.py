"""``extractor doctor``: clock, authorization, reachability, before the night. What is tried is ``remote.probe``'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from extractor.cli.console import out, out_json
from extractor.cli.options import AsJson, ConfigPath, examples
from extractor.errors import Exit

if TYPE_CHECKING:
    from extractor.config import Config
    from extractor.remote import Finding

EXAMPLES = examples("extractor doctor nightly.yaml", "extractor doctor nightly.yaml --json")

_CODES = {"reachability": Exit.UNAVAILABLE, "clock": Exit.DONE}  # signatures are corrected for a wrong clock


def doctor(config: ConfigPath, *, as_json: AsJson = False) -> None:
    """Check clock, authorization and reachability.

    Sends two or three requests and starts no export. Exits 4 when the service refuses, 5 when it cannot be reached; a
    clock that is wrong is shown, and allowed for.
    """
    import anyio  # noqa: PLC0415 - keeps --help quick

    from extractor.cli.loading import load_config  # noqa: PLC0415 - as above

    loaded = load_config(config)
    findings = anyio.run(_look, loaded)
    code = max((exit_code_of(finding) for finding in findings), default=Exit.DONE)
    if as_json:
        listed = [{"name": each.name, "ok": each.ok, "text": each.text} for each in findings]
        out_json({"base_url": loaded.connection.base_url, "ok": code == Exit.DONE, "findings": listed})
    else:
        out(f"{loaded.connection.base_url}, as {loaded.connection.auth.user_id} of {loaded.connection.client_id}")
        for each in findings:
            out(f"  {_mark(each)}  {each.name}: {each.text}", style=None if each.ok else "red")
    raise typer.Exit(code)


def exit_code_of(finding: Finding) -> Exit:
    """Give what a finding means for the process."""
    return Exit.DONE if finding.ok else _CODES.get(finding.name, Exit.REFUSED)


def _mark(finding: Finding) -> str:
    if finding.ok:
        return "ok  "
    return "warn" if exit_code_of(finding) is Exit.DONE else "FAIL"


async def _look(config: Config) -> list[Finding]:
    from extractor.clock import SystemClock  # noqa: PLC0415 - keeps --help quick
    from extractor.protocol.dialect import dialect_of  # noqa: PLC0415 - as above
    from extractor.remote import open_client, probe  # noqa: PLC0415 - as above

    rate = config.limits.requests_per_second
    async with open_client(
        config.connection, dialect_of(config), requests_per_second=rate, connections=1, clock=SystemClock()
    ) as client:
        return await probe(client)
