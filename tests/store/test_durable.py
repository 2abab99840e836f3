"""Every operation on the disk: its modes, its atomicity, and what its failures are called."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extractor.errors import LocalError
from extractor.store import durable


@pytest.fixture(params=[0o000, 0o022, 0o377])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set a umask for the test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_files_and_folders_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """Design, section 6, rule 10."""
    folder = tmp_path / "a" / "b"
    durable.make_folders(folder)
    durable.create_file(folder / "part").close()
    durable.write_small(folder / "small", b"x")
    assert [mode(path) for path in (tmp_path / "a", folder, folder / "part", folder / "small")] == [
        0o700, 0o700, 0o600, 0o600,
    ]  # fmt: skip


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    """The user may share the output folder with readers."""
    tmp_path.chmod(0o755)
    durable.make_folders(tmp_path)
    assert mode(tmp_path) == 0o755


def test_bytes_are_appended_in_order(tmp_path: Path) -> None:
    """Also after the file was closed and opened again."""
    path = tmp_path / "part"
    file = durable.create_file(path)
    file.write(b"one")
    file.sync()
    file.close()
    file.close()
    file = durable.open_to_append(path)
    file.write(memoryview(b"two"))
    file.close()
    assert path.read_bytes() == b"onetwo"


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system takes no such advice")
@pytest.mark.parametrize("failure", [None, OSError(errno.EINVAL, "no")])
def test_a_long_file_leaves_the_systems_memory_once_it_is_on_the_disk(
    failure: OSError | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every 16 MiB and not more often, never before it is durable; and it is advice, so nothing fails with it."""
    happened: list[str] = []

    def advise(_fd: int, offset: int, length: int, advice: int) -> None:
        assert (0, 0, os.POSIX_FADV_DONTNEED) == (offset, length, advice)
        happened.append("release")
        if failure is not None:
            raise failure

    sync = os.fsync
    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(os, "fsync", lambda fd: (happened.append("sync"), sync(fd)))
    file = durable.create_file(tmp_path / "part")
    for number in range(9):
        file.write(bytes([number]) * 4 * 1024 * 1024)
        file.sync()
    file.close()
    assert ["sync"] * 4 + ["release"] + ["sync"] * 4 + ["release"] + ["sync"] == happened
    assert b"".join(bytes([number]) * 4 * 1024 * 1024 for number in range(9)) == (tmp_path / "part").read_bytes()


