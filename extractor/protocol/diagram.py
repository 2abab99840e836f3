"""The lifecycle's table as a picture and as a list, for people.

Generated from ``lifecycle.TABLE``, so that the documentation cannot say what the code does not do; a test compares
``docs/lifecycle.md`` with it. Decides nothing.
"""

from __future__ import annotations

from extractor.protocol.life import Phase
from extractor.protocol.lifecycle import TABLE

_FINAL = (Phase.DONE, Phase.STOPPED)


def mermaid() -> str:
    """The table as a Mermaid state diagram: an arrow for each pair of phases, labelled with what leads along it."""
    arrows: dict[tuple[Phase, Phase], list[str]] = {}
    for (phase, symbol), rule in TABLE.items():
        for to in sorted(rule.to):
            if to is not phase and phase not in _FINAL:
                arrows.setdefault((phase, to), []).append(symbol)
    lines = ["stateDiagram-v2", f"  [*] --> {Phase.PLANNED}"]
    lines += [f"  {start} --> {end}: {', '.join(symbols)}" for (start, end), symbols in arrows.items()]
    lines += [f"  {phase} --> [*]" for phase in _FINAL]
    return "\n".join(lines) + "\n"


def rows() -> str:
    """The table as a Markdown table, in its own order."""
    lines = ["| in phase | what happens | leads to | because |", "| --- | --- | --- | --- |"]
    for (phase, symbol), rule in TABLE.items():
        lines.append(f"| {phase} | {symbol} | {', '.join(sorted(rule.to))} | {rule.why} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page of the documentation."""
    return (
        "# The life of an AccessToken\n\n"
        "Generated from the table in `extractor/protocol/lifecycle.py`; "
        "`python -m extractor.protocol.diagram > docs/lifecycle.md` writes it anew.\n\n"
        f"```mermaid\n{mermaid()}```\n\n{rows()}"
    )


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - this is the module's one use as a program
