"""How a table looks: rows -> blocks of text cells -> Markdown (what the CLI prints, at most 120 columns) and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmark.reporting.schema import DifferenceRow, TableRow
from benchmark.reporting.statistics import MIN_CLUSTERS
from benchmark.tasks import TASKS

_T = TypeVar("_T")
_DIGITS = {"nisqa": 2, "fid": 2, "kid": 4, "pose_error": 2, "f0_target": 2}
_LATEX = {
    "\\": r"\textbackslash{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "ᶠ": r"\textsuperscript{f}",
    "↳": r"$\hookrightarrow$",
    "·": r"$\cdot$",
    "−": "$-$",
    "—": "---",
}


@dataclass(frozen=True)
class Block:
    """One small table: a title, column heads, rows of cells; the first column is a name. Without rows: a remark."""

    title: str
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    remark: str = ""


def blocks(rows: Sequence[TableRow], differences: Sequence[DifferenceRow]) -> list[Block]:
    """Per corpus and metric the systems, also by gender pairing, and the paired differences; last what systems cost."""
    found: list[Block] = []
    for task, corpus, metric in _unique((r.task, r.corpus, r.metric) for r in rows):
        here = [r for r in rows if (r.task, r.corpus, r.metric) == (task, corpus, metric)]
        title = f"{metric} · {task} · {corpus}{' (partial)' if any(r.partial for r in here) else ''}"
        if not any(r.n or r.failed for r in here):
            found.append(Block(title, remark=f"— {here[0].note}"))
            continue
        main, pairings = _strata(here)
        found += _scores(title, here, main)
        found += _scores(f"{title} · same or cross gender", here, pairings)
        every = [d for d in differences if (d.task, d.corpus, d.metric) == (task, corpus, metric)]
        own = [d for d in every if d.against_metric is None]
        found += _orders(title, [d for d in every if d.against_metric is not None], main)
        found += _differences(f"{title} · paired difference", own, main)
        found += _differences(f"{title} · paired difference, same or cross gender", own, pairings)
    return found + _costs(rows)


def _strata(rows: Sequence[TableRow]) -> tuple[list[str], list[str]]:
    """(all rows and the splits, the gender pairings of each), in the order of the rows."""
    splits = _unique(r.split for r in rows)
    return [s for s in splits if not _is_pairing(s)], [s for s in splits if _is_pairing(s)]


def _is_pairing(split: str) -> bool:
    return split.rpartition("/")[2] in ("same", "cross")


def to_markdown(layout: Iterable[Block], caption: str) -> str:
    """Aligned pipe tables, then the caption as a list."""
    parts = []
    for block in layout:
        lines = [f"### {block.title}", ""]
        if block.rows:
            cells = [[c.replace("|", "\\|") for c in line] for line in (block.heads, *block.rows)]
            widths = [max(len(line[i]) for line in cells) for i in range(len(block.heads))]
            lines += [_pipes(cells[0], widths), "|".join(["", *("-" * (w + 2) for w in widths), ""])]
            lines += [_pipes(line, widths) for line in cells[1:]]
        lines += [block.remark] if block.remark else []
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in caption.splitlines())]) + "\n"


def to_latex(layout: Iterable[Block], caption: str) -> str:
    """One `table` per block for booktabs; every character that LaTeX would read is escaped."""
    parts = ["% needs \\usepackage{booktabs}"]
    for block in layout:
        lines = [r"\begin{table}", rf"\caption{{{_latex(block.title)}}}"]
        if block.rows:
            body = [" & ".join(map(_latex, line)) + r" \\" for line in block.rows]
            lines += [rf"\begin{{tabular}}{{{'l' * len(block.heads)}}}", r"\toprule"]
            lines += [
                " & ".join(map(_latex, block.heads)) + r" \\",
                r"\midrule",
                *body,
                r"\bottomrule",
                r"\end{tabular}",
            ]
        lines += [_latex(block.remark)] if block.remark else []
        parts.append("\n".join([*lines, r"\end{table}"]))
    return "\n\n".join([*parts, "\n\n".join(map(_latex, caption.splitlines()))]) + "\n"


def _scores(title: str, rows: Sequence[TableRow], splits: Sequence[str]) -> list[Block]:
    by = {(r.system, r.split): r for r in rows}
    if not splits:
        return []
    usual = {s: max(map(_items, (r for r in rows if r.split == s))) for s in splits}
    paper = splits[0] == "all" and any(r.paper_value is not None for r in rows)
    lines = []
    for system, name in _nested([r.system for r in rows]):
        cells = [_score(by[system, s], usual[s]) if (system, s) in by else "" for s in splits]
        if paper:
            value = by[system, "all"].paper_value
            cells.append("" if value is None else f"{value:.{_digits(rows[0].metric)}f}")
        lines.append((name, *cells))
    heads = ("system", *(f"{s} n={usual[s]}" for s in splits), *(("paper",) if paper else ()))
    failures = [f"{r.system}: {r.note}." for r in rows if r.split == "all" and r.failed and r.note]
    return [Block(title, heads, tuple(lines), "\n".join(["", *failures]) if failures and splits[0] == "all" else "")]


def _score(row: TableRow, usual: int) -> str:
    """`0.703 [.681, .725]ᶠ(2)`; with n where it is not that of the column less the failed."""
    failed = f"ᶠ({row.failed})" if row.failed else ""
    if row.value is None:
        return f"—{failed}"
    digits = _digits(row.metric)
    bounds = "" if row.sets else " " + _bounds(row.low, row.high, row.clusters, lambda x: f"{x:.{digits}f}")
    other = f" n={row.n}" if _items(row) != usual else ""
    return f"{row.value:.{digits}f}{bounds}{failed}{other}"


def _items(row: TableRow) -> int:
    """What `n` counts, with those that failed; LPIPS counts sources, of which a failed output is a part."""
    return row.n + (0 if row.metric.startswith("lpips@") else row.failed)


def _differences(title: str, rows: Sequence[DifferenceRow], splits: Sequence[str]) -> list[Block]:
    """One block a system, because system and control side by side would be too wide."""
    found = []
    for system in _unique(r.system for r in rows):
        own = [r for r in rows if r.system == system]
        shown = [s for s in splits if any(r.split == s for r in own)]
        by = {(r.against, r.split): r for r in own}
        lines = [
            (f"− {_form(against, system)}", *(_difference(by[against, s]) if (against, s) in by else "" for s in shown))
            for against in _unique(r.against for r in own)
        ]
        if shown:
            found.append(
                Block(title, (system, *(f"{s} n={max(r.n for r in own if r.split == s)}" for s in shown)), tuple(lines))
            )
    return found


def _orders(title: str, rows: Sequence[DifferenceRow], splits: Sequence[str]) -> list[Block]:
    """How far each system's own value under this metric lies above its value under another."""
    shown = [s for s in splits if any(r.split == s for r in rows)]
    if not shown:
        return []
    by = {(r.system, r.split): r for r in rows}
    lines = [
        (name, *(_difference(by[system, s]) if (system, s) in by else "" for s in shown))
        for system, name in _nested([r.system for r in rows])
    ]
    heads = ("system", *(f"{s} n={max(r.n for r in rows if r.split == s)}" for s in shown))
    return [Block(f"{title} · less {rows[0].against_metric}, paired", heads, tuple(lines))]


