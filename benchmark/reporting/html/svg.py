"""Matplotlib figures as SVG inside a page: they take the page's colours and fonts, light or dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the colour of the page's text."""
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "text.parse_math": False,
}
"""parse_math: a system may have dollars in its name."""


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Figures are made and saved inside. name: of which a figure's ids are made, unlike any other's on the page."""
    import matplotlib as mpl  # here, because it is slow to import

    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        yield


def inline(figure: Figure, label: str) -> Markup:
    """The figure as an `<svg>` that scales with its place. label: what somebody hears who does not see it."""
    text = StringIO()
    figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None})
    svg = text.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # alike in every figure, where a page wants them unique
    svg = re.sub(r'(<svg [^>]*?)width="([\d.]+)pt" height="[\d.]+pt"', r'\1style="max-width: \2pt"', svg)
    opening = f'<svg role="img" aria-label="{escape(label)}"'
    return Markup(svg.replace(INK, "currentColor").replace("<svg", opening, 1))
