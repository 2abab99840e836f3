"""The end of a run, for a tired person: what came out, what did not and why, what to do next.

Decides what is said and what is left out: some twenty lines, also for two thousand jobs. The first line alone says
whether all is well. Failures that differ only in names and numbers are one group; what did not happen (retries, holds,
orphans) is not mentioned. Called by ``cli`` when the run is over.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from extractor.errors import Exit
from extractor.observe.figures import count, counted, short, size, span
from extractor.observe.news import DatasetPublished, DatasetWithheld, JobEnded, RunClosed
from extractor.observe.sentences import clock_sentence, left_out_sentence, matched_sentence, timeless_sentence
from extractor.observe.tally import Tally
from extractor.protocol.vocabulary import Verdict

_LINES = 24  # in all; the published datasets take what the rest leaves
_DATASETS = 4  # of their lines, at least
_REASONS = 3  # lines of failures
_WITHHELD = 1  # their consequences are said shorter
_NOTES = 5
_NAMES = 3  # job names that stand for a group
_LABEL = 40  # characters of a name, at most
_SIGNALLED = 128  # exit codes from here on are signals (130, 143)
_NAMED = re.compile(r"""'[^']*'|"[^"]*"|\d+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the commands under "Next" name: the configuration as it was given, the output and the state folder.

    ``options`` are the overrides that the run was started with, ready for a shell.
    """

    config: str
    output: str
    state: str
    options: str = ""


def report(tally: Tally, closed: RunClosed, place: Place) -> list[str]:
    """Give the lines of the report."""
    later: list[str] = []
    for title, section in (
        ("Failed:", _failed(tally.failed)),
        ("Not published:", _withheld(tally.withheld)),
        ("Worth knowing:", _notes(tally, closed)),
        ("Next:", _next(tally, closed, place)),
    ):
        later += _section(title, section)
    room = max(_LINES - len(later) - 3, _DATASETS)  # 3: the headline, the title, the line that counts the rest
    return [
        _headline(tally, closed),
        *_section(f"Published in {place.output}:", _published(tally.published, place, room)),
        *later,
    ]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    body = [f"  {line}" for line in lines]
    return [title, *body] if body else []


def _headline(tally: Tally, closed: RunClosed) -> str:
    jobs = closed.jobs_done + closed.jobs_failed
    total = max(tally.jobs, jobs)
    done = f"{count(closed.jobs_done)} of {counted(total, 'job')} done"
    records = counted(sum(each.records for each in tally.published), "record")
    got = f"{records} in {counted(len(tally.published), 'dataset')} published"
    cost = f"{counted(closed.requests, 'request')}, {span(closed.seconds)}"
    if closed.exit_code == 0:
        return f"All went well: {done}, {got} ({cost})."
    reason = f" ({closed.reason.partition(' -- ')[0]})" if closed.reason else ""  # the remedy is under "Next"
    failed = f"{count(closed.jobs_failed)} failed, " if closed.jobs_failed else ""
    return f"{_verdict(closed)}{reason}: {done}, {failed}{got} ({cost})."


def _verdict(closed: RunClosed) -> str:
    if closed.exit_code >= _SIGNALLED:
        return "INTERRUPTED"
    return {
        4: "REFUSED by the server",
        # The deadline ends runs of servers that are well, too, and says so itself.
        5: "NOT COMPLETE" if "deadline" in closed.reason else "NOT COMPLETE, the server was unavailable",
        6: "COUNTS OR CHECKSUMS DO NOT MATCH",
    }.get(closed.exit_code, "NOT COMPLETE")


def _published(datasets: list[DatasetPublished], place: Place, room: int) -> Iterator[str]:
    shown = datasets[:room]
    width = max((len(short(each.dataset, _LABEL)) for each in shown), default=0)
    digits = max((len(count(each.records)) for each in shown), default=0)
    for each in shown:
        name, records = short(each.dataset, _LABEL), count(each.records)
        shards = f"{counted(each.shards, 'shard')}, {size(each.bytes)}"
        path = each.path.removeprefix(f"{place.output}/")
        yield f"{name:{width}}  {records:>{digits}} records  {shards}  {path}"
    rest = datasets[room:]
    if rest:
        total, shards = sum(each.records for each in rest), counted(sum(each.shards for each in rest), "shard")
        yield f"… and {counted(len(rest), 'dataset')} more: {counted(total, 'record')}, {shards}"


def _failed(jobs: list[JobEnded]) -> Iterator[str]:
    reasons = ((f"{each.outcome.verdict}: {each.outcome.message}", each.label) for each in jobs)
    return _by_reason(reasons, "job", _REASONS)


def _withheld(datasets: list[DatasetWithheld]) -> Iterator[str]:
    return _by_reason(((each.reason, each.dataset) for each in datasets), "dataset", _WITHHELD)


def _by_reason(pairs: Iterable[tuple[str, str]], noun: str, most: int) -> Iterator[str]:
    groups = _grouped(pairs)
    for reason, names in groups[:most]:
        yield f"{_named(names, noun)} -- {reason}"
    rest = groups[most:]
    if rest:
        yield f"… and {counted(sum(len(names) for _, names in rest), noun)} more, for other reasons"


def _notes(tally: Tally, closed: RunClosed) -> list[str]:
    notes = list(_timeless(tally.published))
    if closed.possible_orphans:
        exports = counted(closed.possible_orphans, "export")
        notes.append(f"{exports} may be left at the server: its answer was lost. It expires there by itself")
    kept = sum(each.kept_text for each in tally.published)
    if kept:
        notes.append(f"{counted(kept, 'record')} published in the server's own spelling (the manifest says which)")
    if tally.retries or tally.holds:
        again = counted(tally.retries, "retry", "retries")
        notes.append(f"{again}, {counted(tally.holds, 'hold')} asked for by the server")
    if tally.outages:
        often = counted(tally.outages, "time")
        notes.append(f"the server was unavailable {often}, {span(tally.outage_seconds)} in all")
    if tally.clock_seconds is not None:
        notes.append(clock_sentence(tally.clock_seconds))
    notes += [
        f"{_named(labels, 'job')}: {note}"
        for note, labels in _grouped((each.outcome.note, each.label) for each in tally.noted)
    ]
    notes += [matched_sentence(each) for each in tally.matched]
    left_out: Counter[str] = Counter()
    for each in tally.published:
        left_out.update(each.left_out)
    if left_out:
        notes.append(left_out_sentence(left_out))
    notes += tally.notices
    if len(notes) > _NOTES:
        notes[_NOTES - 1 :] = [f"… and {counted(len(notes) - _NOTES + 1, 'note')} more"]
    return notes


def _timeless(datasets: list[DatasetPublished]) -> Iterator[str]:
    """Say of which datasets no record has a time, so that a misspelled path does not go unseen, and of how many else.

    Records that are left out as too early or too late have one.
    """
    found = [each for each in datasets if each.timeless]
    blind = [each for each in found if each.timeless == each.records and not {"before", "after"} & set(each.left_out)]
    if blind:
        names = _named([each.dataset for each in blind], "dataset")
        where = "all are in window=__unknown__ -- check the spelling of backfill.change_times, then do it again"
        yield f"{names}: no record has a time of change that can be read, so {where}"
    others = sum(each.timeless for each in found) - sum(each.timeless for each in blind)
    if others:
        yield timeless_sentence(others)


def _next(tally: Tally, closed: RunClosed, place: Place) -> Iterator[str]:
    state = "" if place.state == ".extractor" else f" --state {shlex.quote(place.state)}"
    again = f"extractor resume {closed.run_id}{state}"
    if closed.exit_code == 0:
        yield f"extractor verify {shlex.quote(place.output)}"
        return
    refused = any(each.outcome.verdict is Verdict.REFUSED for each in tally.failed)
    if refused:
        yield f"extractor doctor {shlex.quote(place.config)}   # are connection and credentials right?"
    yield f"extractor status {closed.run_id}{state}   # every job of this run"
    waiting = tally.outage is not None and not refused
    when = "once that is put right" if refused else "when the server answers" if waiting else "when you are ready"
    yield f"{again}   # {when}: what is done stays done"
    if refused:  # another name is another question, which is no part of that run
        yield f"extractor run {shlex.quote(place.config)} --job NAME   # instead, for a name corrected in the file"
    if waiting and closed.exit_code == Exit.UNAVAILABLE:
        yield "notify PossibleNOW support if it lasts: a 503 is temporary by their word"


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Put together what has the same text but for names and numbers, biggest group first.

    The first text stands for all of its group.
    """
    groups: dict[str, tuple[str, list[str]]] = {}
    for text, label in pairs:
        groups.setdefault(_NAMED.sub("*", text), (text, []))[1].append(label)
    return sorted(groups.values(), key=lambda group: -len(group[1]))


def _named(labels: list[str], noun: str) -> str:
    shown = ", ".join(short(label, _LABEL) for label in labels[:_NAMES])
    if len(labels) == 1:
        return shown
    more = f", … {count(len(labels) - _NAMES)} more" if len(labels) > _NAMES else ""
    return f"{counted(len(labels), noun)} ({shown}{more})"
