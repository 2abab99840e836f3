"""One run at a time in a state folder."""

import os
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.store.lock import hold_lock


def test_a_second_run_on_the_same_state_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    """Two writers of one journal would be the end of both."""
    with (
        hold_lock(tmp_path),
        pytest.raises(LocalError, match=rf"another run \(process {os.getpid()}\)"),
        hold_lock(tmp_path),
    ):
        pass


def test_the_lock_is_free_again_when_the_run_is_over(tmp_path: Path) -> None:
    """Also after an error."""
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path):
        raise ZeroDivisionError
    with hold_lock(tmp_path):
        assert f"{os.getpid()}\n" == (tmp_path / "lock").read_text()


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    """The operating system lets it go with the process, however that ended."""
    child = os.fork()
    if child == 0:
        with hold_lock(tmp_path):
            os._exit(9)
    os.waitpid(child, 0)
    with hold_lock(tmp_path):
        assert f"{os.getpid()}\n" == (tmp_path / "lock").read_text()


def test_a_state_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """No traceback for a wrong path."""
    with pytest.raises(LocalError, match="cannot be opened"), hold_lock(tmp_path / "none"):
        pass
