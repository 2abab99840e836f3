"""What an encoder process and its owner say to each other; what it does for a run is told in ``tests/run``."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from extractor.store.encoder import receive, send


@pytest.fixture
def sides() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of one connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_message_arrives_as_it_was_sent_however_large(sides: tuple[socket.socket, socket.socket]) -> None:
    """Larger than any buffer between the two, and one after the other."""
    ours, theirs = sides
    messages = [(None, b""), ({"small": 1}, b"x" * 5_000_000), (("small", 2), b""), (3, b"y")]
    sending = threading.Thread(target=lambda: [send(ours, *each) for each in messages])

    sending.start()
    arrived = [receive(theirs) for _ in messages]
    sending.join()

    assert messages == arrived


def test_the_end_is_told_from_a_message_that_was_cut(sides: tuple[socket.socket, socket.socket]) -> None:
    """A process that dies in the middle of an answer has not answered."""
    ours, theirs = sides
    send(ours, "whole", b"z" * 100)
    whole = theirs.recv(10_000)
    ours.sendall(whole + whole[:-1])
    ours.shutdown(socket.SHUT_WR)

    assert receive(theirs) == ("whole", b"z" * 100)
    with pytest.raises(ConnectionResetError):
        receive(theirs)
    assert receive(theirs) is None
