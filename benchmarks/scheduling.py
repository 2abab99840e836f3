"""How long runs take beside the least that they could: waiting, not computing.

    python -m benchmarks.scheduling [--quick] [--json] [--dir FOLDER]

The real run against the real simulator's service, on virtual time: the loop's clock leaps to the next timer, so neither
the network nor this processor nor its disk counts, and the figures are of decisions alone (when is asked, how much at
once), the same each time. For that, what runs in threads is run on the loop. What the figures are compared with is
``bound``'s. One scenario is then run over real HTTP against the simulator as a process of its own, as a check that the
virtual figures are not of another world. Some seconds each; the folder is thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import looptime

from benchmarks.bound import Bound, Circumstances, Export, lower_bound, serial
from extractor.cli.child import simulator_process
from extractor.cli.loading import basis_for
from extractor.config import Config
from extractor.observe.news import News, Noticed, RunClosed
from extractor.plan import make_plan
from extractor.remote import Answer, Request
from extractor.run import extract
from extractor.simulator import Entry, Segment, Service, SimulatorSettings
from tests.contract.stage import BASE_URL, NightClock, Wire
from tests.rehearsal import NOW

PAGE = 10  # records in a page: what they are made of does not matter here
COLUMNS = (
    "scenario", "least, s", "what binds", "extractor, s", "times the least", "serial client, s", "requests", "polls"
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``exports`` of ``pages`` each, as segments or as the batches of one list, processed within the two bounds."""

    name: str
    exports: int
    pages: int
    around: Circumstances
    processing: tuple[float, float] = (0.0, 0.0)
    listed: bool = False
    limits: dict[str, float] = field(default_factory=dict)
    goal: float | None = None
    pages_only: bool = False  # the time from the first page asked for to the last answered


