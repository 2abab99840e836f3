"""A quarter of all requests fail in every way there is, for sixty jobs: complete and true in the end, or refused.

A run that is not complete is taken up again, in the same weather, until it is. After each act everything that can be
seen from outside is compared with what the server knows; what must hold at every moment is looked at from the server's
end as requests arrive.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from extractor.observe.news import JobEnded
from extractor.protocol.vocabulary import ExportSealed, TokenIssued, Verdict
from extractor.remote import Request
from extractor.run.history import JOURNAL
from extractor.simulator import Chaos, Entry, Service
from extractor.store.journal import read_journal
from extractor.store.verify import verify
from tests.contract.sixty import GROUPS, JOBS, LIMITS, NAMES, expected, lines, weather
from tests.contract.stage import Played, play, resume

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]

HOLDS = {"503:1s": 1.0, "429:2s": 2.0, "503:date+3s": 3.0}  # seconds
PASSING = f"503 500 429 {' '.join(HOLDS)} page503 reset lost silent drop@20 drop@-9 head@9 error expire slow:1s lower"
UNREADABLE = "html truncate@15"
LIES = "count+1 count-1 total+1 rows+1"
RATE = 0.25
LYING_ACTS = 2  # acts in which lies are told; from then on the weather is foul and honest
MOST_ACTS = 8
EXPORTS = LIMITS["exports"]
GRANTED = 20  # records a page, as ``weather`` clamps them
BOUNDS = LIMITS | {"retry_for": 30.0}  # short, so that some jobs are given up in mid-life and taken up again


@dataclass(slots=True)
class Lookout:
    """Looks on at the server's door: what must hold whenever a request arrives."""

    service: Service
    journal: Path
    commits: int = 0
    premature: list[int] = field(default_factory=list)  # Commits that were sent before their seal was journaled
    alive: list[tuple[float, frozenset[int]]] = field(default_factory=list)

    def __call__(self, request: Request, now: float) -> None:
        """See one request arrive."""
        self.alive.append((now, frozenset(export.token for export in self.service.ledger.alive(now))))
        found = re.search(r"/Export/(\d+)/Commit", request.url)
        if found:
            self.commits += 1
            if not self._is_sealed(int(found[1])):
                self.premature.append(self.commits)

    def _is_sealed(self, token: int) -> bool:
        export = self.service.ledger.find(token)
        assert export is not None
        ordinal = [*NAMES, *GROUPS].index(export.dataset.name)
        with read_journal(self.journal) as journal:
            events = journal.events(journal.runs()[0]["run_id"], ordinal)
        sealed = False
        for event in events:
            sealed = isinstance(event, ExportSealed) or (sealed and not isinstance(event, TokenIssued))
        return sealed


def ended(played: Played) -> list[JobEnded]:
    """The jobs that came to an end in this act."""
    return [each for each in played.news if isinstance(each, JobEnded)]


def lies_of(played: Played, name: str) -> list[Entry]:
    """The lies that were told about the export of a dataset whose pages were read last."""
    read = [each.token for each in played.calls("page", name)]
    return [each for each in played.history if each.token in read[-1:] and each.fault in LIES.split()]


def assert_only_the_truth_can_be_seen(played: Played, done: set[int]) -> None:
    """Whatever is published is exact, and of everything else a reader finds nothing."""
    published = [ordinal for ordinal, job in enumerate(JOBS) if _folder(played, job).is_dir()]
    assert sorted(done) == published
    assert [] == [job for job in JOBS if _folder(played, job).is_dir() and expected(played, job) != lines(played, job)]
    found = verify(played.config.output.path)
    assert (len(done), ()) == (found.manifests, found.findings)


def _folder(played: Played, job: dict[str, Any]) -> Path:
    ((kind, name),) = job.items()
    return played.config.output.path / f"{kind}={name}"


def is_believed(played: Played, lie: Entry) -> bool:
    """Whether a page is the last that was asked for at its place, and not the trial of random access."""
    after = played.history[lie.number :]
    again = any((each.kind, each.token, each.offset) == ("page", lie.token, lie.offset) for each in after)
    return not again and (lie.offset or 1) % GRANTED == 1


