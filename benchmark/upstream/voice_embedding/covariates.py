"""What is known of the people of a store, as labels that a network can be taught by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from benchmark.corpora.prepared import Store

COVARIATES = ("identity", "gender", "nationality")
"""DIMNet's three. The embedded corpus knows no nationality."""
UNKNOWN = -1
"""Label of a record whose covariate nobody knows; it asks for nothing."""


def covariates_of(store: Store) -> dict[str, Tensor]:
    """Covariate -> (R,) int64 over all records; one of which no training record knows anything is left out.

    Values of training records are numbered in their order (so 0 = female, 1 = male); others are UNKNOWN.
    """
    values: Mapping[str, Sequence[str | int | None]] = {
        "identity": [record.speaker for record in store.records],
        "gender": [record.gender for record in store.records],
        "nationality": [record.nationality for record in store.records],
    }
    labels = {}
    for name in COVARIATES:
        shown = {v for v, record in zip(values[name], store.records, strict=True) if record.split == "train"}
        code = {value: i for i, value in enumerate(sorted(shown - {None}, key=str))}
        if code:
            labels[name] = torch.tensor([code.get(value, UNKNOWN) for value in values[name]])
    return labels
