"""A file -> a ``Config``, or every problem in it at once, each with its line.

Decides the order of looking (bytes, YAML, references, models, checks of higher layers) and the form of a message:
``file:line: key: what is wrong -- remedy``. Does not know any option. Called by the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError

from extractor.config.models import Config
from extractor.config.problems import Location, Problem, dotted
from extractor.config.secrets import resolve
from extractor.config.wording import problems_of
from extractor.config.yaml_source import UnreadableError, read
from extractor.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extractor.config.secrets import Resolved
    from extractor.config.yaml_source import Source

# What a higher layer demands of a legal Config. Called once; yields a problem for each fault, none when satisfied.
Check = Callable[[Config], Iterable[Problem]]

# A hundred thousand inline match values take about 4 MB; beyond this the path is a mistake.
LARGEST_CONFIG = 64 * 1024 * 1024

_BOM = "\ufeff"


def load(path: Path, *, environ: Mapping[str, str], checks: Sequence[Check] = ()) -> Config:
    """Read and check ``path``; ``${env:NAME}`` is looked up in ``environ``. Nothing is changed or kept.

    ``checks`` are what higher layers demand; they see a legal ``Config`` and run only when there is one. Raises
    ``ConfigError`` with every problem found, in the order of lines; none shows a secret or a match value.
    """
    source = _source(path, _text(path))
    if not isinstance(source.value, dict):
        _refuse(path, "the file must hold keys such as connection: and jobs: -- see extractor init", line=1)
    resolved = resolve(source.value, environ)
    config, problems = _validated(resolved)
    problems += source.problems + resolved.problems
    if config is not None and not problems:
        problems += [problem for check in checks for problem in check(config)]
        if not problems:
            return config
    raise ConfigError(_lines(path, source, problems))


def _text(path: Path) -> str:
    content = b""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_CONFIG + 1)
    except FileNotFoundError:
        fault = 'no such file -- check the path, or write one with "extractor init"'
    except IsADirectoryError:
        fault = "is a folder -- name the file in it"
    except OSError as error:
        fault = f"cannot be read ({error.strerror}) -- check the file's rights"
    else:
        fault = "" if len(content) <= LARGEST_CONFIG else "is larger than 64MiB -- this is no configuration file"
    if fault:
        _refuse(path, fault)
    # Decoded out of the handlers: an error chained to the text would show the text in a traceback.
    text = content.decode(errors="surrogateescape")
    wrong = next((index for index, character in enumerate(text) if "\udc80" <= character <= "\udcff"), None)
    if wrong is not None:
        _refuse(path, "is not UTF-8 -- save it as UTF-8", line=text.count("\n", 0, wrong) + 1)
    return text.removeprefix(_BOM)


def _source(path: Path, text: str) -> Source:
    try:
        return read(text)
    except UnreadableError as error:
        _refuse(path, error.message, line=error.line, column=error.column)


def _validated(resolved: Resolved) -> tuple[Config | None, list[Problem]]:
    try:
        return Config.model_validate(resolved.tree), []
    except ValidationError as error:
        found = list(problems_of(error, Config))
    # A reference that could not be resolved is one problem, not also a malformed address or date.
    return None, [problem for problem in found if not _within(problem.location, resolved.failed)]


def _within(location: Location, failed: frozenset[Location]) -> bool:
    return any(location[:length] in failed for length in range(1, len(location) + 1))


def _lines(path: Path, source: Source, problems: Iterable[Problem]) -> list[str]:
    placed = [(problem.line or source.line_of(problem.location), problem) for problem in problems]
    lines = []
    for line, problem in sorted(placed, key=lambda pair: pair[0]):
        key = dotted(problem.location)
        lines.append(f"{path}:{line}: {key}: {problem.message}" if key else f"{path}:{line}: {problem.message}")
    return lines


def _refuse(path: Path, message: str, *, line: int | None = None, column: int | None = None) -> NoReturn:
    place = ":".join(str(part) for part in (path, line, column) if part is not None)
    raise ConfigError([f"{place}: {message}"])
