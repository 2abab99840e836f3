"""What is set of the process while a run lasts, and what is left of it afterwards."""

from __future__ import annotations

import gc
import platform

import pytest

from extractor.run.tuning import tuned


@pytest.mark.parametrize("failure", [None, KeyError("x")])
def test_the_collector_looks_seldom_for_as_long_as_the_block_lasts(failure: Exception | None) -> None:
    """And is as it was when the block is left, however it is left."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    try:
        with tuned():
            assert before[0] < gc.get_threshold()[0]
            assert frozen < gc.get_freeze_count()
            assert gc.isenabled()
            if failure is not None:
                raise failure
    except KeyError:
        assert failure is not None
    assert (before, 0) == (gc.get_threshold(), gc.get_freeze_count())


def test_another_library_of_c_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only glibc knows these names; elsewhere there may not even be a library to ask."""
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", None)
    with tuned():
        assert gc.get_freeze_count()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another library of C")
def test_the_library_of_c_takes_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that it refuses would go unnoticed for ever: slower, and nothing else."""
    answers: list[int] = []

    class Library:
        """Passes on what is told, to the real one."""

        def __init__(self, name: None) -> None:
            self._real = real(name)

        def mallopt(self, name: int, value: int) -> int:
            """Keep the answer."""
            answers.append(self._real.mallopt(name, value))
            return answers[-1]

    real = __import__("ctypes").CDLL
    monkeypatch.setattr("ctypes.CDLL", Library)
    with tuned():
        pass
    assert [1, 1, 1] == answers
