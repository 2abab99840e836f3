"""Which of the requests that wait for their turn goes first: by what it is worth, and by how long it has waited.

Decides the class of a command and, among those who wait, whose turn it is. Does not queue anybody, does not read a
clock and does not know the rate. Called by ``remote.client`` (``of``) and ``remote.limiter`` (``first``).

While the rate is the limit, each turn is taken from somebody else. A login lets all others go on. A page of a token
that is about to expire is worth the whole export, which would have to be generated again. Other pages and Commits
move data and end jobs: a Commit frees the server's files, and publishing waits for it. An Initiate keeps the server
busy with the next export while pages are read. A poll only learns earlier what will be known anyway.

Decided: who waits goes up one class every ``PATIENCE`` seconds, up to the urgent pages, and within a class the longest
wait goes first: whoever is in the queue has a bounded number of others before it, so nobody starves; considered shares
for each class, which spend turns on polls while there are pages to read. Decided: 5 seconds, because sixteen pages
at the default twenty requests a second wait less than one, so that the order by worth holds at any ordinary load, and
because a poll that is ten seconds late (two classes) costs little beside the minutes that a server takes for an export,
while pages that saturate the rate leave nothing to be won by it. Considered 1 second, at which a short queue at five
requests a second would already be first come, first served.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import assert_never

from extractor.protocol.vocabulary import Commit, FetchPage, Initiate, PollStatus

PATIENCE = 5.0  # seconds of waiting that are worth one class


class Precedence(IntEnum):
    """The classes, the first to go first."""

    LOGIN = 0
    URGENT = 1  # pages of a token that is about to expire
    DATA = 2  # pages and Commits
    INITIATE = 3
    POLL = 4


def of(command: Initiate | PollStatus | FetchPage | Commit) -> Precedence:
    """Give the class of a command's request."""
    match command:
        case FetchPage(urgent=True):
            return Precedence.URGENT
        case FetchPage() | Commit():
            return Precedence.DATA
        case Initiate():
            return Precedence.INITIATE
        case PollStatus():
            return Precedence.POLL
        case _:
            assert_never(command)


def aged(precedence: Precedence, waited: float) -> Precedence:
    """Give the class that a request counts in after ``waited`` seconds: one higher for each ``PATIENCE``.

    Nobody becomes a login: all others wait for it.
    """
    if precedence <= Precedence.URGENT or waited < PATIENCE:
        return precedence
    # In floats: a wait may be any number of seconds.
    return Precedence(int(max(Precedence.URGENT, precedence - waited // PATIENCE)))


def first(waiting: Iterable[tuple[Precedence, float]]) -> Precedence:
    """Say in which class the turn is, given of each class with somebody in it how long its first has waited (seconds).

    By the aged class, then by the longer wait, then by worth. At least one must wait.
    """
    return min((aged(each, waited), -waited, each) for each, waited in waiting)[2]