def _difference(row: DifferenceRow) -> str:
    digits = _digits(row.metric)
    bounds = "" if row.sets else _bounds(row.low, row.high, row.clusters, lambda x: f"{x:+.{digits}f}")
    p = "" if row.p is None or _is_pairing(row.split) else "p<.001" if row.p < 0.001 else f"p={_short(f'{row.p:.3f}')}"
    return " ".join(filter(None, [f"{row.difference:+.{digits}f}", bounds, p]))


def _costs(rows: Sequence[TableRow]) -> list[Block]:
    first = [(name, next(r for r in rows if r.system == system)) for system, name in _nested([r.system for r in rows])]
    faces = TASKS[rows[0].task].source == "face"
    lines = [
        (
            name,
            "—" if r.parameters is None else f"{r.parameters:,}",
            "—" if r.train_seconds is None else f"{r.train_seconds:,.0f}",
            "—" if r.real_time_factor is None else f"{r.real_time_factor:.3f}",
            *([] if faces else [r.vocoder or "—"]),
        )
        for name, r in first
        if {r.parameters, r.train_seconds, r.real_time_factor} != {None}
    ]
    if not lines:
        return []
    titles = ("s a picture",) if faces else ("real-time factor", "vocoder")
    return [Block("cost", ("system", "parameters", "training, s", *titles), tuple(lines))]


def _bounds(low: float | None, high: float | None, clusters: int | None, text: Callable[[float], str]) -> str:
    if low is not None and high is not None:
        return f"[{_short(text(low))}, {_short(text(high))}]"
    return "(no ids)" if clusters is None else f"({clusters}<{MIN_CLUSTERS} clusters)"


def _short(number: str) -> str:
    """Without the 0 before the point, as statistics are printed."""
    return number.replace("0.", ".", 1) if number.lstrip("+-").startswith("0.") else number


def _digits(metric: str) -> int:
    return _DIGITS.get(metric.split("@")[0], 3)


def _nested(systems: Sequence[str]) -> list[tuple[str, str]]:
    """(system, name shown): a system's own forms stand under it, by the form alone."""
    names = _unique(systems)

    def shown(name: str, label: str) -> list[tuple[str, str]]:
        forms = [pair for n in names if _base(n) == name for pair in shown(n, f"↳ {_form(n, name)}")]
        return [(name, label), *forms]

    return [pair for name in names if _base(name) not in names for pair in shown(name, name)]


def _base(system: str) -> str:
    """What a form is a form of; of any other system its variant, which is no system here."""
    return system.partition(":")[2]


def _form(control: str, system: str) -> str:
    return control.removesuffix(f":{system}")


def _unique(items: Iterable[_T]) -> list[_T]:
    return list(dict.fromkeys(items))


def _pipes(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
