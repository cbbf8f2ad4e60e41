"""Refusing a step that is not finite, in words that let somebody find the cause."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NoReturn

import torch

from benchmark.errors import NonFiniteLoss
from benchmark.system import Batch, Phase
from benchmark.training.records import Records


def refuse(
    phase: Phase, step: int, values: Mapping[str, float], batches: Sequence[Batch], records: Records
) -> NoReturn:
    """Raise NonFiniteLoss naming term, step, the records of the batch, and those whose own values are not finite."""
    terms = ", ".join(f"{name} = {value}" for name, value in values.items() if not math.isfinite(value))
    numbers = {column: torch.cat([batch[column]["record"] for batch in batches]).cpu() for column in batches[0]}
    shown = "; ".join(f"{column}: {' '.join(records.names(n.numpy()))}" for column, n in numbers.items())
    broken = dict.fromkeys(
        f"{record} ({key})"
        for batch in batches
        for column in batch.values()
        for key, tensor in column.items()
        if tensor.is_floating_point()
        for record in records.names(column["record"][~torch.isfinite(tensor).flatten(1).all(dim=1)].cpu().numpy())
    )
    cause = f" Not finite in the store already: {' '.join(broken)}." if broken else ""
    raise NonFiniteLoss(
        f"Phase {phase.name!r}, step {step}: {terms or 'not finite on another process'}. The optimisers of this phase "
        f"were not stepped; earlier checkpoints are whole. Records of the batch: {shown}.{cause}"
    )
