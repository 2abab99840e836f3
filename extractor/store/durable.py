"""Every operation that changes the disk: write, sync, link, rename, remove. Nothing else in ``store`` does.

Decides modes (files 0600, folders 0700, whatever the umask), that no symbolic link is followed into a new file, and
what a failing disk is called: an OSError becomes a LocalError here, with its meaning and a remedy. Does not decide the
order of operations: that is the promise of ``parts``, ``publish`` and ``writer``, and can be tested because each of
them passes the one ``door``, as the transactions of the ``journal`` do.

Durable means: survives power loss. A file's bytes are durable after its ``sync``; its name after ``sync_folder`` of the
folder that it is in. Called by ``parts``, ``publish`` and by ``run`` for its folders.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from extractor.errors import LocalError, LocalUnavailable
from extractor.store import door, interim
from extractor.store.door import Kind, Operation

_MEANINGS: Final = {
    errno.ENOSPC: "the disk is full; free some space, then resume",
    errno.EDQUOT: "the disk quota is used up; free some space or have it raised, then resume",
    errno.EFBIG: "the file is larger than the process or the file system allows; raise the limit (ulimit -f), or lower "
    "output.shard_bytes",
    errno.EACCES: "access is denied; check the owner and the mode of the file and its folder",
    errno.EPERM: "the operation is not permitted; check the owner and the mode of the file and its folder",
    errno.EROFS: "the file system is read-only; choose another folder, or mount it writable",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n), or lower limits.exports",
    errno.ENFILE: "too many files are open on this machine; close other programs, or lower limits.exports",
    errno.EIO: "the disk reports an input/output error; check the disk before you resume",
    errno.ENOENT: "there is no such file or folder; has it been removed or unmounted meanwhile?",
    errno.EEXIST: "it exists already; has another run written here?",
    errno.ENOTDIR: "it is a file where a folder is needed; move it out of the way",
    errno.ENAMETOOLONG: "the name is too long for this file system; choose a shorter folder",
    errno.ELOOP: "it is a symbolic link where a file is needed; move it out of the way",
    errno.ENOTEMPTY: "the folder is not empty; move what is in it out of the way",
}
_UNAVAILABLE: Final = {
    errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM,
}  # fmt: skip
_ENOUGH: Final = 16 * 1024 * 1024  # bytes on the disk after which memory is given back: rarely, and well below a shard
_CANNOT_LINK: Final = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def local_error(error: OSError, path: Path) -> LocalError:
    """Say what an OSError means for ``path``, in one sentence with a remedy."""
    meaning = _MEANINGS.get(error.errno or 0, f"{error.strerror or 'it failed'}; check the disk, then resume")
    return kind_of(error)(f"{path}: {meaning}")


def kind_of(error: OSError) -> type[LocalError]:
    """Tell a machine that has run out of something, or fails, from a path that is wrong."""
    return LocalUnavailable if error.errno in _UNAVAILABLE else LocalError


def is_there(path: Path) -> bool:
    """Whether anything has this name, if only a symbolic link. Raises LocalError when that cannot be told."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: nothing can have such a name
        return False
    except OSError as error:
        raise local_error(error, path) from error
    return True


@contextmanager
def _about(path: Path, *operations: Operation) -> Iterator[None]:
    """Let operations pass the door, do them in the block, and say what an OSError of either means."""
    try:
        for operation in operations:
            door.announce(operation)
        yield
    except OSError as error:
        raise local_error(error, path) from error


Identity = tuple[int, int, int, int, int]  # device, inode, size, and times of the last changes in nanoseconds


def identity(found: os.stat_result) -> Identity:
    """Give what tells a file, unchanged, from any other."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class AppendFile:
    """An open file that is only ever appended to. Its methods raise LocalError; ``close`` may be called twice.

    After a failed ``write`` or ``sync`` the file must be given up: what of it is on the disk is unknown, and a second
    sync may report success for bytes that the first one lost.
    """

    __slots__ = ("_cached", "_fd", "path")

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._cached = 0  # bytes that were written since the system was last told that it need not keep them

    def write(self, data: bytes | memoryview) -> None:
        """Append all of ``data``; not durable before ``sync``."""
        rest = memoryview(data)
        self._cached += len(rest)
        with _about(self.path, Operation(kind=Kind.WRITE, path=self.path, data=rest)):
            while rest:
                rest = rest[os.write(self._fd, rest) :]

    def sync(self) -> None:
        """Make durable what was written; the name of a new file is not before ``sync_folder``."""
        with _about(self.path, Operation(kind=Kind.SYNC, path=self.path)):
            os.fsync(self._fd)
        if self._cached >= _ENOUGH:
            self._release()

    def identity(self) -> Identity:
        """Say which file it is, and in which state."""
        try:
            return identity(os.fstat(self._fd))
        except OSError as error:
            raise local_error(error, self.path) from error

    def _release(self) -> None:
        """Tell the system that it need not keep in memory what is on the disk: its memory then serves the next write.

        Decided: measured on long files, a write costs a quarter to a tenth of what it does where each needs memory
        that was not in use before. Whoever reads the file soon reads it from the disk; publishing does not.
        """
        self._cached = 0
        if hasattr(os, "posix_fadvise"):
            with suppress(OSError):  # advice
                os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def hold(self) -> bool:
        """Claim a file that was just created under a passing name, until ``close``; False if it was taken away."""
        return interim.hold(self._fd, self.path)

    def close(self) -> None:
        """Give the descriptor back; does not sync."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with _about(self.path):
                os.close(fd)


