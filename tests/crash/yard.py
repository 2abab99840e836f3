"""Where processes are put to death: a simulator, a launcher, a quiet run to compare with, and the proof afterwards.

``Yard`` is what the tests and ``make crash`` share. Every run gets a folder of its own; the truth about it comes from
the simulator's history, from the journal as a file, and from the published bytes, never from what the command says.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extractor.cli.child import simulator_process
from extractor.run import history
from extractor.store.verify import verify
from tests.crash.launcher import Launcher
from tests.crash.saboteur import Sabotage

# Two jobs of one dataset (their parts are packed together), several pages, an empty segment, a group, a match list.
SMALL = """
  - segment: 100% Café/Bar
  - {segment: 100% Café/Bar, name: later, since: 2026-06-01T00:00:00Z}
  - segment: Nobody Yet
"""
LARGER = """
  - segment: VIP Customers
  - segment: SMS OptIns
  - {segment: SMS OptIns, name: later, since: 2026-06-01T00:00:00Z}
  - {group: Reachable, match: {criteria: EmailAddress, values: [none@example.test]}}
  - segment: Nobody Yet
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One run's place: everything of it lies in ``folder``."""

    folder: Path
    config: Path

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def output(self) -> Path:
        """The output folder."""
        return self.folder / "out"

    @property
    def words(self) -> list[str]:
        """Begin the run, or take it up: the same words each time."""
        return ["run", str(self.config), "--resume", "--quiet"]

    @property
    def said(self) -> Path:
        """What the command printed, all starts together."""
        return self.folder / "said"

    def shards(self) -> dict[str, str]:
        """Every published data file by dataset and name, as its checksum."""
        found = sorted(self.output.glob("*/run=*/part-*"))
        return {
            f"{path.parent.parent.name}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in found
        }

    def phase(self) -> str:
        """Where the run stands, by its journal: how far the job that is furthest has come, or what the run does."""
        try:
            detail = history.status(self.state, None)
        except history.LocalError:
            return "before the run is journaled"
        if detail.run.exit_code is not None:
            return CLOSED
        states = Counter(job.state for job in detail.jobs)
        if states["done"] == len(detail.jobs):
            return "publishing the last dataset"
        moving = [state for state in _PHASES if states[state]]
        return moving[-1] if moving else "between jobs"


CLOSED = "closed"
_PHASES = ("planned", "initiating", "processing", "ready", "retrieving", "sealed", "committing")


@dataclass(kw_only=True)
class Yard:
    """See the module. ``reference`` are the shards of the quiet run."""

    base_url: str
    launcher: Launcher
    root: Path
    jobs: str
    limits: str
    reference: dict[str, str] = field(default_factory=dict)
    plots: list[Plot] = field(default_factory=list)

    def plot(self) -> Plot:
        """Lay out the next run's place."""
        folder = self.root / f"plot-{len(self.plots)}"
        folder.mkdir()
        plot = Plot(folder=folder, config=folder / "c.yaml")
        plot.config.write_text(
            f"connection: {{base_url: '{self.base_url}', client_id: DEMO, "
            "auth: {scheme: pnauthinfo3, user_id: nightly, secret: simulator-secret}}\n"
            f"limits: {{{self.limits}}}\njobs:{self.jobs}"
            f"output: {{path: '{plot.output}', shard_bytes: 10KiB}}\nstate: '{plot.state}'\n",
            encoding="utf-8",
        )
        self.plots.append(plot)
        return plot

    def run(self, plot: Plot, sabotage: Sabotage | None = None, kill_after: float = 0.0) -> int:
        """Start the command; give its exit code, or minus the signal that ended it."""
        return self.launcher.run(plot.words, plot.said, sabotage, kill_after)

    def finish(self, plot: Plot) -> None:
        """Take the run up undisturbed, and demand that it ends well. One that is closed already is only looked at."""
        closed = plot.phase() == CLOSED
        if not closed:
            code = self.run(plot)
            assert 0 == code, plot.said.read_text("utf-8")
        self.examine(plot, swept=not closed)

    def examine(self, plot: Plot, *, swept: bool = True) -> None:
        """Nothing lost, nothing twice, nothing left over: the quiet run's bytes, and an intact output.

        A run that died after its last word has not been ``swept``: its empty staging folder may stand.
        """
        assert self.reference == plot.shards()
        report = verify(plot.output)
        assert report.intact, report.findings
        assert [] == sorted(plot.output.rglob(".run=*"))
        assert not swept or [] == sorted((plot.state / "staging").iterdir())
        assert 1 == len(history.runs(plot.state)), "the run was begun a second time"

    def commits_before_their_seal(self) -> tuple[int, list[int]]:
        """Count the Commits that the server saw; name those of which ``too_early`` does not see the order proved."""
        commits = [(each["token"], each["at"]) for each in self.history() if each["kind"] == "commit" and each["token"]]
        steps = {token: step for plot in self.plots for token, step in exports_in(plot.state / history.JOURNAL)}
        return len(commits), [token for token, at in commits if too_early(steps.get(token, Steps()), at)]

    def history(self) -> Iterator[dict[str, Any]]:
        """What the simulator was asked, oldest first."""
        address = self.base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - a loopback address of our own
            for line in answer:
                yield json.loads(line)


