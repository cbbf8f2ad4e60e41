"""One thing looked at, and how a list of them is printed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

State = Literal["ok", "missing", "wrong", "-"]
"""As needed; not there; there and unusable; not needed for anything now."""

_WIDTH, _MARK, _NAME = 100, 9, 30
_INDENT = " " * (2 + _MARK + _NAME + 1)


@dataclass(frozen=True)
class Check:
    """`what`: what was found. `mend`: the command or sentence that mends it, empty where nothing is to be mended."""

    section: str
    name: str
    state: State
    what: str
    mend: str = ""


def brief(path: Path) -> str:
    """The path as a shell takes it, the home folder as ~."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path != home and path.is_relative_to(home) else str(path)


def text(checks: Iterable[Check]) -> str:
    """Sections of aligned lines, at most 100 columns where words allow it: commands and paths are never cut."""
    lines: list[str] = []
    for section, rows in groupby(checks, key=lambda check: check.section):
        lines += ["", section]
        for row in rows:
            head = f"  {row.state:<{_MARK}}{row.name:<{_NAME}} "
            if len(row.name) > _NAME:
                lines.append(head.rstrip())
                head = _INDENT
            lines += _wrapped(head, row.what)
            lines += _wrapped(_INDENT, f"-> {row.mend}") if row.mend else []
    return "\n".join(lines[1:])


def _wrapped(head: str, content: str) -> list[str]:
    return textwrap.wrap(
        content, _WIDTH, initial_indent=head, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False
    )