def assert_those_who_lied_are_refused(played: Played) -> None:
    """No honest job is refused, and none is done whose pages lied and were believed.

    The page that tries random access is never believed, and one whose Count is wrong is asked for again.
    """
    for job in ended(played):
        told = lies_of(played, [*NAMES, *GROUPS][job.ordinal])
        if job.outcome.verdict is Verdict.INTEGRITY:
            assert told, job
        elif job.outcome.verdict is Verdict.DONE:
            assert [] == [each for each in told if each.kind == "page" and is_believed(played, each)], job
        else:
            assert job.outcome.verdict in {Verdict.UNAVAILABLE, Verdict.EXPORT_FAILED}, job


def assert_no_more_exports_than_allowed(played: Played, lookout: Lookout) -> None:
    """Those in this act's hands are at most ``limits.exports``; those that nobody ever asks about are counted orphans.

    An export that an earlier act gave up is in nobody's hands until its job's turn comes.
    """
    uses: dict[int, list[float]] = {}
    for each in played.history[-len(lookout.alive) :]:
        uses.setdefault(each.token or 0, []).append(each.at)
    asked = {each.token for each in played.history if each.kind != "initiate"}
    held = [
        sum(token in asked and min(uses[token]) < now <= max(uses[token]) for token in alive if token in uses)
        for now, alive in lookout.alive
    ]
    assert max(held) <= EXPORTS
    lookout.alive.clear()
    opened = {each.token for each in played.calls("initiate") if each.token is not None}
    assert len(opened - asked) <= played.closed.possible_orphans


def disobedient(played: Played) -> list[tuple[Entry, Entry]]:
    """The requests that arrived while a Retry-After held everybody, with the answer that said so."""
    found = []
    for struck in (each for each in played.history if each.fault in HOLDS):
        # What was on its way when the answer left may arrive; a date is written in whole seconds.
        begin = struck.at + 2 * played.wire.latency
        end = struck.at + HOLDS[struck.fault or ""] - ("date" in (struck.fault or "")) - 0.001
        found += [(struck, each) for each in played.history if begin < each.at < end]
    return found


def assert_the_act_was_sound(played: Played, lookout: Lookout, done: set[int]) -> None:
    """What must hold after every act, whatever has failed in it."""
    assert_only_the_truth_can_be_seen(played, done)
    assert_those_who_lied_are_refused(played)
    assert_no_more_exports_than_allowed(played, lookout)
    assert [] == lookout.premature
    assert [] == disobedient(played)


@pytest.mark.parametrize("seed", [5, 6])
async def test_foul_weather_ends_in_the_truth(memory: Path, seed: int) -> None:
    """Faults of every kind: sixty jobs are true at once or after resuming; those that lied are refused meanwhile."""
    words = f"{PASSING} {UNREADABLE} {LIES}"
    service = Service(weather(chaos=Chaos(rate=RATE, seed=seed, words=words)))
    lookout = Lookout(service, memory / "state" / JOURNAL)
    done: set[int] = set()
    acts = [await play(memory, service, JOBS, lookout=lookout, limits=BOUNDS)]
    while True:
        played = acts[-1]
        done |= {each.ordinal for each in ended(played) if each.outcome.verdict is Verdict.DONE}
        assert_the_act_was_sound(played, lookout, done)
        if played.exit_code == 0 or len(acts) == MOST_ACTS:
            break
        if len(acts) == LYING_ACTS:
            service.playbook.chaos = Chaos(rate=RATE, seed=seed, words=f"{PASSING} {UNREADABLE}")
        acts.append(await resume(played))
    assert (0, 60, 60) == (played.exit_code, len(done), played.closed.jobs_done)
    assert len(acts) > 1, "nothing was ever resumed"
    assert lookout.commits >= 60
    fired = service.playbook.fired
    assert len({word for _, word in fired}) > 0.8 * len(words.split())
    assert sum(fired.values()) > len(played.history) * RATE / 2
    quiet = await play(memory, weather(), JOBS, fresh=True, limits=BOUNDS)
    assert quiet.shards() == played.shards()
