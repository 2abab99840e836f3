"""``make crash``: the whole evidence in one go, one table at the end, which it also writes to docs/reliability.md.

Kills at random with the real command, in two yards side by side; death before every operation and in every write, and
before every operation of a recovery; every named failpoint; power loss at every moment of several runs, also of one
that had been taken up; a disk that fails at every operation with every error; and the planted bugs. Ends with 1 when
anything at all is not as it must be. Everything happens on this machine, over loopback, and stops by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
import looptime

from extractor.store.failpoints import Failpoint
from tests.crash import night, planted
from tests.crash.campaign import Tally, kill_at_random, sweep, sweep_recovery, tear
from tests.crash.failing import fail_everywhere
from tests.crash.failpoints import STAGES, UNTRUSTWORTHY, kill_at, kill_in_contradiction
from tests.crash.failpoints import Stage as FailpointStage
from tests.crash.saboteur import Sabotage
from tests.crash.yard import LARGER, SMALL, Yard, opened
from tests.virtual_time import run_sync_announced

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- evidence: begin -->", "<!-- evidence: end -->"
_MEMORY = Path("/dev/shm")  # noqa: S108 - folders in memory, made by tempfile
_LIMITS = "requests_per_second: 200, page_size: 200, exports: 3, poll_first: 10ms"
_HANDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; ``bad`` says what is wrong, empty if nothing is."""

    what: str
    done: str
    found: str
    bad: str = ""


def main() -> int:
    """Do everything and give the exit code."""
    words = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    words.add_argument("--kills", type=int, default=1000, help="kills at random, at least")
    words.add_argument("--seed", type=int, default=20261124)
    words.add_argument("--no-write", action="store_true", help="leave docs/reliability.md as it is")
    given = words.parse_args()
    began = time.monotonic()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="crash-") as folder:
        root = Path(folder)
        for part in (
            lambda: _kills(root, given.kills, given.seed),
            lambda: _sweeps(root),
            lambda: _failpoints(root),
            lambda: _on_virtual_time(root, given.seed),
            lambda: _planted(root),
        ):
            for row in _attempted(part):
                rows.append(row)
                told = row.bad or row.found
                print(f"{'BAD' if row.bad else 'ok':4} {row.what}: {row.done}; {told}", flush=True)  # noqa: T201 - this is a program
    table = _table(rows, given.seed, time.monotonic() - began)
    print(f"\n{table}")  # noqa: T201 - as above
    bad = [row for row in rows if row.bad]
    if not bad and not given.no_write:
        _write(table)
    return 1 if bad else 0


