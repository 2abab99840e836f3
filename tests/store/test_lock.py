"""One run at a time in a state folder, and who it is."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.store.lock import Holder, hold_lock, holder

RUN = "20261123T020000Z-7f3a"
HOLDS = (
    "import sys, pathlib\n"
    "from extractor.store.lock import hold_lock\n"
    "with hold_lock(pathlib.Path(sys.argv[1])) as lock:\n"
    "    lock.name(sys.argv[2])\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@contextmanager
def another_process(state: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of ``state`` for a run."""
    words = [sys.executable, "-c", HOLDS, str(state), RUN]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own interpreter
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_second_run_on_the_same_state_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    """Two writers of one journal would be the end of both."""
    with (
        hold_lock(tmp_path),
        pytest.raises(LocalError, match=rf"another run \(process {os.getpid()}\) is using this state folder"),
        hold_lock(tmp_path),
    ):
        pass
    with hold_lock(tmp_path) as lock:
        lock.name(RUN)
        with (
            pytest.raises(LocalError, match=rf"another run \(process {os.getpid()}, run {RUN}\) is using"),
            hold_lock(tmp_path),
        ):
            pass


def test_the_lock_is_free_again_when_the_run_is_over(tmp_path: Path) -> None:
    """Also after an error."""
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path):
        raise ZeroDivisionError
    with hold_lock(tmp_path):
        assert f"{os.getpid()}\n" == (tmp_path / "lock").read_text()


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    """The operating system lets it go with the process, however that ended; what the file says does not matter."""
    with another_process(tmp_path) as process:
        assert Holder(pid=process.pid, run_id=RUN) == holder(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert f"{process.pid} {RUN}\n" == (tmp_path / "lock").read_text()
        assert holder(tmp_path) is None
        with hold_lock(tmp_path) as lock:
            lock.name()
            assert Holder(pid=os.getpid()) == holder(tmp_path)


def test_the_process_id_of_a_living_stranger_holds_nothing(tmp_path: Path) -> None:
    """Process ids are used again; this one is ours."""
    (tmp_path / "lock").write_text(f"{os.getpid()} {RUN}\n")

    assert holder(tmp_path) is None


def test_asking_who_holds_the_lock_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a file in a folder that no run has used, nor a lock."""
    assert holder(tmp_path) is None
    assert holder(tmp_path / "none") is None
    assert [] == list(tmp_path.iterdir())
    with hold_lock(tmp_path):
        pass
    assert holder(tmp_path) is None
    with hold_lock(tmp_path) as lock:
        lock.name(RUN)
        assert holder(tmp_path) == holder(tmp_path) == Holder(pid=os.getpid(), run_id=RUN)


def test_a_run_that_starts_while_somebody_looks_is_not_refused(tmp_path: Path) -> None:
    """``extractor runs`` in a loop must never keep the nightly run from starting."""
    (tmp_path / "lock").touch()
    looking = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    gone = threading.Timer(0.1, os.close, [looking])
    gone.start()
    with hold_lock(tmp_path) as lock:
        lock.name(RUN)
        assert Holder(pid=os.getpid(), run_id=RUN) == holder(tmp_path)
    gone.join()


@pytest.mark.parametrize("text", ["", "nonsense", "1 2 3\n", "99999999999999\n", "\xff"])
def test_a_text_that_says_nothing_is_an_unknown_holder(tmp_path: Path, text: str) -> None:
    """It is held all the same."""
    with hold_lock(tmp_path):
        (tmp_path / "lock").write_text(text)
        assert Holder() == holder(tmp_path)
        with pytest.raises(LocalError, match=r"another run \(an unknown process\)"), hold_lock(tmp_path):
            pass


def test_a_state_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    """No traceback for a wrong path."""
    with pytest.raises(LocalError, match="cannot be opened"), hold_lock(tmp_path / "none"):
        pass


def test_a_lock_that_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    """As above."""
    (tmp_path / "state").write_text("a file")
    with pytest.raises(LocalError, match="it is a file where a folder is needed"):
        holder(tmp_path / "state")
