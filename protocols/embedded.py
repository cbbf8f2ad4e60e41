"""What the judges that the suite ships do not know: anything but the drawn faces of the embedded corpora."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from protocols.trial import Trial


def is_embedded(rows: Iterable[Trial]) -> bool:
    """Whether all rows are of embedded corpora."""
    return all(row.trial.startswith("pocket_") for row in rows)


def strangers(metrics: Sequence[str], rows: Iterable[Trial]) -> list[str]:
    """What is to be said of such metrics of these rows, if anything."""
    if not metrics or is_embedded(rows):
        return []
    return [
        f"{', '.join(metrics)}: their judge is a small network that knows the drawn faces of the embedded corpora "
        "alone; of photographs these values mean nothing."
    ]
