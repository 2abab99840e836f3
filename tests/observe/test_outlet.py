from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from extractor.observe.outlet import Outlet


def test_a_broken_pipe_silences_and_does_not_raise(gone_pipe: io.StringIO) -> None:
    """Writing after the reader has left does nothing."""
    outlet = Outlet(gone_pipe)

    outlet.line("one")
    outlet.line("two")

    assert outlet.broken
    assert not outlet.isatty()


def test_characters_that_the_encoding_lacks_are_escaped() -> None:
    """A segment's name never breaks a log in an old encoding."""
    beneath = io.BytesIO()
    outlet = Outlet(io.TextIOWrapper(beneath, encoding="ascii"))

    outlet.line("Größe")

    assert beneath.getvalue() == b"Gr\\xf6\\xdfe\n"


def test_closing_quietly_leaves_nothing_for_the_interpreter_to_trip_over() -> None:
    """A process whose stdout has no reader exits 0 and says nothing."""
    reader, writer = os.pipe()
    os.close(reader)
    program = (
        "import sys; from extractor.observe.outlet import Outlet\n"
        "outlet = Outlet(sys.stdout); outlet.line('x'); outlet.close_quietly(); print('y')"
    )

    done = subprocess.run([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, check=False)  # noqa: S603 - our own interpreter
    os.close(writer)

    assert (done.returncode, done.stderr) == (0, b"")


def test_without_a_descriptor_fileno_raises_as_files_do() -> None:
    """Rich asks for it, and expects OSError."""
    with pytest.raises(OSError, match="fileno"):
        Outlet(io.StringIO()).fileno()
