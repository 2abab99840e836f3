"""An encoder process, from its own side: pages in, frames out, until the socket that it was given ends.

Decides how the two sides talk: the small part of a message pickled, its one large bytes beside it, as it is. Imports
what ``frames`` needs and nothing else, so that it starts in a fifth of a second and stays small. Does not know who
sends (``run.encoder_process`` does) nor why. A page that no frame can be made of is answered by None: the other side
makes it once more and meets the error where it can be raised with all that it carries.

Decided: it ends when its socket does, and by nothing that a terminal or a service manager sends to everybody: a run
that drains needs it, and the end of the run is the end of the socket, also when that process is killed. Whatever else
goes wrong here ends this process, which the other side bears.
"""

from __future__ import annotations

import pickle
import signal
import socket
import struct
from dataclasses import replace
from typing import Any, Final

from extractor.errors import IntegrityError
from extractor.protocol.vocabulary import PageFetched
from extractor.store.frames import Form, Frame, make_frame

_LENGTHS: Final = struct.Struct("<QQ")  # of the two parts that follow, in bytes
_READY: Final = (None, b"")  # what is said first, and what is said of a page that is refused


def serve() -> None:
    """Answer on the socket that is this process's standard input, until it ends. Never raises for a bad page."""
    for everybody in (signal.SIGINT, signal.SIGTERM):
        signal.signal(everybody, signal.SIG_IGN)
    with socket.socket(fileno=0) as other:
        try:
            send(other, *_READY)
            while (asked := receive(other)) is not None:
                (page, form), body = asked
                send(other, *_answer(replace(page, body=body), form))
        except ConnectionError:
            pass  # it has gone, and wants nothing any more


def _answer(page: PageFetched, form: Form) -> tuple[Frame | None, bytes]:
    try:
        frame = make_frame(page, form)
    except IntegrityError:
        return None, b""
    return replace(frame, data=b""), frame.data


def send(other: socket.socket, value: object, bulk: bytes) -> None:
    """Send a small picklable value and a large bytes. Raises OSError when the other side has gone or is stuck."""
    small = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    other.sendall(_LENGTHS.pack(len(small), len(bulk)) + small)
    if bulk:
        other.sendall(bulk)


def receive(other: socket.socket) -> tuple[Any, bytes] | None:
    """Give the next value and bytes; None at the end. Raises OSError when the other side has gone or is stuck."""
    head = other.recv(_LENGTHS.size, socket.MSG_WAITALL)
    if not head:
        return None
    small, bulk = _LENGTHS.unpack(_whole(other, _LENGTHS.size, head))
    value = pickle.loads(_whole(other, small))  # noqa: S301 - of our own process, over a pair of sockets nobody else has
    return value, _whole(other, bulk)


def _whole(other: socket.socket, size: int, data: bytes = b"") -> bytes:
    """Receive ``size`` bytes, the first of which are ``data``: in one piece, unless a signal comes between."""
    while len(data) < size:
        more = other.recv(size - len(data), socket.MSG_WAITALL)
        if not more:
            raise ConnectionResetError
        data = data + more if data else more
    return data
