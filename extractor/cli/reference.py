"""The reference of command line and configuration, as Markdown, made from what the program itself knows.

Decides form only; the words are the commands' own help and the configuration's own descriptions. Deterministic and
independent of the terminal, so that a test can compare it with the README; ``python -m extractor.cli.reference`` puts
it there, and the program's help where ``front`` finds it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import typer.main

from extractor.cli.app import tree
from extractor.cli.front import HELP, WIDTH
from extractor.config import json_schema
from extractor.errors import Exit
from extractor.protocol.dialect import Dialect

_REFERENCE = "^\\$\\{"  # how the pattern of ``${env:..}`` and ``${file:..}`` begins
_MIB = 1024 * 1024

JsonObject = dict[str, Any]  # Any: a JSON Schema


def command_reference() -> str:
    """Render every command: what it does, its arguments and options, examples; then the exit codes."""
    whole: Any = typer.main.get_command(tree())  # Any: typer keeps the classes of its commands to itself
    sections = [section for name, command in whole.commands.items() for section in _command(name, command)]
    codes = [(f"`{int(code)}`", code.meaning) for code in Exit]
    return "\n\n".join([*sections, "#### Exit codes", _markdown_table(("code", "meaning"), codes)]) + "\n"


def program_help() -> str:
    """Render what ``extractor --help`` prints on a terminal that is wide enough."""
    whole: Any = typer.main.get_command(tree())  # Any: as above
    with whole.make_context("extractor", [], resilient_parsing=True, terminal_width=WIDTH - 2) as context:
        return f"{whole.get_help(context)}\n"


def config_reference() -> str:
    """Render every key of the configuration: key, type, default, meaning."""
    schema = json_schema()
    rows = list(_keys(schema, schema, ""))
    return _markdown_table(("key", "type", "default", "meaning"), rows) + "\n"


def dialect_reference() -> str:
    """Render every key of ``connection.dialect`` with its default: the spellings that the vendor's pages leave open."""
    defaults = Dialect()
    rows = []
    for each in fields(Dialect):
        value = getattr(defaults, each.name)
        if isinstance(value, Mapping):
            value = "{" + ", ".join(f"{word}: {meaning}" for word, meaning in value.items()) + "}"
        elif isinstance(value, tuple):
            value = "[" + ", ".join(map(str, value)) + "]"
        rows.append((f"`{each.name}`", _literal(value)))
    return _markdown_table(("key of `connection.dialect`", "default"), rows) + "\n"


def embedded(page: str) -> str:
    """Put the references between their markers in a Markdown page; the rest stays as it is."""
    for name, text in (
        ("config", config_reference()),
        ("dialect", dialect_reference()),
        ("command", command_reference()),
    ):
        begin, end = f"<!-- {name} reference: begin -->\n", f"<!-- {name} reference: end -->"
        before, found, rest = page.partition(begin)
        if not found:
            raise ValueError(f"the page has no marker for the {name} reference")
        page = f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return page


def _command(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - as in command_reference
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join(["extractor", name, *(_shown(each) for each in arguments), *(["[OPTIONS]"] if options else [])])
    yield f"#### `{usage}`"
    yield _paragraphs(command.help)
    rows = [(f"`{_metavar(each)}`", _default(each), each.help or "") for each in arguments]
    rows += [(f"`{_spelled(each)}`", _default(each), each.help or "") for each in options]
    if rows:
        yield _markdown_table(("argument or option", "default", "meaning"), rows)
    shown = inspect.cleandoc((command.epilog or "").replace("\b", "").partition("Examples:")[2])
    if shown:
        yield f"```sh\n{shown}\n```"
    for word, each in getattr(command, "commands", {}).items():
        yield from _command(f"{name} {word}", each)


def _paragraphs(text: str | None) -> str:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _metavar(parameter: Any) -> str:  # noqa: ANN401 - as in command_reference
    return str(parameter.metavar or parameter.name.upper()).strip("[]")


def _shown(argument: Any) -> str:  # noqa: ANN401 - as in command_reference
    return _metavar(argument) if argument.required else f"[{_metavar(argument)}]"


def _spelled(option: Any) -> str:  # noqa: ANN401 - as in command_reference
    names = ", ".join(sorted(option.opts, key=len, reverse=True))
    return names if option.is_flag else f"{names} {option.metavar or 'VALUE'}"


def _default(parameter: Any) -> str:  # noqa: ANN401 - as in command_reference
    value = parameter.default
    return "" if callable(value) or value in (None, False, (), []) else f"`{value}`"


def _keys(schema: JsonObject, node: JsonObject, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    """List the keys below ``node``, depth first.

    A list's entries are written ``key[]``; alternatives come one after the other.
    """
    required = set(node.get("required", ()))
    for key, raw in node.get("properties", {}).items():
        branches = list(_branches(schema, raw))
        path = f"{prefix}{key}"
        default = "required" if key in required else _literal(raw.get("default"))
        objects = [each for each in branches if "properties" in each]
        lists = [each for each in branches if each.get("type") == "array"]
        entries = [
            entry for each in lists for entry in _branches(schema, each.get("items", {})) if "properties" in entry
        ]
        if objects or entries:
            default = "required" if key in required else ""
        yield f"`{path}`", _kinds(schema, branches), default, _cell(raw, branches)
        for each in objects:
            yield from _keys(schema, each, f"{path}.")
        for each in entries:
            yield from _keys(schema, each, f"{path}[].")


def _branches(schema: JsonObject, node: JsonObject) -> Iterator[JsonObject]:
    """Follow references and open up alternatives."""
    if "$ref" in node:
        target = schema
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        yield from _branches(schema, target)
        return
    alternatives = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
    if alternatives:
        for each in alternatives:
            yield from _branches(schema, each)
        return
    yield node


def _kinds(schema: JsonObject, branches: list[JsonObject]) -> str:
    """Join the alternatives; that any text may be a reference is said only where nothing else may stand."""
    written = [each for each in branches if not str(each.get("pattern", "")).startswith(_REFERENCE)]
    if len(written) < len(branches) and all("const" in each for each in written):
        return "`${env:NAME}` or `${file:PATH}`"
    return " or ".join(dict.fromkeys(_kind(schema, each) for each in written if each.get("type") != "null"))


def _kind(schema: JsonObject, node: JsonObject) -> str:
    if "const" in node:
        return _literal(node["const"])
    if "enum" in node:
        return " or ".join(_literal(each) for each in node["enum"])
    if node.get("type") == "array":
        inner = list(dict.fromkeys(_kind(schema, each) for each in _branches(schema, node.get("items", {}))))
        return f"list of {' or '.join(inner)}"
    if "properties" in node:
        return "section"
    return {"string": "text", "object": "map"}.get(node.get("type", ""), str(node.get("type", "any")))


def _literal(value: object) -> str:
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int) and value >= _MIB and value % _MIB == 0:
        return f"`{value // _MIB}MiB`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _cell(raw: JsonObject, branches: list[JsonObject]) -> str:
    text = raw.get("description") or next((each["description"] for each in branches if "description" in each), "")
    return " ".join(str(text).split())


def _markdown_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"| {' | '.join('---' for _ in header)} |"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    _README = Path("README.md")
    _README.write_text(embedded(_README.read_text("utf-8")), encoding="utf-8")
    Path(HELP).write_text(program_help(), encoding="utf-8")
