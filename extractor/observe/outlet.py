"""A text stream that a run may write to without dying of it.

Decides what happens when the reader has gone (``| head``, a closed terminal, a full disk under a log): the outlet falls
silent for good, and says so in ``broken``. Characters that the stream's encoding lacks are written escaped. Does not
decide what is written. Used by every listener, and by ``cli`` for whatever goes to stderr.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as type checkers know it: typing alone is a third of what Python itself imports at its start
if TYPE_CHECKING:
    from typing import TextIO


class Outlet:
    """Wraps one stream; has what ``rich`` asks of a file. Never raises OSError."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.broken = False

    @property
    def encoding(self) -> str:
        """The encoding of the stream beneath."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write, or silently do nothing when the reader has gone."""
        if not self.broken:
            try:
                self._stream.write(self._spellable(text))
            except OSError:
                self.close_quietly()
        return len(text)

    def flush(self) -> None:
        """Hand everything written to the reader, if there still is one."""
        if not self.broken:
            try:
                self._stream.flush()
            except OSError:
                self.close_quietly()

    def line(self, text: str) -> None:
        """Write one line and flush it: whoever follows a log sees it now."""
        self.write(f"{text}\n")
        self.flush()

    def isatty(self) -> bool:
        """Whether a person is looking."""
        return not self.broken and self._stream.isatty()

    def fileno(self) -> int:
        """The descriptor beneath; raises OSError when there is none, as files do."""
        return self._stream.fileno()

    def close_quietly(self) -> None:
        """Send what is still buffered to nowhere; else the interpreter trips over it at exit. May be called twice."""
        self.broken = True
        try:
            descriptor = self._stream.fileno()
        except OSError:
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)

    def _spellable(self, text: str) -> str:
        return text.encode(self.encoding, errors="backslashreplace").decode(self.encoding)