def test_where_no_advice_is_taken_long_files_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS."""
    monkeypatch.delattr(os, "posix_fadvise", raising=False)
    file = durable.create_file(tmp_path / "part")
    file.write(bytes(17 * 1024 * 1024))
    file.sync()
    file.close()
    assert 17 * 1024 * 1024 == (tmp_path / "part").stat().st_size


@pytest.mark.parametrize("dangling", [True, False])
def test_a_new_file_is_never_written_through_a_symbolic_link(dangling: bool, tmp_path: Path) -> None:
    """Nor over a file that exists."""
    target = tmp_path / "target"
    if not dangling:
        target.write_bytes(b"precious")
    (tmp_path / "part").symlink_to(target)
    with pytest.raises(LocalError, match="it exists already"):
        durable.create_file(tmp_path / "part")
    assert target.exists() is not dangling


def test_no_link_is_followed_to_append_or_cut(tmp_path: Path) -> None:
    """A part is a plain file."""
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "part").symlink_to(tmp_path / "target")
    with pytest.raises(LocalError, match="symbolic link"):
        durable.open_to_append(tmp_path / "part")
    with pytest.raises(LocalError, match="symbolic link"):
        durable.truncate(tmp_path / "part", 0)


@pytest.mark.parametrize(("length", "expected"), [(0, b""), (2, b"ab"), (3, b"abc"), (9, b"abc")])
def test_cutting_never_makes_a_file_longer(length: int, expected: bytes, tmp_path: Path) -> None:
    """Zeros would be bytes that nobody wrote."""
    (tmp_path / "part").write_bytes(b"abc")
    durable.truncate(tmp_path / "part", length)
    assert (tmp_path / "part").read_bytes() == expected


def test_a_small_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """Nothing else is left, also of an earlier attempt that was killed."""
    path = tmp_path / "latest.json"
    path.write_bytes(b"old")
    (tmp_path / ".latest.json.passing").write_bytes(b"ha")
    durable.write_small(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_the_same_file(tmp_path: Path) -> None:
    """No byte is copied."""
    (tmp_path / "part").write_bytes(b"x")
    assert durable.link(tmp_path / "part", tmp_path / "shard")
    assert (tmp_path / "shard").samefile(tmp_path / "part")
    with pytest.raises(LocalError, match="exists already"):
        durable.link(tmp_path / "part", tmp_path / "shard")


@pytest.mark.parametrize("refusal", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_a_file_system_without_links_is_said_so(refusal: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller copies then."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", refuse)
    assert durable.link(tmp_path / "part", tmp_path / "shard") is False


def test_removing_is_repeatable(tmp_path: Path) -> None:
    """Files and folders may be gone already; a folder that is not empty stays."""
    durable.remove_file(tmp_path / "gone")
    durable.remove_empty(tmp_path / "gone")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    durable.remove_empty(tmp_path / "full")
    assert (tmp_path / "full" / "x").exists()
    durable.remove_file(tmp_path / "full" / "x")
    durable.remove_empty(tmp_path / "full")
    assert not (tmp_path / "full").exists()


def test_a_folder_that_cannot_be_removed_is_an_error(tmp_path: Path) -> None:
    """Unless it is only not empty."""
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match="a file where a folder is needed"):
        durable.remove_empty(tmp_path / "file")


def test_trying_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    """And a folder that is not there is refused."""
    durable.check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LocalError, match="no such file or folder"):
        durable.check_writable(tmp_path / "missing")


def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path) -> None:
    """Instead of a bare errno."""
    (tmp_path / "file").touch()
    with pytest.raises(LocalError, match="file where a folder is needed"):
        durable.make_folders(tmp_path / "file" / "deeper")
    with pytest.raises(LocalError, match="file where a folder is needed"):
        durable.make_folders(tmp_path / "file")


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (errno.ENOSPC, "the disk is full; free some space"),
        (errno.EFBIG, r"raise the limit \(ulimit -f\), or lower output\.shard_bytes"),
        (errno.EACCES, "access is denied; check the owner"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EMFILE, "ulimit -n"),
        (errno.EIO, "input/output error; check the disk"),
        (errno.ETXTBSY, "busy; check the disk"),
    ],
)
def test_an_error_says_what_it_means_and_what_to_do(
    number: int, meaning: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, with the path."""
    file = durable.create_file(tmp_path / "part")

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(LocalError, match=meaning) as error:
        file.write(b"x")
    assert str(tmp_path / "part") in str(error.value)
    file.close()


def test_a_short_write_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may take less than it is given."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:2]))
    file = durable.create_file(tmp_path / "part")
    file.write(b"abcdefg")
    file.close()
    assert (tmp_path / "part").read_bytes() == b"abcdefg"


def test_a_tree_is_erased_whole_or_it_is_said(tmp_path: Path) -> None:
    """Unlike what is only tidied up. Twice is harmless; a link in its place is not followed."""
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "file").write_bytes(b"x")
    durable.erase_tree(tmp_path / "tree")
    durable.erase_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(LocalError):
        durable.erase_tree(tmp_path / "link")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(LocalError, match="a file where a folder is needed"):
        durable.erase_tree(tmp_path / "file")
    assert (tmp_path / "target").is_dir()


REMOVALS: list[Callable[[Path], None]] = [durable.remove_file, durable.remove_empty, durable.erase_tree]


@pytest.mark.parametrize("remove", REMOVALS)
def test_what_may_not_be_looked_at_is_not_taken_for_removed(remove: Callable[[Path], None], own_folder: Path) -> None:
    """Or somebody would believe that people's data are gone."""
    (own_folder / "shut" / "inner").mkdir(parents=True)
    (own_folder / "shut").chmod(0o000)
    with pytest.raises(LocalError, match="access is denied"):
        remove(own_folder / "shut" / "inner")


@pytest.mark.parametrize("mode", [0o000, 0o300, 0o400, 0o500])
@pytest.mark.parametrize("deep", [True, False])
def test_a_tree_that_may_not_be_read_is_not_taken_for_erased(mode: int, deep: bool, own_folder: Path) -> None:
    """Whether it is the whole of it, or something in it."""
    shut = own_folder / "tree" / "shut" if deep else own_folder / "tree"
    (shut / "inner").mkdir(parents=True)
    (shut / "file").touch()
    shut.chmod(mode)
    with pytest.raises(LocalError, match="access is denied"):
        durable.erase_tree(own_folder / "tree")
    durable.remove_tree(own_folder / "tree")
    shut.chmod(0o700)
    assert shut.is_dir()
