"""What guessing gives in a retrieval: the line that stands under every table of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from protocols.trial import Trial

RETRIEVAL, SOURCE = "retrieval_top", ":source"
_NAMES = {0: "women", 1: "men", None: "whose gender the list does not name"}


def top(metric: str) -> int | None:
    """The k of `retrieval_top<k>@...`; None of another metric."""
    family = metric.partition("@")[0]
    return int(family.removeprefix(RETRIEVAL)) if family.startswith(RETRIEVAL) else None


def sought(metric: str, row: Trial) -> str:
    """Who is searched for: in `retrieval_top<k>@...:source` whose face the proposal is, else the one who is heard."""
    return row.source_id if metric.endswith(SOURCE) else row.target_id


def chances(metrics: Sequence[str], rows: Sequence[Trial], people: Mapping[str, int | None]) -> Iterator[str]:
    """`chance` for all retrievals among `metrics`, of rows of one split; people: who is searched among -> gender."""
    for suffix, named in (("", "the target"), (SOURCE, "the person of the proposal")):
        ranks = {m: k for m in metrics if (k := top(m)) is not None and m.endswith(SOURCE) == bool(suffix)}
        if ranks:
            wanted = [sought(next(iter(ranks)), row) for row in rows]
            probes = [people[who] for who in wanted if who in people]
            yield from chance(ranks, rows[0].split or "all", probes, list(people.values()), named)


def chance(
    ranks: Mapping[str, int],
    split: str,
    probes: Sequence[int | None],
    people: Sequence[int | None],
    named: str = "the target",
) -> list[str]:
    """Sentences on one retrieval, each beginning with the metrics it is about.

    Args:
        ranks: metric -> k.
        split: of the rows.
        probes: the gender of the one who is searched for, of every output that is judged.
        people: the gender of everybody searched among; those of whom it is not known count as the others.
        named: how the sentences call the one who is searched for.
    """
    if not probes:
        return []
    said, n, known = [], len(people), [gender for gender in people if gender is not None]
    if small := [metric for metric, k in ranks.items() if k >= n]:
        said.append(f"{', '.join(small)}: {split}: no value, as all of the {n} people are within that rank.")
    if shown := {metric: k for metric, k in ranks.items() if k < n}:
        alike = [n if gender is None else n * known.count(gender) / len(known) for gender in probes]
        gender_alone = [sum(min(k / m, 1.0) for m in alike) / len(alike) for k in shown.values()]
        said.append(
            f"{', '.join(shown)}: {split}: {len(probes)} outputs, {named} searched for among {n} people "
            f"({_counted(people)}). Chance {_percent(k / n for k in shown.values())}; of one who knows the gender "
            f"alone {_percent(gender_alone)}."
        )
    return said


def _counted(people: Sequence[int | None]) -> str:
    return ", ".join(f"{n} {name}" for gender, name in _NAMES.items() if (n := people.count(gender)))


def _percent(shares: Iterable[float]) -> str:
    return ", ".join(f"{100 * share:.3g} %" for share in shares)
