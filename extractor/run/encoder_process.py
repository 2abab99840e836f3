"""One encoder process, from this side: how it is started, spoken to and ended.

Decides the command that starts it and how long it may be silent. Does not decide when there is one, or what follows
from its death (``encoders``); what it does is ``store.encoder``'s. Blocking: called from threads.

Decided: a program of its own over a pair of sockets (``subprocess``). It is a fresh interpreter that finds modules
where this one does and runs nobody's main module, so it starts alike under ``extractor``, ``python -m``, a test runner
or somebody's notebook; the other end of its only socket is here alone, so a ``kill -9`` of this process ends it; and a
page costs 0.2 ms of CPU on both sides together, beside 8 to 15 of encoding. Considered: ``multiprocessing`` (spawn runs
the user's main module again, forkserver leaves a process behind, fork has threads to deadlock with),
``concurrent.futures`` (its children outlive a killed parent) and ``anyio.to_process`` (64 KiB at a time through the
event loop); pipes (0.7 ms a page) and shared memory (0.1 ms less than sockets, for sizes to be managed).
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Final

from extractor.protocol.vocabulary import PageFetched
from extractor.store.encoder import receive, send
from extractor.store.frames import Form, Frame

_SILENCE: Final = 30  # seconds: the largest page that is allowed takes a third of it
_FAREWELL: Final = 5.0  # seconds until one that does not end is killed
_BUFFER: Final = 256 * 1024  # bytes: the sides need not wait for each other at every step; more gains nothing
# For glibc, ignored by others: memory of a page is kept for the next one. Given back to the system after each, and
# fetched again, it costs 2.3 ms of kernel time a page, beside 7.5 of encoding.
_ALLOCATOR: Final = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
_TIMEVAL: Final = struct.Struct("ll")  # seconds, microseconds
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from extractor.store.encoder import serve; serve()"


class EncoderLost(Exception):  # noqa: N818 - a fact about a process, not an error of anybody's
    """The process does not answer any more; the text says how it ended, in words for a sentence."""


class EncoderProcess:
    """One process: ``start`` once, ``frame`` by one thread at a time, ``end`` at last, in whatever state it is."""

    def __init__(self) -> None:
        self.ready = False  # set by the thread that starts it
        self.failed = ""  # why it could not be started, in words for a sentence
        self._process: subprocess.Popen[bytes] | None = None
        self._other: socket.socket | None = None
        self._starting: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process's id; None before it has one."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Begin to start it, and return at once: ``ready`` or ``failed`` is set a fifth of a second later."""
        try:
            self._other, theirs = _pair()
        except OSError as error:
            self.failed = self._how(error)
            return
        self._starting = threading.Thread(target=self._start, args=(self._other, theirs), daemon=True)
        self._starting.start()

    def frame(self, page: PageFetched, form: Form) -> Frame | None:
        """Have a frame made; None if the page is refused. Raises EncoderLost when the process is not there any more."""
        if self._other is None:
            raise EncoderLost("was not started")
        try:
            send(self._other, (replace(page, body=b""), form), page.body)
            answer = receive(self._other)
        except OSError as error:
            raise EncoderLost(self._how(error)) from None
        if answer is None:
            raise EncoderLost(self._how(None))
        bare, data = answer
        return None if bare is None else replace(bare, data=data)

    def dismiss(self) -> None:
        """Tell it to end, and wake the thread that waits for it; returns at once."""
        if self._other is not None:
            with suppress(OSError):
                self._other.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Wait until it has ended, kill it when it does not. Nothing is left of it."""
        if self._other is None:
            return
        self.dismiss()
        if self._starting is not None:
            self._starting.join()
        self._reap(_FAREWELL)
        self._other.close()

    def _start(self, ours: socket.socket, theirs: socket.socket) -> None:
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own program, our own words
                    [sys.executable, "-P", "-c", _PROGRAM, *(each or "." for each in sys.path)],
                    env=_ALLOCATOR | os.environ,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for the run, which drains with its encoders
                )
            said = receive(ours)
        except OSError as error:
            self.failed = self._how(error)
        else:
            self.ready = said is not None
            self.failed = "" if self.ready else self._how(None)

    def _how(self, error: OSError | None) -> str:
        """Say how it ended, and see to it that it has."""
        if self._process is None:
            return f"could not be started ({error.strerror if error else 'unknown'})"
        if isinstance(error, BlockingIOError):
            self._reap(0)
            return f"did not answer for {_SILENCE} s"
        code = self._reap(_FAREWELL)
        return f"was ended by signal {-code}" if code < 0 else f"ended by itself (exit code {code})"

    def _reap(self, patience: float) -> int:
        if self._process is None:
            return 0
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of which ours is not inherited by anybody, and does not wait for ever."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    for patience in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        ours.setsockopt(socket.SOL_SOCKET, patience, _TIMEVAL.pack(_SILENCE, 0))
    return ours, theirs
