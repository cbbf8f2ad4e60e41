"""What an optimiser is told at every step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from lightning.fabric import Fabric
from torch import nn

from benchmark.system import Optimizer, Trainable
from benchmark.training.optimisers import Optimisers


class Line(Trainable):
    """One layer that learns with momentum which depends on the step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {
            "layer": Optimizer(
                ("layer",),
                "adamw",
                0.1,
                {"betas": (0.0, 0.99)},
                lambda step: 0.5**step,
                betas=lambda step: (step / 4, 0.9),
            )
        }


def test_rate_and_betas_are_those_of_the_step() -> None:
    """Against PyTorch's own optimiser in the same fused form, told by hand."""
    torch.manual_seed(0)
    system, twin = Line(), Line()
    twin.load_state_dict(system.state_dict())
    ours = Optimisers(system, Fabric(accelerator="cpu", devices=1))
    theirs = torch.optim.AdamW(twin.parameters(), lr=0.1, betas=(0.0, 0.99), fused=True)
    for step in range(4):
        x = torch.randn(5, 3)
        ours.focus(("layer",))
        for network in (system, twin):
            network.layer(x).square().sum().backward()
        rates = ours.step(("layer",), step, ours.norms(("layer",)))
        theirs.param_groups[0].update(lr=0.1 * 0.5**step, betas=(step / 4, 0.9))
        theirs.step()
        theirs.zero_grad()
        assert rates == {"lr/layer": 0.1 * 0.5**step}
        for mine, other in zip(system.parameters(), twin.parameters(), strict=True):
            assert torch.equal(mine, other)


def test_a_record_of_an_optimiser_says_the_same_with_and_without_betas() -> None:
    """Shipped records hold its text; schedules are described by the settings they follow from."""
    told = repr(Optimizer(("a",)))
    assert "betas" not in told
    assert repr(Optimizer(("a",), betas=lambda step: (0.9, 0.99))) == told
