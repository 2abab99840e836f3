from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.config.problems import Problem
from extractor.config.secrets import LARGEST_FILE, SIMULATOR_SECRET, is_loopback, resolve

if TYPE_CHECKING:
    from pathlib import Path


def _auth(url: str, **auth: Any) -> dict[str, Any]:
    return {"connection": {"base_url": url, "auth": auth}}


def _message(tree: dict[str, Any], **environ: str) -> str:
    (problem,) = resolve(tree, environ).problems
    return problem.message


def test_references_are_replaced_wherever_text_stands() -> None:
    """At any depth, in lists too; other values and texts stay as they are."""
    tree = {"a": "${env:A}", "b": ["${env:B}", 1, None, "plain", "costs $5 {x}"], "c": {"d": "${env:A}"}}
    resolved = resolve(tree, {"A": "1", "B": "no"})
    assert {"a": "1", "b": ["no", 1, None, "plain", "costs $5 {x}"], "c": {"d": "1"}} == resolved.tree
    assert [] == resolved.problems


@pytest.mark.parametrize(
    ("content", "text"), [(b"pass\n", "pass"), (b"pass", "pass"), (b"pass\r\n", "pass"), (b"pass\n\n", "pass\n")]
)
def test_files_lose_one_newline(folder: Path, content: bytes, text: str) -> None:
    """Editors add one at the end; any other character belongs to the secret."""
    (folder / "secret").write_bytes(content)
    assert {"a": text} == resolve({"a": "${file:secret}"}, {}).tree


def test_file_paths_know_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """~ is the home folder."""
    monkeypatch.setenv("HOME", str(folder))
    (folder / "secret").write_text("pass")
    assert {"a": "pass"} == resolve({"a": "${file:~/secret}"}, {}).tree


def test_missing_variables_are_problems() -> None:
    """The remedy is the command to type; the text stays so that nothing else complains."""
    resolved = resolve({"a": "${env:NOPE}"}, {})
    message = "the environment variable NOPE is not set -- export NOPE=..."
    assert [Problem(location=("a",), message=message)] == resolved.problems
    assert (frozenset({("a",)}), {"a": "${env:NOPE}"}) == (resolved.failed, resolved.tree)


def test_empty_variables_are_problems() -> None:
    """An empty secret is a deployment's mistake."""
    assert "the environment variable A is empty -- export A=..." == _message({"a": "${env:A}"}, A="")


def test_unreadable_files_are_problems(folder: Path) -> None:
    """Missing, a folder, empty, too big, binary: each is named."""
    (folder / "empty").write_text("\n")
    (folder / "big").write_bytes(b"x" * (LARGEST_FILE + 1))
    (folder / "binary").write_bytes(b"\xff\xfe")
    (folder / "folder").mkdir()
    expected = {
        "none": "there is no file none -- create it, or correct the path (relative to the working directory)",
        "empty": "the file empty is empty -- write the text into it",
        "big": "the file big is larger than 64KiB -- name the file that holds this text only",
        "binary": "the file binary is not UTF-8 text -- name a text file",
        "folder": "the file folder cannot be read (Is a directory) -- check the path and its rights",
        "~no-one/x": "the file ~no-one/x cannot be read (no such home folder) -- check the path and its rights",
    }
    assert expected == {name: _message({"a": f"${{file:{name}}}"}) for name in expected}


def test_the_largest_file_is_still_read(folder: Path) -> None:
    """64 KiB are accepted, one byte more is not."""
    (folder / "big").write_bytes(b"x" * LARGEST_FILE)
    assert [] == resolve({"a": "${file:big}"}, {}).problems


@pytest.mark.parametrize(
    "text",
    [
        "${hunter2}",
        "${env:}",
        "${env:1A}",
        "${env:A",
        "${ENV:A}",
        "x${env:A}",
        "${env:A}x",
        "${file:}",
        "${",
        "${env:A-B}",
    ],
)
def test_malformed_references_are_problems(text: str) -> None:
    """Not repeated, because it may be a secret; the accepted forms are shown."""
    expected = "is not a complete reference -- write ${env:NAME} or ${file:PATH}, and nothing around it"
    assert expected == _message({"a": text}, A="1")


@pytest.mark.parametrize("value", ["hunter2", 12345, SIMULATOR_SECRET.upper()])
def test_literal_secrets_are_refused(value: object) -> None:
    """Even on this machine, and numbers too."""
    expected = (
        'a secret must not stand in the file -- write "secret: ${env:EXTRACTOR_SECRET}" and export EXTRACTOR_SECRET=...'
    )
    assert expected == _message(_auth("http://localhost/", secret=value))


def test_literal_client_secret_and_proxy_are_refused() -> None:
    """The proxy may hold a password; the simulator's secret is none."""
    tree = {"connection": {"proxy": "http://u:p@proxy.example", "auth": {"client_secret": "hunter2"}}}
    assert [("connection", "proxy"), ("connection", "auth", "client_secret")] == [
        problem.location for problem in resolve(tree, {}).problems
    ]
    assert "must not stand" in _message({"connection": {"base_url": "http://[::1]/", "proxy": SIMULATOR_SECRET}})


@pytest.mark.parametrize("key", ["secret", "client_secret"])
def test_the_simulators_secret_may_stand_for_this_machine(key: str) -> None:
    """It is known to everybody and protects nothing."""
    assert [] == resolve(_auth("http://127.0.0.1:8080/v4", **{key: SIMULATOR_SECRET}), {}).problems


@pytest.mark.parametrize("url", ["https://preferences.example", "http://127.0.0.1.evil.test", 5, None])
def test_the_simulators_secret_is_refused_elsewhere(url: Any) -> None:
    """A production file with it is a forgotten rehearsal."""
    expected = (
        "the simulator's well-known secret is for a base_url on this machine only -- "
        'write "secret: ${env:EXTRACTOR_SECRET}" and export EXTRACTOR_SECRET=...'
    )
    assert expected == _message(_auth(url, secret=SIMULATOR_SECRET))


def test_an_unresolved_address_does_not_accuse_the_secret() -> None:
    """Where the host is unknown, that is the one problem."""
    assert "NOPE is not set" in _message(_auth("${env:NOPE}", secret=SIMULATOR_SECRET))
    assert [] == resolve(_auth("${env:URL}", secret=SIMULATOR_SECRET), {"URL": "http://localhost:1"}).problems


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://localhost:8080/x", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:80/", True),
        ("http://localhost.evil.test", False),
        ("http://10.0.0.1", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine(url: str, *, loopback: bool) -> None:
    """By name or number, without a look-up."""
    assert loopback == is_loopback(url)


@given(st.text(alphabet="${}envfile:AB ", max_size=20))
def test_any_text_is_kept_replaced_or_refused(text: str) -> None:
    """Nothing else happens, and a text without ${ is always kept."""
    resolved = resolve({"a": text}, {"A": "1", "B": "2"})
    assert resolved.problems or resolved.tree["a"] in {text, "1", "2"}
    assert "${" in text or resolved.tree == {"a": text}
