"""Frames are self-contained, deterministic, and read back whole or not at all."""

from __future__ import annotations

import gzip
import io
import pickle
import time
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import IntegrityError, LocalError
from extractor.store.compression import Codec, Compression, checksum, codec

LINES = b"".join(b'{"ProfileId":%d,"Name":"Ada Example"}\n' % number for number in range(5000))


@pytest.fixture(params=["zstd", "gzip", "none"])
def any_codec(request: pytest.FixtureRequest) -> Codec:
    """Each of the codecs."""
    name: Compression = request.param
    return codec(name)


@pytest.fixture(params=["zstd", "gzip"])
def packing_codec(request: pytest.FixtureRequest) -> Codec:
    """Each of the codecs that compress."""
    name: Compression = request.param
    return codec(name)


def test_concatenated_frames_read_as_one_text(any_codec: Codec, tmp_path: Path) -> None:
    """A part is frames behind each other, a shard is parts behind each other."""
    path = tmp_path / f"part{any_codec.extension}"
    path.write_bytes(any_codec.frame(LINES) + any_codec.frame(b"{}\n") + any_codec.frame(LINES))
    with any_codec.reader(path) as stream:
        assert stream.read() == LINES + b"{}\n" + LINES
    with any_codec.reader(path) as stream:
        assert sum(1 for _ in stream) == 10_001


def test_nothing_is_no_frame(any_codec: Codec, tmp_path: Path) -> None:
    """An empty page leaves no bytes, and an empty file no lines."""
    assert any_codec.frame(b"") == b""
    path = tmp_path / "empty"
    path.touch()
    with any_codec.reader(path) as stream:
        assert stream.read() == b""


def test_frames_depend_on_their_input_alone(any_codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the time nor the instance shows, or shards would differ from run to run."""
    before = any_codec.frame(LINES)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert pickle.loads(pickle.dumps(any_codec)).frame(LINES) == before  # noqa: S301 - just made


def test_the_field_s_own_tools_read_the_frames() -> None:
    """Readers use any zstd or gzip, not ours."""
    assert gzip.decompress(codec("gzip").frame(LINES) * 2) == LINES * 2
    assert zstandard.ZstdDecompressor().decompress(codec("zstd").frame(LINES)) == LINES
    parameters = zstandard.get_frame_parameters(codec("zstd").frame(LINES))
    assert (parameters.content_size, parameters.has_checksum) == (len(LINES), True)


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_the_field_s_own_frames_are_read(level: int) -> None:
    """Also those of versions that wrote with zlib."""
    frames = gzip.compress(LINES, level) + gzip.compress(b"{}\n", level)
    assert LINES + b"{}\n" == codec("gzip").stream(io.BytesIO(frames), Path("part")).read()


@given(st.lists(st.binary()))
def test_the_checksum_is_everybody_s_crc32(pieces: list[bytes]) -> None:
    """Piece by piece: journals hold what zlib has counted."""
    value = 0
    for piece in pieces:
        value = checksum(piece, value)
    assert zlib.crc32(b"".join(pieces)) == value == checksum(memoryview(b"".join(pieces)))


@pytest.mark.parametrize("stray", [b"g", b"garbage", b"\x00" * 3, b"\x1f\x8c"])
def test_a_few_stray_bytes_are_damage_too(packing_codec: Codec, stray: bytes) -> None:
    """Fewer than a frame's head."""
    with pytest.raises(IntegrityError, match="damaged"):
        packing_codec.stream(io.BytesIO(packing_codec.frame(LINES) + stray), Path("part")).read()


def test_a_frame_that_was_cut_off_is_never_a_quiet_end(packing_codec: Codec) -> None:
    """At every byte: the libraries' own readers would say nothing at many of them."""
    whole = packing_codec.frame(LINES)
    short = packing_codec.frame(b'{"a":1}\n')
    for length in range(1, len(short)):
        stream = packing_codec.stream(io.BytesIO(whole + short[:length]), Path("part"))
        with pytest.raises(IntegrityError, match="part: it ends in the middle of a frame"):
            stream.read()


def test_a_changed_byte_is_found_in_every_frame(packing_codec: Codec) -> None:
    """Both formats carry a checksum of the content."""
    frame = packing_codec.frame(LINES)
    middle = len(frame) // 2
    damaged = frame[:middle] + bytes([frame[middle] ^ 1]) + frame[middle + 1 :]
    with pytest.raises(IntegrityError, match="damaged"):
        packing_codec.stream(io.BytesIO(frame + damaged), Path("part")).read()


def test_what_follows_the_frames_must_be_a_frame(packing_codec: Codec) -> None:
    """Bytes that were appended by accident are damage."""
    with pytest.raises(IntegrityError, match="damaged"):
        packing_codec.stream(io.BytesIO(packing_codec.frame(LINES) + b"garbage"), Path("part")).read()


def test_a_missing_file_is_this_machine_s_fault(any_codec: Codec, tmp_path: Path) -> None:
    """With its path and a remedy."""
    with pytest.raises(LocalError, match="there is no such file"):
        any_codec.reader(tmp_path / "missing")