SCENARIOS = (
    Scenario(
        name="(a) one export of 1,000 pages, pages: 32, from the first page asked for to the last answered",
        exports=1,
        pages=1000,
        around=Circumstances(latency=0.05, rate=2000.0, exports=8, pages=32),
        goal=1.15,
        pages_only=True,
    ),
    Scenario(
        name="(a) the whole run of it, poll_first: 100ms",
        exports=1,
        pages=1000,
        around=Circumstances(latency=0.05, rate=2000.0, exports=8, pages=32),
        limits={"poll_first": 0.1},
    ),
    Scenario(
        name="(b) 40 exports of 5 pages, 2-20 s of processing, 50 requests/s, exports: 40",
        exports=40,
        pages=5,
        around=Circumstances(latency=0.05, rate=50.0, exports=40, pages=32),
        processing=(2.0, 20.0),
        goal=1.1,
    ),
    Scenario(
        name="(b) the same, exports: 8",
        exports=40,
        pages=5,
        around=Circumstances(latency=0.05, rate=50.0, exports=8, pages=32),
        processing=(2.0, 20.0),
    ),
    Scenario(
        name="(c) 400 small jobs, 100 requests/s, exports: 64",
        exports=400,
        pages=1,
        around=Circumstances(latency=0.05, rate=100.0, exports=64, pages=32),
    ),
    Scenario(
        name="(d) one export of 1,000 pages, pages: 64, a server that answers 10 at once",
        exports=1,
        pages=1000,
        around=Circumstances(latency=0.05, rate=2000.0, exports=8, pages=64, served=10),
        pages_only=True,
    ),
    Scenario(
        name="(e) a list of 96 batches, 10-12 s of processing, 20 requests/s, exports: 16",
        exports=96,
        pages=1,
        around=Circumstances(latency=0.05, rate=20.0, exports=16, pages=16),
        processing=(10.0, 12.0),
        listed=True,
    ),
)
REAL = SCENARIOS[0]
_RUNS = 5
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one; its files are made by tempfile
_NUMBERS = count(1)
NOTES = (
    "Virtual time: every request takes 50 ms, processors and disks cost nothing.",
    "Processing times are drawn; the median run of several draws is shown. Jobs begin in plan order.",
    "Least: the greatest of four bounds (benchmarks/bound.py). Rate: all requests at the permitted rate.",
    "Chain: the longest life of an export, the longest begun first. Pages, exports: all of them through their places.",
    "Serial client: one export after the other, one page at a time, asking every 5 s; by the same model.",
    "Default polling (poll_first: 500ms) but for the row that says otherwise.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one run took, beside what it could have, and what a serial client would."""

    seconds: float
    bound: Bound
    serial: float
    requests: int
    polls: int
    sentences: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """How many times the least."""
        return self.seconds / self.bound.seconds


class FewPlaces(Wire):
    """A wire to a server that answers so many pages at once; the others wait for a place."""

    def __init__(self, service: Service, clock: NightClock, around: Circumstances) -> None:
        super().__init__(service=service, clock=clock, latency=0.0)
        self._takes = around.latency
        self._places = anyio.Semaphore(int(min(around.served, 1_000_000)))

    async def send(self, request: Request) -> Answer:
        """Take the latency, for a page in one of the places; then answer."""
        async with AsyncExitStack() as stack:
            if request.about.startswith("Page "):
                await stack.enter_async_context(self._places)
            await anyio.sleep(self._takes)
        return await super().send(request)


def config_for(scenario: Scenario, folder: Path, base_url: str = BASE_URL) -> Config:
    """The configuration of a scenario: its limits, and defaults."""
    around = scenario.around
    match = {
        "criteria": "ProfileId",
        "values": [str(10_000_001 + n) for n in range(scenario.exports * PAGE)],
        "batch": PAGE,
    }
    jobs = [{"segment": f"S{n}"} for n in range(scenario.exports)]
    return Config.model_validate(
        {
            "connection": {
                "base_url": base_url,
                "client_id": "DEMO",
                "auth": {"scheme": "pnauthinfo3", "user_id": "nightly", "secret": "simulator-secret"},
            },
            "limits": {
                "requests_per_second": around.rate,
                "exports": around.exports,
                "pages": around.pages,
                "page_size": PAGE,
                **scenario.limits,
            },
            "jobs": [{"segment": "S0", "match": match}] if scenario.listed else jobs,
            "output": {"path": str(folder / "exports"), "compression": "none", "encoders": 0},
            "state": str(folder / "state"),
        }
    )


async def play(scenario: Scenario, folder: Path, seed: int) -> Found:
    """Run a scenario on virtual time."""
    members = scenario.exports * PAGE if scenario.listed else scenario.pages * PAGE
    segments = tuple(Segment(name=f"S{n}", count=members) for n in range(1 if scenario.listed else scenario.exports))
    service = Service(SimulatorSettings(seed=seed, segments=segments, processing=scenario.processing))
    clock = NightClock(NOW)
    config = config_for(scenario, folder)
    news: list[News] = []
    closed = await extract(
        config,
        make_plan(config, basis_for(config)),
        listener=news.append,
        interrupts=False,
        clock=clock,
        transport=FewPlaces(service, clock, scenario.around),
    )
    return _found(scenario, closed, service, news)


def _found(scenario: Scenario, closed: RunClosed, service: Service, news: Sequence[News]) -> Found:
    if closed.exit_code != 0:
        raise SystemExit(f"{scenario.name}: the run ended with {closed.exit_code}: {closed.reason}")
    history = service.history
    exports = []
    for token in sorted({each.token for each in history if each.token is not None}):
        export = service.ledger.find(token)
        pages = [each for each in history if each.token == token and each.kind == "page"]
        if export is None:
            raise SystemExit(f"{scenario.name}: the server does not know a token that it was asked about")
        exports.append(Export(processing=export.ready_at - export.created_at, pages=min(len(pages), scenario.pages)))
    latency = scenario.around.latency
    bound = lower_bound(exports, scenario.around)
    seconds = closed.seconds
    if scenario.pages_only:
        heard = [each.at for each in history if each.kind == "page"]
        seconds = max(heard) - min(heard) + latency
        # Initiate, Status and Commit take a latency each.
        bound = replace(bound, seconds=bound.seconds - 3 * latency)
    return Found(
        seconds=seconds,
        bound=bound,
        serial=serial(exports, scenario.around),
        requests=len(history),
        polls=sum(each.kind == "status" for each in history),
        sentences=tuple(each.message for each in news if isinstance(each, Noticed)),
    )


def on_virtual_time(scenario: Scenario, root: Path, seed: int) -> Found:
    """Run a scenario on a loop of its own."""
    folder = root / f"{next(_NUMBERS)}"
    folder.mkdir()
    threads = anyio.to_thread.run_sync
    anyio.to_thread.run_sync = _run_at_once
    try:
        with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
            return runner.run(play(scenario, folder, seed))
    finally:
        anyio.to_thread.run_sync = threads


async def _run_at_once(act: Callable[..., Any], *args: object, **_how: object) -> Any:  # noqa: ANN401 - what ``act`` gives
    """Stand in for a thread: no time passes."""
    await anyio.lowlevel.checkpoint()
    return act(*args)


def on_real_time(scenario: Scenario, root: Path) -> float:
    """Run a scenario over HTTP against the simulator as a process; gives the seconds from first page to last."""
    folder = root / "real"
    folder.mkdir()
    people = root / "people.ndjson"
    service = Service(SimulatorSettings(segments=(Segment(name="S0", count=scenario.pages * PAGE),)))
    people.write_bytes(b"".join(line + b"\n" for line in service.truth("S0")))
    words = ["--processing", "0", "--latency", f"{scenario.around.latency}", "--segment", f"S0={people}"]
    with simulator_process(words, errors=root / "simulator") as base_url:
        config = config_for(scenario, folder, base_url)
        closed = asyncio.run(
            extract(config, make_plan(config, basis_for(config)), listener=lambda _news: None, interrupts=False)
        )
        if closed.exit_code != 0:
            raise SystemExit(f"over HTTP: the run ended with {closed.exit_code}: {closed.reason}")
        heard = [entry.at for entry in _asked(base_url) if entry.kind == "page"]
    return max(heard) - min(heard) + scenario.around.latency


def _asked(base_url: str) -> list[Entry]:
    from urllib.request import urlopen  # noqa: PLC0415 - only the real run needs it

    address = base_url.removesuffix("/Profiles/v4") + "/_simulator/history"
    with urlopen(address, timeout=60) as answer:
        lines = [json.loads(line) for line in answer]
    return [Entry(number=each["number"], at=each["at"], kind=each["kind"]) for each in lines]


def measure(root: Path, *, quick: bool) -> dict[str, Any]:
    """Everything, as the section of a report."""
    rows, goals, notes = [], [], list(NOTES)
    for scenario in SCENARIOS:
        runs = 1 if quick or scenario.processing == (0.0, 0.0) else _RUNS
        found = sorted((on_virtual_time(scenario, root, seed) for seed in range(runs)), key=lambda each: each.ratio)
        usual = found[len(found) // 2]
        rows.append(
            [
                scenario.name,
                f"{usual.bound.seconds:.2f}",
                usual.bound.binds,
                f"{usual.seconds:.2f}",
                f"{usual.ratio:.3f}",
                f"{usual.serial:,.0f}",
                f"{usual.requests:,}",
                f"{usual.polls:,}",
            ]
        )
        if scenario.goal is not None:
            ratios = [each.ratio for each in found]
            goals.append(
                {
                    "what": f"{scenario.name}: time / the least",
                    "goal": f"<= {scenario.goal}",
                    "measured": f"{median(ratios):.3f}" + (f", at worst {ratios[-1]:.3f}" if len(ratios) > 1 else ""),
                    "ok": median(ratios) <= scenario.goal,
                }
            )
    least = on_virtual_time(REAL, root, 0).bound.seconds
    real = on_real_time(REAL, root)
    notes.append(
        f"(a) over real HTTP, against the simulator as a process: {real:.2f} s, {real / least:.2f} times the least."
    )
    return {
        "title": "Scheduling: time beside the least that is possible",
        "columns": list(COLUMNS),
        "rows": rows,
        "goals": goals,
        "notes": notes,
    }


def main() -> int:
    """Measure, print, and end with 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one run of each scenario")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--dir", type=Path, default=_MEMORY if _MEMORY.is_dir() else None)
    given = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(dir=given.dir) as folder:
        section = measure(Path(folder), quick=given.quick)
    if given.json:
        print(json.dumps(section))
    else:
        lines = [section["columns"], ["---"] * len(COLUMNS), *section["rows"]]
        print("\n".join(f"| {' | '.join(line)} |" for line in lines))
        print("\n".join(f"{each['what']}: {each['goal']}? {each['measured']}" for each in section["goals"]))
        print("\n".join(section["notes"]))
    return 0 if all(each["ok"] for each in section["goals"]) else 1


if __name__ == "__main__":
    sys.exit(main())
