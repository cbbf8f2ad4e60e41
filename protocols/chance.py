"""What guessing gives in a retrieval: the line that stands under every table of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

RETRIEVAL = "retrieval_top"
_NAMES = {0: "women", 1: "men", None: "whose gender the list does not name"}


def top(metric: str) -> int | None:
    """The k of `retrieval_top<k>@...`; None of another metric."""
    family = metric.partition("@")[0]
    return int(family.removeprefix(RETRIEVAL)) if family.startswith(RETRIEVAL) else None


def chance(
    ranks: Mapping[str, int], split: str, probes: Sequence[int | None], people: Sequence[int | None]
) -> list[str]:
    """Sentences on one retrieval, each beginning with the metrics it is about.

    Args:
        ranks: metric -> k.
        split: of the rows.
        probes: the gender of the target of every output that is judged.
        people: the gender of everybody the target is searched among; those of whom it is not known count as the others.
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
            f"{', '.join(shown)}: {split}: {len(probes)} outputs, the target searched for among {n} people "
            f"({_counted(people)}). Chance {_percent(k / n for k in shown.values())}; of one who knows the gender "
            f"alone {_percent(gender_alone)}."
        )
    return said


def _counted(people: Sequence[int | None]) -> str:
    return ", ".join(f"{n} {name}" for gender, name in _NAMES.items() if (n := people.count(gender)))


def _percent(shares: Iterable[float]) -> str:
    return ", ".join(f"{100 * share:.3g} %" for share in shares)
