"""Lightning Fabric, which owns devices, precision and distribution. Imported late: it takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from lightning.fabric import Fabric


def make_fabric(device: str, devices: int, nodes: int, precision: Literal["32-true", "bf16-mixed"]) -> Fabric:
    """A launched Fabric; with several processes, all of them are running when it returns.

    Raises:
        BenchmarkError: a GPU that is not there.
    """
    gpus = torch.cuda.device_count()
    if device == "cuda" and gpus == 0:
        raise BenchmarkError("device = cuda, but torch finds no GPU here. Use cpu or auto.")
    if device != "cpu" and 0 < gpus < devices:
        raise BenchmarkError(f"devices = {devices}, but this machine has {gpus} GPU(s).")
    from lightning.fabric import Fabric
    from lightning.fabric.strategies.ddp import DDPStrategy

    # Phases leave most parameters without a gradient, which DDP has to be told.
    strategy = DDPStrategy(find_unused_parameters=True) if devices * nodes > 1 else "auto"
    fabric = Fabric(accelerator=device, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
    fabric.launch()
    return fabric


def gathering(fabric: Fabric) -> Callable[[Tensor], Tensor]:
    """`Step.gather`: (B, ...) of this process -> (global B, ...) in the order of the global batch, with gradient.

    A loss of gathered rows is the loss of the global batch on every process; DDP averages gradients, and the gradient
    of gathering adds up what every process wants of a row, so the result is that of one process.
    """
    if fabric.world_size == 1:
        return lambda rows: rows

    def gather(rows: Tensor) -> Tensor:
        gathered: Tensor = fabric.all_gather(rows, sync_grads=rows.requires_grad)  # type: ignore[assignment]
        return gathered.flatten(0, 1)

    return gather
