"""``${env:NAME}`` and ``${file:PATH}``: text that the file names instead of holding.

Decides what counts as a reference, how it is resolved, and that secrets are written in no other way. Works on the
plain tree before the models see it, because afterwards nobody could tell a literal from what a reference gave. Does
not keep anything. Called by ``loading``.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from extractor.config.problems import Location, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

# The secret that the simulator accepts out of the box: known to everybody, so it protects nothing.
SIMULATOR_SECRET = "simulator-secret"  # noqa: S105 - public on purpose; refused away from loopback

REFERENCE_PATTERN = r"^\$\{(env:[A-Za-z_][A-Za-z0-9_]*|file:[^{}\x00]+)\}$"
REFERENCE_FORMS = "write ${env:NAME} or ${file:PATH}, and nothing around it"

# More than any secret or token needs; a wrong path to a big file is found out without reading it all.
LARGEST_FILE = 64 * 1024

# Each secret with the variable that the remedy proposes.
_SECRETS: dict[Location, str] = {
    ("connection", "auth", "secret"): "EXTRACTOR_SECRET",
    ("connection", "auth", "client_secret"): "EXTRACTOR_CLIENT_SECRET",
    ("connection", "proxy"): "EXTRACTOR_PROXY",
}
_BASE_URL: Location = ("connection", "base_url")
_SIMULATED: tuple[Location, ...] = tuple(key for key in _SECRETS if "auth" in key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """The tree with references replaced, and why some could not be; ``failed`` are the places left as written."""

    tree: Any
    problems: list[Problem]
    failed: frozenset[Location]


def resolve(tree: Any, environ: Mapping[str, str]) -> Resolved:  # noqa: ANN401 - any YAML value
    """Replace every reference in ``tree`` and refuse literal secrets. Reads the named files; changes nothing."""
    walk = _Walk(environ)
    resolved = walk.value(tree, ())
    unknown = {problem.location for problem in walk.problems}
    for location in walk.literals:
        message = _literal_secret(resolved, location, host_known=_BASE_URL not in unknown)
        if message:
            walk.problems.append(Problem(location=location, message=message))
    failed = frozenset(problem.location for problem in walk.problems)
    return Resolved(tree=resolved, problems=walk.problems, failed=failed)


def is_loopback(url: str) -> bool:
    """Whether the host of ``url`` is this machine: ``localhost``, 127.0.0.0/8 or ``::1``. Nothing is looked up."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _ReferenceError(Exception):
    """Why one reference cannot be resolved, as ``what -- remedy``."""


@dataclass(slots=True)
class _Walk:
    environ: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)
    literals: list[Location] = field(default_factory=list)

    def value(self, value: Any, location: Location) -> Any:  # noqa: ANN401 - any YAML value
        if isinstance(value, dict):
            return {key: self.value(inner, (*location, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.value(inner, (*location, index)) for index, inner in enumerate(value)]
        if isinstance(value, str) and "${" in value and _meant_as_reference(value):
            try:
                return _dereference(value, self.environ)
            except _ReferenceError as fault:
                self.problems.append(Problem(location=location, message=str(fault)))
        elif location in _SECRETS and value is not None:
            self.literals.append(location)
        return value


def _meant_as_reference(text: str) -> bool:
    return text.startswith("${") or "${env:" in text or "${file:" in text


def _dereference(text: str, environ: Mapping[str, str]) -> str:
    match = re.fullmatch(REFERENCE_PATTERN, text)
    if match is None:
        raise _ReferenceError(f"is not a complete reference -- {REFERENCE_FORMS}")
    kind, _, name = match[1].partition(":")
    return _from_environment(name, environ) if kind == "env" else _from_file(name)


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise _ReferenceError(f"the environment variable {name} is not set -- export {name}=...")
    if not environ[name]:
        raise _ReferenceError(f"the environment variable {name} is empty -- export {name}=...")
    return environ[name]


def _from_file(name: str) -> str:
    try:
        with Path(name).expanduser().open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _ReferenceError(
            f"there is no file {name} -- create it, or correct the path (relative to the working directory)"
        ) from None
    except (OSError, RuntimeError) as fault:  # RuntimeError: the home folder of ~ is unknown
        reason = (fault.strerror if isinstance(fault, OSError) else None) or "no such home folder"
        raise _ReferenceError(f"the file {name} cannot be read ({reason}) -- check the path and its rights") from None
    if len(content) > LARGEST_FILE:
        raise _ReferenceError(f"the file {name} is larger than 64KiB -- name the file that holds this text only")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _ReferenceError(f"the file {name} is not UTF-8 text -- name a text file") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _ReferenceError(f"the file {name} is empty -- write the text into it")
    return text


def _literal_secret(tree: Any, location: Location, *, host_known: bool) -> str | None:  # noqa: ANN401 - any YAML value
    value, variable = _look_up(tree, location), _SECRETS[location]
    remedy = f'write "{location[-1]}: ${{env:{variable}}}" and export {variable}=...'
    if value != SIMULATOR_SECRET or location not in _SIMULATED:
        return f"a secret must not stand in the file -- {remedy}"
    base_url = _look_up(tree, _BASE_URL)
    if not host_known or (isinstance(base_url, str) and is_loopback(base_url)):
        return None
    return f"the simulator's well-known secret is for a base_url on this machine only -- {remedy}"


def _look_up(tree: Any, location: Location) -> Any:  # noqa: ANN401 - any YAML value
    for key in location:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
