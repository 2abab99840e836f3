"""What each kind of news is in words, for people; the words of ``lines`` and ``progress``, and some of ``report``.

Decides what is worth a sentence and its kind, by which listeners choose colours and how many are enough. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from extractor.observe.figures import count, counted, size, span
from extractor.observe.news import (
    ClockCorrected,
    ConnectionHeld,
    ConnectionNews,
    DatasetPublished,
    DatasetWithheld,
    Heartbeat,
    JobEnded,
    JobMoved,
    News,
    Noticed,
    OutageBegan,
    OutageEnded,
    PaceChanged,
    RunClosed,
    RunOpened,
    ValuesMatched,
)
from extractor.protocol.vocabulary import Verdict

WAITING = "waiting"  # the kind of a heartbeat
_ROUTINE = {"Status Processing", "Status Complete"}  # steps of which there is nothing to say
_REASONS = {  # of records that are left out
    "before": "that changed before the period",
    "after": "that changed after the period",
    "later": "that an export of a later window held, too",
    "unchanged": "unchanged, by dedupe",
}
_STOPPED = "stopped"  # the job's end follows, and says why


def sentence(news: News) -> tuple[str, str]:  # noqa: PLR0911 - a table: one line for each kind of news
    """Give the kind of ``news`` and what to say about it; empty when it is not worth a line."""
    match news:
        case RunOpened():
            limit = f"at most {news.requests_per_second:g} requests/s"
            asked = f"{counted(news.jobs, 'job')} for {counted(news.datasets, 'dataset')}"
            return "run", f"run {news.run_id}: {asked}, {limit}, into {news.output}"
        case JobMoved():
            worth = news.detail and news.what not in _ROUTINE and news.phase != _STOPPED
            return "detail", f"{news.label}: {news.detail}" if worth else ""
        case JobEnded() if news.outcome.verdict is not Verdict.DONE:
            return "failed", f"FAILED {news.label}: {news.outcome.verdict}: {news.outcome.message}"
        case DatasetPublished():
            what = f"{counted(news.records, 'record')}, {counted(news.shards, 'shard')}, {size(news.bytes)}"
            return "published", f"published {news.dataset}: {what}, in {news.path}"
        case DatasetWithheld():
            return "withheld", f"NOT PUBLISHED {news.dataset}: {news.reason}"
        case ValuesMatched():
            return "matched", matched_sentence(news)
        case Noticed():
            return "notice", f"note: {news.message}"
        case JobEnded() | RunClosed():
            return "", ""
        case _:
            return _of_the_connection(news)


def _of_the_connection(news: ConnectionNews) -> tuple[str, str]:
    match news:
        case ConnectionHeld():
            return "held", f"the server asked for quiet (HTTP {news.status}): nothing is sent for {span(news.seconds)}"
        case OutageBegan():
            since = f"nothing else for {span(news.seconds)}"
            return "outage", f"the server is unavailable: {news.reason}, {since}; asking now and then until it answers"
        case OutageEnded():
            vain = f", {counted(news.requests, 'request')} in vain" if news.requests else ""
            return "outage", f"the server answers again, after {span(news.seconds)}{vain}"
        case Heartbeat():
            return WAITING, _waiting(news)
        case PaceChanged():
            return "pace", news.message
        case ClockCorrected():
            return "clock", clock_sentence(news.seconds)


def _waiting(beat: Heartbeat) -> str:
    """Say what the run waits for, and how long it will; empty when it just works."""
    if beat.outage_seconds:
        what = "no answer" if beat.status is None else str(beat.status)
        lasts = f"the server has been unavailable ({what}) for {span(round(beat.outage_seconds))}"
        held = f"held for another {span(round(beat.held_seconds))}" if beat.held_seconds else ""
        asked = held or f"asked again every {span(beat.calm_seconds)}"
        return f"still waiting: {lasts}; {asked}, until {beat.until[11:]} ({beat.bound})"
    if beat.held_seconds:
        return (
            f"still waiting: the server asked for quiet, nothing is sent for another {span(round(beat.held_seconds))}"
        )
    return ""


def matched_sentence(news: ValuesMatched) -> str:
    """Say what became of the values of a dataset."""
    found = f"{count(news.unmatched)} matched nobody, {count(news.several)} several profiles"
    text = f"{news.dataset}: of {counted(news.values, 'value')}, {found} (see {news.path})"
    if news.strangers:
        strangers = counted(news.strangers, "record")
        text += f"; {strangers} carry none of them: the service compares otherwise, so check those that matched nobody"
    return text


def timeless_sentence(records: int) -> str:
    """Say where records without a time of change are."""
    return f"{counted(records, 'record')} without a time of change that can be read, in window=__unknown__"


def left_out_sentence(left_out: Mapping[str, int]) -> str:
    """Say what came and is not published, and why; empty where nothing was left out."""
    reasons = [f"{count(records)} {_REASONS.get(reason, reason)}" for reason, records in left_out.items() if records]
    return f"left out of what came: {', '.join(reasons)} (the manifest counts them by job)" if reasons else ""


def clock_sentence(seconds: float) -> str:
    """Say how this machine's clock differs from the server's, and that it was allowed for."""
    way = "ahead of" if seconds > 0 else "behind"
    return f"this machine's clock is {span(abs(seconds))} {way} the server's; allowed for (to mend it: NTP)"