def _attempted(part: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """Give a part's rows; what breaks it is a row as well."""
    try:
        yield from part()
    except Exception as error:  # noqa: BLE001 - an assertion or a bug: either way the table must say so
        yield Row(what="broken off", done="", found="", bad=f"{type(error).__name__}: {error}")


def _kills(root: Path, kills: int, seed: int) -> Iterator[Row]:
    def campaign(hand: int) -> tuple[Tally, int, int]:
        with opened(root / f"kills-{hand}", jobs=LARGER, limits=_LIMITS) as yard:
            tally = kill_at_random(yard, kills=-(-kills // _HANDS), chance=random.Random(f"{seed}/{hand}"))  # noqa: S311 - no secret
            commits, early = yard.commits_before_their_seal()
            return tally, commits, len(early)

    with ThreadPoolExecutor(_HANDS) as hands:
        done = list(hands.map(campaign, range(_HANDS)))
    total = sum(tally.kills for tally, _, _ in done)
    again = sum(tally.while_taken_up for tally, _, _ in done)
    runs = sum(tally.runs for tally, _, _ in done)
    phases = {phase for tally, _, _ in done for phase in tally.phases}
    counts = {phase: sum(tally.phases[phase] for tally, _, _ in done) for phase in sorted(phases)}
    listed = ", ".join(f"{phase} {count}" for phase, count in counts.items())
    yield Row(
        what="kill -9 at random moments",
        done=f"{total:,} kills of {runs:,} runs, {again:,} of them while the run was taken up",
        found="losses 0, duplicates 0, every run byte-identical to the undisturbed one",
        bad="" if total >= kills and again else "too few kills",
    )
    yield Row(what="where the runs stood when they were killed", done=listed, found="", bad="" if counts else "nowhere")
    commits, early = sum(each for _, each, _ in done), sum(each for _, _, each in done)
    yield Row(
        what="Commits in the server's history of these runs",
        done=f"{commits:,}",
        found=f"{early} that are not proved to have come after the seal of their export was durable",
        bad="" if commits and not early else "the order is wrong",
    )


def _sweeps(root: Path) -> Iterator[Row]:
    with opened(root / "sweep", jobs=SMALL) as yard:
        for what, act in (
            ("death before every durable operation, and again in the recovery", sweep),
            ("death in the middle of every write, and again in the recovery", tear),
            ("death before every operation of a recovery, after a death in the middle of an export", _recovery),
            ("the same, after a death in the middle of a publication", _republication),
        ):
            tally = act(yard)
            yield Row(
                what=what,
                done=f"{tally.kills} deaths of {tally.runs} runs",
                found="losses 0, duplicates 0, byte-identical",
                bad="" if tally.kills > tally.runs else "too few deaths",
            )


def _recovery(yard: Yard) -> Tally:
    return sweep_recovery(yard, Sabotage(failpoint=Failpoint.PAGE_SYNCED, nth=3))


def _republication(yard: Yard) -> Tally:
    return sweep_recovery(yard, Sabotage(failpoint=Failpoint.FOLDER_RENAMED))


def _failpoints(root: Path) -> Iterator[Row]:
    reached: set[Failpoint] = set()
    for number, stage in enumerate({id(stage): stage for stage in [FailpointStage(), *STAGES.values()]}.values()):
        points = [point for point in Failpoint if STAGES.get(point, FailpointStage()) == stage]
        reached.update(kill_at(stage, points, root / f"failpoints-{number}"))
    missed = sorted(set(Failpoint) - reached)
    yield Row(
        what="death at every named failpoint, at its first and second coming",
        done=f"{len(reached)} of {len(Failpoint)} reached",
        found="losses 0, duplicates 0, byte-identical",
        bad=f"not reached: {missed}" if missed else "",
    )
    kills = {point: kill_in_contradiction(point, root / f"contradiction-{point.name}") for point in UNTRUSTWORTHY}
    never = [point for point, times in kills.items() if not times]
    yield Row(
        what="death around an export that contradicts itself, at every coming of these failpoints",
        done=f"{sum(kills.values())} deaths",
        found="nothing of it committed or published, afterwards byte-identical",
        bad=f"not reached: {never}" if never else "",
    )


def _on_virtual_time(root: Path, seed: int) -> Iterator[Row]:
    anyio.to_thread.run_sync = run_sync_announced  # this program has no other use for it
    loop = looptime.new_event_loop()
    try:
        rows = loop.run_until_complete(_disks(root, seed))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    yield from rows


async def _disks(root: Path, seed: int) -> list[Row]:
    rows = []
    (root / "recovered").mkdir()
    chance = random.Random(seed)  # noqa: S311 - which disks are built is no secret
    for name, scene in night.WEATHERS.items():
        folder = root / f"power-{len(rows)}"
        folder.mkdir()
        recording = await night.record(folder, scene)
        rows.append(await _lost(f"power loss at every moment of {name}", recording, root / "recovered", chance))
    folder = root / "power-again"
    folder.mkdir()
    first = root / "power-first"
    first.mkdir()
    recording = await night.record_recovery(folder, await night.record(first, night.world()), chance)
    rows.append(
        await _lost("power loss at every moment of a run that is taken up", recording, root / "recovered", chance)
    )
    folder = root / "failing"
    folder.mkdir()
    recording = await night.record(folder, night.world())
    for number in (errno.ENOSPC, errno.EIO, errno.EMFILE, errno.EROFS, errno.EDQUOT):
        for for_good in (False, True):
            ends = await fail_everywhere(recording, root, number=number, for_good=for_good)
            listed = ", ".join(f"{how} {count}" for how, count in sorted(ends.items()))
            rows.append(
                Row(
                    what=f"{errno.errorcode[number]} {'from' if for_good else 'at'} every operation"
                    + (" on" if for_good else ""),
                    done=f"{ends.total()} runs ({listed})",
                    found="each taken up afterwards: byte-identical",
                    bad="" if ends.total() > 100 else "too few",
                )
            )
    return rows


async def _lost(what: str, recording: night.Recording, folder: Path, chance: random.Random) -> Row:
    losses = await night.lose_power(recording, folder, chance=chance, most=200)
    problems = "; ".join(losses.problems)
    return Row(
        what=what,
        done=f"{losses.states:,} disks at {losses.moments} moments, {losses.taken_up:,} with a run to take up",
        found="losses 0, duplicates 0, byte-identical",
        bad=problems or ("" if losses.states > losses.moments else "too few"),
    )


def _planted(root: Path) -> Iterator[Row]:
    folder = root / "planted"
    folder.mkdir()
    planted.copy_to(folder)
    wrong = planted.sound(folder)
    missed = [wrong] if wrong else []
    for bug in planted.BUGS if not wrong else ():
        why = planted.caught(bug, folder)
        if why:
            missed.append(f"{bug.name}: {why}")
    yield Row(
        what="planted bugs",
        done=f"{len(planted.BUGS)}: " + "; ".join(bug.name for bug in planted.BUGS),
        found="all caught" if not missed else f"{len(missed)} not caught",
        bad="; ".join(missed),
    )


def _table(rows: list[Row], seed: int, seconds: float) -> str:
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}, {machine}, {seconds / 60:.0f} minutes: `make crash`.",
        "",
        "| what befell | how often | what came of it |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {row.what} | {row.done} | {row.bad or row.found} |" for row in rows]
    return "\n".join(lines) + "\n"


def _write(table: str) -> None:
    page = DOCUMENT.read_text("utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