def create_file(path: Path) -> AppendFile:
    """Create ``path`` (0600), which must not exist, not even as a symbolic link."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with _about(path, Operation(kind=Kind.CREATE, path=path)):
        file = AppendFile(path, os.open(path, flags, 0o600))
        os.chmod(path, 0o600)  # noqa: PTH101 - a umask may have taken bits away; pathlib offers nothing safer
        return file


def open_to_append(path: Path) -> AppendFile:
    """Open ``path``, which must exist and not be a symbolic link, at its end."""
    with _about(path):
        return AppendFile(path, os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC))


def truncate(path: Path, length: int) -> None:
    """Cut ``path`` to ``length`` bytes, durably. Raises LocalError if it is missing; never makes it longer."""
    with _about(path, Operation(kind=Kind.TRUNCATE, path=path, length=length)):
        fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(fd).st_size > length:
                os.ftruncate(fd, length)
            os.fsync(fd)
        finally:
            os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable: what was created, renamed or removed in it."""
    with _about(folder, Operation(kind=Kind.SYNC_FOLDER, path=folder)):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def make_folders(folder: Path) -> None:
    """Make ``folder`` and what is missing above it (0700 each), durably. An existing folder is left as it is."""
    missing = []
    with _about(folder):
        while not folder.is_dir():
            missing.append(folder)
            if folder.parent == folder:
                break
            folder = folder.parent
    for each in reversed(missing):
        with _about(each, Operation(kind=Kind.MAKE_FOLDER, path=each)):
            _make_folder(each)
        sync_folder(each.parent)


def _make_folder(folder: Path) -> None:
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102 - the mode right at once
        os.chmod(folder, 0o700)  # noqa: PTH101 - as in create_file
    except FileExistsError:
        if not folder.is_dir():  # or another thread was faster
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def replace(source: Path, target: Path) -> None:
    """Rename ``source`` to ``target`` in the same file system, atomically; durable after ``sync_folder``."""
    with _about(target, Operation(kind=Kind.RENAME, path=source, target=target)):
        os.replace(source, target)  # noqa: PTH105 - as the other operations here


def link(source: Path, target: Path) -> bool:
    """Give ``source`` a second name; False if the file system cannot (another disk, no hard links): then copy."""
    with _about(target, Operation(kind=Kind.LINK, path=source, target=target)):
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno in _CANNOT_LINK:
                return False
            raise
        return True


def remove_file(path: Path) -> None:
    """Remove a file that may be gone already; durable after ``sync_folder``."""
    if is_there(path):
        with _about(path, Operation(kind=Kind.REMOVE, path=path)):
            path.unlink(missing_ok=True)


def remove_empty(folder: Path, *, lasting: bool = True) -> None:
    """Remove ``folder``, if it is there and empty; durably, unless not ``lasting``: then nothing may depend on it."""
    if not is_there(folder):
        return
    with _about(folder, Operation(kind=Kind.REMOVE_FOLDER, path=folder)):
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return
            raise
    if lasting:
        sync_folder(folder.parent)


def remove_tree(folder: Path) -> None:
    """Remove a folder with everything in it, if it is there. Not durable, and nothing may depend on it.

    What cannot be removed stays. No symbolic link is followed.
    """
    _remove_all(folder)


def erase_tree(folder: Path) -> None:
    """Remove a folder with everything in it, if it is there, durably. Raises LocalError when something is left.

    No symbolic link is followed, and one in the folder's place is refused.
    """
    if not is_there(folder):
        return
    with _about(folder):
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    stuck = _remove_all(folder)
    if stuck:
        raise stuck[0]
    sync_folder(folder.parent)


def _remove_all(folder: Path) -> list[LocalError]:
    """Remove what can be removed, from the leaves up; give why the rest could not."""
    stuck: list[LocalError] = []

    def cannot_read(error: OSError) -> None:
        if error.errno != errno.ENOENT:  # what has gone meanwhile is gone
            stuck.append(local_error(error, Path(error.filename)))

    if _is_link(folder):
        return stuck
    for place, folders, files in os.walk(folder, topdown=False, onerror=cannot_read):
        here = Path(place)
        links = [name for name in folders if _is_link(here / name)]  # which os.walk counts as folders
        held = [error for name in (*files, *links) if (error := _not_removed(here / name)) is not None]
        if not held:
            try:
                with _about(here, Operation(kind=Kind.REMOVE_FOLDER, path=here)):
                    here.rmdir()
            except LocalError as error:
                held = [error]
        stuck += held
    return stuck


def _is_link(path: Path) -> bool:
    try:
        return stat.S_ISLNK(path.lstat().st_mode)
    except OSError:  # then it cannot be removed either, and that is what is told
        return False


def _not_removed(path: Path) -> LocalError | None:
    try:
        remove_file(path)
    except LocalError as error:
        return error
    return None


def write_small(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write a small file atomically and durably: readers see the old content or the new one, also after power loss.

    ``data`` may come in pieces. Of several writers at once, also of other processes, the last one's content stays,
    whole.
    """
    with _about(path):
        for left in interim.abandoned(path):
            remove_file(left)
    file = _create_passing(path)
    try:
        for piece in (data,) if isinstance(data, bytes) else data:
            file.write(piece)
        file.sync()
        _put(file.path, path)
    finally:
        file.close()  # not before it has its own name: it would count as abandoned


def _create_passing(path: Path) -> AppendFile:
    while True:
        file = create_file(interim.name_beside(path))
        if file.hold():
            return file
        file.close()


def _put(passing: Path, path: Path) -> None:
    replace(passing, path)
    sync_folder(path.parent)


def check_writable(folder: Path) -> None:
    """Try whether files can be made in ``folder``; raises LocalError, leaves nothing behind."""
    probe = folder / f".writable.{os.getpid()}"
    remove_file(probe)
    create_file(probe).close()
    remove_file(probe)
