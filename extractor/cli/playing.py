"""Playing the demo: simulator up, configuration written, run, verified, explained.

Decides the order, and that the simulator always ends. The run is the same one that ``extractor run`` does, over real
HTTP. Called by ``demo``.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from extractor.cli.child import simulator_process
from extractor.cli.console import out, say
from extractor.cli.running import Request, perform
from extractor.cli.scenario import FAULTS, HEAD, RATE, configuration
from extractor.cli.verify import print_report
from extractor.errors import Exit, LocalError
from extractor.simulator import demo as world
from extractor.store.verify import verify


def play(folder: Path, *, keep: bool) -> int:
    """Play the demo in ``folder`` and give the exit code. A second time adds a second run to the same folders."""
    config, output, state = folder / "demo.yaml", folder / "exports", folder / "state"
    _make(folder, config, keep=keep)
    options = [word for script in FAULTS for word in ("--fault", script)]
    with simulator_process(options, errors=folder / "simulator.log") as base_url:
        _write(config, configuration(world(), base_url=base_url, output=str(output), state=str(state)))
        say(f"The simulator serves at {base_url}, with a few faults planned: 503s, a cut connection, a failed export.")
        say(f"The run asks at most {RATE} requests a second; its configuration is {config}.")
        code = perform(Request(config=config))
    if code != Exit.DONE:
        return code
    report = verify(output)
    out()
    out("Verified, every byte:")
    print_report(report)
    if keep:
        _explain(folder, config, output, base_url)
    else:
        shutil.rmtree(folder)
    return Exit.DONE if report.intact else Exit.INTEGRITY


def _make(folder: Path, config: Path, *, keep: bool) -> None:
    """Make the folder, and refuse one in which something of somebody else would be overwritten or removed."""
    if folder.exists() and not keep:
        raise LocalError(f"{folder} is already there, and --no-keep would remove it -- name a new folder with --dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "simulator.log").write_bytes(b"")
        ours = not config.exists() or config.read_text(encoding="utf-8", errors="replace").startswith(HEAD)
    except OSError as error:
        raise LocalError(f"{folder} cannot be written ({error.strerror}) -- give another folder with --dir") from None
    if not ours:
        raise LocalError(f"{config} was not written by the demo -- give another folder with --dir")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LocalError(f"{path} cannot be written ({error.strerror})") from None


def _explain(folder: Path, config: Path, output: Path, base_url: str) -> None:
    """Say where things lie, and give commands that work as they are."""
    shards = f"{output}/segment=*/run=*/part-*.ndjson.zst"
    port = base_url.rpartition(":")[2].partition("/")[0]
    select = f"select segment, count(*) from read_json('{shards}', union_by_name=true) group by 1"  # noqa: S608 - shown, never executed
    out()
    out(f"It lies in {output}. What to try next:")
    if shutil.which("extractor") is None:
        out(f"  . {shlex.quote(str(Path(sys.prefix) / 'bin' / 'activate'))}   # so that the shell finds extractor")
    for command, meaning in (
        (f"extractor verify {shlex.quote(str(output))}", "again; then change a byte, and once more"),
        (f"zstdcat {shards} | jq -c '[.ProfileId, .CustomerType]' | head", "what the records look like"),
        (f'duckdb -c "{select}"', "how many in each segment"),
        (f"extractor status --state {shlex.quote(str(folder / 'state'))}", "every job of this run"),
        (f"extractor simulate --port {port} --chaos 0.1", "the server on a bad day; then, in another terminal:"),
        (f"extractor run {shlex.quote(str(config))}", "the same export, against that"),
    ):
        out(f"  {command}   # {meaning}")