@dataclass(slots=True, kw_only=True)
class Steps:
    """An export's seal, and the first intent to commit it: each as its place in the journal and its instant."""

    sealed: tuple[int, float] | None = None
    intended: tuple[int, float] | None = None


def too_early(steps: Steps, committed: float) -> bool:
    """Whether a Commit that the server acted on at ``committed`` may have come before its seal was durable.

    It cannot have, if the seal stands in the journal before the intent, with an earlier instant, and the intent's is
    not later than the server's. For the facts of one transaction share one instant, so these are two transactions; and
    an instant is taken by the one thread that writes the journal, when the transaction before has been committed. The
    seal's COMMIT had returned, then, before the intent's instant, and that is not after the Commit.
    """
    if steps.sealed is None or steps.intended is None:
        return True
    (seal, sealed_at), (intent, intended_at) = steps.sealed, steps.intended
    return not (seal < intent and sealed_at < intended_at <= committed)


def exports_in(journal: Path) -> Iterator[tuple[int, Steps]]:
    """Give each export's token, and how far its end is journaled, read as plain SQL."""
    connection = sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)
    try:
        token: dict[tuple[str, int], int] = {}
        found: dict[int, Steps] = {}
        rows = connection.execute("SELECT seq, run_id, ordinal, at, kind, body FROM event ORDER BY seq")
        for seq, run_id, ordinal, at, kind, body in rows:
            if kind == "TokenIssued":
                token[run_id, ordinal] = json.loads(body)["token"]
                found[token[run_id, ordinal]] = Steps()
            elif kind == "ExportSealed":
                found[token[run_id, ordinal]].sealed = seq, at
            elif kind == "CommitIntended":
                steps = found[token[run_id, ordinal]]
                steps.intended = steps.intended or (seq, at)
    finally:
        connection.close()
    yield from found.items()


@contextmanager
def opened(root: Path, *, jobs: str = SMALL, limits: str = "", simulator: tuple[str, ...] = ()) -> Iterator[Yard]:
    """Start simulator and launcher, do the quiet run, and give the yard. Everything ends with the block."""
    root.mkdir(parents=True, exist_ok=True)
    limits = limits or "requests_per_second: 2000, page_size: 20, exports: 2, poll_first: 1ms"
    with ExitStack() as stack:
        base_url = stack.enter_context(simulator_process(["--processing", "0", *simulator], errors=root / "simulator"))
        launcher = stack.enter_context(Launcher())
        yard = Yard(base_url=base_url, launcher=launcher, root=root, jobs=jobs, limits=limits)
        quiet = yard.plot()
        assert 0 == yard.run(quiet), quiet.said.read_text("utf-8")
        yard.reference = quiet.shards()
        assert yard.reference
        yard.examine(quiet)
        yield yard
